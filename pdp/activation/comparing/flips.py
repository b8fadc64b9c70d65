"""The same requests to two versions: which answers differ, in which direction, and whose rules.

What gets looser is never counted as anything else: it is what a reviewer must not miss.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pdp.activation.comparing.asking import Asked
from pdp.activation.comparing.sides import Side
from pdp.eval.policyset import PolicySet
from pdp.model import Decision, DenyCause, DeterminingRule, Effect, Entity, RequestError

_STRICTNESS: Final = {Effect.ALLOW: 0, Effect.REQUIRE_APPROVAL: 1, Effect.DENY: 2}


class Direction(enum.StrEnum):
    """How an answer changes, the most alarming first."""

    LOOSER = "looser"
    STRICTER = "stricter"
    # Allowed before, and now only after somebody agreed.
    ASKED = "asked"
    # The same effect with another approval, or with other obligations.
    OTHERWISE = "otherwise"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one version says. ``rules`` decided it; ``effect`` of a refused request is deny."""

    effect: Effect
    cause: str
    rules: tuple[DeterminingRule, ...]
    duties: Any

    @property
    def said(self) -> str:
        return f"{self.effect.value} ({self.cause})" if self.cause else self.effect.value


@dataclass(frozen=True, slots=True)
class Example:
    """One request that is answered otherwise: as it is asked, and by whom it needs to be known.

    ``strangers`` are entities of its directory types that neither version's directory describes.
    """

    asked: Asked
    old: Answer
    new: Answer
    strangers: tuple[str, ...]


@dataclass(slots=True)
class Flip:
    """All requests whose answers change in one direction because of one rule.

    ``rule`` decided on one side and not on the other; it is empty where no rule decides, as when
    nothing allows any more or a request is refused.
    """

    direction: Direction
    rule: str
    owner: str
    example: Example
    count: int = 0


@dataclass(slots=True)
class Flips:
    """``asked`` requests were answered by both, ``refused`` ones by neither.

    ``found`` by direction, rule and owner; one request counts for each rule that it flips by, and
    once in ``by_direction``.
    """

    asked: int = 0
    refused: int = 0
    by_direction: dict[Direction, int] = field(default_factory=dict)
    found: dict[tuple[Direction, str, str], Flip] = field(default_factory=dict)

    def sorted(self) -> list[Flip]:
        """The most alarming direction first, then the most frequent, then by name."""
        order = list(Direction)
        return sorted(
            self.found.values(),
            key=lambda flip: (order.index(flip.direction), -flip.count, flip.rule, flip.owner),
        )


def flips(
    old: Side,
    new: Side,
    asked: Iterable[Asked],
    *,
    strangers: Mapping[str, Entity] | None = None,
    different: Collection[str] = (),
) -> Flips:
    """Ask both versions everything; ``strangers`` by uid are known to both beside who is anyway.

    ``different`` are the rules that differ: what they make different is not counted for others.
    """
    known = strangers or {}
    answering = [_with_strangers(side.engine.policies, known) for side in (old, new)]
    result = Flips()
    for one in asked:
        before, after = (_answer(policies, one) for policies in answering)
        if before is None and after is None:
            result.refused += 1
            continue
        result.asked += 1
        old_answer, new_answer = before or REFUSED, after or REFUSED
        direction = direction_of(old_answer, new_answer)
        if direction is not None:
            example = Example(one, old_answer, new_answer, _strangers_in(one, known))
            count(result, direction, example, different)
    return result


REFUSED: Final = Answer(Effect.DENY, DenyCause.INVALID_REQUEST.value, (), None)


def direction_of(old: Answer, new: Answer) -> Direction | None:
    """How the answer changes; None if the caller would do the same."""
    before, after = _STRICTNESS[old.effect], _STRICTNESS[new.effect]
    if after < before:
        return Direction.LOOSER
    if after > before:
        return Direction.ASKED if new.effect is Effect.REQUIRE_APPROVAL else Direction.STRICTER
    return Direction.OTHERWISE if old.duties != new.duties else None


def count(
    result: Flips, direction: Direction, example: Example, different: Collection[str]
) -> None:
    """Count a request for each rule that makes the difference."""
    result.by_direction[direction] = result.by_direction.get(direction, 0) + 1
    for rule, owner in _rules(example.old, example.new, different):
        key = (direction, rule, owner)
        flip = result.found.setdefault(key, Flip(*key, example))
        flip.count += 1
        # An example that can be asked of the policies as they are is worth more.
        if flip.example.strangers and not example.strangers:
            flip.example = example


def _rules(old: Answer, new: Answer, different: Collection[str]) -> list[tuple[str, str]]:
    """Rules with their owners: those that differ, or else decided one answer and not the other."""
    was = {(rule.rule, rule.owner) for rule in old.rules}
    is_now = {(rule.rule, rule.owner) for rule in new.rules}
    changed = [(rule, owner) for rule, owner in was | is_now if rule in different]
    return sorted(changed) or sorted(was ^ is_now) or sorted(is_now) or [("", "")]


def _answer(policies: PolicySet, asked: Asked) -> Answer | None:
    """None for a request that the door refuses."""
    try:
        bound = policies.bind(asked.request)
    except RequestError:
        return None
    decision = policies.decide(bound, asked.now_us)
    cause = "" if decision.cause is None else decision.cause.value
    return Answer(decision.effect, cause, decision.rules, _duties(decision))


def _duties(decision: Decision) -> Any:
    """What comes with the effect and binds the caller."""
    if decision.effect is Effect.DENY:
        return None
    return (decision.approval, decision.obligations)


def _with_strangers(policies: PolicySet, strangers: Mapping[str, Entity]) -> PolicySet:
    """Those that fit the schema; of a version without their type nobody can ask about them."""
    schema = policies.checked.schema.entities
    fitting: list[Entity] = []
    for entity in strangers.values():
        definition = schema.get(entity.type)
        if definition is None or not definition.is_directory:
            continue
        try:
            policies.with_fixtures([entity])
        except RequestError:
            continue
        fitting.append(entity)
    return policies.with_fixtures(fitting) if fitting else policies


def _strangers_in(asked: Asked, strangers: Mapping[str, Entity]) -> tuple[str, ...]:
    request = asked.request
    chain = (request.principal, *request.on_behalf_of)
    resource = () if request.resource is None else (request.resource,)
    return tuple(sorted({one.uid for one in (*chain, *resource)} & strangers.keys()))
