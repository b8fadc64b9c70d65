"""What a directory tree may hold after a power cut, at each step of whoever changes it. No policy.

The model is the weakest that POSIX allows: a file's bytes are safe once that file was synced, and a
name once its directory was. Of what was not synced any part may be there, and any other may not.
"""

from __future__ import annotations

import io
import itertools
import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

# Path below the root to the bytes of a file, or None for a directory.
Tree: TypeAlias = "Mapping[str, bytes | None]"
# Every call by which the standard library changes names; bytes are seen at the next of them.
NAMING: Final = ("mkdir", "rename", "replace", "unlink", "rmdir", "remove", "link", "symlink")
# Beside none, all, each alone and all but each: so many subsets by chance at each step.
_RANDOM_SUBSETS: Final = 4


@dataclass(slots=True)
class _File:
    now: bytes = b""
    safe: bytes = b""


@dataclass(slots=True)
class _Folder:
    now: dict[str, _Node] = field(default_factory=dict)
    safe: dict[str, _Node] = field(default_factory=dict)
    # Changes of names since the last sync, in their order; a rename is one.
    pending: list[dict[str, _Node | None]] = field(default_factory=list)


_Node: TypeAlias = "_File | _Folder"


class Recorder:
    """Watches a tree on a real disk while its process changes it; then tells what could be left."""

    def __init__(self, root: Path) -> None:
        """What is there already is safe."""
        self._root: Final = root
        self._nodes: dict[int, _Node] = {}
        self._lock: Final = threading.RLock()
        self._random: Final = random.Random(5)
        self._reported = 0
        self._left: dict[tuple[tuple[str, bytes | None], ...], int] = {}
        self.steps = 0
        self._observe()
        for node in self._nodes.values():
            _make_safe(node)
        self._keep()

    def report(self, number: int) -> None:
        """Somebody was told of that number: it holds for whatever is left from here on."""
        with self._lock:
            self._reported = max(self._reported, number)
            self._keep()

    def left(self) -> Iterator[tuple[Tree, int]]:
        """Each tree that a power cut could have left, and the highest number reported before."""
        for items, reported in self._left.items():
            yield dict(items), reported

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Every call in this process that changes names or syncs is a step."""
        with pytest.MonkeyPatch.context() as patch:
            for name in NAMING:
                patch.setattr(os, name, self._step(getattr(os, name)))
            for name in ("fsync", "fdatasync"):
                patch.setattr(os, name, self._synced(getattr(os, name)))
            patch.setattr(io, "open", self._step(io.open))
            yield
            self._changed()

    def _step(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            self._changed()
            result = call(*given, **named)
            self._changed()
            return result

        return watched

    def _synced(self, call: Callable[[int], None]) -> Callable[[Any], None]:
        def watched(file: Any) -> None:
            self._changed()
            call(file)
            descriptor = file if isinstance(file, int) else file.fileno()
            with self._lock:
                node = self._nodes.get(os.fstat(descriptor).st_ino)
                if node is not None:
                    _make_safe(node)
                    self._keep()

        return watched

    # ---------------------------------------------------------------- what is there

    def _changed(self) -> None:
        with self._lock:
            if self._observe():
                self._keep()

    def _observe(self) -> bool:
        """Look at the tree again; whether anything changed."""
        seen: dict[int, _Node] = {}
        changed = self._look(self._root, seen)
        # A number that is free may come back as another file's.
        self._nodes = seen
        return changed

    def _look(self, path: Path, seen: dict[int, _Node]) -> bool:
        folder = self._nodes.get(path.stat().st_ino)
        if not isinstance(folder, _Folder):
            folder = _Folder()
        seen[path.stat().st_ino] = folder
        found: dict[str, _Node] = {}
        changed = False
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                changed |= self._look(Path(entry.path), seen)
                found[entry.name] = seen[entry.inode()]
            else:
                file = self._nodes.get(entry.inode())
                file = file if isinstance(file, _File) else _File()
                with open(entry.path, "rb", buffering=0) as source:  # noqa: PTH123 - not watched
                    data = source.read()
                changed |= data != file.now
                file.now = data
                seen[entry.inode()] = found[entry.name] = file
        names = folder.now.keys() | found.keys()
        difference = {
            name: found.get(name)
            for name in sorted(names)
            if found.get(name) is not folder.now.get(name)
        }
        if difference:
            folder.pending.append(difference)
            folder.now = found
        return changed or bool(difference)

    # ---------------------------------------------------------------- what could be left

    def _keep(self) -> None:
        self.steps += 1
        for tree in self._possible():
            items = tuple(sorted(tree.items()))
            self._left[items] = max(self._left.get(items, 0), self._reported)

    def _possible(self) -> Iterator[dict[str, bytes | None]]:
        units = list(self._units())
        chosen: list[frozenset[int]] = [frozenset(), frozenset(range(len(units)))]
        for at in range(len(units)):
            chosen += [frozenset({at}), frozenset(range(len(units))) - {at}]
        for _ in range(_RANDOM_SUBSETS if len(units) > 1 else 0):
            chosen.append(frozenset(at for at in range(len(units)) if self._random.random() < 0.5))
        for subset in set(chosen):
            survived = [units[at] for at in sorted(subset)]
            yield self._tree(survived)
            if any(isinstance(unit[0], _File) for unit in survived):
                yield self._tree(survived, is_torn=True)

    def _units(self) -> Iterator[tuple[_Node, int]]:
        """What one by one may survive or not: (a file, 0) or (a folder, the number of a change)."""
        for node in _reachable(self._nodes.values()):
            if isinstance(node, _Folder):
                yield from ((node, number) for number in range(len(node.pending)))
            elif node.now != node.safe:
                yield node, 0

    def _tree(
        self, survived: list[tuple[_Node, int]], *, is_torn: bool = False
    ) -> dict[str, bytes | None]:
        ids = {(id(node), number) for node, number in survived}
        result: dict[str, bytes | None] = {}

        def walk(folder: _Folder, path: str) -> None:
            names: dict[str, _Node] = dict(folder.safe)
            for number, change in enumerate(folder.pending):
                if (id(folder), number) in ids:
                    for name, node in change.items():
                        if node is None:
                            names.pop(name, None)
                        else:
                            names[name] = node
            for name, node in names.items():
                if isinstance(node, _Folder):
                    result[path + name] = None
                    walk(node, f"{path}{name}/")
                elif (id(node), 0) in ids:
                    result[path + name] = node.now[: len(node.now) // 2] if is_torn else node.now
                else:
                    result[path + name] = node.safe

        root = self._nodes[self._root.stat().st_ino]
        assert isinstance(root, _Folder)
        walk(root, "")
        return result


def rebuild(tree: Tree, root: Path) -> None:
    """Put a tree into an empty directory, for nobody else to read."""
    for path, data in sorted(tree.items()):
        if data is None:
            (root / path).mkdir(mode=0o700)
        else:
            (root / path).write_bytes(data)


def _make_safe(node: _Node) -> None:
    if isinstance(node, _Folder):
        node.safe, node.pending = dict(node.now), []
    else:
        node.safe = node.now


def _reachable(nodes: Any) -> list[_Node]:
    """Nodes with those that only what is safe, or a pending change, still names."""
    found: dict[int, _Node] = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if id(node) in found:
            continue
        found[id(node)] = node
        if isinstance(node, _Folder):
            named = itertools.chain(*(change.values() for change in node.pending))
            waiting += [*node.safe.values(), *(one for one in named if one is not None)]
    return list(found.values())
