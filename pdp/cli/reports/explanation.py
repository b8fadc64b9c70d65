"""An explanation in text and as JSON: ten lines, or all of it. Decides and reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pdp.cli.output import counted, place, safe
from pdp.decisionlog.show import message_to_json, time_text
from pdp.explanation import Approvers, Condition, Explanation, RiskOutcome, RuleOutcome
from pdp.explanationform import explanation_to_proto
from pdp.model import DenyCause

LINES: Final = 10

_STYLE: Final = {"held": "green", "false": "dim", "error": "red"}
_RANK: Final = {"error": 0, "held": 1, "false": 2}
_NS_PER_US: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Told:
    """Outcomes that differ by nothing but the member of the chain."""

    outcome: RuleOutcome
    principals: tuple[str, ...]
    is_near: bool

    @property
    def rank(self) -> tuple[object, ...]:
        """The most telling first: what decided or nearly did, errors, what held, what lacks least.

        What a shadow rule came to decided nothing.
        """
        outcome = self.outcome
        is_first = outcome.determining or self.is_near
        return (
            outcome.shadow, not is_first, _RANK[outcome.outcome], outcome.unmet_count,
        )  # fmt: skip


def to_json(explanation: Explanation) -> dict[str, object]:
    """In the form of ``ExplainResponse``, without the decision; ``now`` as RFC 3339."""
    shown: dict[str, object] = dict(message_to_json(explanation_to_proto(explanation, "")))
    del shown["decision"]
    return shown | {"now": time_text(explanation.now_us * _NS_PER_US)}


def short_lines(explanation: Explanation, root: Path) -> list[str]:
    """At most ten marked-up lines, the most telling ones; the last says what is missing."""
    told = sorted(_merged(explanation), key=lambda item: item.rank)
    rules = [*_nobody(explanation), *(_line(item, root) for item in told)]
    rules = rules or ["  no rule was read for this request"]
    ends = [*_risk_line(explanation.risk), *_approver_lines(explanation)]
    lines = [*rules, *ends]
    if len(lines) <= LINES and not explanation.left_out:
        return lines
    ends = ends[: LINES // 2]
    kept = rules[: LINES - 1 - len(ends)]
    more = len(lines) - len(kept) - len(ends)
    parts = [f"{more} more: --explain-all"] if more else []
    return [*kept, *ends, f"  {'; '.join([*parts, *_left_out(explanation)])}"]


def all_lines(explanation: Explanation, root: Path) -> Iterator[str]:
    """Everything, a heading for each member of the chain, and for each rule what was not true."""
    if not explanation.outcomes:
        yield "  no rule was read for this request"
    for principal in dict.fromkeys(told.principal for told in explanation.outcomes):
        yield f"  rules for {safe(principal)}"
        for outcome in explanation.outcomes:
            if outcome.principal == principal:
                yield from _lines(outcome, root)
    for text in _left_out(explanation):
        yield f"  {text}"
    for near in explanation.nearest:
        names = ", ".join(told.rule for told in near.rules) or "no allow rule is for this"
        yield f"  nearest for {safe(near.principal)}: {safe(names)}"
    yield from _risk_line(explanation.risk)
    for factor in explanation.risk.factors if explanation.risk else ():
        style = _STYLE[factor.outcome]
        line = f"    [{style}]{factor.outcome:<5}[/]  {factor.points:>3}  {safe(factor.reason)}"
        yield f"{line}  {_condition(factor.condition, root)}"
    yield from _approver_lines(explanation)


def candidate_line(rule: str, reason: str, explanation: Explanation) -> str:
    """Why a rule was not asked, or for whom it was and what it came to."""
    if reason:
        return f"  no candidate: {safe(reason)}"
    came = [
        f"{told.outcome} for {told.principal}" for told in explanation.outcomes if told.rule == rule
    ]
    return f"  `{safe(rule)}` is a candidate: {safe(', '.join(came) or 'left out')}"


def _merged(explanation: Explanation) -> Iterator[_Told]:
    near = {(told.principal, told.rule) for item in explanation.nearest for told in item.rules}
    groups: dict[RuleOutcome, list[RuleOutcome]] = {}
    for outcome in explanation.outcomes:
        groups.setdefault(replace(outcome, principal=""), []).append(outcome)
    for group in groups.values():
        principals = tuple(dict.fromkeys(outcome.principal for outcome in group))
        is_near = any((outcome.principal, outcome.rule) in near for outcome in group)
        yield _Told(group[0], principals, is_near)


def _nobody(explanation: Explanation) -> list[str]:
    """Members of the chain for whom no allow rule is a candidate: nothing could be near."""
    return [
        f"  [red]none [/]  no allow rule is for this action, resource and {safe(near.principal)}"
        for near in explanation.nearest
        if not near.rules
    ]


def _line(told: _Told, root: Path) -> str:
    outcome = told.outcome
    line = f"{_head(outcome)} for {safe(', '.join(told.principals))}"
    # Of what nearly held all is told that it lacks; elsewhere the part that decided will do.
    shown = outcome.unmet if told.is_near else outcome.unmet[:1]
    hidden = outcome.unmet_count - len(shown)
    parts = [_condition(condition, root) for condition in shown]
    parts += [f"and {hidden} more"] if hidden else []
    return f"{line}: {'; '.join(parts)}" if parts else line


def _lines(outcome: RuleOutcome, root: Path) -> Iterator[str]:
    yield f"  {_head(outcome)}"
    for condition in outcome.unmet:
        yield f"           {_condition(condition, root)}"
    if outcome.unmet_left_out:
        yield f"           and {outcome.unmet_left_out} more"


def _head(outcome: RuleOutcome) -> str:
    style = _STYLE[outcome.outcome]
    mark = "shadow " if outcome.shadow else ""
    head = f"  [{style}]{outcome.outcome:<5}[/]  {mark}{outcome.effect:<7}  "
    name = safe(outcome.rule)
    return head + (f"[bold]{name}[/]" if outcome.determining else name)


def _condition(condition: Condition, root: Path) -> str:
    """Where, which words, why they could not be evaluated, and what they read."""
    where = f"{place(root, condition.file)}:{condition.line}:{condition.column}"
    words = f"`{condition.text}`" if condition.text else "reads a secret field"
    notes = [condition.error] if condition.error else []
    notes += [f"{path} = {value}" for path, value in condition.values]
    return " ".join(
        [safe(words), *([f"({safe(', '.join(notes))})"] if notes else []), f"[dim]{safe(where)}[/]"]
    )


def _left_out(explanation: Explanation) -> list[str]:
    left_out = explanation.left_out
    return [f"{counted(left_out, 'outcome')} beyond the limit not told"] if left_out else []


def _risk_line(risk: RiskOutcome | None) -> list[str]:
    """The sum, with what adds up to it."""
    if risk is None:
        return []
    counting = [f"{f.points} {f.reason}" for f in risk.factors if f.outcome != "false"]
    parts = f": {safe(', '.join(counting))}" if counting else ""
    return [f"  risk   {counted(risk.points, 'point')}, tier {safe(risk.tier)}{parts}"]


def _approver_lines(explanation: Explanation) -> list[str]:
    decision = explanation.decision
    lines = [_approvers(item) for item in explanation.approvers]
    if decision.approval is not None and decision.approval.confirm_user:
        lines.append(f"  confirmed by {safe(decision.attribution.chain[-1])}")
    if decision.cause is DenyCause.NO_ELIGIBLE_APPROVER and not lines:
        lines.append("  nobody at the end of the chain could confirm this")
    return lines


def _approvers(approvers: Approvers) -> str:
    need = approvers.need
    where = f" where {need.where}" if need.where else ""
    others = approvers.count - len(approvers.people)
    people: Sequence[str] = [*approvers.people, *([f"{others} more"] if others else [])]
    return (
        f"  {safe(f'{need.count} of {need.group}{where}')} could be"
        f" {counted(approvers.count, 'person', 'people')}{_listed(people)}"
    )


def _listed(people: Iterable[str]) -> str:
    text = safe(", ".join(people))
    return f": {text}" if text else ""
