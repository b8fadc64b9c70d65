"""What is shown when the pointer rests on a word: the declaration, and what it means in words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pdp.lang import nodes
from pdp.lang.checking.routes import DEFAULT_EXCLUDE
from pdp.lang.conditions.paths import owners_of
from pdp.lang.conditions.roots import ROOTS
from pdp.lang.source import Span
from pdp.lang.types import RISK, RecordT, describe
from pdp.lsp import scopes
from pdp.lsp.answers.keywords import keyword_help
from pdp.lsp.answers.words import place_at, word_at
from pdp.lsp.places import Binding, NameUse, PathUse, Role
from pdp.lsp.symbols import Declared, Kind, Symbol
from pdp.lsp.workspace import Workspace

_LINES_MAX: Final = 14
_TESTS_MAX: Final = 5
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>()#!|~])")
_FENCE: Final = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Hover:
    """Markdown, and the offsets of the words it is about."""

    text: str
    start: int
    end: int


def hover(workspace: Workspace, file: str, offset: int) -> Hover | None:
    """Help for what stands at an offset, or None."""
    lines = workspace.lines(file)
    found = workspace.index.at(file, *lines.place(offset))
    if found:
        innermost = max(found, key=lambda o: (o.span.line, o.span.column))
        same = [o for o in found if o.span == innermost.span]
        texts = dict.fromkeys(_symbol(workspace, o.symbol) for o in same)
        return Hover("\n\n---\n\n".join(texts), *lines.range(innermost.span))
    word = word_at(lines.text, offset)
    if word is None:
        return None
    text = _fact(workspace, file, offset) or keyword_help().get(word.text, "")
    return Hover(text, word.start, word.end) if text else None


def _fact(workspace: Workspace, file: str, offset: int) -> str:
    """A root with its type, or a level of Risk; '' for anything else."""
    place = place_at(workspace, file, offset)
    match place:
        case PathUse():
            first = place.path.segments[0]
            start, end = workspace.lines(file).range(first.span)
            if first.text in ROOTS and start <= offset <= end:
                return _root(place)
            return ""
        case NameUse(role=Role.RISK):
            return f"One of the levels of `Risk`: {' < '.join(RISK.members)}."
        case _:
            return ""


def _root(place: PathUse) -> str:
    """A root: its type, or what it holds, and what it is."""
    name = place.path.segments[0].text
    typed, _ = scopes.start(place.path, place.env)
    shown = ""
    if typed is not None and isinstance(typed.type, RecordT):
        owners = owners_of(typed, place.env)
        fields = {f.name: f for _, declared in (owners.fields if owners else ()) for f in declared}
        shown = _ticked(f"{f.name}: {describe(f.type)}" for f in fields.values())
    elif typed is not None:
        shown = f"`{name}: {describe(typed.type)}`"
    said = keyword_help().get(name, "")
    return f"{shown}\n\n{said}" if shown else said


# ---------------------------------------------------------------- symbols


def _symbol(workspace: Workspace, symbol: Symbol) -> str:
    declared = workspace.index.declared.get(symbol)
    if declared is None:
        return ""
    parts = [_code(_written(workspace, declared))]
    parts += [part for part in _said(workspace, symbol, declared) if part]
    return "\n\n".join(parts)


def _said(workspace: Workspace, symbol: Symbol, declared: Declared) -> Iterator[str]:
    match declared.node:
        case nodes.EntityDecl() as decl:
            yield from _entity(workspace, decl)
        case nodes.ActionDecl() as decl:
            yield from _action(workspace, decl)
        case nodes.Field():
            yield _field(symbol, declared.node)
        case nodes.Member():
            yield f"Member of `{symbol.home}`{_wire(declared.node.wire)}."
        case nodes.GroupDecl() as decl:
            yield _group(workspace, decl)
        case nodes.RouteDecl() as decl:
            yield _sentences(route_in_words(workspace, decl))
            yield _users(workspace, symbol)
        case nodes.RuleDecl() as decl:
            yield from _rule(workspace, symbol, decl)
        case nodes.PolicyDecl() as decl:
            yield _attribution(decl.meta)
            yield f"{len(decl.rules)} rules."
        case nodes.BundleDecl() as decl:
            yield _attribution(decl.meta)
        case nodes.ActionsDecl() as decl:
            names = workspace.program.at(decl.name.span.file)
            members = names.action_sets.get(decl.name.text, ()) if names is not None else ()
            yield f"{len(members)} actions: {_ticked(members)}."
        case nodes.Name():
            yield _variable(workspace, declared.node)
        case nodes.Param():
            yield "A parameter of this predicate."
        case nodes.DataDecl() as decl:
            yield _data(workspace, decl)
        case _:
            yield ""


def _written(workspace: Workspace, declared: Declared) -> str:
    """The declaration as written, its comments included, cut after some lines."""
    node = declared.node
    if isinstance(node, nodes.PolicyDecl):
        title = f" {node.title.written}" if node.title is not None else ""
        return f"policy {node.name.text}{title}"
    if isinstance(node, nodes.BundleDecl):
        return f"bundle {node.name.text}"
    span = node.span if not isinstance(node, nodes.Name) else declared.name.span
    return excerpt(workspace, span)


def excerpt(workspace: Workspace, span: Span) -> str:
    """The text of a span without its common indentation, at most 14 lines."""
    lines = workspace.lines(span.file)
    start, end = lines.range(span)
    indent = " " * (span.column - 1)
    text = textwrap.dedent(indent + lines.text[start:end])
    shown = text.split("\n")
    if len(shown) > _LINES_MAX:
        shown = [*shown[:_LINES_MAX], "…"]
    return "\n".join(shown)


def _entity(workspace: Workspace, decl: nodes.EntityDecl) -> Iterator[str]:
    marks = {mark.text for mark in decl.marks}
    said = []
    if "person" in marks:
        said.append("a person: can act and approve")
    if "agent" in marks:
        said.append("an agent: acts for people, and has an owner")
    if "directory" in marks:
        count = sum(uid.startswith(f"{decl.name.text}::") for uid in workspace.directory() or ())
        said.append(f"known from the directory only ({_count(count, 'entry', 'entries')})")
    yield "; ".join(said).capitalize() + "." if said else ""
    used = [
        action.name
        for action in workspace.schema.actions.values()
        if decl.name.text in action.resources
    ]
    yield f"Actions on it: {_ticked(used)}." if used else ""


def _action(workspace: Workspace, decl: nodes.ActionDecl) -> Iterator[str]:
    undone = "Can be undone" if decl.reversible else "**Cannot be undone**"
    on = f", on {_ticked(name.text for name in decl.resources)}" if decl.resources else ""
    yield f"{undone}; base risk **{plain(decl.risk.text)}**{on}{_wire(decl.wire)}."
    policies = workspace.found.policies
    if policies is not None:
        rules = [rule for rule in policies.rules if decl.name.text in rule.actions]
        listed = [f"`{rule.name}` ({rule.effect})" for rule in rules]
        yield f"Rules: {', '.join(listed)}." if listed else "No rule speaks of it: always denied."


def _field(symbol: Symbol, node: nodes.Field) -> str:
    what = "Fact of a request" if symbol.home == "context" else f"Of `{symbol.home}`"
    said = [f"{what}{_wire(node.wire)}."]
    if node.optional:
        said.append("May be absent: read it after `has`.")
    said += [keyword_help().get(flag.text, "") for flag in node.flags]
    return " ".join(said)


def _wire(wire: nodes.Text | None) -> str:
    return f', on the wire "{plain(wire.value)}"' if wire is not None else ""


def _group(workspace: Workspace, decl: nodes.GroupDecl) -> str:
    uid = f"{decl.entity.type.text}::{decl.entity.id.value}"
    directory = workspace.directory()
    if directory is None:
        return "Its members are not known while the schema has mistakes."
    if uid not in directory:
        return "The directory does not describe it, so nobody is in it."
    inside = {uid}
    grew = True
    while grew:
        more = {
            u for u, entity in directory.items() if u not in inside and inside & set(entity.groups)
        }
        inside |= more
        grew = bool(more)
    entities = workspace.schema.entities
    counts = []
    for definition in entities.values():
        if definition.is_principal:
            count = sum(u.startswith(f"{definition.name}::") for u in inside - {uid})
            counts.append(f"{count} {definition.name}")
    return f"Members in the directory, direct and through groups: {', '.join(counts) or 'nobody'}."


def _rule(workspace: Workspace, symbol: Symbol, decl: nodes.RuleDecl) -> Iterator[str]:
    policy = workspace.index.declared.get(Symbol(Kind.POLICY, symbol.home))
    said = keyword_help().get(decl.effect.kind, "")
    yield f"**{decl.effect.kind}** rule `{symbol.home}.{symbol.name}`. {said}"
    if policy is not None and isinstance(policy.node, nodes.PolicyDecl):
        yield _attribution(policy.node.meta)
    uses = [o for o in workspace.index.occurrences.get(symbol, ()) if not o.is_declaration]
    places = [f"{plain(o.span.file)}:{o.span.line}" for o in uses]
    more = f" and {len(places) - _TESTS_MAX} more" if len(places) > _TESTS_MAX else ""
    yield (
        f"Tests: {', '.join(places[:_TESTS_MAX])}{more}." if places else "No test names this rule."
    )


def _attribution(meta: Iterable[nodes.Meta]) -> str:
    lines = [
        f"- {item.key}: {plain(', '.join(text.value for text in item.values))}" for item in meta
    ]
    return "\n".join(lines)


def _variable(workspace: Workspace, name: nodes.Name) -> str:
    lines = workspace.lines(name.span.file)
    place = place_at(workspace, name.span.file, lines.range(name.span)[0])
    if isinstance(place, Binding) and place.type is not None:
        return f"Each member: `{describe(place.type)}`."
    return "The variable of this quantifier."


def _data(workspace: Workspace, decl: nodes.DataDecl) -> str:
    names = workspace.program.at(decl.name.span.file)
    const = names.values.get(decl.name.text) if names is not None else None
    if const is None:
        return f"From `{decl.file.value}`, which cannot be read as its type."
    size = f": {_count(len(const.value), 'member')}" if isinstance(const.value, tuple) else ""
    return f"From `{decl.file.value}`{size}."


def _users(workspace: Workspace, symbol: Symbol) -> str:
    uses = [o.span for o in workspace.index.occurrences.get(symbol, ()) if not o.is_declaration]
    rules = [
        f"{policy.name.text}.{rule.name.text}"
        for policy, rule in _all_rules(workspace)
        if any(
            span.file == rule.span.file and rule.span.line <= span.line <= rule.span.end_line
            for span in uses
        )
    ]
    return f"Asked by {_ticked(rules)}." if rules else "No rule asks for it."


def _all_rules(workspace: Workspace) -> Iterator[tuple[nodes.PolicyDecl, nodes.RuleDecl]]:
    for file in workspace.sources:
        for decl in workspace.tree(file).declarations:
            if isinstance(decl, nodes.PolicyDecl):
                yield from ((decl, rule) for rule in decl.rules)


# ---------------------------------------------------------------- routes


def route_in_words(workspace: Workspace, decl: nodes.RouteDecl) -> list[str]:
    """Who must agree, one sentence each."""
    said: list[str] = []
    exclude = list(DEFAULT_EXCLUDE)
    expires, within = "24h", "1h"
    for item in decl.items:
        match item:
            case nodes.NeedItem():
                who = "1 person" if item.count == 1 else f"{item.count} different people"
                where = f" where `{excerpt(workspace, item.where.span)}`" if item.where else ""
                verb = "agrees" if item.count == 1 else "agree"
                said.append(f"{who} of `{item.group.text}` {verb}{where}")
            case nodes.ConfirmItem():
                said.append("the person the agent works for confirms exactly this request")
            case nodes.ExcludeItem():
                exclude = ["requester", *(n.text for n in item.who if n.text != "requester")]
            case nodes.ExpiresItem():
                expires = excerpt(workspace, item.duration.span)
            case nodes.UseWithinItem():
                within = excerpt(workspace, item.duration.span)
            case nodes.EscalateItem():
                after = excerpt(workspace, item.after.span)
                said.append(f"after {after}, `{item.route.text}` is required as well")
            case nodes.ShowItem() | nodes.Meta():
                pass  # what approvers see and who answers stands in the text above
    words = {
        "requester": "whoever takes part in the request",
        "owner": "the agent's owner",
        "same_team": "whoever shares a team with them",
    }
    said.append(f"not by {', '.join(words.get(name, name) for name in exclude)}")
    said.append(f"decided within {expires}, used within {within}")
    return said


def _sentences(parts: Iterable[str]) -> str:
    return "\n".join(f"- {part}" for part in parts)


# ---------------------------------------------------------------- Markdown


def plain(text: str) -> str:
    """A text from a policy as Markdown that shows it as it is, on one line."""
    return " ".join(_MARKUP.sub(r"\\\1", text).split())


def _code(text: str) -> str:
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCE.findall(text))])
    return f"{fence}charter\n{text}\n{fence}"


def _ticked(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _count(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
