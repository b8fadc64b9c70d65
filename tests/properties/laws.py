"""Laws that every program and request must keep, each a function that raises AssertionError.

They hold of the compiled evaluator alone: no reference, so a shared mistake cannot hide here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Final

from pdp.eval.policyset import PolicySet
from pdp.lang.checked import CheckedPolicies, Root, Rule
from pdp.lang.types import Node
from pdp.model import Decision, DenyCause, Effect, RequestError
from pdp.request import Request
from tests.changed import replace
from tests.properties.differential import built, checked_of, program_of
from tests.properties.generate import Program, requests, spread
from tests.properties.worlds import directory_text

Case = tuple[Request, int]

_STRICTNESS: Final = {Effect.ALLOW: 0, Effect.REQUIRE_APPROVAL: 1, Effect.DENY: 2}
# These depend on who else is in the chain, on the caller or on the people there are.
_NOT_THE_RULES: Final = {
    DenyCause.UNATTRIBUTED,
    DenyCause.UNSUPPORTED_OBLIGATION,
    DenyCause.NO_ELIGIBLE_APPROVER,
    DenyCause.APPROVAL_MISMATCH,
}
_OF_THE_CHAIN: Final = {"agent", "user", "chain", "risk"}


def strictness(decision: Decision) -> int:
    """Allow is less than approval is less than deny."""
    return _STRICTNESS[decision.effect]


def cases(made: Program, seed: int, count: int) -> Iterator[Case]:
    for item in requests(made, Random(seed), count):
        if not item.spoiled:
            yield Request.from_json(item.body), item.now_us


def decide(policies: PolicySet, case: Case) -> Decision:
    request, now_us = case
    return policies.decide(policies.bind(request), now_us)


# ---------------------------------------------------------------- more rules


def _with_rule(checked: CheckedPolicies, rule: Rule) -> CheckedPolicies:
    rules = sorted((*checked.rules, rule), key=lambda item: item.name)
    return replace(checked, rules=tuple(rules))


def adding_a_deny_never_yields_more(made: Program, seed: int, count: int) -> None:
    """Any rule's scope and condition, as a deny beside the others."""
    checked = checked_of(made)
    lent = Random(seed).choice(checked.rules)
    _adding_never_yields_more(
        made,
        replace(lent, name="zz.deny", effect="deny", routes=(), obligations=(), shadow=False),
        cases(made, seed, count),
    )


def adding_an_approval_never_yields_more(made: Program, seed: int, count: int) -> None:
    """Approval never beats deny, and asking people is never less than allowing.

    A deny for an obligation that the caller does not support may become an approval: that answer
    does not return every obligation. The allow that follows it meets the same deny.
    A route's conditions fit only the scopes of the rules that name it, so such a rule lends its
    scope; it asks under no condition then.
    """
    lending = [rule for rule in checked_of(made).rules if rule.routes]
    if lending:
        lent = Random(seed).choice(lending)
        _adding_never_yields_more(
            made,
            replace(lent, name="zz.require", when=None, unless=None, obligations=(), shadow=False),
            cases(made, seed, count),
        )


def _adding_never_yields_more(made: Program, rule: Rule, asked: Iterable[Case]) -> None:
    checked = checked_of(made)
    before, after = built(made, checked), built(made, _with_rule(checked, rule))
    for case in asked:
        first, second = decide(before, case), decide(after, case)
        if first.cause is not DenyCause.UNSUPPORTED_OBLIGATION:
            assert strictness(second) >= strictness(first), _shown(made, case)
        if first.cause is DenyCause.RULE:
            assert second.cause is DenyCause.RULE, _shown(made, case)


# ---------------------------------------------------------------- order


def order_changes_nothing(made: Program, seed: int, count: int) -> None:
    """The same declarations in other files, and rules of a policy in another order."""
    rng = Random(seed)
    declarations = [
        replace(declaration, text=_with_rules_shuffled(declaration.text, rng))
        for declaration in made.declarations
    ]
    rng.shuffle(declarations)
    files = spread(rng, declarations)
    files["people.directory.json"] = directory_text(made.directory)
    other = replace(made, files=files)
    first, second = built(made, checked_of(made)), built(other, checked_of(other))
    for case in cases(made, seed, count):
        assert _placeless(decide(first, case)) == _placeless(decide(second, case)), _shown(
            made, case
        )


def _with_rules_shuffled(text: str, rng: Random) -> str:
    if not text.startswith("policy "):
        return text
    head, *rules = re.split(r"(?m)^(?=    rule )", text.removesuffix("}"))
    rules = [rule.rstrip() + "\n" for rule in rules]
    rng.shuffle(rules)
    return head + "".join(rules) + "}"


def _placeless(decision: Decision) -> Decision:
    """Errors keep their rule and kind; where they stand in which file may differ."""
    errors = tuple(replace(error, file="", line=0, column=0) for error in decision.errors)
    return replace(decision, errors=errors, reasons=replace(decision.reasons, for_auditor=""))


# ---------------------------------------------------------------- chain


def the_strictest_member_decides(made: Program, seed: int, count: int) -> None:
    """A chain's answer is the strictest of its members', each judged as if alone.

    Only of rules that do not read the chain itself, and of answers that rules decided: no tiers.
    """
    checked = replace(checked_of(made), risk=None)
    rules = tuple(rule for rule in checked.rules if not _reads(rule, _OF_THE_CHAIN))
    policies = built(made, replace(checked, rules=rules))
    for request, now_us in cases(made, seed, count):
        together = decide(policies, (request, now_us))
        alone = [decide(policies, (member, now_us)) for member in _members(request)]
        if any(decision.cause in _NOT_THE_RULES for decision in (together, *alone)):
            continue
        expected = max(strictness(decision) for decision in alone)
        assert strictness(together) == expected, _shown(made, (request, now_us))


def _members(request: Request) -> Iterator[Request]:
    """A request by each member alone, which brings the same facts."""
    described = tuple(member for member in request.chain if member.attributes is not None)
    for member in request.chain:
        yield replace(
            request,
            principal=member,
            on_behalf_of=(),
            entities=(*request.entities, *described),
        )


def _reads(node: object, roots: set[str]) -> bool:
    """Whether a rule's conditions read one of the roots."""
    if isinstance(node, Root):
        return node.name in roots
    if isinstance(node, tuple):
        return any(_reads(item, roots) for item in node)
    if isinstance(node, Node):
        return any(_reads(getattr(node, name), roots) for name in node.__struct_fields__)
    return False


def _shown(made: Program, case: Case) -> str:
    return f"{made.text()}\n{case}"


# ---------------------------------------------------------------- hash seed

LAWS: Final = (
    adding_a_deny_never_yields_more,
    adding_an_approval_never_yields_more,
    order_changes_nothing,
    the_strictest_member_decides,
)


def must_keep(law: Callable[[Program, int, int], None], seeds: range, count: int) -> None:
    """The law on the programs of these seeds."""
    for seed in seeds:
        law(program_of(seed), seed, count)


def transcript(seeds: Iterable[int], count: int) -> str:
    """Every decision in full, to be compared between processes."""
    lines: list[str] = []
    for seed in seeds:
        made = program_of(seed)
        policies = built(made, checked_of(made))
        for case in cases(made, seed, count):
            try:
                lines.append(repr(decide(policies, case)))
            except RequestError as error:
                lines.append(repr(error))
    return "\n".join(lines)
