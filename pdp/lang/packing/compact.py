"""A checked program as bytes and back, so that a server starts without reading policy text.

The bytes are MessagePack data: no code, and the same for the same program. Whoever unpacks them
must know that they were made of the policies that people signed: here only their form is looked at.
Rules are the bulk of a program and most are not asked for soon, so each is unpacked when it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, Final, TypeVar, overload

import msgspec
from msgspec.structs import replace

from pdp.lang import checked as program
from pdp.lang import types
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.source import Span
from pdp.lang.types import CollT, EntityT, EnumT, Node, Prim, RecordT
from pdp.model import PolicyError
from pdp.slices import Sliced, finished, in_slices

FORMAT: Final = 2
_MAGIC: Final = "charter-compact"
_TUPLE, _SET, _MAP, _SPAN, _TYPE, _ACTIONS, _BIG, _NODE = range(8)
_INT64: Final = 2**63
# Heads in one piece, so that no step of unpacking takes long.
_PIECE: Final = 500
_ValueT = TypeVar("_ValueT")
_TYPES: Final = (Prim, EnumT, EntityT, CollT, RecordT)
# Every kind of node, by name; their order is that of the names, so it changes with the language.
_KINDS: Final[dict[str, type[Node]]] = {
    name: kind
    for module in (program, types)
    for name, kind in sorted(vars(module).items())
    if isinstance(kind, type) and issubclass(kind, Node) and kind is not Node
}
# What tells one version of the language from another: each kind of node with its fields.
_LANGUAGE: Final = [f"{name}({','.join(kind.__struct_fields__)})" for name, kind in _KINDS.items()]


class Head(msgspec.Struct, frozen=True, gc=False):
    """What says which requests a rule can matter to; see Rule.

    Not tracked for garbage: there are as many as rules, and each collection would look at all.
    """

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] | None


def heads_of(rules: Sequence[Rule]) -> Iterable[Head]:
    """The heads of rules, without unpacking any."""
    return rules.heads if isinstance(rules, PackedRules) else map(_head, rules)


def _head(rule: Rule) -> Head:
    resources = rule.resources
    on = None if resources is None else tuple(clause.type for clause in resources)
    return Head(rule.name, rule.actions, on)


class PackedRules(Sequence[Rule]):
    """Rules that are unpacked each time they are asked for; ``heads`` always are."""

    __slots__ = ("_ends", "_packed", "_reader", "heads")

    def __init__(
        self, packed: memoryview, ends: Sequence[int], heads: Sequence[Head], reader: _Reader
    ) -> None:
        self._packed: Final = packed
        self._ends: Final = ends
        self._reader: Final = reader
        self.heads: Final = heads

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Rule]: ...
    def __getitem__(self, index: int | slice) -> Rule | Sequence[Rule]:
        """One rule. Raises PolicyError when its bytes are damaged."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        end = self._ends[index]
        place = index % len(self._ends)
        packed = self._packed[self._ends[place - 1] if place else 0 : end]
        rule = _undamaged(lambda: self._reader.value(msgspec.msgpack.decode(packed)))
        if not isinstance(rule, Rule):
            raise _damaged()
        return rule


# ---------------------------------------------------------------- to bytes


def pack(checked: CheckedPolicies) -> bytes:
    """The program as bytes; equal programs give equal bytes."""
    writer = _Writer()
    rules = [msgspec.msgpack.encode(writer.value(rule)) for rule in checked.rules]
    heads = [
        [head.name, writer.actions(head.actions), head.resources]
        for head in heads_of(checked.rules)
    ]
    rest = writer.value(replace(checked, rules=()))
    pieces = [heads[start : start + _PIECE] for start in range(0, len(heads), _PIECE)]
    return msgspec.msgpack.encode(
        [
            _MAGIC,
            FORMAT,
            _LANGUAGE,
            list(writer.files),
            list(writer.action_sets),
            writer.packed_types,
            [msgspec.msgpack.encode(piece) for piece in pieces],
            list(accumulate(map(len, rules))),
            b"".join(rules),
            msgspec.msgpack.encode(rest),
        ]
    )


class _Writer:
    """Values to what MessagePack knows; files, types and sets of actions are written once."""

    def __init__(self) -> None:
        self._codes: Final = {kind: code for code, kind in enumerate(_KINDS.values())}
        self._types: Final[dict[Node, int]] = {}
        self.packed_types: Final[list[object]] = []
        self.files: Final[dict[str, int]] = {}
        self.action_sets: Final[dict[tuple[str, ...], int]] = {}

    def actions(self, names: tuple[str, ...]) -> int:
        return self.action_sets.setdefault(names, len(self.action_sets))

    def value(self, value: object) -> object:
        match value:
            case None | bool() | str():
                return value
            case int():
                return value if -_INT64 <= value < _INT64 else [_BIG, f"{value:x}"]
            case tuple():
                return [_TUPLE, *map(self.value, value)]
            case frozenset():
                return [_SET, *map(self.value, sorted(value))]
            case dict():
                flat = [part for pair in value.items() for part in pair]
                return [_MAP, *map(self.value, flat)]
            case Span():
                file = self.files.setdefault(value.file, len(self.files))
                return [_SPAN, file, value.line, value.column, value.end_line, value.end_column]
            case Node() if isinstance(value, _TYPES):
                return [_TYPE, self._type(value)]
            case Node():
                return self._node(value)
            case _:
                raise AssertionError(f"{type(value).__name__} is no part of a program")

    def _type(self, type_: Node) -> int:
        known = self._types.get(type_)
        if known is None:
            packed = self._node(type_)  # what it is made of comes first
            known = len(self.packed_types)
            self.packed_types.append(packed)
            self._types[type_] = known
        return known

    def _node(self, node: Node) -> list[object]:
        parts: list[object] = []
        for field in node.__struct_fields__:
            value = getattr(node, field)
            if field == "actions" and isinstance(node, Rule):
                parts.append([_ACTIONS, self.actions(value)])
            else:
                parts.append(self.value(value))
        return [_NODE + self._codes[type(node)], *parts]


# ---------------------------------------------------------------- and back


def unpack(data: bytes) -> CheckedPolicies:
    """The program that ``pack`` was given, its rules unpacked when asked for.

    Raises PolicyError for bytes that ``pack`` of this version does not make.
    """
    return finished(unpacking(data))


def unpacking(data: bytes) -> Sliced[CheckedPolicies]:
    """As ``unpack``, in slices."""
    packed = _undamaged(lambda: _packed(data))
    yield
    reader = _Reader(packed.files, [tuple(names) for names in packed.action_sets])
    for is_last, packed_type in in_slices(packed.types, _PIECE):
        reader.types.append(_undamaged(partial(reader.node, packed_type)))
        if is_last:
            yield
    heads: list[Head] = []
    for piece in packed.heads:
        heads += _undamaged(partial(_heads, piece, reader))
        yield
    if len(heads) != len(packed.ends) or not _is_cut(packed.ends, len(packed.rules)):
        raise _damaged()
    made = _undamaged(lambda: reader.value(msgspec.msgpack.decode(packed.rest)))
    if not isinstance(made, CheckedPolicies):
        raise _damaged()
    yield
    return replace(made, rules=PackedRules(packed.rules, packed.ends, heads, reader))


class _Packed(msgspec.Struct, array_like=True):
    """The parts of the bytes, in their order; long ones are read piece by piece."""

    magic: str
    version: int
    language: list[str]
    files: list[str]
    action_sets: list[list[str]]
    types: list[Any]
    heads: list[memoryview]
    ends: list[int]
    rules: memoryview
    rest: memoryview


def is_of_this_version(data: bytes) -> bool:
    """Whether ``pack`` of this very version made it, or somebody who says so."""
    try:
        magic, version, language, *_ = msgspec.msgpack.decode(data, type=list)
    except (msgspec.MsgspecError, ValueError):
        return True  # no other version made that either: it must be compared, and will differ
    return [magic, version, language] == [_MAGIC, FORMAT, _LANGUAGE]


def _packed(data: bytes) -> _Packed:
    packed = msgspec.msgpack.decode(data, type=_Packed)
    if (packed.magic, packed.version, packed.language) != (_MAGIC, FORMAT, _LANGUAGE):
        raise PolicyError(
            "this is no compact form that this version reads; build the bundle again with it"
        )
    return packed


def _heads(piece: memoryview, reader: _Reader) -> list[Head]:
    return [
        Head(name, reader.action_sets[actions], None if on is None else tuple(on))
        for name, actions, on in msgspec.msgpack.decode(piece)
    ]


def _is_cut(ends: Sequence[int], size: int) -> bool:
    """Whether these are the ends of pieces of so many bytes, one after another."""
    rising = all(before < after for before, after in pairwise([0, *ends]))
    return rising and (ends[-1] if ends else 0) == size


class _Reader:
    """What MessagePack knows to values."""

    def __init__(self, files: Sequence[str], action_sets: Sequence[tuple[str, ...]]) -> None:
        self._kinds: Final = tuple(_KINDS.values())
        self._files: Final = files
        self.action_sets: Final = action_sets
        self.types: Final[list[Node]] = []

    def value(self, packed: Any) -> Any:
        if type(packed) is not list:
            return packed
        tag = packed[0]
        if tag >= _NODE:
            return self.node(packed)
        if tag == _SPAN:
            return Span(self._files[packed[1]], *packed[2:])
        if tag == _TYPE:
            return self.types[packed[1]]
        if tag == _TUPLE:
            return tuple([self.value(item) for item in packed[1:]])
        if tag == _ACTIONS:
            return self.action_sets[packed[1]]
        if tag == _SET:
            return frozenset(self._items(packed))
        if tag == _MAP:
            items = self._items(packed)
            return dict(zip(items, items, strict=True))
        return int(packed[1], 16)

    def node(self, packed: list[Any]) -> Node:
        kind = self._kinds[packed[0] - _NODE]
        if len(packed) != len(kind.__struct_fields__) + 1:
            raise _damaged()
        made: Node = kind(*[self.value(part) for part in packed[1:]])
        return made

    def _items(self, packed: list[Any]) -> Iterator[Any]:
        return iter([self.value(item) for item in packed[1:]])


def _undamaged(read: Callable[[], _ValueT]) -> _ValueT:
    try:
        return read()
    except (msgspec.MsgspecError, TypeError, ValueError, LookupError, RecursionError):
        raise _damaged() from None


def _damaged() -> PolicyError:
    return PolicyError("the compact form of the policies is damaged; build the bundle again")


__all__ = [
    "FORMAT",
    "Head",
    "PackedRules",
    "heads_of",
    "is_of_this_version",
    "pack",
    "unpack",
    "unpacking",
]
