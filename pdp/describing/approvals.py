"""Routes and risk in words: who must agree, by when, and what is counted as dangerous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pdp.describing.conditions import Phrase, Speaker
from pdp.describing.document import Fact, SaidRisk, SaidRoute, Table
from pdp.describing.spelling import listed, number_word, quoted, seconds, sentence, words
from pdp.lang.checked import CheckedNeed, CheckedPolicies, RiskModel, Route

_DECIDE_WITHIN_S: Final = 24 * 3600
_USE_WITHIN_S: Final = 3600
_NOBODY: Final = "—"


def said_routes(policies: CheckedPolicies, speaker: Speaker) -> tuple[SaidRoute, ...]:
    """Every route, by name."""
    return tuple(
        SaidRoute(words(route.name), _lines(route, policies, speaker))
        for _, route in sorted(policies.routes.items())
    )


def _lines(route: Route, policies: CheckedPolicies, speaker: Speaker) -> tuple[Phrase, ...]:
    lines = [_need(need, speaker) for need in route.needs]
    if route.confirm_user:
        lines.append(Phrase("The person who asks confirms exactly this request."))
    if len(lines) > 1:
        lines = [Phrase("All of these are needed; one person fills one place only:", tuple(lines))]
    lines.append(Phrase(_exclusion(route.exclude)))
    decide_s = route.expires_s or _DECIDE_WITHIN_S
    use_s = route.use_within_s or _USE_WITHIN_S
    lines.append(
        Phrase(
            f"It is decided within {seconds(decide_s)} of the request; silence means no. What is"
            f" approved is done within {seconds(use_s)}, and is exactly what was asked."
        )
    )
    if route.escalate is not None:
        name, after_s = route.escalate
        lines.append(
            Phrase(
                f"If it is still open after {seconds(after_s)}, {quoted(words(name))} must agree"
                " too; approvals already given count."
            )
        )
    if route.show:
        shown = listed([speaker.value(path) for _, path in route.show])
        lines.append(Phrase(f"Before they decide, they see: {shown}."))
    lines.append(Phrase(_askers(route.name, policies)))
    return tuple(lines)


def _need(need: CheckedNeed, speaker: Speaker) -> Phrase:
    group = quoted(words(speaker.groups.get(need.group, need.group.partition("::")[2])))
    if need.count == 1:
        lead = f"One person in {group} agrees"
    else:
        lead = f"{number_word(need.count).capitalize()} different people in {group} agree"
    if need.where is None:
        return Phrase(f"{lead}.")
    phrase = speaker.phrase(need.where)
    if phrase.parts:
        return Phrase(f"{lead}, where {phrase.text}", phrase.parts)
    return Phrase(f"{lead}, where {phrase.text}.")


def _exclusion(exclude: Sequence[str]) -> str:
    barred = ["those who ask (the agent, and everyone it acts for)"]
    if "owner" in exclude:
        barred.append("the owner of the agent")
    if "same_team" in exclude:
        barred.append("anybody who shares a team with them")
    said = f"Not by {listed(barred, 'or')}."
    if "owner" not in exclude:
        said += (
            " The owner of the agent may approve only what can be undone, at a risk of at most"
            " medium."
        )
    return said


def _askers(name: str, policies: CheckedPolicies) -> str:
    rules = [rule.name for rule in policies.rules if name in rule.routes]
    tiers = policies.risk.tiers if policies.risk else ()
    asked = [f"rule {rule}" for rule in rules]
    asked += [f"risk tier {tier.name}" for tier in tiers if name in tier.routes]
    asked += [
        f"escalation of {quoted(words(other.name))}"
        for _, other in sorted(policies.routes.items())
        if other.escalate and other.escalate[0] == name
    ]
    return f"Asked by: {listed(asked)}." if asked else "Nothing asks for this so far."


def said_risk(risk: RiskModel, speaker: Speaker, reason: str) -> SaidRisk:
    """How points add up to tiers, and what tiers ask for."""
    facts = [Fact("Owner", risk.owner), Fact("Contact", risk.contact), Fact("Reason", reason)]
    points = tuple(
        (f"{factor.points:,}", factor.reason, sentence(f"if {speaker.say(factor.when)}"))
        for factor in risk.factors
    )
    tiers = tuple(
        (
            words(tier.name),
            f"{tier.from_points:,}",
            listed([quoted(words(route)) for route in tier.routes]) or _NOBODY,
        )
        for tier in risk.tiers
    )
    return SaidRisk(
        tuple(fact for fact in facts if fact.text),
        Table(("Points", "Why", "When"), points),
        Table(("Tier", "From points", "Approval of"), tiers),
    )
