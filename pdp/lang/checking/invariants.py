"""Invariants to checked claims about every request."""

from __future__ import annotations

from collections.abc import Iterable

from pdp.lang import complaints, nodes
from pdp.lang.checked import Invariant
from pdp.lang.checking.rules import actions_named, check_resources, check_who, scope_of
from pdp.lang.conditions.expressions import check_condition
from pdp.lang.conditions.scope import Env
from pdp.lang.declared.metadata import invariant_owner
from pdp.lang.declared.names import Names
from pdp.lang.declared.report import Report
from pdp.lang.types import ActionDef


def check_invariants(
    decls: Iterable[nodes.InvariantDecl], names: Names, report: Report
) -> list[Invariant]:
    """Every claim, in order. A claim may speak of any action the bundle can name."""
    found: list[Invariant] = []
    for decl in decls:
        owner = invariant_owner(decl, report)
        for claim in decl.claims:
            invariant = _claim(decl, claim, owner, names, report)
            if invariant is not None:
                found.append(invariant)
    return found


def _claim(
    decl: nodes.InvariantDecl, claim: nodes.Claim, owner: str, names: Names, report: Report
) -> Invariant | None:
    errors = len(report)
    who = check_who(claim.who, names, report)
    actions = _actions(claim.target, names, report)
    resources, covered, types = check_resources(claim.target, actions, names, report)
    route = claim.outcome.route
    if route is not None and route.text not in names.routes:
        report.append(complaints.unknown_route(route.span, route.text, names.routes))
    scope = scope_of(claim.target, who, covered, types, names)
    when = None
    if claim.when is not None and who and covered:
        when = check_condition(claim.when, Env(names, scope, report))
    if any(diagnostic.is_error for diagnostic in report[errors:]):
        return None
    return Invariant(
        decl.title.value,
        owner,
        claim.quantifier.text,
        claim.outcome.kind,
        names.routes[route.text].name.text if route is not None else None,
        tuple(who),
        tuple(sorted(action.name for action in covered)),
        resources,
        when.expr if when else None,
        claim.span,
    )


def _actions(target: nodes.Target, names: Names, report: Report) -> list[ActionDef]:
    if not target.actions:
        return [a for a in names.schema.actions.values() if names.knows_action(a.name)]
    found = {
        member: names.schema.actions[member]
        for name in target.actions
        for member in actions_named(name, names, report)
    }
    return list(found.values())
