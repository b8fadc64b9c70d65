"""What the static checks look at: the checked program beside its declarations. Checks nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, TypeAlias

from pdp.lang import nodes
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.declared.bundles import Bundle
from pdp.lang.source import Span

# A kind of name (value, type, action, route, fixture or context field) and the name.
Reference: TypeAlias = "tuple[str, str]"


@dataclass(frozen=True, slots=True)
class Written:
    """What one walk over the declarations of a bundle finds.

    ``references`` are the names they refer to, by space; ``bools`` the places of `true` and
    `false`; ``totals`` every sum and product.
    """

    references: frozenset[Reference]
    bools: frozenset[Span]
    totals: tuple[nodes.Sum | nodes.Product, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A program without errors, and how it was written.

    ``rules`` are those of ``policies`` that are enforced (no shadow); ``written`` is by bundle,
    declarations by name, those of rules by ``policy.rule``. ``bools`` are those of all bundles.
    """

    policies: CheckedPolicies
    bundles: tuple[Bundle, ...]
    written: Mapping[str, Written]
    rules: tuple[Rule, ...]
    rule_decls: Mapping[str, nodes.RuleDecl]
    route_decls: Mapping[str, nodes.RouteDecl]
    action_decls: Mapping[str, nodes.ActionDecl]
    bools: frozenset[Span]

    def governed(self, action: str) -> bool:
        """Whether some bundle may allow the action."""
        return any(
            action == word or action.startswith(f"{word}.")
            for bundle in self.bundles
            if not bundle.is_guard
            for word in bundle.info.governs
        )


def program_of(policies: CheckedPolicies, bundles: Sequence[Bundle]) -> Program:
    """The program with its declarations looked up once."""
    rules: dict[str, nodes.RuleDecl] = {}
    routes: dict[str, nodes.RouteDecl] = {}
    actions: dict[str, nodes.ActionDecl] = {}
    for bundle in bundles:
        for decl in bundle.declarations:
            match decl:
                case nodes.PolicyDecl():
                    for rule in decl.rules:
                        rules[f"{decl.name.text}.{rule.name.text}"] = rule
                case nodes.RouteDecl():
                    routes[decl.name.text] = decl
                case nodes.ActionDecl():
                    actions[decl.name.text] = decl
                case _:
                    pass
    enforced = tuple(rule for rule in policies.rules if not rule.shadow)
    written = {bundle.name: _written(bundle.declarations) for bundle in bundles}
    bools = frozenset[Span]().union(*(found.bools for found in written.values()))
    return Program(policies, tuple(bundles), written, enforced, rules, routes, actions, bools)


def is_inside(span: Span, outer: Span) -> bool:
    """Whether ``span`` lies within ``outer``: in the same words, not in a predicate they call."""
    return (
        span.file == outer.file
        and (outer.line, outer.column) <= (span.line, span.column)
        and (span.end_line, span.end_column) <= (outer.end_line, outer.end_column)
    )


# ---------------------------------------------------------------- one walk

_LEAVES: Final = frozenset({nodes.Literal, nodes.Path, nodes.PrimType, nodes.NamedType, nodes.Meta})
# The fields of each kind of node that can hold nodes; names and texts are not walked.
_BRANCHES: Final[Mapping[type, tuple[str, ...]]] = {
    kind: ()
    if kind in _LEAVES
    else tuple(field.name for field in fields(kind) if field.name != "span")
    for kind in vars(nodes).values()
    if isinstance(kind, type) and is_dataclass(kind) and kind not in {nodes.Name, nodes.Text, Span}
}


def _walk(declarations: Iterable[nodes.Declaration]) -> Iterator[object]:
    """Every node of the declarations but names and texts, each before what is in it."""
    todo: list[object] = list(declarations)
    while todo:
        node = todo.pop()
        yield node
        for name in _BRANCHES[type(node)]:
            value = getattr(node, name)
            if isinstance(value, tuple):
                todo.extend(_nodes_in(value))
            elif type(value) in _BRANCHES:
                todo.append(value)


def _nodes_in(items: tuple[object, ...]) -> Iterator[object]:
    """A record value holds pairs; everything else holds nodes."""
    for item in items:
        if isinstance(item, tuple):
            yield from _nodes_in(item)
        elif type(item) in _BRANCHES:
            yield item


def _written(declarations: Iterable[nodes.Declaration]) -> Written:
    references: set[Reference] = set()
    bools: set[Span] = set()
    totals: list[nodes.Sum | nodes.Product] = []
    for node in _walk(declarations):
        read = _REFERENCES.get(type(node))
        if read is not None:
            references.update(read(node))
        elif isinstance(node, nodes.Literal):
            if node.kind == "bool":
                bools.add(node.span)
        elif isinstance(node, nodes.Sum | nodes.Product):
            totals.append(node)
    return Written(frozenset(references), frozenset(bools), tuple(totals))


def _names(space: str, names: Iterable[nodes.Name | None]) -> Iterator[Reference]:
    return ((space, name.text) for name in names if name is not None)


def _values(values: Iterable[nodes.Value]) -> Iterator[Reference]:
    """A bare name among values: a group, a fixture or a member."""
    names = [value for value in values if isinstance(value, nodes.Name)]
    yield from _names("value", names)
    yield from _names("fixture", names)


def _path(path: nodes.Path) -> Iterator[Reference]:
    """A path is read as all it may be: `a.b` is `b` of the bundle `a`, or of a value `a`."""
    words = [segment.text for segment in path.segments]
    if words[0] == "context" and len(words) > 1:
        yield ("context", words[1])
    for count in range(1, len(words) + 1):
        name = ".".join(words[:count])
        yield ("value", name)
        yield ("type", name)


def _scoped(item: nodes.WhoItem | nodes.ResourceItem) -> Iterator[Reference]:
    yield from _names("type", (item.type,))
    yield from _names("value", (item.group,))


def _notified(node: nodes.NotifyObligation) -> Iterator[Reference]:
    if isinstance(node.target, nodes.Name):
        yield ("value", node.target.text)


def _done(node: nodes.DoItem) -> Iterator[Reference]:
    yield ("action", node.action.text)
    yield from _names("fixture", (node.resource,))


# What each kind of node refers to, beside what the nodes in it do.
_REFERENCES: Final[Mapping[type, Callable[[Any], Iterable[Reference]]]] = {
    nodes.Path: _path,
    nodes.NamedType: lambda node: [("type", node.name)],
    nodes.Call: lambda node: [("value", node.name.text)],
    nodes.EntityLiteral: lambda node: [("type", node.type.text)],
    nodes.EntityDecl: lambda node: _names("type", node.parents),
    nodes.ActionDecl: lambda node: _names("type", node.resources),
    nodes.ActionsDecl: lambda node: _names("action", node.members),
    nodes.Target: lambda node: _names("action", node.actions),
    nodes.EffectNode: lambda node: _names("route", node.routes),
    nodes.Tier: lambda node: _names("route", node.routes),
    nodes.EscalateItem: lambda node: _names("route", (node.route,)),
    nodes.Outcome: lambda node: _names("route", (node.route,)),
    nodes.WhoItem: _scoped,
    nodes.ResourceItem: _scoped,
    nodes.NeedItem: lambda node: [("value", node.group.text)],
    nodes.WindowDecl: lambda node: _names("value", (node.holidays,)),
    nodes.NotifyObligation: _notified,
    nodes.ConstDecl: lambda node: _values((node.value,)),
    nodes.ListValue: lambda node: _values(node.items),
    nodes.RecordValue: lambda node: _values(value for _, value in node.pairs),
    nodes.ContextItem: lambda node: [("context", name.text) for name, _ in node.record.pairs],
    nodes.FixtureDecl: lambda node: _values(node.parents),
    nodes.AgentItem: lambda node: _names("fixture", node.names),
    nodes.UserItem: lambda node: [("fixture", node.name.text)],
    nodes.DoItem: _done,
}
