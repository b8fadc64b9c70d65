"""What the roots of a path can be where a condition stands; lenient, and it reports nothing.

The checker decides what is right. Here a half-written rule still gets an answer: what is not
understood stands for everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pdp.lang import nodes
from pdp.lang.checked import Const, Var
from pdp.lang.checking.routes import everywhere
from pdp.lang.checking.rules import check_resources, check_who, group_of
from pdp.lang.conditions.paths import check_path, owners_of
from pdp.lang.conditions.scope import Env, Owners, Scope, Typed
from pdp.lang.declared.names import Names
from pdp.lang.declared.report import BROKEN, Report
from pdp.lang.types import ActionDef, CollT, EntityT, Type


@dataclass(frozen=True, slots=True)
class Step:
    """One word of a path after its start, and who may declare it (None: nobody)."""

    name: nodes.Name
    owners: Owners | None


def actions_of(target: nodes.Target, names: Names) -> list[ActionDef]:
    """The actions that a target names; all that can be seen from here for ``any action``."""
    visible = [a for a in names.schema.actions.values() if names.knows_action(a.name)]
    if not target.actions:
        return visible
    found: dict[str, ActionDef] = {}
    for name in target.actions:
        members = (name.text,) if names.knows_action(name.text) else None
        for member in members or names.action_sets.get(name.text, ()):
            action = names.schema.actions.get(member)
            if action is not None:
                found[member] = action
    return list(found.values())


def scope_of(who: nodes.Who, target: nodes.Target, names: Names) -> Scope:
    """The scope of a rule or claim."""
    quiet: Report = []
    principals = {name for clause in check_who(who, names, quiet) for name in clause.types}
    entities = names.schema.entities
    if not principals:
        principals = {e.name for e in entities.values() if e.is_principal}
    named = actions_of(target, names)
    _, covered, resources = check_resources(target, named, names, quiet)
    actions = covered or named
    if not actions:
        wide = everywhere(names.schema)
        return replace(wide, principals=frozenset(principals), has_tier=True)
    is_closed = bool(target.actions)
    return Scope(
        principals=frozenset(principals),
        has_agent=all(entities[name].is_agent for name in principals),
        actions=tuple(actions),
        resources=resources or frozenset(r for action in actions for r in action.resources),
        tolerant_args=not is_closed,
    )


def wide_env(names: Names) -> Env:
    """Where everything can be meant: predicates without parameters, points of risk."""
    scope = everywhere(names.schema)
    principals = frozenset(e.name for e in names.schema.entities.values() if e.is_principal)
    return Env(names, replace(scope, principals=principals, has_tier=True), [])


def predicate_env(decl: nodes.PredicateDecl, names: Names) -> Env:
    """The body of a predicate: its parameters, and the roots."""
    predicate = names.predicates.get(decl.name.text)
    types = (predicate.params or {}) if predicate is not None else {}
    variables = {
        param.name.text: variable(
            param.name,
            types.get(param.name.text) or names.builder.resolve(param.type, bounded=False),
        )
        for param in decl.params or ()
    }
    return replace(wide_env(names), variables=variables)


def variable(name: nodes.Name, type_: Type) -> Typed:
    """A variable or parameter; its expression knows where it was declared."""
    return Typed(Var(name.text, type_, name.span), type_)


def route_scopes(all_names: Iterable[Names]) -> dict[str, Scope]:
    """For each route that a rule asks for: the union of the scopes of those rules."""
    users: dict[str, list[Scope]] = {}
    for names in all_names:
        for decl in names.bundle.declarations:
            for rule in decl.rules if isinstance(decl, nodes.PolicyDecl) else ():
                for route in rule.effect.routes:
                    found = names.routes.get(route.text)
                    key = found.name.text if found is not None else route.text
                    scope = scope_of(rule.effect.who, rule.effect.target, names)
                    users.setdefault(key, []).append(scope)
    return {name: _union(scopes) for name, scopes in users.items()}


def _union(scopes: Sequence[Scope]) -> Scope:
    return Scope(
        principals=None,
        has_agent=True,
        actions=tuple({a.name: a for scope in scopes for a in scope.actions}.values()),
        resources=frozenset(r for scope in scopes for r in scope.resources),
        tolerant_args=True,
        tolerant_types=True,
    )


def route_env(decl: nodes.RouteDecl, names: Names, scopes: Mapping[str, Scope]) -> Env:
    """Conditions and ``show`` of a route."""
    scope = scopes.get(decl.name.text) or everywhere(names.schema)
    return Env(names, replace(scope, has_agent=True, has_tier=True), [])


def approver_env(item: nodes.NeedItem, env: Env) -> Env:
    """The ``where`` of a need: as its route, with the people of the group as ``approver``."""
    schema = env.names.schema
    found = group_of(item.group, env.names, [])
    people = frozenset(
        e.name
        for e in schema.entities.values()
        if e.is_person and (found is None or found[1] in schema.parent_types(e.name))
    )
    return replace(env, scope=replace(env.scope, approvers=people))


def type_of(node: nodes.Expr, env: Env) -> Type | None:
    """The type of a path (in parentheses or not); None for anything else."""
    match node:
        case nodes.Group():
            return type_of(node.inner, env)
        case nodes.Path():
            typed, used = start(node, env)
            for step, following in _walk(node, typed, used, env, through=False):
                if step.owners is None:
                    return None
                typed = following
            return typed.type if typed is not None and typed.type is not BROKEN else None
        case _:
            return None


def start(path: nodes.Path, env: Env) -> tuple[Typed | None, int]:
    """The value that a path starts from, and how many words name it."""
    words = [segment.text for segment in path.segments]
    for count in range(len(words), 1, -1):
        const = env.names.values.get(".".join(words[:count]))
        if const is not None and words[0] not in (env.variables or {}):
            return Typed(const, const.type), count
    first = nodes.Path(path.segments[:1], path.segments[0].span)
    quiet = replace(env, report=[], claimed_where="")
    return check_path(first, quiet, guarded=False), 1


def steps(path: nodes.Path, env: Env, *, through: bool = False) -> Iterator[Step]:
    """The words after the start of a path. ``through``: sets stand for their members."""
    typed, used = start(path, env)
    for step, _ in _walk(path, typed, used, env, through=through):
        yield step


def _walk(
    path: nodes.Path, typed: Typed | None, used: int, env: Env, *, through: bool
) -> Iterator[tuple[Step, Typed | None]]:
    for name in path.segments[used:]:
        if typed is not None and through:
            typed = replace(typed, type=_element(typed.type))
        owners = owners_of(typed, env) if typed is not None else None
        typed = _following(name, owners)
        yield Step(name, owners), typed


def _following(name: nodes.Name, owners: Owners | None) -> Typed | None:
    """The value of an attribute; entity types of several owners are taken together."""
    types = [
        field.type
        for _, fields in (owners.fields if owners else ())
        for field in fields
        if field.name == name.text and field.type is not BROKEN
    ]
    if not types:
        return None
    entities = [type_.names for type_ in types if isinstance(type_, EntityT)]
    type_ = EntityT(frozenset().union(*entities)) if len(entities) == len(types) else types[0]
    return Typed(Const(False, type_, name.span), type_)  # noqa: FBT003 - only the type is read


def _element(type_: Type) -> Type:
    return _element(type_.item) if isinstance(type_, CollT) else type_
