"""Who there is while claims are tested: the directory, fixtures on top, stand-ins for nobody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pdp.eval.reference.facts import type_name
from pdp.lang.checked import CheckedPolicies
from pdp.model import Entity


@dataclass(frozen=True, slots=True)
class Cast:
    """``directory`` is everything that needs no describing; ``added`` is what was put on top of it.

    ``groups`` are the declared ones, by name; ``stand_ins`` are of ``added`` what no fixture gives.
    """

    directory: Mapping[str, Entity]
    added: Mapping[str, Entity]
    groups: Mapping[str, str]
    stand_ins: tuple[str, ...] = ()

    def of(self, type_: str) -> list[str]:
        """The uids of a type, in the order of their names."""
        return sorted(uid for uid in self.directory if type_name(uid) == type_)


def cast_of(checked: CheckedPolicies, directory: Mapping[str, Entity]) -> Cast:
    """The directory with the fixtures of directory types, as tests see it."""
    entities = checked.schema.entities
    added = {
        fixture.uid: Entity(fixture.type, fixture.id, fixture.attributes, fixture.parents)
        for fixture in checked.fixtures.values()
        if entities[fixture.type].is_directory and fixture.attributes is not None
    }
    groups = {group.name: group.uid for group in checked.groups}
    return Cast({**directory, **added}, added, groups)


def with_stand_in(cast: Cast, entity: Entity) -> Cast:
    """The cast with one more."""
    return Cast(
        {**cast.directory, entity.uid: entity},
        {**cast.added, entity.uid: entity},
        cast.groups,
        (*cast.stand_ins, entity.uid),
    )


def missing_groups(checked: CheckedPolicies, cast: Cast) -> Iterator[str]:
    """Declared groups of directory types that nothing describes: nobody could be said to be out."""
    for group in checked.groups:
        definition = checked.schema.entities[type_name(group.uid)]
        if definition.is_directory and group.uid not in cast.directory:
            yield group.uid


def missing_types(checked: CheckedPolicies, cast: Cast) -> Iterator[str]:
    """Directory types of principals of which there is nobody at all, people first."""
    definitions = sorted(checked.schema.entities.values(), key=lambda e: (e.is_agent, e.name))
    for definition in definitions:
        if definition.is_directory and definition.is_principal and not cast.of(definition.name):
            yield definition.name


__all__ = ["Cast", "cast_of", "missing_groups", "missing_types", "with_stand_in"]
