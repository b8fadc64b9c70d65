"""Random scenes for a claim: who asks for what, on what, when. Judges nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from pdp.eval.invariants.cast import Cast, missing_groups, missing_types, with_stand_in
from pdp.eval.invariants.hints import Hints
from pdp.eval.invariants.palette import USUAL_NOW_US, Palette, fresh_id
from pdp.eval.invariants.scene import Scene, Thing, entity_text, references_in
from pdp.eval.reference.facts import type_name
from pdp.lang.checked import CheckedPolicies, Invariant, ResourceClause, WhoClause
from pdp.lang.types import ActionDef
from pdp.model import Entity

_THIRD_MAX: Final = 12
_CHANGES_MAX: Final = 3


class Artist:
    """Draws scenes for one program; all chance comes from ``rng``.

    ``is_wary``: every entity that is spoken of is also described.
    """

    def __init__(self, rng: Random, checked: CheckedPolicies, cast: Cast, hints: Hints) -> None:
        self.is_wary = False
        self._rng = rng
        self._checked = checked
        self._palette = Palette(rng, checked.schema, hints, cast)

    @property
    def cast(self) -> Cast:
        """Everybody there is."""
        return self._palette.cast

    def fill_cast(self) -> None:
        """Describe the groups that nothing describes, and stand-ins where a type has nobody."""
        for uid in missing_groups(self._checked, self.cast):
            self._add(type_name(uid), uid.split("::", 1)[1], ())
        for type_ in missing_types(self._checked, self.cast):
            for number in range(1, 4):
                self._add(type_, f"stand-in-{number}", self._groups(type_))

    def _add(self, type_: str, id_: str, groups: tuple[str, ...]) -> None:
        fields = self._checked.schema.entities[type_].fields
        attributes = entity_text(self._palette.record(fields, USUAL_NOW_US), fields)
        self._palette.cast = with_stand_in(self.cast, Entity(type_, id_, attributes, groups))

    # ------------------------------------------------------------ scenes

    def scene(self, claim: Invariant) -> Scene:
        """A request by someone the claim is about, for one of its actions."""
        schema = self._checked.schema
        action = schema.actions[self._rng.choice(claim.actions)]
        now_us = self._palette.now()
        drawn = Scene(
            chain=self.chain(claim, now_us),
            action=action,
            resource=self.resource(claim, action, now_us),
            args=self._palette.record(action.fields, now_us),
            context=self._palette.record(schema.context, now_us),
            third=(),
            now_us=now_us,
        )
        return self._with_third(drawn)

    def changed(self, claim: Invariant, scene: Scene) -> Scene:
        """The scene with one to three of its parts drawn again."""
        for _ in range(self._rng.randint(1, _CHANGES_MAX)):
            scene = self._changed_once(claim, scene)
        return self._with_third(scene)

    def _changed_once(self, claim: Invariant, scene: Scene) -> Scene:
        schema = self._checked.schema
        parts: list[Callable[[], Scene]] = [
            lambda: replace(scene, now_us=self._palette.now()),
            lambda: replace(scene, chain=self.chain(claim, scene.now_us)),
        ]
        if scene.action.fields:
            parts += [
                lambda: replace(
                    scene, args=self._palette.redrawn(scene.args, scene.action.fields, scene.now_us)
                )
            ] * 3
        if schema.context:
            parts += [
                lambda: replace(
                    scene,
                    context=self._palette.redrawn(scene.context, schema.context, scene.now_us),
                )
            ] * 2
        resource = scene.resource
        if resource is not None:
            parts.append(
                lambda: replace(scene, resource=self.resource(claim, scene.action, scene.now_us))
            )
            if resource.attributes:
                parts += [lambda: replace(scene, resource=self._retouched(resource, scene))] * 3
        return self._rng.choice(parts)()

    def _retouched(self, thing: Thing, scene: Scene) -> Thing:
        fields = self._checked.schema.entities[thing.type].fields
        if thing.attributes is None or not fields:
            return thing
        return replace(
            thing, attributes=self._palette.redrawn(thing.attributes, fields, scene.now_us)
        )

    def _with_third(self, scene: Scene) -> Scene:
        """The scene with everything described that it speaks of, or nearly everything.

        Who is both in the chain and the resource is described once, in the chain's words.
        """
        schema = self._checked.schema
        same = [
            thing for thing in scene.chain if scene.resource and thing.uid == scene.resource.uid
        ]
        if same:
            scene = replace(scene, resource=same[0])
        kept = {thing.uid: thing for thing in scene.third}
        described = {t.uid for t in (*scene.chain, scene.resource) if t is not None}
        third: dict[str, Thing] = {}
        to_do = [*references_in(scene.args, scene.action.fields)]
        to_do += references_in(scene.context, schema.context)
        for thing in (*scene.chain, scene.resource):
            if thing is not None and thing.attributes is not None:
                to_do += references_in(thing.attributes, schema.entities[thing.type].fields)
        while to_do:
            uid = to_do.pop(0)
            definition = schema.entities[type_name(uid)]
            known = uid in described or uid in third or uid in self.cast.directory
            if known or definition.is_directory or len(third) >= _THIRD_MAX:
                continue
            if uid not in kept and not self.is_wary and self._palette.maybe(0.06):
                continue
            thing = kept.get(uid) or self._thing(definition.name, uid, scene.now_us)
            third[uid] = thing
            if thing.attributes is not None:
                to_do += references_in(thing.attributes, definition.fields)
        return replace(scene, third=tuple(third.values()))

    # ------------------------------------------------------------ who and what

    def chain(self, claim: Invariant, now_us: int) -> tuple[Thing, ...]:
        """Someone the claim is about, alone, or an agent for others."""
        first = self._member(self._rng.choice(claim.who), now_us)
        entities = self._checked.schema.entities
        if not entities[first.type].is_agent or self._palette.maybe(0.25):
            return (first,)
        others: list[Thing] = []
        if self._palette.maybe(0.15):
            others.append(self._any_member(claim, now_us, agents=True))
        if self._palette.maybe(0.9):
            others.append(self._any_member(claim, now_us, agents=False))
        chain = {thing.uid: thing for thing in (first, *others)}
        return tuple(chain.values())

    def _member(self, clause: WhoClause, now_us: int) -> Thing:
        type_ = self._rng.choice(sorted(clause.types))
        found = self._bare(type_, clause.group)
        if found is not None:
            return found
        groups = self._groups(type_, clause.group)
        return replace(self._thing(type_, f"{type_}::{fresh_id(type_)}", now_us), groups=groups)

    def _any_member(self, claim: Invariant, now_us: int, *, agents: bool) -> Thing:
        types = sorted(
            e.name
            for e in self._checked.schema.entities.values()
            if (e.is_agent if agents else e.is_person)
        )
        everyone = WhoClause(frozenset(types), None, claim.span)
        return self._member(everyone, now_us)

    def _bare(self, type_: str, group: str | None) -> Thing | None:
        """Someone of the type whom the directory knows, most often of the group; None if nobody."""
        uids = self.cast.of(type_)
        if group is not None:
            inside = [uid for uid in uids if group in self._above(uid)]
            uids = inside if inside and self._palette.maybe(0.9) else uids
        is_directory = self._checked.schema.entities[type_].is_directory
        if not uids or (not is_directory and self._palette.maybe(0.5)):
            return None
        return Thing(type_, self._rng.choice(uids).split("::", 1)[1])

    def _above(self, uid: str) -> set[str]:
        seen: set[str] = set()
        to_do = [uid]
        while to_do:
            current = to_do.pop()
            if current not in seen:
                seen.add(current)
                known = self.cast.directory.get(current)
                to_do += () if known is None else known.groups
        return seen

    def resource(self, claim: Invariant, action: ActionDef, now_us: int) -> Thing | None:
        """A resource that the action takes, one that the claim is about."""
        if not action.resources:
            return None
        clauses = [c for c in claim.resources or () if c.type in action.resources]
        clause = self._rng.choice(clauses) if clauses else None
        type_ = clause.type if clause is not None else self._rng.choice(sorted(action.resources))
        known = self._bare(type_, None if clause is None else clause.group)
        if known is not None:
            return known
        if self._checked.schema.entities[type_].is_directory:
            return Thing(type_, fresh_id(type_))
        return self._described(type_, clause, now_us)

    def _described(self, type_: str, clause: ResourceClause | None, now_us: int) -> Thing:
        group = None if clause is None else clause.group
        named = [uid for uid in self.cast.groups.values() if type_name(uid) == type_]
        uid = f"{type_}::{fresh_id(type_)}"
        if named and self._palette.maybe(0.4):
            uid = self._rng.choice(named)
        groups = self._groups(type_, None if group == uid else group)
        thing = replace(self._thing(type_, uid, now_us), groups=groups)
        if not self.is_wary and self._palette.maybe(0.04):
            return Thing(type_, thing.id)
        return thing

    def _thing(self, type_: str, uid: str, now_us: int) -> Thing:
        fields = self._checked.schema.entities[type_].fields
        id_ = uid.split("::", 1)[1]
        return Thing(type_, id_, self._palette.record(fields, now_us), self._groups(type_))

    def _groups(self, type_: str, group: str | None = None) -> tuple[str, ...]:
        """Direct parents among the declared groups; the one asked for, most often."""
        parents = self._checked.schema.entities[type_].parents
        fitting = [uid for uid in self.cast.groups.values() if type_name(uid) in parents]
        chosen = self._rng.sample(fitting, min(len(fitting), self._rng.choice((0, 0, 1, 2))))
        if group in fitting and self._palette.maybe(0.9):
            chosen.append(str(group))
        return tuple(sorted(set(chosen)))


__all__ = ["Artist"]
