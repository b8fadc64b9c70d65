"""The schema's records as msgspec Struct types, one for each, whoever uses it. Reads no JSON."""

from __future__ import annotations

from types import GenericAlias
from typing import Annotated, Any, Final, Literal, assert_never

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pdp.eval.facts import attribute_name
from pdp.lang.types import (
    INT_MAX,
    INT_MIN,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    Prim,
    RecordT,
    Type,
)
from pdp.model import ID_CHARS_MAX

# Subscribed at run time with types that only the schema knows.
_ANNOTATED: Final[Any] = Annotated
_LITERAL: Final[Any] = Literal


def is_plain(wire: str) -> bool:
    """Whether a member name stands in JSON text as it is; msgspec takes no other."""
    return wire.isprintable() and '"' not in wire and "\\" not in wire


class RecordTypes:
    """The Struct type of each record in a schema. Equal fields have one type, so records compare.

    Decoding settles what JSON says exactly (bool, int, string, members) and leaves the rest as it
    came: decimals and any JSON as ``msgspec.Raw``, other text as str; sets and lists are tuples;
    null as None where it counts as absent.
    """

    __slots__ = ("_by_fields",)

    def __init__(self) -> None:
        self._by_fields: Final[dict[tuple[FieldT, ...], type[msgspec.Struct]]] = {}

    def of(self, fields: tuple[FieldT, ...], name: str = "") -> type[msgspec.Struct]:
        """The Struct type for ``fields``; ``name`` only shows in its repr."""
        known = self._by_fields.get(fields)
        if known is None:
            known = msgspec.defstruct(
                name or "Record",
                [self._definition(field) for field in fields],
                rename={
                    attribute_name(field.name): field.wire
                    for field in fields
                    if is_plain(field.wire)
                },
                forbid_unknown_fields=True,
                kw_only=True,
                gc=False,
            )
            self._by_fields[fields] = known
        return known

    def _definition(self, field: FieldT) -> tuple[str, Any] | tuple[str, Any, Any]:
        annotation = self._annotation(field.type)
        if field.nullable and annotation is not msgspec.Raw:  # which takes null as it is
            annotation |= None
        if field.optional:
            return attribute_name(field.name), annotation | UnsetType, UNSET
        return attribute_name(field.name), annotation

    def _annotation(self, type_: Type) -> Any:
        match type_:
            case Prim():
                return PRIMITIVES[type_.name]
            case EnumT():
                return _LITERAL[type_.spellings]
            case EntityT():
                return Annotated[str, Meta(min_length=1, max_length=ID_CHARS_MAX)]
            case CollT():
                items = GenericAlias(tuple, (self._annotation(type_.item), ...))
                return _ANNOTATED[items, Meta(min_length=type_.lo, max_length=type_.hi)]
            case RecordT():
                return self.of(type_.fields, type_.name)
            case _:
                assert_never(type_)


PRIMITIVES: Final[dict[str, Any]] = {
    "bool": bool,
    "int": Annotated[int, Meta(ge=INT_MIN, le=INT_MAX)],
    "decimal": msgspec.Raw,
    "string": str,
    "timestamp": str,
    "duration": str,
    "path": str,
    "ip": str,
    "cidr": str,
    "json": msgspec.Raw,
}
