"""Which directory a policy file belongs to, and what is in it; only this module here reads disks.

A bundle's directory is the nearest ancestor of the file with a `bundle` line in one of its policy
files. If something in it imports a bundle that it does not hold, it is the nearest ancestor that
does. Without a `bundle` line it is the folder that the editor has open.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pdp.bundles.sources.directory import FILE_BYTES_MAX, SUFFIXES, read_policy_directory
from pdp.lsp.workspace import Workspace, is_policy, open_workspace
from pdp.model import BundleError

_BUNDLE: Final = re.compile(r"^[ \t]*bundle[ \t]+([a-z_][a-z0-9_.]*)", re.MULTILINE)
_IMPORT: Final = re.compile(r"^[ \t]*import[ \t]+([a-z_][a-z0-9_.]*)", re.MULTILINE)

# The texts of open files by path: they count, not what is on disk.
Buffers = Mapping[Path, str]


def bundle_directory(path: Path, opened: Sequence[Path], buffers: Buffers) -> Path | None:
    """The directory whose files are checked with ``path``; None for a file outside a bundle.

    ``opened`` are the folders that the editor has open: the search ends there, for a file in one.
    """
    outermost = next((folder for folder in opened if path.is_relative_to(folder)), None)
    nearest: Path | None = None
    for folder in path.parents:
        if nearest is None:
            if any(_BUNDLE.search(text) for text in _texts(folder, buffers)):
                nearest = folder
                missing = _missing_imports(folder, buffers)
                if not missing:
                    return folder
        elif not _missing_imports(folder, buffers):
            return folder
        if folder == outermost:
            break
    return nearest or outermost


def heads(text: str) -> tuple[str, ...]:
    """The lines of a policy file that say which directory it belongs to."""
    return (*_BUNDLE.findall(text), "", *_IMPORT.findall(text))


def _texts(folder: Path, buffers: Buffers) -> Iterator[str]:
    """The policy files directly in a folder."""
    try:
        names = sorted(child.name for child in folder.iterdir() if is_policy(child.name))
    except OSError:
        names = []
    known = {folder / name for name in names} | {p for p in buffers if p.parent == folder}
    for path in sorted(known):
        yield buffers[path] if path in buffers else _read_text(path)


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES_MAX + 1).decode("utf-8", "replace")
    except OSError:
        return ""


def _missing_imports(folder: Path, buffers: Buffers) -> set[str]:
    """Bundles that files below a folder import and none of them is."""
    try:
        files = read_policy_directory(folder)
    except BundleError:
        return set()
    texts = [data.decode("utf-8", "replace") for name, data in files.items() if is_policy(name)]
    texts += [text for path, text in buffers.items() if path.is_relative_to(folder)]
    held = {name for text in texts for name in _BUNDLE.findall(text)}
    wanted = {name for text in texts for name in _IMPORT.findall(text)}
    return wanted - held


@dataclass(slots=True)
class Folder:
    """One bundle directory with its files, and the workspace made of them when it was last asked.

    ``problem`` says why the directory cannot be read; the open files are then all there is.
    """

    root: Path
    problem: str = ""
    _disk: dict[str, bytes] = field(default_factory=dict)
    _buffers: dict[str, str] = field(default_factory=dict)
    _workspace: Workspace | None = None
    _is_stale: bool = True

    def read(self) -> None:
        """Read everything below the directory again."""
        self._is_stale = True
        try:
            self._disk = read_policy_directory(self.root)
            self.problem = ""
        except BundleError as error:
            self._disk = {}
            self.problem = str(error)

    def name_of(self, path: Path) -> str | None:
        """A file's name below the directory; None for what is no policy or data file in it."""
        if not path.is_relative_to(self.root) or not path.name.endswith(SUFFIXES):
            return None
        return path.relative_to(self.root).as_posix()

    def put(self, name: str, text: str) -> None:
        """The text of an open file, saved or not."""
        if self._buffers.get(name) != text:
            self._buffers[name] = text
            self._is_stale = True

    def drop(self, name: str) -> None:
        """A file was closed: what is on disk counts again."""
        if self._buffers.pop(name, None) is not None:
            self.read()

    @property
    def is_in_use(self) -> bool:
        """Whether any of its files is open."""
        return bool(self._buffers)

    def last(self) -> Workspace:
        """The workspace as last checked: at most a few words behind what is being typed."""
        return self._workspace if self._workspace is not None else self.workspace()

    def workspace(self) -> Workspace:
        """The workspace of what the files say now."""
        if self._is_stale or self._workspace is None:
            # A buffer that is not Unicode is reported as such by the check.
            texts = {n: text.encode("utf-8", "surrogatepass") for n, text in self._buffers.items()}
            today = datetime.datetime.now(tz=datetime.UTC).date()
            self._workspace = open_workspace({**self._disk, **texts}, self._workspace, today)
            self._is_stale = False
        return self._workspace
