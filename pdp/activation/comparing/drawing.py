"""Makes up requests for one version: anew, or by small changes of promising ones. Judges nothing.

Tests beside the policies are promising from the start: their authors knew where answers change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from random import Random
from typing import Final

from msgspec.structs import replace

from pdp import canonical
from pdp.activation.comparing.sides import Side
from pdp.eval.invariants.cast import Cast, cast_of
from pdp.eval.invariants.drawing import Artist
from pdp.eval.invariants.hints import Hints
from pdp.eval.invariants.scene import Record, Scene, Thing
from pdp.eval.reference.facts import record_of
from pdp.lang.checked import CheckedPolicies, Fixture, Invariant, PolicyTest, Rule
from pdp.lang.types import FieldT
from pdp.model import Effect, RequestError
from pdp.request import Request

_KEPT_MAX: Final = 100
# Of so many requests, one is drawn anew; the others are promising ones with a few parts changed.
_CHANGED_SHARE: Final = 0.7
# Of the requests that are drawn anew, so many are about rules that differ, if there are any.
_DIFFERENT_SHARE: Final = 0.7


class Drawer:
    """Makes up requests that fit one version's schema, from the values that both mention."""

    def __init__(self, side: Side, hints: Hints, rng: Random, different: Collection[str]) -> None:
        """``different`` are the names of rules to ask about most."""
        # Unpacked once: a rule is chosen for every request.
        self._checked = replace(side.engine.checked, rules=tuple(side.engine.checked.rules))
        self._rng = rng
        cast = cast_of(self._checked, side.engine.directory)
        self._artist = Artist(rng, self._checked, cast, hints)
        self._artist.fill_cast()
        self._claims = [_as_claim(rule) for rule in self._checked.rules]
        self._different = [claim for claim in self._claims if claim.title in different]
        self._names = frozenset(different)
        self._policies = side.engine.policies.with_fixtures(self._artist.cast.added.values())
        self._kept: list[tuple[Scene, Invariant]] = []
        # What a rule that differs decided is worth more than what is merely not denied.
        self._best: list[tuple[Scene, Invariant]] = []
        self._keep_tests()

    @property
    def cast(self) -> Cast:
        """Everybody there is: the directory, fixtures, and stand-ins for types that have nobody."""
        return self._artist.cast

    def draw(self) -> tuple[Request, int] | None:
        """The next request and its time, in microseconds; None if there is nothing to ask about."""
        if not self._claims:
            return None
        scene, claim = self._drawn()
        request = scene.request(self._checked.schema)
        self._keep(scene, claim, request)
        return request, scene.now_us

    def _drawn(self) -> tuple[Scene, Invariant]:
        promising = self._best if self._rng.random() < _DIFFERENT_SHARE else self._kept
        if promising and self._rng.random() < _CHANGED_SHARE:
            earlier, claim = self._rng.choice(promising)
            return self._artist.changed(claim, earlier), claim
        is_about = self._different and self._rng.random() < _DIFFERENT_SHARE
        claim = self._rng.choice(self._different if is_about else self._claims)
        return self._artist.scene(claim), claim

    def _keep(self, scene: Scene, claim: Invariant, request: Request) -> None:
        """Remember a request from which a small change may lead to another answer."""
        try:
            bound = self._policies.bind(request)
        except RequestError:
            return
        decision = self._policies.decide(bound, scene.now_us)
        if any(rule.rule in self._names for rule in decision.rules):
            self._best = [*self._best, (scene, claim)][-_KEPT_MAX:]
        elif decision.effect is not Effect.DENY:
            self._kept = [*self._kept, (scene, claim)][-_KEPT_MAX:]

    def _keep_tests(self) -> None:
        for test in self._checked.tests:
            scene = scene_of(self._checked, test)
            about = [claim for claim in self._claims if scene.action.name in claim.actions]
            if about:
                self._keep(scene, about[0], scene.request(self._checked.schema))


def _as_claim(rule: Rule) -> Invariant:
    """A rule's scope in the form that scenes are drawn for."""
    return Invariant(
        title=rule.name,
        owner=rule.owner,
        quantifier="never",
        effect="allow",
        route=None,
        who=rule.who,
        actions=rule.actions,
        resources=rule.resources,
        when=None,
        span=rule.span,
    )


def scene_of(checked: CheckedPolicies, test: PolicyTest) -> Scene:
    """What a test asks, but for entities that its request only speaks of."""
    schema = checked.schema
    action = schema.action_by_wire()[test.action]
    fixtures = {
        key: found for key, found in checked.fixtures.items() if found.bundle == test.bundle
    }

    def thing(key: str) -> Thing:
        return _thing(fixtures[key], checked)

    return Scene(
        chain=tuple(thing(key) for key in test.chain),
        action=action,
        resource=None if test.resource is None else thing(test.resource),
        args=_record(test.args, action.fields),
        context=_record(test.context, schema.context),
        third=(),
        now_us=test.now_us,
    )


def _thing(fixture: Fixture, checked: CheckedPolicies) -> Thing:
    definition = checked.schema.entities[fixture.type]
    if definition.is_directory or fixture.attributes is None:
        return Thing(fixture.type, fixture.id)
    attributes = _record(fixture.attributes, definition.fields)
    return Thing(fixture.type, fixture.id, attributes, fixture.parents)


def _record(text: str, fields: Iterable[FieldT]) -> Record:
    return record_of(canonical.parse_object(text), fields)


__all__ = ["Drawer", "scene_of"]
