"""Every place in a declaration where a name is used, one after the other; resolves nothing.

One walk serves two questions: what does this name mean, and what could be written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, assert_never

from pdp.lang import nodes
from pdp.lang.conditions.scope import Env, Scope
from pdp.lang.declared.names import Names
from pdp.lang.declared.report import BROKEN
from pdp.lang.types import CollT, EntityT, FieldT, RecordT, Type
from pdp.lsp import scopes
from pdp.lsp.places import Binding, CallUse, KeyUse, NameUse, PathUse, Place, Role, ValueUse

Places: TypeAlias = Iterator[Place]


def walk(decl: nodes.Declaration, names: Names, routes: Mapping[str, Scope]) -> Places:
    """Every use of a name in ``decl``, by and large in the order written.

    ``routes`` are the scopes of the rules that use each route (``scopes.route_scopes``).
    """
    match decl:
        case nodes.BundleDecl() | nodes.EnumDecl() | nodes.BudgetDecl():
            return
        case nodes.ImportDecl():
            yield NameUse(Role.BUNDLE, decl.name, names)
        case nodes.TypeDecl() | nodes.ContextDecl():
            yield from _type(decl.record, names)
        case nodes.EntityDecl() | nodes.ActionDecl():
            yield from _schema(decl, names)
        case nodes.ActionsDecl():
            yield from (NameUse(Role.ACTION, member, names) for member in decl.members)
        case nodes.GroupDecl():
            yield NameUse(Role.ENTITY, decl.entity.type, names)
        case nodes.ConstDecl():
            yield from _type(decl.type, names)
            const = names.values.get(decl.name.text)
            yield from _value(decl.value, const.type if const else _plain(decl.type, names), names)
        case nodes.DataDecl():
            yield from _type(decl.type, names)
        case nodes.PredicateDecl():
            for param in decl.params or ():
                yield from _type(param.type, names)
            yield from _expr(decl.body, scopes.predicate_env(decl, names))
        case nodes.WindowDecl():
            if decl.holidays is not None:
                yield NameUse(Role.HOLIDAYS, decl.holidays, names)
        case nodes.RouteDecl():
            yield from _route(decl, scopes.route_env(decl, names, routes))
        case nodes.RiskDecl():
            yield from _risk(decl, names)
        case nodes.PolicyDecl():
            for rule in decl.rules:
                yield from _rule(rule, names)
        case nodes.InvariantDecl():
            for claim in decl.claims:
                yield from _claim(claim, names)
        case nodes.FixtureDecl():
            yield from _fixture(decl, names)
        case nodes.TestDecl():
            yield from _test(decl, names)
        case _:
            assert_never(decl)


# ---------------------------------------------------------------- schema and values


def _schema(decl: nodes.EntityDecl | nodes.ActionDecl, names: Names) -> Places:
    listed = decl.parents if isinstance(decl, nodes.EntityDecl) else decl.resources
    yield from (NameUse(Role.ENTITY, name, names) for name in listed)
    if isinstance(decl, nodes.ActionDecl):
        yield NameUse(Role.RISK, decl.risk, names)
    if decl.record is not None:
        yield from _type(decl.record, names)


def _type(node: nodes.TypeNode, names: Names) -> Places:
    match node:
        case nodes.PrimType():
            return
        case nodes.NamedType():
            yield NameUse(Role.TYPE, nodes.Name(node.name, node.span), names)
        case nodes.CollType():
            yield from _type(node.item, names)
        case nodes.RecordType():
            for field in node.fields:
                yield from _type(field.type, names)
        case _:
            assert_never(node)


def _plain(node: nodes.TypeNode, names: Names) -> Type | None:
    """The type of a const whose value does not check; only enums and entities help a name."""
    match node:
        case nodes.NamedType():
            if node.name in names.enums:
                return names.enums[node.name]
            return EntityT(frozenset({node.name})) if node.name in names.schema.entities else None
        case nodes.CollType():
            item = _plain(node.item, names)
            return None if item is None else CollT(node.kind, item, 0, 0)
        case _:
            return None


def _value(
    node: nodes.Value, expected: Type | None, names: Names, *, fixtures: bool = False
) -> Places:
    match node:
        case nodes.Literal() | nodes.Negative():
            return
        case nodes.EntityLiteral():
            yield NameUse(Role.ENTITY, node.type, names)
        case nodes.Name():
            yield ValueUse(node, expected, names, fixtures)
        case nodes.ListValue():
            inner = expected.item if isinstance(expected, CollT) else None
            for item in node.items:
                yield from _value(item, inner, names, fixtures=fixtures)
        case nodes.RecordValue():
            owners = ((expected.name, expected.fields),) if isinstance(expected, RecordT) else ()
            yield from _record(node, owners, names, fixtures=fixtures)
        case _:
            assert_never(node)


def _record(
    node: nodes.RecordValue,
    owners: Sequence[tuple[str, tuple[FieldT, ...]]],
    names: Names,
    *,
    fixtures: bool = True,
) -> Places:
    taken = frozenset(name.text for name, _ in node.pairs)
    for name, value in node.pairs:
        yield KeyUse(name, tuple(owners), names, taken)
        fields = [f for _, declared in owners for f in declared if f.name == name.text]
        inner = fields[0].type if fields else None
        yield from _value(value, inner, names, fixtures=fixtures)


# ---------------------------------------------------------------- routes, risk, rules


def _route(decl: nodes.RouteDecl, env: Env) -> Places:
    for item in decl.items:
        match item:
            case nodes.NeedItem():
                yield NameUse(Role.GROUP, item.group, env.names)
                if item.where is not None:
                    yield from _expr(item.where, scopes.approver_env(item, env))
            case nodes.EscalateItem():
                yield NameUse(Role.ROUTE, item.route, env.names)
            case nodes.ShowItem():
                yield from (PathUse(path, env) for path in item.paths)
            case _:
                pass  # names nothing


def _risk(decl: nodes.RiskDecl, names: Names) -> Places:
    env = scopes.wide_env(names)
    for factor in decl.points:
        yield from _expr(factor.when, env)
    for tier in decl.tiers:
        yield NameUse(Role.RISK, tier.name, names)
        yield from (NameUse(Role.ROUTE, route, names) for route in tier.routes)


def _rule(rule: nodes.RuleDecl, names: Names) -> Places:
    effect = rule.effect
    yield from (NameUse(Role.ROUTE, route, names) for route in effect.routes)
    yield from _target(effect.who, effect.target, names)
    env = Env(names, scopes.scope_of(effect.who, effect.target, names), [])
    for condition in (rule.when, rule.unless):
        if condition is not None:
            yield from _expr(condition, env)
    for node in rule.then:
        match node:
            case nodes.LogObligation():
                yield NameUse(Role.LOG_LEVEL, node.level, names)
            case nodes.RedactObligation():
                yield from (PathUse(path, env, through=True) for path in node.paths)
            case nodes.NotifyObligation(target=nodes.Name() as group):
                yield NameUse(Role.GROUP, group, names)
            case nodes.SpendObligation():
                yield NameUse(Role.BUDGET, node.budget, names)
                yield from _expr(node.amount, env)
            case nodes.NotifyObligation() | nodes.RateObligation():
                pass  # names nothing
            case _:
                assert_never(node)


def _claim(claim: nodes.Claim, names: Names) -> Places:
    if claim.outcome.route is not None:
        yield NameUse(Role.ROUTE, claim.outcome.route, names)
    yield from _target(claim.who, claim.target, names)
    if claim.when is not None:
        env = Env(names, scopes.scope_of(claim.who, claim.target, names), [])
        yield from _expr(claim.when, env)


def _target(who: nodes.Who, target: nodes.Target, names: Names) -> Places:
    for item in who.items:
        if item.type is not None:
            yield NameUse(Role.PRINCIPAL, item.type, names)
        if item.group is not None:
            types = None if item.type is None else frozenset({item.type.text})
            yield NameUse(Role.GROUP, item.group, names, types)
    yield from (NameUse(Role.ACTION, action, names) for action in target.actions)
    on = frozenset(r for action in scopes.actions_of(target, names) for r in action.resources)
    for resource in target.resources:
        yield NameUse(Role.RESOURCE, resource.type, names, on)
        if resource.group is not None:
            yield NameUse(Role.GROUP, resource.group, names, frozenset({resource.type.text}))


# ---------------------------------------------------------------- fixtures and tests


def _fixture(decl: nodes.FixtureDecl, names: Names) -> Places:
    yield NameUse(Role.ENTITY, decl.entity.type, names)
    definition = names.schema.entities.get(decl.entity.type.text)
    above = EntityT(frozenset(definition.parents)) if definition else None
    yield from (ValueUse(parent, above, names, fixtures=True) for parent in decl.parents)
    if decl.record is not None:
        owners = ((definition.name, definition.fields),) if definition else ()
        yield from _record(decl.record, owners, names)


def _test(decl: nodes.TestDecl, names: Names) -> Places:
    action = next(
        (
            names.schema.actions.get(item.action.text)
            for item in decl.items
            if isinstance(item, nodes.DoItem)
        ),
        None,
    )
    args = ((action.name, action.fields),) if action else ()
    context = (("context", names.schema.context),)
    for item in decl.items:
        match item:
            case nodes.AgentItem():
                yield from (NameUse(Role.AGENT, name, names) for name in item.names)
            case nodes.UserItem():
                yield NameUse(Role.PERSON, item.name, names)
            case nodes.DoItem():
                yield NameUse(Role.ONE_ACTION, item.action, names)
                if item.resource is not None:
                    on = frozenset(action.resources) if action else None
                    yield NameUse(Role.THING, item.resource, names, on)
                if item.record is not None:
                    yield from _record(item.record, args, names)
            case nodes.ContextItem():
                yield from _record(item.record, context, names)
            case nodes.ExpectItem():
                yield from _expect(item, names)
            case nodes.CasesItem():
                for case in item.cases:
                    yield from _record(case.record, (*args, *context), names)
                    yield from _expect(case.expect, names)
            case _:
                assert_never(item)


def _expect(item: nodes.ExpectItem, names: Names) -> Places:
    if item.outcome.route is not None:
        yield NameUse(Role.ROUTE, item.outcome.route, names)
    if item.cause is not None:
        yield NameUse(Role.CAUSE, item.cause, names)
    if item.tier is not None:
        yield NameUse(Role.RISK, item.tier, names)
    yield from (NameUse(Role.RULE, rule, names) for rule in item.by)


# ---------------------------------------------------------------- conditions


def _expr(node: nodes.Expr, env: Env, expected: Type | None = None) -> Places:
    match node:
        case nodes.Literal() | nodes.BadDate():
            return
        case nodes.Path():
            yield PathUse(node, env, expected)
        case nodes.Has():
            yield PathUse(node.path, env)
        case nodes.EntityLiteral():
            yield NameUse(Role.ENTITY, node.type, env.names)
        case nodes.Group():
            yield from _expr(node.inner, env, expected)
        case nodes.Not() | nodes.Negative():
            yield from _expr(node.operand, env, expected)
        case nodes.Junction() | nodes.Sum() | nodes.Product():
            for operand in node.operands:
                yield from _expr(operand, env)
        case nodes.ListExpr():
            for item in node.items:
                yield from _expr(item, env, expected)
        case nodes.Compare():
            yield from _expr(node.left, env, scopes.type_of(node.right, env))
            yield from _expr(node.right, env, scopes.type_of(node.left, env))
        case nodes.MemberOf():
            yield from _expr(node.left, env)
            yield from _expr(node.right, env, scopes.type_of(node.left, env))
        case nodes.TextTest():
            yield from _expr(node.subject, env)
        case nodes.Begins():
            yield from _expr(node.subject, env)
            subject = scopes.type_of(node.subject, env)
            yield from _expr(node.prefix, env, subject.item if isinstance(subject, CollT) else None)
        case nodes.Quantified():
            yield from _quantified(node, env)
        case nodes.Call():
            yield from _call(node, env)
        case _:
            assert_never(node)


def _quantified(node: nodes.Quantified, env: Env) -> Places:
    collection = scopes.type_of(node.collection, env)
    item = collection.item if isinstance(collection, CollT) else None
    yield Binding(node.variable, item)
    yield PathUse(node.collection, env)
    bound = scopes.variable(node.variable, item or BROKEN)
    variables = {**(env.variables or {}), node.variable.text: bound}
    yield from _expr(node.body, replace(env, variables=variables, in_quantifier=True))


def _call(node: nodes.Call, env: Env) -> Places:
    yield CallUse(node.name, env)
    predicate = env.names.predicates.get(node.name.text)
    wanted = list((predicate.params or {}).values()) if predicate else []
    for index, argument in enumerate(node.arguments):
        yield from _expr(argument, env, wanted[index] if index < len(wanted) else None)
