"""What a generated condition may read: paths from roots, declared names. Writes no conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from pdp.lang.types import EntityT, FieldT, RecordT, Schema, Type
from tests.changed import replace
from tests.properties.values import Pool, maybe


@dataclass(frozen=True)
class Path:
    """A path that a condition may read. ``optional`` are its prefixes that may be absent."""

    text: str
    type: Type
    optional: tuple[str, ...] = ()
    untrusted: bool = False
    secret: bool = False


@dataclass(frozen=True)
class Predicate:
    """``quantifies``: it may not be called from inside a quantifier."""

    params: tuple[Type, ...]
    quantifies: bool


@dataclass
class Words:
    """What a program has declared for its conditions to use.

    ``consts`` are single values and what stands in the place of a literal; ``fixed`` are paths that
    start at a constant record or collection.
    """

    schema: Schema
    pool: Pool
    groups: dict[str, str] = field(default_factory=dict)  # name to entity type
    consts: dict[str, Type] = field(default_factory=dict)
    fixed: list[Path] = field(default_factory=list)
    predicates: dict[str, Predicate] = field(default_factory=dict)
    facts: dict[str, Predicate] = field(default_factory=dict)  # predicates without parameters
    action_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    windows: list[str] = field(default_factory=list)
    claims_risk: bool | None = None  # None: no risk block; True: a claimed value can add points
    library: str = ""  # the bundle that declares what the policies' bundle uses; empty: itself

    def spelled(self, rng: Random, name: str) -> str:
        """A name that the library declares, now and then with the library's own name before it."""
        return f"{self.library}.{name}" if self.library and maybe(rng, 0.15) else name


def paths_from(
    schema: Schema, roots: Iterable[Path], depth: int, *, tolerant: bool = False
) -> tuple[Path, ...]:
    """The roots and every path of at most ``depth`` names below them.

    If ``tolerant``, attributes that only some types of a reference declare count as optional.
    """
    found: list[Path] = []
    level = list(roots)
    for _ in range(depth + 1):
        found += level
        level = [below for path in level for below in _below(schema, path, tolerant=tolerant)]
    return tuple(found)


def _below(schema: Schema, path: Path, *, tolerant: bool) -> list[Path]:
    match path.type:
        case RecordT():
            owners = [path.type.fields]
        case EntityT():
            owners = [schema.entities[name].fields for name in sorted(path.type.names)]
        case _:
            return []
    tolerant = tolerant and isinstance(path.type, EntityT)
    return [step(path, found) for found in common_fields(owners, tolerant=tolerant)]


def common_fields(owners: Sequence[Sequence[FieldT]], *, tolerant: bool = False) -> list[FieldT]:
    """Fields that all owners declare; if ``tolerant`` also those of only some, as optional."""
    merged: list[FieldT] = []
    for name in dict.fromkeys(f.name for fields in owners for f in fields):
        having = [f for fields in owners for f in fields if f.name == name]
        everywhere = len(having) == len(owners)
        if (everywhere or tolerant) and all(f.type == having[0].type for f in having):
            merged.append(
                replace(
                    having[0],
                    optional=not everywhere or any(f.may_be_absent for f in having),
                    untrusted=any(f.untrusted for f in having),
                    secret=any(f.secret for f in having),
                )
            )
    return merged


def step(path: Path, below: FieldT) -> Path:
    text = f"{path.text}.{below.name}"
    return Path(
        text,
        below.type,
        (*path.optional, text) if below.may_be_absent else path.optional,
        path.untrusted or below.untrusted,
        path.secret or below.secret,
    )
