"""JSON object text to bound records, fast: plans made once from the schema. Knows no request.

Each plan first tries one pass in C and answers only where it is sure; else ``values`` beside
it reads the text with care. Both agree wherever both answer; every refusal is the careful reader's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, assert_never

import msgspec
from msgspec import UNSET

from pdp import canonical, digest
from pdp.eval.facts import attribute_name
from pdp.eval.reading import values
from pdp.eval.reading.records import RecordTypes, is_plain
from pdp.lang.types import CollT, EntityT, EnumT, FieldT, Prim, RecordT, Schema, Type

Convert: TypeAlias = Callable[[Any], Any]
CountColons: TypeAlias = Callable[[Any], int]


class ObjectDecoder:
    """Reads objects of one list of fields: a record, the arguments of an action, the context.

    ``type`` is the Struct type of what it returns.
    """

    __slots__ = (
        "_colons",
        "_convert",
        "_decode",
        "_fields",
        "_is_quick",
        "_mandatory",
        "_types",
        "type",
    )

    def __init__(self, fields: tuple[FieldT, ...], types: RecordTypes) -> None:
        plan = _Plan(types)
        self.type: Final = types.of(fields)
        self._fields: Final = fields
        self._types: Final = types
        self._decode: Final = msgspec.json.Decoder(self.type).decode
        self._colons: Final = plan.fields_colons(fields)
        self._convert: Final = plan.fields_converter(fields)
        # The least colons there can be: one for each key that must be there.
        self._mandatory: Final = sum(1 + f.wire.count(":") for f in fields if not f.optional)
        # Deeper types than strict JSON allows could decode what the careful reader refuses, and a
        # member whose name needs an escape cannot be named to the parser.
        self._is_quick: Final = _depth(fields) <= canonical.DEPTH_MAX and _are_plain(fields)

    def read(self, text: str, path: str) -> msgspec.Struct:
        """The record in ``text``. Raises RequestError naming the wire path below ``path``."""
        record = self.read_quickly(text)
        return record if record is not None else self.read_carefully(text, path)

    def read_carefully(self, text: str, path: str) -> msgspec.Struct:
        """As ``read``, by the definition alone."""
        tree = values.strict_object(text, path)
        record: msgspec.Struct = values.read_record(tree, self._fields, self._types, path)
        return record

    def read_quickly(self, text: str) -> msgspec.Struct | None:
        """The record in ``text``, or None when unsure.

        Sound because: without a backslash, strings are their raw bytes (the parser refuses control
        characters) and NFC of the text is NFC of its strings, as a quote composes with nothing.
        """
        if not self._is_quick or "\\" in text or len(text) > canonical.STRING_CHARS_MAX:
            return None
        try:
            if not text.isascii():
                canonical.check_text(text, "")
            record: msgspec.Struct = self._decode(text)
            # As many colons as mandatory keys: no room for another key, nor for one in a string.
            if text.count(":") != self._mandatory and has_duplicate_keys(
                text, self._colons(record)
            ):
                return None
            if self._convert is not None:
                self._convert(record)
        except (ValueError, msgspec.DecodeError, RecursionError):
            return None
        return record


class Decoders:
    """Every decoder that a schema needs. Maps are keyed by Charter name; never changed."""

    __slots__ = ("_entities", "_read", "actions", "context", "types")

    def __init__(self, schema: Schema) -> None:
        self.types: Final = RecordTypes()
        self._entities: Final = {
            name: ObjectDecoder(entity.fields, self.types)
            for name, entity in schema.entities.items()
        }
        self.actions: Final = {
            name: ObjectDecoder(action.fields, self.types)
            for name, action in schema.actions.items()
        }
        self.context: Final = ObjectDecoder(schema.context, self.types)
        # Attributes by their text. Nobody changes a record, so requests may share one.
        self._read: Final[dict[tuple[ObjectDecoder, str], msgspec.Struct]] = {}

    def attributes(self, type_name: str, text: str, path: str) -> msgspec.Struct:
        """The attributes of an entity of ``type_name``. Raises RequestError below ``path``."""
        return self._entities[type_name].read(text, path)

    def read_again(self, decoder: ObjectDecoder, text: str) -> msgspec.Struct | None:
        """As ``decoder.read_quickly`` of a text that may have been read before: read only once."""
        known = self._read.get((decoder, text))
        if known is None:
            known = decoder.read_quickly(text)
            if known is not None and len(text) <= _TEXT_KEPT_CHARS_MAX:
                if len(self._read) >= _TEXTS_KEPT_MAX:
                    self._read.clear()
                self._read[decoder, text] = known
        return known

    def of_type(self, type_name: str) -> ObjectDecoder:
        """The decoder of the attributes of ``type_name``."""
        return self._entities[type_name]

    def attributes_type(self, type_name: str) -> type[msgspec.Struct]:
        """The Struct type of the attributes of ``type_name``."""
        return self._entities[type_name].type


def has_duplicate_keys(text: str, colons: int) -> bool:
    """Whether a key occurs twice in ``text``, which has no backslash and decoded; or maybe so.

    The parser keeps the last of equal keys. Each key is followed by a colon; ``colons`` are those
    after the keys kept and inside the keys and strings kept. One more, and something was dropped.
    """
    return text.count(":") != colons


class _Plan:
    """Makes the closures of a decoder. A converter is None where values need no conversion."""

    def __init__(self, types: RecordTypes) -> None:
        self._types = types

    def fields_converter(self, fields: tuple[FieldT, ...], depth: int = 0) -> Convert | None:
        """Converts a decoded record in place and returns it. ValueError when unsure.

        ``depth`` is how deep the record stands in its text.
        """
        steps = [
            (attribute_name(field.name), step)
            for field in fields
            if (step := self._field_converter(field, depth + 1)) is not None
        ]
        if not steps:
            return None

        def convert(record: Any) -> Any:
            for name, step in steps:
                value = getattr(record, name)
                if value is not UNSET:
                    setattr(record, name, step(value))
            return record

        return convert

    def _field_converter(self, field: FieldT, depth: int) -> Convert | None:
        step = self._converter(field.type, depth)
        return _or_absent(step) if field.nullable else step

    def _converter(self, type_: Type, depth: int) -> Convert | None:
        match type_:
            case Prim(name="json"):
                return lambda raw: _raw_json(raw, depth)
            case Prim():
                return _PRIMITIVE_CONVERTERS.get(type_.name)
            case EnumT():
                return _member_converter(type_)
            case EntityT():
                (type_name,) = type_.names
                return lambda id_: values.entity_uid(type_name, id_)
            case CollT():
                return self._collection_converter(type_, depth)
            case RecordT():
                return self.fields_converter(type_.fields, depth)
            case _:
                assert_never(type_)

    def _collection_converter(self, type_: CollT, depth: int) -> Convert | None:
        item = self._converter(type_.item, depth + 1)

        def convert(items: Any) -> Any:
            return items if item is None else tuple([item(value) for value in items])

        is_plain_item = isinstance(type_.item, Prim) and type_.item.name in _COMPARED_AS_THEY_ARE

        def convert_set(items: Any) -> Any:
            converted = convert(items)
            if is_plain_item:
                if len(set(converted)) != len(converted):
                    raise ValueError
            elif len(converted) > 1 and not values.all_distinct(converted):
                raise ValueError
            return converted

        if type_.kind == "set":
            return convert_set
        return None if item is None else convert

    def fields_colons(self, fields: tuple[FieldT, ...]) -> CountColons:
        """Counts the colons that a decoded record accounts for (see ``has_duplicate_keys``)."""
        fixed = sum([1 + field.wire.count(":") for field in fields if not field.optional])
        optional = [
            (attribute_name(field.name), 1 + field.wire.count(":"))
            for field in fields
            if field.optional
        ]
        inner = [
            (attribute_name(field.name), inside)
            for field in fields
            if (inside := self._colons(field.type)) is not None
        ]

        def count(record: Any) -> int:
            colons = fixed
            for name, weight in optional:
                if getattr(record, name) is not UNSET:
                    colons += weight
            for name, inside in inner:
                value = getattr(record, name)
                if value is not UNSET and value is not None:
                    colons += inside(value)
            return colons

        return count

    def _colons(self, type_: Type) -> CountColons | None:
        """None where an acceptable value has no colon."""
        match type_:
            case Prim(name="json"):
                return _count_raw_colons
            case Prim():
                return _count_colons if type_.name in _TEXT_WITH_COLONS else None
            case EnumT():
                return _count_colons if any(":" in name for name in type_.spellings) else None
            case EntityT():
                return _count_colons
            case CollT():
                inside = self._colons(type_.item)
                return None if inside is None else _summed(inside)
            case RecordT():
                return self.fields_colons(type_.fields)
            case _:
                assert_never(type_)


def _count_colons(text: str) -> int:
    return text.count(":")


def _count_raw_colons(raw: msgspec.Raw) -> int:
    # Its own duplicate keys are looked for when it is converted.
    return bytes(raw).count(b":")


def _or_absent(step: Convert | None) -> Convert:
    """``step`` for a nullable field: null counts as absent."""

    def convert(value: Any) -> Any:
        if value is None or (isinstance(value, msgspec.Raw) and bytes(value)[:1] == b"n"):
            return UNSET
        return value if step is None else step(value)

    return convert


def _member_converter(type_: EnumT) -> Convert | None:
    """From how JSON spells a member to its rank or name; None where that is its name."""
    if type_.ordered:
        return {text: rank for rank, text in enumerate(type_.spellings)}.__getitem__
    if type_.spellings == type_.members:
        return None
    return dict(zip(type_.spellings, type_.members, strict=True)).__getitem__


def _summed(count: CountColons) -> CountColons:
    return lambda items: sum([count(item) for item in items])


def _raw_decimal_units(raw: msgspec.Raw) -> int:
    # A valid JSON value of plain digits, or a string of them: quotes stand at both ends or at none.
    return values.decimal_units(bytes(raw).decode().strip('"'))


def _raw_json(raw: msgspec.Raw, depth: int) -> bool:
    value = bytes(raw)
    if value[:1] == b"n":
        raise ValueError  # null
    digest.check_quick_value(value, depth)
    return True


def _are_plain(fields: Iterable[FieldT]) -> bool:
    """Whether every member name of ``fields``, inner records included, is plain in JSON text."""
    return all(is_plain(field.wire) and _is_type_plain(field.type) for field in fields)


def _is_type_plain(type_: Type) -> bool:
    match type_:
        case RecordT():
            return _are_plain(type_.fields)
        case CollT():
            return _is_type_plain(type_.item)
        case Prim() | EnumT() | EntityT():
            return True
        case _:
            assert_never(type_)


def _depth(fields: Iterable[FieldT]) -> int:
    """How deep the values of an object of ``fields`` can be nested."""
    return 1 + max([_type_depth(field.type) for field in fields], default=0)


def _type_depth(type_: Type) -> int:
    match type_:
        case RecordT():
            return _depth(type_.fields)
        case CollT():
            return 1 + _type_depth(type_.item)
        case Prim() | EnumT() | EntityT():
            return 0
        case _:
            assert_never(type_)


# Texts kept with what was read in them, and how long they may be; all go when there are more.
_TEXTS_KEPT_MAX: Final = 4_096
_TEXT_KEPT_CHARS_MAX: Final = 1_024
_COMPARED_AS_THEY_ARE: Final = frozenset({"string", "int", "path"})
_TEXT_WITH_COLONS: Final = frozenset({"string", "timestamp", "path", "ip", "cidr"})
_PRIMITIVE_CONVERTERS: Final[dict[str, Convert]] = {
    "decimal": _raw_decimal_units,
    "timestamp": values.timestamp_us,
    "duration": values.duration_us,
    "path": values.path_text,
    "ip": values.ip_number,
    "cidr": values.cidr_range,
}

__all__ = ["Decoders", "ObjectDecoder", "has_duplicate_keys"]
