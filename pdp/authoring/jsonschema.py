"""The JSON Schema of a tool's arguments as Charter fields; what Charter cannot say is `json`.

Never stricter than the schema where a value could be sent, but for bounds that the schema lacks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pdp.authoring.keywords import (
    STRUCTURE,
    UNIONS,
    At,
    Schema,
    closed_texts,
    count_of,
    inferred_type,
    is_null,
    is_open,
    limit_notes,
    list_of,
    malformed,
    note,
    object_of,
    range_notes,
    strings_of,
    text_of,
    types_of,
)
from pdp.authoring.naming import field_names, is_secret_name, words
from pdp.authoring.plaintext import is_wire_member, is_wire_name, spelt_out
from pdp.authoring.shapes import (
    JSON,
    Collection,
    Declared,
    Enum,
    Field,
    Place,
    Plain,
    Record,
    Registry,
    TypeRef,
)
from pdp.authoring.toollist import Json, Tool, ToolListError

# Deeper than rules can use; a request may hold 16 levels.
LEVELS_MAX: Final = 8
# References and unions on the way to one type.
HOPS_MAX: Final = 8
ITEMS_MAX: Final = 10_000
ITEMS_GUESSED: Final = 100
MEMBERS_MAX: Final = 200
SPELT_CHARS_MAX: Final = 30

_STRING: Final = Plain("string")
_SIMPLE: Final = {"integer": Plain("int"), "number": Plain("decimal"), "boolean": Plain("bool")}
_NEVER_SECRET: Final = (*_SIMPLE.values(), Plain("timestamp"))


@dataclass(frozen=True, slots=True)
class Reading:
    """What a schema came to. ``free``: it is, or holds, text that nothing limits."""

    type: TypeRef
    nullable: bool = False
    free: bool = False
    description: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of an object. ``is_sendable``: none that is mandatory had to be left out."""

    fields: tuple[Field, ...]
    notes: tuple[str, ...]
    is_sendable: bool


class SchemaReader:
    """Reads the schema of one tool; the types it needs go into ``registry``."""

    def __init__(self, tool: Tool, registry: Registry, place: Place) -> None:
        self._root = tool.schema
        self._registry = registry
        self._place = place
        self._at = At(spelt_out(tool.name, SPELT_CHARS_MAX), refs=frozenset({"#"}))
        self._read: dict[tuple[str, int], Reading] = {}

    def arguments(self) -> Fields:
        """The parameters of the action. Raises ToolListError for what is no schema of an object."""
        schema, at = self._root, self._at
        while "$ref" in schema and at.hops < HOPS_MAX:
            ref = text_of(schema, "$ref", at)
            target = self._target(ref)
            if ref in at.refs or not isinstance(target, dict):
                break
            schema, at = target, at.hop(ref)
        types = types_of(schema, at)
        if types and "object" not in types:
            raise ToolListError(f"tool `{at.tool}`: its arguments are not an object")
        found = self._fields(schema, at)
        notes = list(found.notes)
        if "$ref" in schema:
            notes.append("its arguments are described elsewhere: declare those that you use")
        if any(key in schema for key in (*UNIONS, "allOf", "if")):
            notes.append("the server checks more than these types say")
        if is_open(schema):
            notes.append("the server takes further arguments: undeclared ones are refused")
        return replace(found, notes=tuple(notes))

    def _fields(self, schema: Schema, at: At) -> Fields:
        properties = object_of(schema, "properties", at)
        required = frozenset(strings_of(schema, "required", at))
        wires = list(dict.fromkeys([*properties, *strings_of(schema, "required", at)]))
        sayable = [wire for wire in wires if is_wire_name(wire)]
        left_out = [wire for wire in wires if not is_wire_name(wire)]
        notes: tuple[str, ...] = ()
        if left_out:
            shown = ", ".join(f'"{spelt_out(wire, SPELT_CHARS_MAX)}"' for wire in left_out[:3])
            notes = (f"left out, as the name cannot be written or sent: {shown}",)
        if not required.isdisjoint(left_out):
            return Fields((), notes, is_sendable=False)
        names = field_names(sayable)
        fields = [
            self._field(names[wire], wire, self.read(properties.get(wire, {}), at.field(wire)))
            for wire in sayable
        ]
        return Fields(
            tuple(replace(field, optional=field.wire not in required) for field in fields),
            notes,
            is_sendable=True,
        )

    def _field(self, name: str, wire: str, reading: Reading) -> Field:
        never = reading.type in _NEVER_SECRET or self._registry.is_enum(reading.type)
        flags = (
            ("untrusted", reading.free),
            ("secret", not never and is_secret_name(wire)),
            ("nullable", reading.nullable),
        )
        return Field(
            name,
            wire,
            reading.type,
            optional=False,
            flags=tuple(flag for flag, is_set in flags if is_set),
            description=reading.description,
            notes=reading.notes,
        )

    def read(self, schema: Json, at: At) -> Reading:
        """One schema to a type; whatever is not malformed has one. Raises ToolListError."""
        if isinstance(schema, bool):
            said = "the server does not say what this is" if schema else "no value fits here"
            return Reading(JSON, notes=(said,))
        if not isinstance(schema, dict):
            raise malformed(at, "a schema must be an object or a boolean", schema)
        if at.hops > HOPS_MAX:
            return Reading(JSON, notes=("too many references to follow",))
        reading = self._any_form(schema, at)
        said = text_of(schema, "description", at)
        return replace(reading, description=said or reading.description)

    def _any_form(self, schema: Schema, at: At) -> Reading:
        if "$ref" in schema:
            return self._reference(schema, at)
        types = types_of(schema, at)
        if not types and any(key in schema for key in UNIONS):
            return self._union(schema, at)
        if not types and "allOf" in schema:
            parts = list_of(schema, "allOf", at)
            if len(parts) == 1 and not any(k in schema for k in STRUCTURE if k != "allOf"):
                return self.read(parts[0], at.hop())
            return Reading(JSON, notes=("several schemas at once",))
        nullable = "null" in types
        kinds = [kind for kind in types if kind != "null"]
        if len(kinds) > 1:
            return Reading(JSON, nullable, notes=(f"one of: {', '.join(map(note, kinds))}",))
        if types and not kinds:
            return Reading(JSON, nullable, notes=("only null",))
        reading = self._kind(kinds[0] if kinds else "", schema, at)
        return replace(reading, nullable=nullable or reading.nullable)

    def _kind(self, kind: str, schema: Schema, at: At) -> Reading:
        if "const" in schema:
            return self._values(kind, [schema["const"]], at)
        if "enum" in schema:
            return self._values(kind, list_of(schema, "enum", at), at)
        match kind or inferred_type(schema):
            case "string":
                return self._text(schema, at)
            case "integer" | "number" | "boolean" as simple:
                return Reading(_SIMPLE[simple], notes=range_notes(schema))
            case "array":
                return self._array(schema, at)
            case "object":
                return self._record(schema, at)
            case "":
                return Reading(JSON, notes=("the server does not say what this is",))
            case other:
                return Reading(JSON, notes=(f"`{note(other)}` is no type of JSON Schema",))

    def _text(self, schema: Schema, at: At) -> Reading:
        for key in UNIONS:  # the titles of an enum's values are written so
            texts = closed_texts(list_of(schema, key, at)) if key in schema else []
            if texts:
                return self._values("string", list(texts), at)
        if schema.get("format") == "date-time":
            return Reading(Plain("timestamp"))
        notes = limit_notes(schema)
        return Reading(_STRING, free=not notes, notes=notes)

    def _values(self, kind: str, values: list[Json], at: At) -> Reading:
        """A closed list: texts are an enum, numbers stay numbers."""
        nullable = None in values
        texts = list(dict.fromkeys(value for value in values if isinstance(value, str)))
        others = [value for value in values if value is not None and not isinstance(value, str)]
        if kind == "string":
            others = []  # such a value fits nowhere
        if texts and not others and kind in {"", "string"}:
            if len(texts) > MEMBERS_MAX:
                notes = (f"one of {len(texts):,} texts: keep such a list in a `data` file",)
                return Reading(_STRING, nullable, notes=notes)
            if not all(map(is_wire_member, texts)):
                notes = ("one of a few texts, of which one cannot be written or sent",)
                return Reading(_STRING, nullable, notes=notes)
            return Reading(self._declare(Enum(tuple(texts)), at), nullable)
        if not texts and not others:
            return Reading(JSON, nullable, notes=("only null",))
        if texts or any(isinstance(value, list | dict) for value in others):
            return Reading(JSON, nullable, notes=("one of several values",))
        notes = (f"one of {note(', '.join(str(value).lower() for value in others[:20]))}",)
        if any(isinstance(value, bool) for value in others):
            all_of_them = all(isinstance(value, bool) for value in others)
            return Reading(Plain("bool") if all_of_them else JSON, nullable, notes=notes)
        is_whole = kind != "number" and all(isinstance(value, int) for value in others)
        return Reading(Plain("int" if is_whole else "decimal"), nullable, notes=notes)

    def _array(self, schema: Schema, at: At) -> Reading:
        items = schema.get("items", True)
        if "prefixItems" in schema or isinstance(items, list):
            return Reading(JSON, notes=("an array with a type for each place",))
        if at.levels >= LEVELS_MAX:
            return Reading(JSON, notes=("nested too deep to be declared",))
        item = self.read(items, at.item())
        if item.nullable:
            return Reading(JSON, notes=("an array that may hold null",))
        if item.type == JSON:
            return Reading(JSON, notes=(_array_note(item.notes),))
        lo = count_of(schema, "minItems", at) or 0
        hi = count_of(schema, "maxItems", at)
        notes = item.notes
        if hi is None:
            hi = max(ITEMS_GUESSED, 2 * lo)
            notes += (f"the server names no limit: {hi} is a guess",)
        elif hi > ITEMS_MAX:
            notes += (f"the server takes more: up to {note(str(hi))}",)
        hi = min(hi, ITEMS_MAX)
        if hi == 0 or hi < lo:
            return Reading(JSON, notes=("an array that no bounds describe",))
        kind = "set" if schema.get("uniqueItems") is True else "list"
        return Reading(Collection(kind, item.type, lo, hi), free=item.free, notes=notes)

    def _record(self, schema: Schema, at: At) -> Reading:
        if is_open(schema) or not object_of(schema, "properties", at):
            return Reading(JSON, notes=("an object with members of any name",))
        if at.levels >= LEVELS_MAX:
            return Reading(JSON, notes=("nested too deep to be declared",))
        found = self._fields(schema, at)
        if not found.is_sendable or not found.fields:
            return Reading(JSON, notes=("an object with a member that cannot be declared",))
        return Reading(self._declare(Record(found.fields, found.notes), at))

    def _union(self, schema: Schema, at: At) -> Reading:
        """One type beside null stays that type; closed lists of texts are one list."""
        if all(key in schema for key in UNIONS) or any(key in schema for key in STRUCTURE):
            return Reading(JSON, notes=("one of several types",))
        branches = list_of(schema, "anyOf" if "anyOf" in schema else "oneOf", at)
        others = [branch for branch in branches if not is_null(branch)]
        nullable = len(others) < len(branches)
        if len(others) == 1:
            reading = self.read(others[0], at.hop())
            return replace(reading, nullable=nullable or reading.nullable)
        texts = closed_texts(others)
        if texts:
            return replace(self._values("string", list(texts), at), nullable=nullable)
        return Reading(JSON, nullable, notes=("one of several types",))

    def _reference(self, schema: Schema, at: At) -> Reading:
        ref = text_of(schema, "$ref", at)
        if any(key in schema for key in (*STRUCTURE, *UNIONS)):
            return Reading(JSON, notes=("several schemas at once",))
        if ref in at.refs:
            return Reading(JSON, notes=("a type that contains itself",))
        target = self._target(ref)
        if target is None:
            return Reading(JSON, notes=("a reference that leads out of the schema",))
        # Read once for each depth: definitions that use others twice would be read 2^n times.
        key = (ref, at.levels)
        if key not in self._read:
            last = ref.rsplit("/", 1)[-1]
            path = (*at.path[:-1], last) if words(last) else at.path
            self._read[key] = self.read(target, replace(at.hop(ref), path=path))
        return self._read[key]

    def _target(self, ref: str) -> Json:
        """What a local pointer names; None if there is no such thing, or it is elsewhere."""
        if ref != "#" and not ref.startswith("#/"):
            return None
        found: Json = self._root
        for part in ref.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                return None
            found = found[name]
        return found

    def _declare(self, declaration: Enum | Record, at: At) -> Declared:
        return self._registry.add(declaration, replace(self._place, path=at.path))


def _array_note(of_items: tuple[str, ...]) -> str:
    """Why an array is `json`: for an array of arrays, the innermost reason."""
    found = of_items[0] if of_items else "values of any kind"
    return found if found.startswith("an array") else f"an array, each item: {found}"
