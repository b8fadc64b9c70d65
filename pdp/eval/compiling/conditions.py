"""What rules ask for, as conditions in one scope. Evaluates nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pdp.eval.emit.paths import Scope
from pdp.lang.checked import And, Const, Expr, InEntity, Not, Or, Root, Rule
from pdp.lang.source import Span
from pdp.lang.types import EntityT


def conditions_for(rules: Sequence[Rule], scope: Scope) -> list[tuple[int, And]]:
    """The place and the condition of each of ``rules`` that is for principals of the scope."""
    return [
        (place, condition_of(rule, scope))
        for place, rule in enumerate(rules)
        if any(scope.principal_type in clause.types for clause in rule.who)
    ]


def condition_of(rule: Rule, scope: Scope) -> And:
    """What ``rule`` asks for where the principal's and the resource's types are those of ``scope``.

    Clauses for other types are false there, so they are left out; one without a group is true.
    """
    parts: list[Expr] = []
    who = [clause for clause in rule.who if scope.principal_type in clause.types]
    parts += _clauses("principal", [(clause.group, clause.span) for clause in who], scope)
    if rule.resources is not None:
        on = [clause for clause in rule.resources if clause.type == scope.resource_type]
        parts += _clauses("resource", [(clause.group, clause.span) for clause in on], scope)
    if rule.when is not None:
        parts.append(rule.when)
    if rule.unless is not None:
        parts.append(Not(rule.unless, rule.unless.span))
    return And(tuple(parts), rule.span)


def _clauses(root: str, clauses: list[tuple[str | None, Span]], scope: Scope) -> list[Expr]:
    if not clauses:
        raise AssertionError(f"no clause fits the {root}, so the rule is no candidate")
    actor_type = scope.principal_type if root == "principal" else scope.resource_type
    item_type = EntityT(frozenset((actor_type or "",)))
    tests: list[Expr] = []
    for group, span in clauses:
        if group is None:
            return []
        group_type = EntityT(frozenset((group.partition("::")[0],)))
        tests.append(InEntity(Root(root, item_type, span), Const(group, group_type, span), span))
    return [Or(tuple(tests), clauses[0][1])]


__all__ = ["condition_of", "conditions_for"]
