"""What an editor has open, and the bundles that belongs to; the only thing here that changes.

It speaks no protocol: paths and texts come in, folders and complaints go out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pdp.lang.diagnostics import Diagnostic
from pdp.lsp.folders import Folder, bundle_directory, heads


@dataclass(slots=True)
class Session:
    """``opened`` are the editor's folders. A file's text counts from ``put`` until ``drop``."""

    opened: list[Path] = field(default_factory=list)
    _texts: dict[Path, str] = field(default_factory=dict)
    _folders: dict[Path, Folder] = field(default_factory=dict)
    _shown: dict[Path, dict[str, list[Diagnostic]]] = field(default_factory=dict)
    # Where each file belongs: found by reading disks, so not at every letter that is typed.
    _roots: dict[Path, Path | None] = field(default_factory=dict)

    def open_folders(self, folders: Iterable[Path]) -> None:
        """The folders that the editor has open, from now on."""
        # The innermost first, for folders in folders.
        self.opened = sorted(folders, key=lambda path: -len(path.parts))
        self._roots.clear()

    def put(self, path: Path, text: str) -> Folder | None:
        """A file was opened or changed. The folder it belongs to, if it is part of a bundle."""
        before = self._texts.get(path)
        self._texts[path] = text
        if before is None or heads(before) != heads(text):
            self._roots.clear()
        found = self.find(path)
        for other in self._folders.values():
            # A `bundle` line can come or go: then the file belongs to another folder than before.
            if found is None or other is not found[0]:
                other.drop(other.name_of(path) or "")
        if found is None:
            return None
        folder, name = found
        folder.put(name, text)
        return folder

    def drop(self, path: Path) -> Folder | None:
        """A file was closed. The folder it belonged to."""
        found = self.find(path)
        self._texts.pop(path, None)
        self._roots.clear()
        if found is None:
            return None
        folder, name = found
        folder.drop(name)
        return folder

    def text(self, path: Path) -> str:
        """The text of an open file, '' for one that is not."""
        return self._texts.get(path, "")

    def reread(self, paths: Iterable[Path]) -> list[Folder]:
        """Files changed on disk. The folders in use that hold one of them, read again."""
        changed = list(paths)
        self._roots.clear()
        touched = [
            folder
            for folder in self._folders.values()
            if any(folder.name_of(path) is not None for path in changed)
        ]
        for folder in touched:
            folder.read()
        return touched

    def find(self, path: Path) -> tuple[Folder, str] | None:
        """The folder of a file and its name there; None for a file outside a bundle."""
        if path not in self._roots:
            self._roots[path] = bundle_directory(path, self.opened, self._texts)
        root = self._roots[path]
        if root is None:
            return None
        folder = self._folders.get(root)
        if folder is None:
            folder = Folder(root)
            folder.read()
            for other, text in self._texts.items():
                name = folder.name_of(other)
                if name is not None:
                    folder.put(name, text)
            self._folders[root] = folder
        name = folder.name_of(path)
        return None if name is None else (folder, name)

    def folders(self) -> list[Folder]:
        """Every folder with an open file."""
        return [folder for folder in self._folders.values() if folder.is_in_use]

    def abandoned(self) -> list[Folder]:
        """Every folder of which nothing is open any more, and that was not told so yet."""
        return [folder for folder in self._folders.values() if not folder.is_in_use]

    def news(self, folder: Folder) -> dict[str, list[Diagnostic]]:
        """The complaints of each file that differ from what was told last: none left, too.

        A folder of which nothing is open any more has no complaints, and is forgotten.
        """
        before = self._shown.pop(folder.root, {})
        if folder.is_in_use:
            workspace = folder.workspace()
            files = dict.fromkeys(d.span.file for d in workspace.found.diagnostics)
            now = {file: workspace.diagnostics(file) for file in files}
            self._shown[folder.root] = now
        else:
            now = {}
            self._folders.pop(folder.root, None)
        return {
            file: now.get(file, [])
            for file in (*now, *(file for file in before if file not in now))
            if now.get(file) != before.get(file)
        }
