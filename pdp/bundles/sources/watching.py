"""Waits until files change. Reads none of them: it compares what the file system says of them.

A notification only wakes the comparison, so neither a lost one nor one about a neighbour matters.
"""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from pdp.bundles.sources.directory import SUFFIXES

# How late a change is seen if no notification comes: a network file system sends none.
_LOOK_S: Final = 1.0
# Changes that follow each other this quickly are one.
_QUIET_MS: Final = 50
_LINKS_MAX: Final = 8

State: TypeAlias = Hashable


class Watch:
    """Remembers how files looked, and waits until they look otherwise."""

    def __init__(
        self, look: Callable[[], State], folders: Callable[[], Sequence[Path]], *, recursive: bool
    ) -> None:
        """``look`` says how the files are now; a change in ``folders`` is a reason to ask it."""
        self._look = look
        self._folders = folders
        self._recursive = recursive
        self._seen = look()

    def note(self) -> None:
        """What is there now has been taken up: to be called before the files are read."""
        self._seen = self._look()

    def wait(self, timeout_s: float) -> bool:
        """True as soon as the files are not as noted, which notes them; False after the time."""
        deadline = time.monotonic() + timeout_s
        for _ in self._ticks(deadline):
            now = self._look()
            if now != self._seen:
                self._seen = now
                return True
        return False

    def _ticks(self, deadline: float) -> Iterator[None]:
        """Once now, then whenever to look again, and a last time at the deadline."""
        yield
        while (left_s := deadline - time.monotonic()) > 0:
            try:
                for _ in self._notified(min(left_s, _LOOK_S)):
                    yield
                    break
                else:
                    time.sleep(min(left_s, _LOOK_S))
                    yield
            except (OSError, RuntimeError):
                # No notifications are to be had: a folder that went, or a limit of the system.
                time.sleep(min(left_s, _LOOK_S))
                yield

    def _notified(self, timeout_s: float) -> Iterator[object]:
        folders = [folder for folder in self._folders() if folder.is_dir()]
        if not folders:
            return iter(())
        # Loaded by name and only here: commands that watch nothing start without it.
        watchfiles: Any = importlib.import_module("watchfiles")
        found: Iterator[object] = watchfiles.watch(
            *folders,
            watch_filter=None,
            step=_QUIET_MS,
            rust_timeout=max(1, int(timeout_s * 1000)),
            yield_on_timeout=True,
            recursive=self._recursive,
        )
        return found


def watch_of_file(path: Path) -> Watch:
    """Also sees a file replaced by rename, a link that is swapped, and one that comes to be."""

    def folders() -> Sequence[Path]:
        # The link's own folder, and each one on the way to what it leads to.
        places = {path.absolute().parent}
        at = path
        for _ in range(_LINKS_MAX):
            for link in (at, *at.parents):
                if link.is_symlink():
                    places.add(link.absolute().parent)
            if not at.is_symlink():
                break
            at = at.parent / at.readlink()
        places.add(Path(os.path.realpath(path)).parent)
        return sorted(places)

    return Watch(lambda: _state_of(path), folders, recursive=False)


def watch_of_directory(directory: Path) -> Watch:
    """Sees the files that ``read_policy_directory`` reads: changed, new, gone or renamed."""
    return Watch(lambda: _states_below(directory), lambda: [directory], recursive=True)


def _state_of(path: Path) -> State:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _states_below(directory: Path) -> State:
    states = []
    for folder, folders, files in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                path = Path(folder) / name
                states.append((str(path), _state_of(path)))
    return tuple(states)
