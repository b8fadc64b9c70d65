"""Lines that declarations lack or have too much of. Owners and reasons are examples to fill in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from pdp.lang import nodes
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lsp.answers.edits import Edit
from pdp.lsp.answers.fixing.fix import Fix, edit_of, insertion
from pdp.lsp.answers.fixing.guards import trail
from pdp.lsp.symbols import Declared
from pdp.lsp.workspace import Workspace

_ADD_LINE: Final = re.compile(r"add a line: `(.+)`\Z")
_ADD_IMPORT: Final = re.compile(r"add `(import [a-z0-9_.]+)`")
_META_ORDER: Final = ("version", "language", "owner", "contact", "reason", "ref", "governs")
_INDENT: Final = "    "


def add_line(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A metadata line, in its place among the others; an empty one is replaced."""
    line = _ADD_LINE.match(diagnostic.help)
    if line is None:
        return
    key = line[1].partition(" ")[0]
    title = f"add `{line[1]}`"
    for node in reversed(trail(workspace.tree(diagnostic.span.file), diagnostic.span)):
        match node:
            case nodes.Meta():
                edit = edit_of(workspace, node.span, line[1])
                yield Fix(title, diagnostic, (edit,))
                return
            case nodes.BundleDecl() | nodes.PolicyDecl() | nodes.RiskDecl() | nodes.InvariantDecl():
                edit = _meta_edit(workspace, node, key, line[1])
                yield Fix(title, diagnostic, (edit,))
                return
            case _:
                continue


_WithMeta: TypeAlias = nodes.BundleDecl | nodes.PolicyDecl | nodes.RiskDecl | nodes.InvariantDecl


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
    return insertion(workspace, file, offset, f"\n{_INDENT}{line}")


def _order(key: str) -> int:
    return _META_ORDER.index(key) if key in _META_ORDER else len(_META_ORDER)


def bundle_line(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A bundle block to fill in, at the start of the file."""
    prefixes = sorted({name.partition(".")[0] for name in workspace.schema.actions})
    text = (
        'bundle acme.ops {\n    version "1.0.0"\n    language 1\n    owner "ops@acme.example"\n'
        f'    contact "#ops"\n    governs {", ".join(prefixes) or "payment"}\n}}\n\n'
    )
    edit = insertion(workspace, diagnostic.span.file, 0, text)
    yield Fix("add a `bundle` line", diagnostic, (edit,))


def because(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """A reason to fill in, behind the last clause of the rule."""
    for node in trail(workspace.tree(diagnostic.span.file), diagnostic.span):
        if isinstance(node, nodes.RuleDecl):
            last = node.unless or node.when or node.effect
            _, offset = workspace.lines(node.span.file).range(last.span)
            text = f'\n{_INDENT * 2}because "say what to do instead, or whom to ask"'
            edit = insertion(workspace, node.span.file, offset, text)
            yield Fix("add `because`", diagnostic, (edit,))


def imported(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """An import behind the bundle line, or at the start of the file."""
    line = _ADD_IMPORT.match(diagnostic.help)
    if line is None:
        return
    file = diagnostic.span.file
    bundles = [d for d in workspace.tree(file).declarations if isinstance(d, nodes.BundleDecl)]
    if bundles:
        _, offset = workspace.lines(file).range(bundles[0].span)
        edit = insertion(workspace, file, offset, f"\n\n{line[1]}")
    else:
        edit = insertion(workspace, file, 0, f"{line[1]}\n\n")
    yield Fix(f"add `{line[1]}`", diagnostic, (edit,), is_certain=True)


def remove_line(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """What is underlined with its line, if nothing else stands there."""
    yield Fix("remove it", diagnostic, (_removal(workspace, diagnostic.span),))


def remove_declaration(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
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
