"""What the exit code of every command means, in one table."""

import enum


class Exit(enum.IntEnum):
    """2 is a deny and nothing else, so that a script can tell it from every kind of failure."""

    SUCCESS = 0
    FAILURE = 1
    DENY = 2
    INVALID = 3
    APPROVAL = 4
    INTERRUPTED = 130  # SIGINT, as shells count it
