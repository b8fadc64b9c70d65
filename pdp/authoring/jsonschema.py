"""The JSON Schema of a tool's arguments as Charter fields; what Charter cannot say is `json`.

Never stricter than the schema where a value could be sent, but for bounds that the schema lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pdp.authoring.naming import field_names, words
from pdp.authoring.plaintext import is_wire_member, is_wire_name, one_line, quoted
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
from pdp.authoring.toollist import Json, ToolListError, describe

# Deeper than rules can use; a request may hold 16 levels.
LEVELS_MAX: Final = 8
# References and unions on the way to one type.
HOPS_MAX: Final = 32
ITEMS_MAX: Final = 10_000
ITEMS_GUESSED: Final = 100
MEMBERS_MAX: Final = 200

_NOTE_CHARS: Final = 60
_EXACT_INT_MAX: Final = 2**53 - 1
_SIMPLE: Final = {"integer": Plain("int"), "number": Plain("decimal"), "boolean": Plain("bool")}
_STRING: Final = Plain("string")
_UNIONS: Final = ("anyOf", "oneOf")
_STRUCTURE: Final = ("type", "enum", "const", "properties", "items", "prefixItems", "allOf")
_KEYS: Final = frozenset(
    (("api", "key"), ("private", "key"), ("access", "key"), ("secret", "key"), ("signing", "key"))
)
_SECRETS: Final = frozenset(
    "password passwd passphrase pwd secret secrets token credential credentials apikey".split()
    + "cvv cvc otp authorization".split()
)
# A page token is a place in a list.
_CURSORS: Final = frozenset(("page", "next", "prev", "previous", "cursor", "continuation", "sync"))


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
    """The fields of an object; ``unsayable`` names a mandatory one that no policy file can hold."""

    fields: tuple[Field, ...]
    notes: tuple[str, ...]
    unsayable: str = ""


@dataclass(frozen=True, slots=True)
class _At:
    """How far into the schema we are. ``refs`` are the references being followed."""

    path: tuple[str, ...] = ()
    levels: int = 0
    hops: int = 0
    refs: frozenset[str] = frozenset()

    def below(self, name: str) -> _At:
        return _At((*self.path, name), self.levels + 1, 0, self.refs)

    def hop(self, ref: str = "") -> _At:
        return replace(self, hops=self.hops + 1, refs=self.refs | {ref} if ref else self.refs)


def is_secret_name(name: str) -> bool:
    """Whether a name says that its value is a secret. In doubt it does: a secret is only hidden."""
    found = words(name)
    if _CURSORS & set(found):
        return False
    return bool(_SECRETS & set(found) or _KEYS & set(zip(found, found[1:], strict=False)))


class SchemaReader:
    """Reads the schema of one tool; the types it needs go into ``registry``."""

    def __init__(
        self, root: dict[str, Json], registry: Registry, server: str, tool: str, shown: str
    ) -> None:
        self._root = root
        self._registry = registry
        self._server = server
        self._tool = tool
        self._shown = shown
        self._read: dict[tuple[str, int], Reading] = {}

    def arguments(self) -> Fields:
        """The parameters of the action. Raises ToolListError for what is no schema of an object."""
        schema, at = self._followed(self._root)
        types = self._types(schema, at)
        if types and "object" not in types:
            raise ToolListError(f"tool `{self._shown}`: its arguments are not an object")
        found = self._fields(schema, at)
        notes = list(found.notes)
        if any(key in schema for key in (*_UNIONS, "allOf", "if")):
            notes.append("the server checks more than these types say")
        if schema.get("additionalProperties") or schema.get("patternProperties"):
            notes.append("the server takes further arguments: declare them, or they are refused")
        return replace(found, notes=tuple(notes))

    def _followed(self, schema: dict[str, Json]) -> tuple[dict[str, Json], _At]:
        """The root behind its references."""
        at = _At()
        while "$ref" in schema and at.hops < HOPS_MAX:
            ref = schema["$ref"]
            target = self._target(ref) if isinstance(ref, str) else None
            if not isinstance(target, dict):
                return {}, at
            schema, at = target, at.hop(str(ref))
        return schema, at

    def _fields(self, schema: dict[str, Json], at: _At) -> Fields:
        properties = self._object(schema, "properties", at)
        required = self._strings(schema, "required", at)
        wires = list(dict.fromkeys([*properties, *required]))
        sayable = [wire for wire in wires if is_wire_name(wire)]
        left_out = [wire for wire in wires if not is_wire_name(wire)]
        unsayable = next((one_line(w, _NOTE_CHARS) for w in left_out if w in required), "")
        notes = ()
        if left_out:
            shown = ", ".join(quoted(wire, _NOTE_CHARS) or "an empty one" for wire in left_out[:3])
            notes = (f"left out, as the name cannot be written or sent: {shown}",)
        names = field_names(sayable)
        fields = tuple(
            self._field(names[wire], wire, properties.get(wire, {}), wire in required, at)
            for wire in sayable
        )
        return Fields(fields, notes, unsayable if unsayable or not left_out else "")

    def _field(self, name: str, wire: str, schema: Json, required: bool, at: _At) -> Field:  # noqa: FBT001 - of the schema
        reading = self.read(schema, at.below(wire))
        can_be_secret = reading.type not in _SIMPLE.values() and reading.type != Plain("timestamp")
        secret = can_be_secret and is_secret_name(wire) and not self._registry.is_enum(reading.type)
        flags = [
            ("untrusted", reading.free),
            ("secret", secret),
            ("nullable", reading.nullable),
        ]
        return Field(
            name,
            wire,
            reading.type,
            not required,
            tuple(flag for flag, is_set in flags if is_set),
            reading.description,
            reading.notes,
        )

    def read(self, schema: Json, at: _At) -> Reading:
        """One schema to a type; of what is not malformed, everything has one."""
        if isinstance(schema, bool):
            return Reading(JSON, notes=() if schema else ("the server takes no value here",))
        if not isinstance(schema, dict):
            raise self._malformed(at, "a schema must be an object or a boolean", schema)
        if at.hops > HOPS_MAX:
            return Reading(JSON, notes=("too many references to follow",))
        reading = self._any_form(schema, at)
        said = schema.get("description")
        if said is None:
            return reading
        if not isinstance(said, str):
            raise self._malformed(at, "`description` must be a string", said)
        return replace(reading, description=said or reading.description)

    def _any_form(self, schema: dict[str, Json], at: _At) -> Reading:
        if "$ref" in schema:
            return self._reference(schema, at)
        types = self._types(schema, at)
        if not types and any(key in schema for key in _UNIONS):
            return self._union(schema, at)
        if not types and "allOf" in schema:
            parts = self._list(schema, "allOf", at)
            if len(parts) == 1 and not any(k in schema for k in _STRUCTURE if k != "allOf"):
                return self.read(parts[0], at.hop())
            return Reading(JSON, notes=("several schemas at once",))
        nullable = "null" in types
        kinds = [kind for kind in types if kind != "null"]
        if len(kinds) > 1:
            return Reading(JSON, nullable, notes=(f"one of: {', '.join(map(_word, kinds))}",))
        if types and not kinds:
            return Reading(JSON, nullable, notes=("only null",))
        reading = self._kind(kinds[0] if kinds else "", schema, at)
        return replace(reading, nullable=nullable or reading.nullable)

    def _kind(self, kind: str, schema: dict[str, Json], at: _At) -> Reading:
        if "enum" in schema or "const" in schema:
            values = [schema["const"]] if "const" in schema else self._list(schema, "enum", at)
            return self._values(kind, values, at)
        match kind or _inferred(schema):
            case "string":
                return _text(schema)
            case "integer" | "number" | "boolean" as simple:
                return Reading(_SIMPLE[simple], notes=_range(schema))
            case "array":
                return self._array(schema, at)
            case "object":
                return self._record(schema, at)
            case "":
                return Reading(JSON, notes=("the server does not say what this is",))
            case other:
                return Reading(JSON, notes=(f"{_word(other)} is no type of JSON Schema",))

    def _values(self, kind: str, values: list[Json], at: _At) -> Reading:
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
        if texts or not others:
            return Reading(JSON, nullable, notes=("one of several values",))
        shown = one_line(", ".join(str(value).lower() for value in others[:20]), _NOTE_CHARS)
        notes = (f"one of {shown}",)
        if all(isinstance(value, bool) for value in others):
            return Reading(Plain("bool"), nullable, notes=notes)
        if any(isinstance(value, bool | list | dict) for value in others):
            return Reading(JSON, nullable, notes=("one of several values",))
        whole = kind == "integer" or all(isinstance(value, int) for value in others)
        whole = whole and kind != "number"
        return Reading(Plain("int" if whole else "decimal"), nullable, notes=notes)

    def _array(self, schema: dict[str, Json], at: _At) -> Reading:
        items = schema.get("items", True)
        if "prefixItems" in schema or isinstance(items, list):
            return Reading(JSON, notes=("an array with a type for each place",))
        if at.levels >= LEVELS_MAX:
            return Reading(JSON, notes=("nested too deep to be declared",))
        inside = replace(at.below("item"), path=_item_path(at.path))
        item = self.read(items, inside)
        if item.type == JSON or item.nullable:
            return Reading(JSON, notes=("an array of values of any kind",))
        lo = self._count(schema, "minItems", at)
        hi = self._count(schema, "maxItems", at)
        notes: tuple[str, ...] = item.notes
        if hi is None:
            hi = max(ITEMS_GUESSED, lo or 0)
            notes += (f"the server names no limit: {hi} is a guess",)
        elif hi > ITEMS_MAX:
            notes += (f"the server takes up to {hi:,}",)
        hi = min(hi, ITEMS_MAX)
        if hi == 0 or hi < (lo or 0):
            return Reading(JSON, notes=("an array that no bounds describe",))
        kind = "set" if schema.get("uniqueItems") is True else "list"
        return Reading(Collection(kind, item.type, lo or 0, hi), free=item.free, notes=notes)

    def _record(self, schema: dict[str, Json], at: _At) -> Reading:
        open_ended = schema.get("additionalProperties") not in {None, False} or (
            "patternProperties" in schema
        )
        if open_ended or not self._object(schema, "properties", at):
            return Reading(JSON, notes=("an object with members of any name",))
        if at.levels >= LEVELS_MAX:
            return Reading(JSON, notes=("nested too deep to be declared",))
        found = self._fields(schema, at)
        if found.unsayable or not found.fields:
            return Reading(JSON, notes=("an object with a member that cannot be declared",))
        return Reading(self._declare(Record(found.fields, found.notes), at))

    def _union(self, schema: dict[str, Json], at: _At) -> Reading:
        """One type beside null stays that type; closed lists of texts are one list."""
        if all(key in schema for key in _UNIONS) or any(key in schema for key in _STRUCTURE):
            return Reading(JSON, notes=("one of several types",))
        branches = self._list(schema, "anyOf" if "anyOf" in schema else "oneOf", at)
        others = [branch for branch in branches if not _is_null(branch)]
        nullable = len(others) < len(branches)
        if len(others) == 1:
            reading = self.read(others[0], at.hop())
            return replace(reading, nullable=nullable or reading.nullable)
        texts = list(_listed_texts(others))
        if texts and None not in texts:
            return replace(self._values("string", list(texts), at), nullable=nullable)
        return Reading(JSON, nullable, notes=("one of several types",))

    def _reference(self, schema: dict[str, Json], at: _At) -> Reading:
        ref = schema["$ref"]
        if not isinstance(ref, str):
            raise self._malformed(at, "`$ref` must be a string", ref)
        if any(key in schema for key in (*_STRUCTURE, *_UNIONS)):
            return Reading(JSON, notes=("several schemas at once",))
        if ref in at.refs:
            return Reading(JSON, notes=("a type that contains itself",))
        target = self._target(ref)
        if target is None:
            return Reading(JSON, notes=("a reference that leads out of the schema",))
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

    def _declare(self, declaration: Enum | Record, at: _At) -> Declared:
        return self._registry.add(declaration, Place(self._server, self._tool, at.path))

    # What must have a certain shape.

    def _types(self, schema: dict[str, Json], at: _At) -> list[str]:
        value = schema.get("type")
        if value is None or isinstance(value, str):
            return [value] if value else []
        return list(dict.fromkeys(self._strings(schema, "type", at)))

    def _object(self, schema: dict[str, Json], key: str, at: _At) -> dict[str, Json]:
        value = schema.get(key)
        if value is None or isinstance(value, dict):
            return value or {}
        raise self._malformed(at, f"`{key}` must be an object", value)

    def _list(self, schema: dict[str, Json], key: str, at: _At) -> list[Json]:
        value = schema.get(key)
        if isinstance(value, list) and value:
            return value
        raise self._malformed(at, f"`{key}` must be an array with something in it", value)

    def _strings(self, schema: dict[str, Json], key: str, at: _At) -> list[str]:
        value = schema.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._malformed(at, f"`{key}` must be an array of strings", value)
        found: list[str] = []
        for item in value:
            if not isinstance(item, str):
                raise self._malformed(at, f"`{key}` must hold strings", item)
            found.append(item)
        return found

    def _count(self, schema: dict[str, Json], key: str, at: _At) -> int | None:
        value = schema.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():  # 2.0 is an integer to JSON Schema
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self._malformed(at, f"`{key}` must be a whole number from 0", value)
        return value

    def _malformed(self, at: _At, problem: str, found: Json) -> ToolListError:
        where = ".".join(one_line(part, _NOTE_CHARS) for part in at.path)
        place = f", argument `{where}`" if where else ""
        return ToolListError(f"tool `{self._shown}`{place}: {problem}, found {describe(found)}")


def _word(text: str) -> str:
    return one_line(text, _NOTE_CHARS)


def _item_path(path: tuple[str, ...]) -> tuple[str, ...]:
    return (*path[:-1], f"{path[-1]}_item") if path else ("item",)


def _inferred(schema: dict[str, Json]) -> str:
    """The type that a schema without one must mean."""
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema or "prefixItems" in schema else ""


def _text(schema: dict[str, Json]) -> Reading:
    if schema.get("format") == "date-time":
        return Reading(Plain("timestamp"))
    notes: list[str] = []
    for key, label in (("format", "format"), ("pattern", "pattern")):
        value = schema.get(key)
        if isinstance(value, str) and value:
            notes.append(f"{label} {quoted(value, _NOTE_CHARS)}")
    return Reading(_STRING, free=not notes, notes=tuple(notes))


def _range(schema: dict[str, Json]) -> tuple[str, ...]:
    """The range in words, unless it is only that of exact integers."""
    lo, hi = schema.get("minimum"), schema.get("maximum")
    lo = lo if _is_limit(lo) and lo != -_EXACT_INT_MAX else None
    hi = hi if _is_limit(hi) and hi != _EXACT_INT_MAX else None
    if lo is not None and hi is not None:
        return (_word(f"{lo} to {hi}"),)
    if lo is not None:
        return (_word(f"at least {lo}"),)
    return () if hi is None else (_word(f"at most {hi}"),)


def _is_limit(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_null(schema: Json) -> bool:
    if not isinstance(schema, dict):
        return False
    return schema.get("type") in {"null"} or schema.get("enum") == [None]


def _listed_texts(branches: list[Json]) -> Iterator[str | None]:
    """The texts of closed lists, and None for a branch that is anything else."""
    for branch in branches:
        values: Json = None
        if isinstance(branch, dict) and branch.get("type", "string") == "string":
            values = [branch["const"]] if "const" in branch else branch.get("enum")
        for value in values if isinstance(values, list) else [None]:
            yield value if isinstance(value, str) else None
