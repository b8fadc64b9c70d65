"""Directory files to entities: who exists, beside the policies. Takes bytes, opens no file.

Every complaint names its file. Nothing is repaired; if anything is wrong, nothing may be used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pdp import canonical
from pdp.canonical import CanonicalError, Number, Tree
from pdp.eval.reading.decoder import Decoders
from pdp.eval.suggestion import quoted, unknown_name
from pdp.lang.types import EntityDef, Schema
from pdp.model import GROUPS_MAX, ID_CHARS_MAX, Entity, RequestError
from pdp.slices import Sliced, finished, in_slices

# Entries read between two pauses.
_SLICE: Final = 100
_MEMBERS: Final = frozenset({"attributes", "groups"})


def read_directory(
    files: Mapping[str, bytes], schema: Schema
) -> tuple[dict[str, Entity], list[str]]:
    """Entities by uid, and what is wrong, each line led by its file name; read in name order.

    ``{"User": {"ann": {"attributes": {…}, "groups": ["Team::support"]}}}``. Only types marked
    ``directory`` may be described. Every entity has attributes (``{}`` where none are given).
    """
    return finished(reading_directory(files, schema))


def reading_directory(
    files: Mapping[str, bytes], schema: Schema
) -> Sliced[tuple[dict[str, Entity], list[str]]]:
    """As ``read_directory``, in slices."""
    reader = _Reader(schema)
    for name in sorted(files):
        yield from reader.read_file(name, files[name])
    yield
    reader.check_groups()
    return reader.entities, reader.problems


class _Reader:
    """One reading of all files: collects entities, where each came from, and problems."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._decoders = Decoders(schema)
        self._files: dict[str, str] = {}
        self.entities: dict[str, Entity] = {}
        self.problems: list[str] = []

    def read_file(self, file: str, content: bytes) -> Iterator[None]:
        """Read one file; pauses now and then."""
        try:
            types = canonical.parse_object(content.decode())
        except UnicodeDecodeError:
            self._complain(file, "is not UTF-8 text")
            return
        except CanonicalError as error:
            self._complain(file, str(error), error.path)
            return
        for type_name, tree in types.items():
            definition = self._schema.entities.get(type_name)
            if definition is None:
                self._complain(file, unknown_name("type", type_name, sorted(self._schema.entities)))
            elif not definition.is_directory:
                self._complain(file, f"type `{type_name}` is not marked `directory`")
            elif not isinstance(tree, dict):
                self._complain(file, "expected an object of entities by id", type_name)
            else:
                for is_last, (id_, entry) in in_slices(tree.items(), _SLICE):
                    self._read_entity(file, definition, id_, entry)
                    if is_last:
                        yield

    def check_groups(self) -> None:
        """What can only be seen once every file is read: groups nobody describes, and cycles."""
        for uid, entity in self.entities.items():
            for group in entity.groups:
                type_name = group.partition("::")[0]
                if self._schema.entities[type_name].is_directory and group not in self.entities:
                    self._complain(
                        self._files[uid], f"group {quoted(group)} is not described", quoted(uid)
                    )
        for cycle in _cycles(self.entities):
            shown = " in ".join([quoted(uid) for uid in (*cycle, cycle[0])])
            self._complain(self._files[cycle[0]], f"groups form a cycle: {shown}")

    def _read_entity(self, file: str, definition: EntityDef, id_: str, entry: Tree) -> None:
        uid = f"{definition.name}::{id_}"
        try:
            entity = self._entity(definition, id_, entry)
        except CanonicalError as error:
            self._complain(file, str(error), quoted(uid))
            return
        except RequestError as error:
            self._complain(file, str(error), f"{quoted(uid)} {error.field}".rstrip())
            return
        if uid in self.entities:
            self._complain(file, f"{quoted(uid)} is also described in {self._files[uid]}")
            return
        self.entities[uid] = entity
        self._files[uid] = file

    def _entity(self, definition: EntityDef, id_: str, entry: Tree) -> Entity:
        if not id_:
            raise RequestError("has an empty id")
        canonical.check_identifier(id_, "", ID_CHARS_MAX)
        if not isinstance(entry, dict):
            raise RequestError("expected an object")
        for member in entry:
            if member not in _MEMBERS:
                raise RequestError("unknown member", member)
        attributes = entry.get("attributes", {})
        if not isinstance(attributes, dict):
            raise RequestError("expected an object", "attributes")
        text = canonical.write(attributes)
        self._decoders.attributes(definition.name, text, "attributes")
        groups = _groups(entry.get("groups", []), definition)
        return Entity(definition.name, id_, text, groups)

    def _complain(self, file: str, problem: str, path: str = "") -> None:
        self.problems.append(f"{file}: {path}: {problem}" if path else f"{file}: {problem}")


def _groups(tree: Tree, definition: EntityDef) -> tuple[str, ...]:
    if not isinstance(tree, list):
        raise RequestError("expected an array of `Type::id`", "groups")
    if len(tree) > GROUPS_MAX:
        raise RequestError(f"has more than {GROUPS_MAX} items", "groups")
    groups = []
    for index, item in enumerate(tree):
        where = f"groups[{index}]"
        if not isinstance(item, str) or isinstance(item, Number):
            raise RequestError("expected `Type::id`", where)
        type_name, _, id_ = item.partition("::")
        if not id_:
            raise RequestError("expected `Type::id`", where)
        canonical.check_identifier(id_, where, ID_CHARS_MAX)
        if type_name not in definition.parents:
            raise RequestError(f"a `{definition.name}` cannot be in a {quoted(type_name)}", where)
        if item in groups:
            raise RequestError("names a group twice", where)
        groups.append(item)
    return tuple(groups)


def _cycles(entities: Mapping[str, Entity]) -> Iterator[list[str]]:
    """Each cycle met by walking upwards from every entity in order, started at its first member."""
    done: set[str] = set()
    for start in entities:
        path: list[str] = []
        on_path: dict[str, int] = {}
        todo: list[tuple[str, bool]] = [(start, True)]
        while todo:
            uid, is_entry = todo.pop()
            if not is_entry:
                on_path.pop(path.pop())
                done.add(uid)
            elif uid in on_path:
                yield path[on_path[uid] :]
            elif uid not in done and uid in entities:
                on_path[uid] = len(path)
                path.append(uid)
                todo.append((uid, False))
                todo.extend([(group, True) for group in entities[uid].groups])
