"""What a decision may look at: known entities, the directory, the bound request. Reads no JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, Protocol, final

import msgspec

from pdp.lang.types import ActionDef, Schema
from pdp.model import Decision, Entity
from pdp.request import Request
from pdp.slices import Sliced, finished, in_slices

# Entries described between two pauses.
_SLICE: Final = 100

ATTRIBUTE_PREFIX: Final = "f_"


def attribute_name(name: str) -> str:
    """The Python attribute that holds the Charter field ``name`` in a bound record."""
    return ATTRIBUTE_PREFIX + name


class Facts(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One known entity. Never built for a bare reference: no Facts means unknown.

    ``attributes`` is a record as ``pdp.eval.reading`` makes them: the Charter field ``x`` is the
    Python attribute ``f_x``, absent optionals are ``msgspec.UNSET``. ``groups`` are direct parents.
    ``ancestors`` are uids, its own included. ``is_open``: an unknown entity above it could have
    more above itself.
    """

    uid: str
    type: str
    attributes: msgspec.Struct
    groups: tuple[str, ...]
    ancestors: frozenset[str]
    is_open: bool = False


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """The root ``tool`` as a bound record: what the caller claims, empty strings included."""

    f_server: str
    f_name: str
    f_digest: str


class AttributeReader(Protocol):
    """Reads the attributes of an entity: ``Decoders`` of ``pdp.eval.reading``, which is above."""

    def attributes(self, type_name: str, text: str, path: str) -> msgspec.Struct:
        """The attributes of an entity of ``type_name``. Raises RequestError naming the place."""


class Described(NamedTuple):
    """Facts by uid; and by unknown uid the entries below it, which a request may complete."""

    facts: dict[str, Facts]
    dangling: dict[str, list[str]]


def described(
    entities: Mapping[str, Entity], schema: Schema, reader: AttributeReader
) -> Sliced[Described]:
    """What a directory knows, in slices.

    Raises RequestError when an entry does not fit the schema (``read_directory`` tells people
    where, before).
    """
    parents = {uid: entity.groups for uid, entity in entities.items()}
    found = Described({}, {})
    for is_last, (uid, entity) in in_slices(entities.items(), _SLICE):
        ancestors, is_open = ancestors_of(uid, {}, parents, schema)
        found.facts[uid] = Facts(
            uid=uid,
            type=entity.type,
            attributes=reader.attributes(entity.type, entity.attributes or "{}", uid),
            groups=entity.groups,
            ancestors=ancestors,
            is_open=is_open,
        )
        if is_open:
            for ancestor in ancestors - parents.keys():
                found.dangling.setdefault(ancestor, []).append(uid)
        if is_last:
            yield
    return found


class Directory:
    """The entities that a bundle vouches for, prepared once; never changed.

    ``facts`` is keyed by uid. An entry is known even without attributes. ``known`` is what
    ``described`` gave for the same entities, schema and reader; left out, it is asked for.
    """

    __slots__ = ("_below", "_entities", "_reader", "_schema", "dangling", "facts")

    def __init__(
        self,
        entities: Mapping[str, Entity],
        schema: Schema,
        reader: AttributeReader,
        known: Described | None = None,
    ) -> None:
        self._entities: Final = dict(entities)
        self._schema: Final = schema
        self._reader: Final = reader
        self.facts, self.dangling = known or finished(described(entities, schema, reader))
        self._below: Final = _people_by_ancestor(self.facts.values(), schema)

    def get(self, uid: str) -> Facts | None:
        """The entry of that uid, if there is one."""
        return self.facts.get(uid)

    def people_below(self, group: str) -> tuple[Facts, ...]:
        """The person entries that are ``group`` or below it for certain, sorted by uid."""
        return self._below.get(group, ())

    def overlay(self, entities: Iterable[Entity]) -> Directory:
        """The directory with ``entities`` on top, for tests beside policies.

        An entity replaces the entry of its uid. A group of a directory type that nothing describes
        becomes an entry without attributes if its type demands none.
        """
        merged = self._entities | {entity.uid: entity for entity in entities}
        for group in [group for entity in merged.values() for group in entity.groups]:
            type_name, _, name = group.partition("::")
            definition = self._schema.entities[type_name]
            demands_none = all(field.optional for field in definition.fields)
            if group not in merged and definition.is_directory and demands_none:
                merged[group] = Entity(type_name, name, "{}")
        return Directory(merged, self._schema, self._reader)


# What a request is asked under besides its facts, as ``BoundRequest.flags``.
UNATTRIBUTED: Final = 1
PRESENTS_GRANTS: Final = 2
NO_REDACT: Final = 4
NO_RATE: Final = 8


class Judge(Protocol):
    """What decides on the requests of one action and resource type; see ``pdp.eval.judging``."""

    def decide(self, bound: BoundRequest, clock: Callable[[], int]) -> Decision:
        """The answer to ``bound``, at one time of ``clock``: microseconds since 1970."""


@final
class BoundRequest(msgspec.Struct, frozen=True, eq=False, kw_only=True, gc=False):
    """A request whose every name and value is typed; all that evaluation reads. One per decision.

    ``invalid`` is None, or says for the person why no rule is to be read (cause invalid_request);
    then ``action`` may be None, records may be empty, and ``chain_types`` may hold unknown names.
    ``args``, ``context`` and ``tool`` are records (``f_x`` for the Charter field ``x``).
    ``chain`` are uids, the acting one first; ``chain_types`` their types. ``agent`` is the first
    agent of the chain, ``user`` its last member if a person. ``entities`` are the Facts this
    request brings; for a uid in ``directory`` too, the directory's with more ancestors known.
    ``accountable`` is a person's uid or empty. ``unattributed``: nobody is accountable, or a chain
    member that only the directory could vouch for is not in it. ``digest`` is lower-case hex.
    ``judge`` decides on it. ``flags`` say the same of its grants, its obligations and
    ``unattributed``, as bits. ``chain_facts`` and ``resource_facts`` are what ``lookup`` finds;
    their attributes beside them, or what raises at any look when they are unknown.
    """

    # First what every decision reads, so that it lies together in memory.
    judge: Judge
    chain_types: tuple[str, ...]
    args: msgspec.Struct
    context: msgspec.Struct
    resource_attributes: Any = None
    chain_attributes: tuple[Any, ...] = ()
    flags: int
    accountable: str
    agent: str | None
    chain: tuple[str, ...]
    digest: str
    chain_facts: tuple[Facts | None, ...] = ()
    resource_facts: Facts | None = None
    user: str | None
    resource: str | None
    tool: Tool | None
    entities: dict[str, Facts]
    directory: Directory
    request: Request
    invalid: str | None
    action: ActionDef | None
    resource_type: str | None
    unattributed: bool

    def lookup(self, uid: str) -> Facts | None:
        """What is known of ``uid``: by the directory, else by this request; None if unknown."""
        return self.entities.get(uid) or self.directory.facts.get(uid)


def ancestors_of(
    uid: str,
    entries: Mapping[str, Facts],
    parents: Mapping[str, tuple[str, ...]],
    schema: Schema,
) -> tuple[frozenset[str], bool]:
    """Everything ``uid`` is or is below, and whether there could be more (see ``Facts.is_open``).

    ``parents`` are the direct groups of described entities, ``entries`` those already closed; a uid
    in neither is unknown. Cycles end it.
    """
    found = {uid}
    todo = [uid]
    is_open = False
    while todo:
        current = todo.pop()
        entry = entries.get(current)
        if entry is not None and not entry.is_open:
            found |= entry.ancestors
            continue
        groups = entry.groups if entry is not None else parents.get(current)
        if groups is None:
            is_open = is_open or bool(schema.entities[current.partition("::")[0]].parents)
            continue
        for group in groups:
            if group not in found:
                found.add(group)
                todo.append(group)
    return frozenset(found), is_open


def _people_by_ancestor(facts: Iterable[Facts], schema: Schema) -> dict[str, tuple[Facts, ...]]:
    below: dict[str, list[Facts]] = {}
    for entry in sorted(facts, key=lambda facts: facts.uid):
        if schema.entities[entry.type].is_person:
            for ancestor in entry.ancestors:
                below.setdefault(ancestor, []).append(entry)
    return {ancestor: tuple(people) for ancestor, people in below.items()}
