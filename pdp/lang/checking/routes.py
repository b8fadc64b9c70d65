"""Routes to checked routes, typed in the scope of the rules that use them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from msgspec.structs import replace as replace_node

from pdp.lang import complaints, nodes
from pdp.lang.checked import Attr, CheckedNeed, Root, Route
from pdp.lang.checking.rules import ScopedRule, group_of
from pdp.lang.codes import NESTING_MAX
from pdp.lang.conditions.expressions import check_condition
from pdp.lang.conditions.paths import check_path, owners_of
from pdp.lang.conditions.scope import Env, Owners, Scope, Typed
from pdp.lang.declared.metadata import check_route_metadata
from pdp.lang.declared.names import Names
from pdp.lang.declared.report import Report
from pdp.lang.source import Source, Span
from pdp.lang.types import JSON, CollT, RecordT, Schema, Type

NEED_MAX: Final = 100
EXPIRES_MAX_S: Final = 366 * 86_400
DEFAULT_EXPIRES_S: Final = 86_400
DEFAULT_EXCLUDE: Final = ("requester", "owner")
_MS_PER_S: Final = 1_000
_ONCE: Final[dict[type, str]] = {
    nodes.ExpiresItem: "expires",
    nodes.ExcludeItem: "exclude",
    nodes.ShowItem: "show",
    nodes.UseWithinItem: "use within",
    nodes.EscalateItem: "escalate",
    nodes.ConfirmItem: "confirm user",
}


@dataclass(slots=True)
class _Draft:
    """A route while its items are read."""

    needs: dict[tuple[str, str], CheckedNeed] = field(default_factory=dict)
    exclude: set[str] = field(default_factory=set)
    expires_s: int | None = None
    use_within_s: int | None = None
    confirm_user: bool = False
    escalate: tuple[str, int] | None = None
    show: dict[str, Attr | Root] = field(default_factory=dict)


def check_routes(
    all_names: Sequence[Names],
    rules: Sequence[ScopedRule],
    tier_routes: Collection[str],
    sources: Mapping[str, Source],
    report: Report,
) -> dict[str, Route]:
    """Every declared route of every bundle, by name. ``tier_routes`` are required by a tier."""
    routes: dict[str, Route] = {}
    homes = {id(decl): names for names in all_names for decl in names.own_routes()}
    users: dict[str, list[Scope]] = {}
    for scoped in rules:
        for name in scoped.rule.routes:
            users.setdefault(name, []).append(scoped.scope)
    anywhere = everywhere(all_names[0].schema)  # all bundles share one schema
    for names in all_names:
        for name in sorted(names.routes):
            decl = names.routes[name]
            if name != decl.name.text or name in routes:
                continue  # a qualified name, or a route of another bundle
            scope = anywhere if name in tier_routes else _union(users.get(name, [])) or anywhere
            routes[name] = _check_route(decl, Env(homes[id(decl)], scope, report), sources)
    _check_escalations(routes, all_names, report)
    return dict(sorted(routes.items()))


def _union(users: Sequence[Scope]) -> Scope | None:
    """The union of the scopes of the rules that use a route; None for an unused one."""
    if not users:
        return None
    return Scope(
        principals=None,
        has_agent=all(scope.has_agent for scope in users),
        actions=tuple({a.name: a for scope in users for a in scope.actions}.values()),
        resources=frozenset(r for scope in users for r in scope.resources),
        resourceless=tuple(sorted({r for scope in users for r in scope.resourceless})),
        tolerant_args=any(scope.tolerant_args for scope in users),
        has_tier=False,
    )


def everywhere(schema: Schema) -> Scope:
    """Every action and type at once, where what only some declare counts as optional."""
    actions = tuple(schema.actions.values())
    return Scope(
        principals=None,
        has_agent=False,
        actions=actions,
        resources=frozenset(name for action in actions for name in action.resources),
        tolerant_args=True,
        tolerant_types=True,
        optional_resource=any(not action.resources for action in actions),
        has_tier=False,
    )


def _check_route(decl: nodes.RouteDecl, env: Env, sources: Mapping[str, Source]) -> Route:
    check_route_metadata(decl, env.report)
    draft = _Draft()
    seen: set[type] = set()
    for item in decl.items:
        if type(item) in _ONCE:
            if type(item) in seen:
                name = _ONCE[type(item)]
                env.report.append(complaints.duplicate(item.span, "clause", name))
            seen.add(type(item))
        _check_item(item, draft, env, sources)
    if not any(isinstance(item, nodes.NeedItem | nodes.ConfirmItem) for item in decl.items):
        env.report.append(
            complaints.bad_effect_clause(
                decl.name.span, f"route `{decl.name.text}` needs nobody", "add `need 1 of GROUP`"
            )
        )
    exclude = draft.exclude if nodes.ExcludeItem in seen else set(DEFAULT_EXCLUDE)
    return Route(
        decl.name.text,
        tuple(draft.needs[key] for key in sorted(draft.needs)),
        tuple(sorted(exclude | {"requester"})),
        draft.expires_s,
        tuple(sorted(draft.show.items())),
        decl.name.span,
        draft.use_within_s,
        draft.confirm_user,
        draft.escalate,
    )


def _check_item(
    item: nodes.RouteItem, draft: _Draft, env: Env, sources: Mapping[str, Source]
) -> None:
    match item:
        case nodes.NeedItem():
            _check_need(item, draft, env, sources)
        case nodes.ExcludeItem():
            draft.exclude |= {name.text for name in item.who}
        case nodes.ExpiresItem():
            draft.expires_s = _seconds(item.duration, item.span, env)
        case nodes.ShowItem():
            lenient = _lenient(env)
            for path in item.paths:
                _check_show(path, draft, lenient)
        case nodes.ConfirmItem():
            draft.confirm_user = True
        case nodes.UseWithinItem():
            draft.use_within_s = _seconds(item.duration, item.span, env)
        case nodes.EscalateItem():
            decl = env.names.routes.get(item.route.text)
            after_s = _seconds(item.after, item.span, env)
            if decl is None:
                env.report.append(
                    complaints.unknown_route(item.route.span, item.route.text, env.names.routes)
                )
            else:
                draft.escalate = (decl.name.text, after_s)
        case nodes.Meta():
            pass  # read by check_route_metadata
        case _:
            assert_never(item)


def _seconds(duration: nodes.Literal, span: Span, env: Env) -> int:
    seconds, rest = divmod(int(duration.value), _MS_PER_S)
    if rest or not 1 <= seconds <= EXPIRES_MAX_S:
        env.report.append(complaints.out_of_range(span, "1s to 366d, in whole seconds"))
    return seconds


def _check_escalations(
    routes: Mapping[str, Route], all_names: Sequence[Names], report: Report
) -> None:
    """Escalation goes to a route at least as strict, in time, and never round in a circle."""
    spans = {
        decl.name.text: item.route.span
        for names in all_names
        for decl in names.routes.values()
        for item in decl.items
        if isinstance(item, nodes.EscalateItem)
    }
    for route in routes.values():
        if route.escalate is None or route.escalate[0] not in routes:
            continue
        target, after_s = routes[route.escalate[0]], route.escalate[1]
        span = spans[route.name]
        path = _escalation_path(target, routes)
        if route.name in path:
            report.append(complaints.recursive(span, "escalation", route.name))
            continue
        if len(path) > NESTING_MAX:
            report.append(complaints.too_many(span, "escalations in a row", NESTING_MAX))
            continue
        weaker = _weaker(route, target)
        if weaker:
            report.append(complaints.weaker_escalation(span, target.name, weaker))
        if after_s >= (route.expires_s or DEFAULT_EXPIRES_S):
            report.append(complaints.late_escalation(span, route.name))


def _escalation_path(start: Route, routes: Mapping[str, Route]) -> list[str]:
    """The routes from here on, no further than an escalation may go."""
    path: list[str] = []
    route: Route | None = start
    while route is not None and route.name not in path and len(path) <= NESTING_MAX:
        path.append(route.name)
        route = routes.get(route.escalate[0]) if route.escalate else None
    return path


def _weaker(route: Route, target: Route) -> str:
    """What the escalated route asks less of, or ''."""
    counts = {(need.group, need.where_text): need.count for need in target.needs}
    for need in route.needs:
        if counts.get((need.group, need.where_text), 0) < need.count:
            where = f" where ({need.where_text})" if need.where_text else ""
            return f"{need.count} of {need.group}{where}"
    missing = sorted(set(route.exclude) - set(target.exclude))
    if missing:
        return f"the exclusion of {', '.join(missing)}"
    if route.confirm_user and not target.confirm_user:
        return "`confirm user`"
    return ""


def _check_need(
    item: nodes.NeedItem, draft: _Draft, env: Env, sources: Mapping[str, Source]
) -> None:
    if not 1 <= item.count <= NEED_MAX:
        env.report.append(
            complaints.out_of_range(item.span, f"a need asks for 1 to {NEED_MAX} people")
        )
    group = group_of(item.group, env.names, env.report)
    if group is None:
        return
    uid, group_type = group
    people, outside = env.names.people_in(group_type)
    if not people:
        env.report.append(
            complaints.type_mismatch(
                item.group.span, "a group that people can be in", f"a {group_type}"
            )
        )
        return
    for name in outside:
        env.report.append(complaints.not_directory(item.group.span, name))
    where, text = None, ""
    if item.where is not None:
        inside = replace(env, scope=replace(env.scope, approvers=people))
        typed = check_condition(item.where, inside.without_claims("in a route"))
        where = typed.expr if typed else None
        text = _normalised(item.where, sources)
    key = (uid, text)
    before = draft.needs.get(key)
    if before is None:
        draft.needs[key] = CheckedNeed(uid, where, text, item.count, item.span)
    elif item.count > before.count:
        draft.needs[key] = replace_node(before, count=item.count, span=item.span)


def _normalised(node: nodes.Expr, sources: Mapping[str, Source]) -> str:
    """The condition's words with single spaces: what makes two needs the same need."""
    span = node.span
    lines = sources[span.file].text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return " ".join(" ".join(lines).split())


def _lenient(env: Env) -> Env:
    """Where `show` stands: what only some requests have may be named."""
    return replace(
        env,
        scope=replace(
            env.scope, resourceless=(), tolerant_args=True, tolerant_types=True, has_tier=True
        ),
    )


def _check_show(path: nodes.Path, draft: _Draft, env: Env) -> None:
    label = ".".join(segment.text for segment in path.segments)
    if label in draft.show:
        return
    typed = check_path(path, env, guarded=False)
    if typed is None:
        return
    if not isinstance(typed.expr, Attr | Root):
        env.report.append(
            complaints.type_mismatch(path.span, "a value of the request", "a constant")
        )
        return
    if _holds_json(typed.type):
        env.report.append(complaints.json_read(path.span, label))
        return
    if _holds_secret(path, env) or _type_holds_secret(typed.type):
        env.report.append(complaints.secret_shown(path.span, label))
        return
    draft.show[label] = typed.expr


def _holds_secret(path: nodes.Path, env: Env) -> bool:
    """Whether any declaration of any segment of the path is secret."""
    quiet = replace(env, report=[])
    for end in range(1, len(path.segments)):
        before = nodes.Path(path.segments[:end], path.span)
        typed: Typed | None = check_path(before, quiet, guarded=False)
        owners: Owners | None = owners_of(typed, quiet) if typed else None
        name = path.segments[end].text
        if owners and any(declared.secret for _, declared in owners.named(name)):
            return True
    return False


def _holds_json(type_: Type) -> bool:
    match type_:
        case CollT():
            return _holds_json(type_.item)
        case RecordT():
            return any(_holds_json(f.type) for f in type_.fields)
        case _:
            return type_ == JSON


def _type_holds_secret(type_: Type) -> bool:
    match type_:
        case CollT():
            return _type_holds_secret(type_.item)
        case RecordT():
            return any(f.secret or _type_holds_secret(f.type) for f in type_.fields)
        case _:
            return False
