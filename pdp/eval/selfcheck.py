"""Compiled answers against the reference interpreter's, on requests made from a program. No I/O.

For whoever is about to let a program decide: a difference is a bug of the engine, not of a policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from msgspec.structs import replace

from pdp.eval import reference
from pdp.eval.invariants.cast import cast_of
from pdp.eval.invariants.drawing import Artist
from pdp.eval.invariants.hints import hints_of
from pdp.eval.invariants.scene import Scene
from pdp.eval.invariants.trial import Policies
from pdp.lang.checked import CheckedPolicies, Invariant, Rule
from pdp.model import Decision, Entity, RequestError

# What both must agree on. The rest of a Decision is texts, identities and receipts.
COMPARED: Final = (
    "effect",
    "cause",
    "rules",
    "attribution",
    "obligations",
    "approval",
    "errors",
    "risk",
    "shadow",
    "hidden_paths",
    "next_action",
)
_KEPT_MAX: Final = 50
# Of so many requests, one is drawn anew; the others are earlier ones with a few parts changed.
_CHANGED_SHARE: Final = 0.5
# What was answered once may be answered in a quicker way the next time.
_ASKED_EACH: Final = 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """``compared`` requests were answered by both, ``refused`` ones by neither.

    ``difference`` says what the first difference is, in one line; empty when there is none.
    """

    compared: int
    refused: int
    difference: str = ""

    @property
    def passed(self) -> bool:
        return not self.difference


def compare(
    checked: CheckedPolicies,
    policies: Policies,
    directory: Mapping[str, Entity],
    seed: int,
    count: int,
) -> Comparison:
    """``count`` requests, each about some rule, until the answers differ; the same for a seed.

    ``policies`` answers for ``checked`` over ``directory``.
    """
    if not checked.rules or not count:
        return Comparison(0, 0)
    # Unpacked once: the interpreter reads every rule for every request.
    checked = replace(checked, rules=tuple(checked.rules))
    rng = Random(f"{seed}")  # noqa: S311 - makes test requests; no secret
    artist = Artist(rng, checked, cast_of(checked, directory), hints_of(checked))
    artist.fill_cast()
    answering = policies.with_fixtures(artist.cast.added.values())
    compared = refused = 0
    for scene, rule in _scenes(artist, rng, checked, count):
        bound = _bound(answering, scene, checked)
        if bound is None:
            refused += 1
            continue
        wanted = reference.decide(checked, artist.cast.directory, bound.request, scene.now_us)
        for _ in range(_ASKED_EACH):
            found = _difference(answering, bound, scene.now_us, wanted)
            if found:
                return Comparison(compared, refused, f"{found}, for a request about `{rule}`")
        compared += 1
    return Comparison(compared, refused)


def _scenes(
    artist: Artist, rng: Random, checked: CheckedPolicies, count: int
) -> Iterator[tuple[Scene, str]]:
    """Requests, each with the rule that it was made for."""
    kept: list[tuple[Scene, Invariant]] = []
    for _ in range(count):
        if kept and rng.random() < _CHANGED_SHARE:
            earlier, claim = rng.choice(kept)
            scene = artist.changed(claim, earlier)
        else:
            claim = _as_claim(rng.choice(checked.rules))
            scene = artist.scene(claim)
        kept = [*kept, (scene, claim)][-_KEPT_MAX:]
        yield scene, claim.title


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


def _bound(policies: Policies, scene: Scene, checked: CheckedPolicies) -> Any:
    """The request, typed; None when the door refuses it or nothing in it can be judged."""
    try:
        bound = policies.bind(scene.request(checked.schema))
    except RequestError:
        return None
    return None if bound.invalid is not None else bound


def _difference(policies: Policies, bound: Any, now_us: int, wanted: Decision) -> str:
    try:
        found = policies.decide(bound, now_us)
    except Exception as bug:  # noqa: BLE001 - whatever it is, the program must not decide
        return f"the compiled policies broke off with {type(bug).__name__}"
    parts = [part for part in COMPARED if getattr(found, part) != getattr(wanted, part)]
    if not parts:
        return ""
    return f"compiled and reference answers differ in {', '.join(parts)}"


__all__ = ["COMPARED", "Comparison", "compare"]
