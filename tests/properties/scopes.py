"""What a generated condition may read: paths from roots, declared names. Writes no conditions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pdp.lang.types import EntityT, FieldT, RecordT, Schema, Type
from tests.properties.values import Pool


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


@dataclass(frozen=True)
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
    action_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)


def paths_from(schema: Schema, roots: Iterable[Path], depth: int) -> tuple[Path, ...]:
    """The roots and every path of at most ``depth`` names below them."""
    found: list[Path] = []
    level = list(roots)
    for _ in range(depth + 1):
        found += level
        level = [below for path in level for below in _below(schema, path)]
    return tuple(found)


def _below(schema: Schema, path: Path) -> list[Path]:
    match path.type:
        case RecordT():
            owners = [path.type.fields]
        case EntityT():
            owners = [schema.entities[name].fields for name in sorted(path.type.names)]
        case _:
            return []
    return [step(path, found) for found in common_fields(owners)]


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
                    optional=not everywhere or any(f.optional for f in having),
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
        (*path.optional, text) if below.optional else path.optional,
        path.untrusted or below.untrusted,
        path.secret or below.secret,
    )
