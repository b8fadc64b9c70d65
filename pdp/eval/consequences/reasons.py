"""One answer told to three readers. No value of a request may enter what the model reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pdp.model import DenyCause, DeterminingRule, Effect, Reasons, RuleError

_ALLOWED: Final = "Allowed."
_DENIED: Final = {
    DenyCause.RULE: "a rule forbids this.",
    DenyCause.ERROR: "the facts that a rule needs are not known.",
    DenyCause.UNATTRIBUTED: "no person is known to answer for this.",
    DenyCause.NO_ALLOW: "no rule allows this.",
    DenyCause.UNSUPPORTED_OBLIGATION: "the caller does not support an obligation of this.",
    DenyCause.NO_ELIGIBLE_APPROVER: "this needs approval, and nobody who could give it is known.",
    DenyCause.APPROVAL_MISMATCH: "the approval presented is not for this request.",
    DenyCause.INVALID_REQUEST: "the request names something that the policies do not declare.",
}


def of(  # noqa: PLR0913, PLR0917 - all that an answer follows from
    effect: Effect,
    causes: Sequence[DenyCause],
    rules: Sequence[DeterminingRule],
    routes: Sequence[str],
    errors: Sequence[RuleError],
    contact: str,
) -> Reasons:
    """The reasons of an answer. The first of ``causes`` is answered; ``rules`` determined it.

    ``routes`` are those required. ``contact`` is the bundle's, for where no rule says whom to ask.
    """
    told = _told(effect, causes, rules, routes)
    person = told
    if effect is not Effect.ALLOW:
        contacts = _distinct(rule.contact for rule in rules) or _distinct([contact])
        if contacts:
            person = f"{told} Ask {' or '.join(contacts)}."
    return Reasons(told, person, _audited(effect, causes, rules, errors))


def of_invalid(problem: str, contact: str) -> Reasons:
    """The reasons of a request that was not evaluated; only the person is told what it named."""
    told = f"Denied: {_DENIED[DenyCause.INVALID_REQUEST]}"
    person = f"Denied: {problem}" + ("" if problem.endswith("?") else ".")
    if contact:
        person = f"{person} Ask {contact}."
    return Reasons(told, person, f"deny; causes: {DenyCause.INVALID_REQUEST.value}")


def _told(
    effect: Effect,
    causes: Sequence[DenyCause],
    rules: Sequence[DeterminingRule],
    routes: Sequence[str],
) -> str:
    because = " ".join(_distinct(rule.because for rule in rules))
    match effect:
        case Effect.ALLOW:
            return _ALLOWED
        case Effect.REQUIRE_APPROVAL:
            word = "route" if len(routes) == 1 else "routes"
            needs = f"Needs approval from {word} {', '.join(routes)}"
            return f"{needs}: {because}" if because else f"{needs}."
        case Effect.DENY:
            if causes[0] is DenyCause.RULE and because:
                return f"Denied: {because}"
            return f"Denied: {_DENIED[causes[0]]}"


def _audited(
    effect: Effect,
    causes: Sequence[DenyCause],
    rules: Sequence[DeterminingRule],
    errors: Sequence[RuleError],
) -> str:
    parts = [effect.value]
    if causes:
        parts.append(f"causes: {', '.join(cause.value for cause in causes)}")
    if rules:
        parts.append(f"rules: {', '.join(rule.rule for rule in rules)}")
    if errors:
        places = [f"{e.rule} {e.kind} at {e.file}:{e.line}:{e.column}" for e in errors]
        parts.append(f"errors: {', '.join(places)}")
    return "; ".join(parts)


def _distinct(texts: Iterable[str]) -> list[str]:
    """Without repetitions and empty texts, in the order given."""
    return list(dict.fromkeys(text for text in texts if text))


__all__ = ["of", "of_invalid"]
