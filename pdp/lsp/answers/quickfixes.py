"""Edits that put a complaint right: what its help says, done. Nothing is applied here.

A table names the fix of each code. A fix that would have to guess is left to the author: owners
and reasons are inserted as examples to be filled in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from pdp.lang import nodes
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lsp.answers import guards
from pdp.lsp.answers.edits import Edit
from pdp.lsp.answers.guards import trail
from pdp.lsp.symbols import Declared, Kind
from pdp.lsp.workspace import Workspace

_DID_YOU_MEAN: Final = re.compile(r"did you mean `([^`]+)`\?")
_WRITE: Final = re.compile(r"(?:write|(?:a time|a timestamp) is written) `([^`…]+)`")
_ADD_LINE: Final = re.compile(r"add a line: `(.+)`\Z")
_ADD_IMPORT: Final = re.compile(r"add `(import [a-z0-9_.]+)`")
_NUMBER: Final = re.compile(r"[0-9_]+(?:\.[0-9]+)?\Z")
_META_ORDER: Final = ("version", "language", "owner", "contact", "reason", "ref", "governs")
_INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Fix:
    """A titled change that puts ``diagnostic`` right. ``is_certain``: there is no other."""

    title: str
    diagnostic: Diagnostic
    edits: tuple[Edit, ...]
    is_certain: bool = False


def fixes(workspace: Workspace, file: str, start: int, end: int) -> list[Fix]:
    """The fixes of every complaint that touches a range of offsets."""
    lines = workspace.lines(file)
    found: list[Fix] = []
    for diagnostic in workspace.diagnostics(file):
        from_, to = lines.range(diagnostic.span)
        if from_ <= end and start <= to:
            found += fixes_of(workspace, diagnostic)
    return found


def fixes_of(workspace: Workspace, diagnostic: Diagnostic) -> list[Fix]:
    """The fixes of one complaint."""
    meant = _DID_YOU_MEAN.search(diagnostic.help)
    if meant is not None:
        return [_replace(workspace, diagnostic, meant[1], is_certain=True)]
    make = _FIXES.get(diagnostic.code.code)
    return list(make(workspace, diagnostic)) if make is not None else []


Maker: TypeAlias = Callable[[Workspace, Diagnostic], Iterator[Fix]]


def _replace(
    workspace: Workspace, diagnostic: Diagnostic, text: str, *, is_certain: bool = False
) -> Fix:
    edit = _edit(workspace, diagnostic.span, text)
    return Fix(f"write `{text.strip()}`", diagnostic, (edit,), is_certain)


def _edit(workspace: Workspace, span: Span, text: str) -> Edit:
    start, end = workspace.lines(span.file).range(span)
    return Edit(span.file, start, end, text)


def _insert(workspace: Workspace, file: str, offset: int, text: str) -> Edit:
    assert offset <= len(workspace.lines(file).text)
    return Edit(file, offset, offset, text)


# ---------------------------------------------------------------- spelling


def _as_written(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """What the help says to write, in place of what is underlined."""
    written = _WRITE.match(diagnostic.help)
    if written is not None:
        yield _replace(workspace, diagnostic, written[1], is_certain=True)


def _operator(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """``&&``, ``||`` and ``!`` as words, with blanks where a word needs them."""
    written = _WRITE.match(diagnostic.help)
    if written is None:
        return
    text = workspace.lines(diagnostic.span.file).text
    start, end = workspace.lines(diagnostic.span.file).range(diagnostic.span)
    before = "" if text[start - 1 : start].isspace() or text[start - 1 : start] == "(" else " "
    after = "" if text[end : end + 1].isspace() else " "
    yield _replace(workspace, diagnostic, before + written[1] + after, is_certain=True)


def _parentheses(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """Around each run of operands joined by ``and``: the usual reading of the mixture."""
    junction = next(
        (
            node
            for node in trail(workspace.tree(diagnostic.span.file), diagnostic.span)
            if isinstance(node, nodes.Junction) and node.span == diagnostic.span
        ),
        None,
    )
    if junction is None:
        return
    runs: list[list[nodes.Expr]] = [[junction.operands[0]]]
    for word, operand in zip(junction.words, junction.operands[1:], strict=True):
        if word.text in {"and", "&&"}:
            runs[-1].append(operand)
        else:
            runs.append([operand])
    lines = workspace.lines(diagnostic.span.file)
    edits = []
    for run in runs:
        if len(run) > 1:
            start, end = lines.range(run[0].span.to(run[-1].span))
            edits.append(_insert(workspace, diagnostic.span.file, start, "("))
            edits.append(_insert(workspace, diagnostic.span.file, end, ")"))
    yield Fix("put parentheses around `and`", diagnostic, tuple(edits))


def _language(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    yield _replace(workspace, diagnostic, "1", is_certain=True)


def _entity_literal(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """The group that stands for the entity, where there is one."""
    lines = workspace.lines(diagnostic.span.file)
    start, end = lines.range(diagnostic.span)
    written = "".join(lines.text[start:end].split())
    for symbol, declared in workspace.index.declared.items():
        if symbol.kind is Kind.GROUP and isinstance(declared.node, nodes.GroupDecl):
            entity = declared.node.entity
            if f"{entity.type.text}::{entity.id.written}" == written:
                yield _replace(workspace, diagnostic, symbol.name)


# ---------------------------------------------------------------- types


def _number(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A literal in the form of the other side: ``5`` as ``5.00``, or ``5.00`` as ``5``."""
    if "do not mix" not in diagnostic.help:
        return
    lines = workspace.lines(diagnostic.span.file)
    for node in trail(workspace.tree(diagnostic.span.file), diagnostic.span):
        match node:
            case nodes.Compare(span=diagnostic.span):
                sides: tuple[nodes.Expr, ...] = (node.left, node.right)
            case nodes.Sum(span=diagnostic.span) | nodes.Product(span=diagnostic.span):
                sides = node.operands
            case _:
                continue
        for side in sides:
            literal = side.operand if isinstance(side, nodes.Negative) else side
            if isinstance(literal, nodes.Literal) and literal.kind in {"int", "decimal"}:
                start, end = lines.range(literal.span)
                yield from _other_form(workspace, diagnostic, literal.span, lines.text[start:end])


def _other_form(
    workspace: Workspace, diagnostic: Diagnostic, span: Span, written: str
) -> Iterator[Fix]:
    whole, point, decimals = written.partition(".")
    if not _NUMBER.match(written) or (point and decimals.strip("0")):
        return
    text = whole if point else f"{written}.00"
    yield Fix(f"write `{text}`", diagnostic, (_edit(workspace, span, text),), is_certain=True)


def _mismatch(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A whole number where a decimal is declared."""
    if diagnostic.message == "expected decimal, found int":
        start, end = workspace.lines(diagnostic.span.file).range(diagnostic.span)
        written = workspace.lines(diagnostic.span.file).text[start:end]
        if _NUMBER.match(written.removeprefix("-")):
            yield _replace(workspace, diagnostic, f"{written}.00", is_certain=True)


def _bounds(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    _, end = workspace.lines(diagnostic.span.file).range(diagnostic.span)
    edit = _insert(workspace, diagnostic.span.file, end, "[0..100]")
    yield Fix("add `[0..100]`", diagnostic, (edit,))


def _guard(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """``has p and`` in front of the condition, and outside of any ``not``."""
    path = re.match(r"write `has ([^`]+) and …` before it", diagnostic.help)
    if path is not None:
        edits = guards.guarded(workspace, diagnostic.span, f"has {path[1]}", path[1])
        if edits:
            yield Fix(f"ask `has {path[1]}` first", diagnostic, edits, is_certain=True)


def _not_empty(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """``count(p) > 0 and`` in front of an ``every``."""
    path = re.match(r"write `count\(([^`]+)\) > 0 and every …`", diagnostic.help)
    if path is not None:
        guard = f"count({path[1]}) > 0"
        edits = guards.guarded(workspace, diagnostic.span, guard, path[1])
        if edits:
            yield Fix(f"ask `{guard}` first", diagnostic, edits)


# ---------------------------------------------------------------- attribution


def _add_line(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A metadata line, in its place among the others; an empty one is replaced."""
    line = _ADD_LINE.match(diagnostic.help)
    if line is None:
        return
    key = line[1].partition(" ")[0]
    title = f"add `{line[1]}`"
    for node in reversed(trail(workspace.tree(diagnostic.span.file), diagnostic.span)):
        match node:
            case nodes.Meta():
                edit = _edit(workspace, node.span, line[1])
                yield Fix(title, diagnostic, (edit,))
                return
            case nodes.BundleDecl() | nodes.PolicyDecl() | nodes.RiskDecl() | nodes.InvariantDecl():
                edit = _meta_edit(workspace, node, key, line[1])
                yield Fix(title, diagnostic, (edit,))
                return
            case _:
                continue


_WithMeta: TypeAlias = (
    nodes.BundleDecl | nodes.PolicyDecl | nodes.RiskDecl | nodes.InvariantDecl
)


def _meta_edit(workspace: Workspace, decl: _WithMeta, key: str, line: str) -> Edit:
    file = decl.span.file
    lines = workspace.lines(file)
    before = [m for m in decl.meta if _order(m.key) < _order(key)]
    if before:
        _, offset = lines.range(before[-1].span)
    else:
        head = {
            nodes.BundleDecl: lambda d: d.name.span,
            nodes.PolicyDecl: lambda d: (d.title or d.name).span,
            nodes.InvariantDecl: lambda d: d.title.span,
        }.get(type(decl))
        start = lines.range(head(decl))[1] if head is not None else lines.range(decl.span)[0]
        offset = lines.text.index("{", start) + 1
    return _insert(workspace, file, offset, f"\n{_INDENT}{line}")


def _order(key: str) -> int:
    return _META_ORDER.index(key) if key in _META_ORDER else len(_META_ORDER)


def _bundle_line(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A bundle block to fill in, at the start of the file."""
    prefixes = sorted({name.partition(".")[0] for name in workspace.schema.actions})
    text = (
        'bundle acme.ops {\n    version "1.0.0"\n    language 1\n    owner "ops@acme.example"\n'
        f'    contact "#ops"\n    governs {", ".join(prefixes) or "payment"}\n}}\n\n'
    )
    edit = _insert(workspace, diagnostic.span.file, 0, text)
    yield Fix("add a `bundle` line", diagnostic, (edit,))


def _because(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A reason to fill in, behind the last clause of the rule."""
    for node in trail(workspace.tree(diagnostic.span.file), diagnostic.span):
        if isinstance(node, nodes.RuleDecl):
            last = node.unless or node.when or node.effect
            _, offset = workspace.lines(node.span.file).range(last.span)
            text = f'\n{_INDENT * 2}because "say what to do instead, or whom to ask"'
            edit = _insert(workspace, node.span.file, offset, text)
            yield Fix("add `because`", diagnostic, (edit,))


def _import(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """An import behind the bundle line, or at the start of the file."""
    line = _ADD_IMPORT.match(diagnostic.help)
    if line is None:
        return
    file = diagnostic.span.file
    bundles = [d for d in workspace.tree(file).declarations if isinstance(d, nodes.BundleDecl)]
    if bundles:
        _, offset = workspace.lines(file).range(bundles[0].span)
        edit = _insert(workspace, file, offset, f"\n\n{line[1]}")
    else:
        edit = _insert(workspace, file, 0, f"{line[1]}\n\n")
    yield Fix(f"add `{line[1]}`", diagnostic, (edit,), is_certain=True)


# ---------------------------------------------------------------- what is too much


def _remove_line(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """What is underlined with its line, if nothing else stands there."""
    yield Fix("remove it", diagnostic, (_removal(workspace, diagnostic.span),))


def _remove_declaration(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """The declaration whose name is underlined."""
    for decl in workspace.tree(diagnostic.span.file).declarations:
        if diagnostic.span in {decl.span, _name_span(workspace, decl)}:
            yield Fix("remove it", diagnostic, (_removal(workspace, decl.span),))


def _name_span(workspace: Workspace, decl: nodes.Declaration) -> Span | None:
    if isinstance(decl, nodes.ImportDecl):
        return decl.name.span
    declared: Mapping[Span, Declared] = {
        d.node.span: d for d in workspace.index.declared.values() if d.node is decl
    }
    found = declared.get(decl.span)
    return found.name.span if found is not None else None


def _removal(workspace: Workspace, span: Span) -> Edit:
    text = workspace.lines(span.file).text
    start, end = workspace.lines(span.file).range(span)
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    line_end = len(text) if line_end < 0 else line_end + 1
    if not text[line_start:start].strip() and not text[end:line_end].strip():
        return Edit(span.file, line_start, line_end, "")
    while start > line_start and text[start - 1] in " \t":
        start -= 1
    return Edit(span.file, start, end, "")


def _hidden(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    yield Fix(
        "remove it", diagnostic, (_edit(workspace, diagnostic.span, ""),), is_certain=True
    )


def _character(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    if diagnostic.help.startswith("remove it"):
        yield from _hidden(workspace, diagnostic)
    elif diagnostic.help == "replace the no-break space by a space":
        yield Fix("write a space", diagnostic, (_edit(workspace, diagnostic.span, " "),))
    else:
        yield from _operator(workspace, diagnostic)


_FIXES: Final[Mapping[str, Maker]] = {
    "C0001": _as_written,
    "C0004": _character,
    "C0005": _hidden,
    "C0101": _operator,
    "C0102": _as_written,
    "C0103": _parentheses,
    "C0104": _as_written,
    "C0105": _entity_literal,
    "C0218": _import,
    "C0301": _add_line,
    "C0302": _remove_line,
    "C0303": _bundle_line,
    "C0304": _language,
    "C0401": _mismatch,
    "C0402": _guard,
    "C0406": _number,
    "C0425": _remove_line,
    "C0503": _bounds,
    "C0606": _not_empty,
    "C0618": _remove_declaration,
    "C0619": _remove_declaration,
    "C0701": _because,
}
