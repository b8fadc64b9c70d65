"""What every command that signs has in common: the key's file, its id, and asking first."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from pdp.bundles.envelope import KEY_ID_CHARS_MAX
from pdp.bundles.keys import PrivateKey, key_id_of, private_key_from_pem, public_bytes
from pdp.canonical import CanonicalError, check_identifier
from pdp.cli.exit_codes import Exit
from pdp.cli.output import console, fail
from pdp.model import BundleError

_KEY_FILE_BYTES_MAX: Final = 65_536
_FOR_OTHERS: Final = 0o077

KeyOption: TypeAlias = Annotated[
    Path,
    typer.Option("--key", metavar="KEYFILE", help="The private key, from `pdp keys generate`."),
]
AsOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="NAME",
        help="What the trust store calls this key, where it has a name; else its id.",
    ),
]
YesOption: TypeAlias = Annotated[
    bool, typer.Option("--yes", help="Sign without asking: for machines.")
]


def read_key(path: Path) -> PrivateKey:
    """The private key in a file that is its owner's alone; anything else ends the command."""
    try:
        # A pipe would otherwise be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            _check_is_private(path, os.fstat(descriptor))
            data = file.read(_KEY_FILE_BYTES_MAX)
    except OSError as error:
        fail(f"`{path}` cannot be read: {error.strerror}", Exit.INVALID)
    try:
        return private_key_from_pem(data)
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def id_for(key: PrivateKey, name: str) -> str:
    """The key's id in a signature: the name it was given, or the one made from its public half."""
    if not name:
        return key_id_of(public_bytes(key))
    check_key_name(name, "--as")
    return name


def check_key_name(name: str, option: str) -> None:
    """End the command for what cannot be a key's id."""
    try:
        check_identifier(name, "name", KEY_ID_CHARS_MAX)
    except CanonicalError as error:
        fail(f"`{option}`: the name {error}", Exit.INVALID)


def check_can_ask(*, yes: bool) -> None:
    """End the command where a question could not be answered: nothing is signed by accident."""
    if not yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        fail(
            "signing asks first, and there is no terminal to ask on; look at what is signed with"
            " `inspect` or `show`, then add `--yes`",
            Exit.INVALID,
        )


def ask(question: str, *, yes: bool) -> None:
    """Go on only if somebody says so."""
    if yes:
        return
    console(stderr=True).print(f"[bold]{question}[/] \\[y/N] ", end="")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        fail("nothing was signed", Exit.FAILURE)


def _check_is_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        fail(f"`{path}` is not a regular file; name the file of a private key", Exit.INVALID)
    if found.st_uid != os.geteuid():
        fail(
            f"`{path}` belongs to another user, who can sign with it, too; use a key of your own",
            Exit.INVALID,
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & _FOR_OTHERS:
        fail(
            f"`{path}` is open to others (mode {mode:04o}); close it with `chmod 600`, and if"
            " anybody may have read it, make a new key",
            Exit.INVALID,
        )
