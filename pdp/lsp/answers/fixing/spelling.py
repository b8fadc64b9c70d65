"""Words, brackets and signs put right, as the help of the complaint says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pdp.lang import nodes
from pdp.lang.diagnostics import Diagnostic
from pdp.lsp.answers.fixing.fix import Fix, edit_of, insertion, replacement
from pdp.lsp.answers.fixing.guards import trail
from pdp.lsp.symbols import Kind
from pdp.lsp.workspace import Workspace

_WRITE: Final = re.compile(r"(?:write|(?:a time|a timestamp) is written) `([^`…]+)`")


def as_written(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """What the help says to write, in place of what is underlined."""
    written = _WRITE.match(diagnostic.help)
    if written is not None:
        yield replacement(workspace, diagnostic, written[1], is_certain=True)


def operator(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """``&&``, ``||`` and ``!`` as words, with blanks where a word needs them."""
    written = _WRITE.match(diagnostic.help)
    if written is None:
        return
    text = workspace.lines(diagnostic.span.file).text
    start, end = workspace.lines(diagnostic.span.file).range(diagnostic.span)
    before = "" if text[start - 1 : start].isspace() or text[start - 1 : start] == "(" else " "
    after = "" if text[end : end + 1].isspace() else " "
    yield replacement(workspace, diagnostic, before + written[1] + after, is_certain=True)


def parentheses(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
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
            edits.append(insertion(workspace, diagnostic.span.file, start, "("))
            edits.append(insertion(workspace, diagnostic.span.file, end, ")"))
    yield Fix("put parentheses around `and`", diagnostic, tuple(edits))


def language(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    yield replacement(workspace, diagnostic, "1", is_certain=True)


def close(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """The missing bracket, in front of the place where it was missed."""
    closing = re.match(r"add `([)\]}])` before", diagnostic.help)
    if closing is None or not diagnostic.related:
        return
    lines = workspace.lines(diagnostic.span.file)
    missed, _ = lines.range(diagnostic.related[0][0])
    offset = len(lines.text[:missed].rstrip())
    text = "\n}" if closing[1] == "}" else closing[1]
    edit = insertion(workspace, diagnostic.span.file, offset, text)
    yield Fix(f"add `{closing[1]}`", diagnostic, (edit,))


def quote(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    _, end = workspace.lines(diagnostic.span.file).range(diagnostic.span)
    edit = insertion(workspace, diagnostic.span.file, end, '"')
    yield Fix('add `"`', diagnostic, (edit,))


def backslash(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    start, _ = workspace.lines(diagnostic.span.file).range(diagnostic.span)
    edit = insertion(workspace, diagnostic.span.file, start, "\\")
    yield Fix("write the backslash as `\\\\`", diagnostic, (edit,))


def entity_literal(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    """The group that stands for the entity, where there is one."""
    lines = workspace.lines(diagnostic.span.file)
    start, end = lines.range(diagnostic.span)
    written = "".join(lines.text[start:end].split())
    for symbol, declared in workspace.index.declared.items():
        if symbol.kind is Kind.GROUP and isinstance(declared.node, nodes.GroupDecl):
            entity = declared.node.entity
            if f"{entity.type.text}::{entity.id.written}" == written:
                yield replacement(workspace, diagnostic, symbol.name)


def hidden(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    yield Fix("remove it", diagnostic, (edit_of(workspace, diagnostic.span, ""),), is_certain=True)


def character(workspace: Workspace, diagnostic: Diagnostic) -> Iterator[Fix]:
    if diagnostic.help.startswith("remove it"):
        yield from hidden(workspace, diagnostic)
    elif diagnostic.help == "replace the no-break space by a space":
        yield Fix("write a space", diagnostic, (edit_of(workspace, diagnostic.span, " "),))
    else:
        yield from operator(workspace, diagnostic)
