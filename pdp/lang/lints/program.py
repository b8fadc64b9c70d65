"""What the static checks look at: the checked program beside its declarations. Checks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Final

from pdp.lang import nodes
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.declared.bundles import Bundle
from pdp.lang.source import Span


@dataclass(frozen=True, slots=True)
class Program:
    """A program without errors, and how it was written.

    ``rules`` are those of ``policies`` that are enforced (no shadow); declarations are by name,
    those of rules by ``policy.rule``. ``bools`` are the places of `true` and `false` as literals.
    """

    policies: CheckedPolicies
    bundles: tuple[Bundle, ...]
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
                    rules |= {f"{decl.name.text}.{rule.name.text}": rule for rule in decl.rules}
                case nodes.RouteDecl():
                    routes[decl.name.text] = decl
                case nodes.ActionDecl():
                    actions[decl.name.text] = decl
                case _:
                    pass
    enforced = tuple(rule for rule in policies.rules if not rule.shadow)
    bools = frozenset(
        node.span
        for bundle in bundles
        for node in walk(bundle.declarations)
        if isinstance(node, nodes.Literal) and node.kind == "bool"
    )
    return Program(policies, tuple(bundles), enforced, rules, routes, actions, bools)


_LEAVES: Final = frozenset({nodes.Literal, nodes.Path, nodes.PrimType, nodes.NamedType, nodes.Meta})
# The fields of each kind of node that can hold nodes; names and texts are not walked.
_BRANCHES: Final[Mapping[type, tuple[str, ...]]] = {
    kind: ()
    if kind in _LEAVES
    else tuple(field.name for field in fields(kind) if field.name != "span")
    for kind in vars(nodes).values()
    if isinstance(kind, type) and is_dataclass(kind) and kind not in {nodes.Name, nodes.Text, Span}
}


def walk(declarations: Iterable[nodes.Declaration]) -> Iterator[object]:
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


def is_inside(span: Span, outer: Span) -> bool:
    """Whether ``span`` lies within ``outer``: in the same words, not in a predicate they call."""
    return (
        span.file == outer.file
        and (outer.line, outer.column) <= (span.line, span.column)
        and (span.end_line, span.end_column) <= (outer.end_line, outer.end_column)
    )
