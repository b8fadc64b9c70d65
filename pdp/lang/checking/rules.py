"""Policies to checked rules: who, what, on what, conditions and obligations."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, assert_never

from pdp.lang import complaints, nodes
from pdp.lang.checked import (
    Expr,
    LogLevel,
    Notify,
    ObligationT,
    Rate,
    Redact,
    ResourceClause,
    Rule,
    WhoClause,
)
from pdp.lang.checking import wirepaths
from pdp.lang.conditions.expressions import check_condition
from pdp.lang.conditions.scope import Env, Scope
from pdp.lang.conditions.terms import IN_ALLOW
from pdp.lang.declared.metadata import Attributed, policy_attribution
from pdp.lang.declared.names import Names
from pdp.lang.declared.report import Report
from pdp.lang.source import Span
from pdp.lang.types import ActionDef, EntityT

RULES_MAX: Final = 100_000
RATE_COUNT_MAX: Final = 2**31 - 1
_MS_PER_S: Final = 1_000


@dataclass(frozen=True, slots=True)
class ScopedRule:
    """A checked rule with the scope its conditions were typed in (routes are typed in it too)."""

    rule: Rule
    scope: Scope


def covered_by(who: nodes.Who, target: nodes.Target, names: Names) -> int:
    """How many actions and principal types a rule or claim means, before it is read further."""
    actions = sum(len(names.action_sets.get(name.text, (name,))) for name in target.actions)
    types = sum(1 if item.type else len(names.principals) for item in who.items)
    return (actions or len(names.schema.actions)) + (types or len(names.principals))


def check_policies(
    policies: Iterable[nodes.PolicyDecl],
    names: Names,
    today: datetime.date | None,
    report: Report,
) -> list[ScopedRule]:
    """Every rule of every policy; a rule with a mistake is reported and left out."""
    found: list[ScopedRule] = []
    for policy in policies:
        attributed = policy_attribution(policy, today, report)
        seen: dict[str, Span] = {}
        for decl in policy.rules:
            before = seen.setdefault(decl.name.text, decl.name.span)
            if before is not decl.name.span:
                report.append(complaints.duplicate(decl.name.span, "rule", decl.name.text, before))
            scoped = _check_rule(decl, policy.name.text, attributed, names, report)
            if scoped is not None:
                found.append(scoped)
    return found


def _check_rule(
    decl: nodes.RuleDecl, policy: str, attributed: Attributed, names: Names, report: Report
) -> ScopedRule | None:
    errors_before = len(report)
    effect = decl.effect
    if effect.kind == "allow" and names.bundle.is_guard:
        report.append(
            complaints.bad_effect_clause(
                effect.span, "a guard never allows", "write the allow in the bundle that governs it"
            )
        )
    who = check_who(effect.who, names, report)
    actions = check_actions(effect.target, effect.kind, names, report)
    if effect.kind == "allow" and not effect.target.actions and not effect.target.resources:
        report.append(
            complaints.bad_effect_clause(
                effect.target.actions_span,
                "an allow over any action must name resource types",
                "write `any action on TYPE`, or name the actions",
            )
        )
    resources, covered, scope_resources = check_resources(effect.target, actions, names, report)
    for route in effect.routes:
        if route.text not in names.routes:
            report.append(complaints.unknown_route(route.span, route.text, names.routes))
    scope = scope_of(effect.target, who, covered, scope_resources, names)
    env = Env(names, scope, report, claimed_where=IN_ALLOW if effect.kind == "allow" else "")
    # Without a usable scope every path would be reported again: one complaint is enough.
    usable = bool(who and covered)
    when, unless = _conditions(decl, env) if usable else (None, None)
    obligations = _check_obligations(decl, env) if usable else ()
    if effect.kind == "deny" and decl.because is None:
        report.append(complaints.deny_without_because(decl.name.span, decl.name.text))
    if any(diagnostic.is_error for diagnostic in report[errors_before:]):
        return None
    rule = Rule(
        name=f"{policy}.{decl.name.text}",
        owner=attributed.owner,
        contact=attributed.contact,
        effect=effect.kind,
        who=tuple(who),
        actions=tuple(sorted({action.name for action in covered})),
        resources=resources,
        routes=tuple(sorted({names.routes[route.text].name.text for route in effect.routes})),
        when=when,
        unless=unless,
        because=decl.because.value if decl.because else "",
        obligations=obligations,
        span=decl.name.span,
        shadow=attributed.shadow,
    )
    return ScopedRule(rule, scope)


def _conditions(decl: nodes.RuleDecl, env: Env) -> tuple[Expr | None, Expr | None]:
    when = check_condition(decl.when, env) if decl.when is not None else None
    if decl.unless is None:
        return (when.expr if when else None), None
    inside = env.knowing(when.true) if when else env
    unless = check_condition(decl.unless, inside.without_claims("in `unless`"))
    return (when.expr if when else None), (unless.expr if unless else None)


def scope_of(
    target: nodes.Target,
    who: list[WhoClause],
    covered: list[ActionDef],
    resources: frozenset[str],
    names: Names,
) -> Scope:
    """What the roots can be in the conditions of a rule or claim about these actions."""
    entities = names.schema.entities
    principals = frozenset(name for clause in who for name in clause.types)
    resourceless = (
        [] if target.resources else [action.name for action in covered if not action.resources]
    )
    return Scope(
        principals=principals,
        has_agent=bool(principals) and all(entities[name].is_agent for name in principals),
        actions=tuple(covered),
        resources=resources,
        resourceless=tuple(resourceless),
        tolerant_args=not target.actions,
    )


# ---------------------------------------------------------------- who, what, on what


def check_who(who: nodes.Who, names: Names, report: Report) -> list[WhoClause]:
    """The principals a rule speaks of; empty after a mistake."""
    if not who.items:
        return [WhoClause(names.principals, None, who.span)] if names.principals else []
    clauses: list[WhoClause] = []
    fine = True
    for item in who.items:
        types = names.principals
        if item.type is not None:
            type_name = names.builder.declared_entity(item.type)
            if type_name is None:
                fine = False
                continue
            definition = names.schema.entities[type_name]
            if not definition.is_principal:
                report.append(complaints.not_a_principal(item.type.span, item.type.text))
                fine = False
                continue
            types = frozenset({definition.name})
        clause = _in_group(types, item.group, item.span, names, report)
        if clause is None:
            fine = False
        else:
            clauses.append(clause)
    return clauses if fine else []


def _in_group(
    types: frozenset[str], group: nodes.Name | None, span: Span, names: Names, report: Report
) -> WhoClause | None:
    if group is None:
        return WhoClause(types, None, span)
    found = group_of(group, names, report)
    if found is None:
        return None
    uid, group_type = found
    below = frozenset(t for t in types if group_type in names.above(t))
    if not below:
        listed = EntityT(types)
        report.append(complaints.never_equal(span, listed, EntityT(frozenset({group_type}))))
        return None
    return WhoClause(below, uid, span)


def group_of(name: nodes.Name, names: Names, report: Report) -> tuple[str, str] | None:
    """A declared group's uid and type; reports a name that is not one."""
    const = names.values.get(name.text)
    if name.text in names.refused or names.is_ambiguous(name, report):
        return None
    if const is None or name.text not in names.group_decls or not isinstance(const.type, EntityT):
        report.append(complaints.unknown_group(name.span, name.text, names.groups()))
        return None
    (type_name,) = const.type.names
    return str(const.value), type_name


def check_actions(
    target: nodes.Target, effect: str, names: Names, report: Report
) -> list[ActionDef]:
    """The actions a rule covers: named, by set, or all it may rule for ``any action``."""
    if not target.actions:
        return [a for a in names.schema.actions.values() if names.may_rule(a.name, effect)]
    found: dict[str, ActionDef] = {}
    for name in target.actions:
        for member in actions_named(name, names, report):
            if names.may_rule(member, effect):
                found[member] = names.schema.actions[member]
            else:
                governs = names.bundle.info.governs
                report.append(complaints.not_governed(name.span, member, governs))
    return list(found.values())


def actions_named(name: nodes.Name, names: Names, report: Report) -> tuple[str, ...]:
    """The actions that a name means, one or a set; none after reporting an unknown name."""
    if names.knows_action(name.text):
        return (name.text,)
    members = names.action_sets.get(name.text)
    if members is None and not names.is_ambiguous(name, report):
        known = [*names.schema.actions, *names.action_sets]
        report.append(complaints.unknown_action(name.span, name.text, known))
    return members or ()


def check_resources(
    target: nodes.Target, actions: list[ActionDef], names: Names, report: Report
) -> tuple[tuple[ResourceClause, ...] | None, list[ActionDef], frozenset[str]]:
    """The resource clauses, the actions they leave in scope, and the resource types in scope."""
    if not target.resources:
        return None, actions, frozenset(name for action in actions for name in action.resources)
    clauses: list[ResourceClause] = []
    for item in target.resources:
        type_name = names.builder.declared_entity(item.type)
        if type_name is None:
            continue
        if actions and not any(type_name in action.resources for action in actions):
            listed = [action.name for action in actions]
            takes = sorted({name for action in actions for name in action.resources})
            report.append(
                complaints.not_on_type(item.type.span, ", ".join(listed), [type_name], takes)
            )
            continue
        group = None
        if item.group is not None:
            clause = _in_group(frozenset({type_name}), item.group, item.span, names, report)
            if clause is None:
                continue
            group = clause.group
        clauses.append(ResourceClause(type_name, group, item.span))
    types = frozenset(clause.type for clause in clauses)
    covered = [action for action in actions if types & set(action.resources)]
    if target.actions and len(clauses) == len(target.resources):
        for action in actions:
            if action not in covered:
                report.append(
                    complaints.not_on_type(
                        target.actions_span, action.name, sorted(types), action.resources
                    )
                )
    taken = frozenset(name for action in covered for name in action.resources) & types
    return tuple(clauses), covered, taken


# ---------------------------------------------------------------- obligations


def _check_obligations(decl: nodes.RuleDecl, env: Env) -> tuple[ObligationT, ...]:
    kind = decl.effect.kind
    if decl.then and kind == "deny":
        env.report.append(
            complaints.bad_effect_clause(
                decl.then[0].span, "a deny has no obligations", "write an `oblige` rule beside it"
            )
        )
        return ()
    if kind == "oblige" and not decl.then:
        env.report.append(
            complaints.bad_effect_clause(
                decl.name.span, "an oblige rule states no obligation", "add `then log full`"
            )
        )
    if kind == "oblige" and decl.because is not None:
        env.report.append(
            complaints.bad_effect_clause(decl.because.span, "an oblige rule has no `because`")
        )
    found = [_obligation(node, env) for node in decl.then]
    return tuple(item for item in found if item is not None)


def _obligation(node: nodes.ObligationNode, env: Env) -> ObligationT | None:
    match node:
        case nodes.LogObligation():
            if node.level.text in {"summary", "full"}:
                return LogLevel(node.level.text)
            env.report.append(
                complaints.unknown_member(
                    node.level.span, node.level.text, "log", ("summary", "full")
                )
            )
            return None
        case nodes.RedactObligation():
            return _redact(node, env)
        case nodes.NotifyObligation():
            if isinstance(node.target, nodes.Text):
                return Notify(node.target.value)
            group = group_of(node.target, env.names, env.report)
            return Notify(group[0]) if group else None
        case nodes.SpendObligation():
            env.report.append(complaints.not_yet(node.span, "`spend` and budgets"))
            return None
        case nodes.RateObligation():
            per_ms = int(node.per.value)
            if not 1 <= node.count <= RATE_COUNT_MAX or per_ms <= 0 or per_ms % _MS_PER_S:
                env.report.append(
                    complaints.bad_obligation(
                        node.span,
                        "a rate counts at least 1 in whole seconds",
                        "`rate 30 per 1h by agent`",
                    )
                )
                return None
            return Rate(node.count, per_ms // _MS_PER_S, node.subject.text)
        case _:
            assert_never(node)


def _redact(node: nodes.RedactObligation, env: Env) -> Redact | None:
    shown: set[str] = set()
    hidden: set[str] = set()
    fine = True
    for path in node.paths:
        found = wirepaths.redacted(path, env)
        if found is None:
            fine = False
            continue
        shown |= found[0]
        hidden |= found[1]
    return Redact(tuple(sorted(shown)), tuple(sorted(hidden))) if fine else None
