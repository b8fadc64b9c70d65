"""Answers of the core in the types of the protocol: units, kinds and addresses; nothing is decided.

Offsets become lines and units here, in the encoding that the editor and the server agreed on.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from lsprotocol import types as lsp

from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lsp.answers.completion import KEYWORD, Candidate, Completions
from pdp.lsp.answers.edits import Edit
from pdp.lsp.answers.fixing.fix import Fix
from pdp.lsp.answers.hover import Hover
from pdp.lsp.answers.navigation import Entry, Target
from pdp.lsp.symbols import Kind
from pdp.lsp.workspace import Workspace

SOURCE: Final = "charter"
_SECTION: Final = re.compile(r"## (C\d{4})\b")
_UNNECESSARY: Final = frozenset({"C0607", "C0618", "C0619"})
_ITEMS: Final[Mapping[Kind | str, lsp.CompletionItemKind]] = {
    KEYWORD: lsp.CompletionItemKind.Keyword,
    Kind.BUNDLE: lsp.CompletionItemKind.Module,
    Kind.TYPE: lsp.CompletionItemKind.Class,
    Kind.MEMBER: lsp.CompletionItemKind.EnumMember,
    Kind.FIELD: lsp.CompletionItemKind.Field,
    Kind.ACTION: lsp.CompletionItemKind.Event,
    Kind.ACTION_SET: lsp.CompletionItemKind.Event,
    Kind.GROUP: lsp.CompletionItemKind.Constant,
    Kind.CONST: lsp.CompletionItemKind.Constant,
    Kind.PREDICATE: lsp.CompletionItemKind.Function,
    Kind.VARIABLE: lsp.CompletionItemKind.Variable,
    Kind.ROUTE: lsp.CompletionItemKind.Interface,
}
_ENTRIES: Final[Mapping[str, lsp.SymbolKind]] = {
    "bundle": lsp.SymbolKind.Module,
    "policy": lsp.SymbolKind.Namespace,
    "rule": lsp.SymbolKind.Function,
    "entity": lsp.SymbolKind.Class,
    "type": lsp.SymbolKind.Struct,
    "enum": lsp.SymbolKind.Enum,
    "level": lsp.SymbolKind.Enum,
    "member": lsp.SymbolKind.EnumMember,
    "field": lsp.SymbolKind.Field,
    "action": lsp.SymbolKind.Event,
    "action set": lsp.SymbolKind.Event,
    "predicate": lsp.SymbolKind.Function,
    "route": lsp.SymbolKind.Interface,
    "test": lsp.SymbolKind.Method,
    "fixture": lsp.SymbolKind.Object,
}


@dataclass(frozen=True, slots=True)
class Replies:
    """Replies about one workspace, whose files lie below ``root``.

    ``uris``: how the editor spells the address of each file that it has open.
    """

    workspace: Workspace
    root: Path
    encoding: str
    uris: Mapping[Path, str]

    def uri(self, file: str) -> str:
        path = self.root / file
        return self.uris.get(path) or path.as_uri()

    def range(self, file: str, start: int, end: int) -> lsp.Range:
        lines = self.workspace.lines(file)
        return lsp.Range(
            lsp.Position(*lines.position(start, self.encoding)),
            lsp.Position(*lines.position(end, self.encoding)),
        )

    def range_of(self, span: Span) -> lsp.Range:
        return self.range(span.file, *self.workspace.lines(span.file).range(span))

    def location(self, target: Target) -> lsp.Location:
        return lsp.Location(
            self.uri(target.file), self.range(target.file, target.start, target.end)
        )

    def diagnostic(self, found: Diagnostic) -> lsp.Diagnostic:
        """A complaint with all it says: the help is part of the message."""
        label = f" ({found.label})" if found.label else ""
        help = f"\nhelp: {found.help}" if found.help else ""
        related = [
            lsp.DiagnosticRelatedInformation(
                lsp.Location(self.uri(span.file), self.range_of(span)), note
            )
            for span, note in found.related
        ]
        href = explanation_uri(found.code.code)
        is_unnecessary = found.code.code in _UNNECESSARY
        return lsp.Diagnostic(
            range=self.range_of(found.span),
            message=f"{found.message}{label}{help}",
            severity=(
                lsp.DiagnosticSeverity.Error if found.is_error else lsp.DiagnosticSeverity.Warning
            ),
            code=found.code.code,
            code_description=lsp.CodeDescription(href) if href else None,
            source=SOURCE,
            related_information=related or None,
            tags=[lsp.DiagnosticTag.Unnecessary] if is_unnecessary else None,
        )

    def hover(self, file: str, found: Hover) -> lsp.Hover:
        return lsp.Hover(
            lsp.MarkupContent(lsp.MarkupKind.Markdown, found.text),
            self.range(file, found.start, found.end),
        )

    def text_edits(self, edits: Iterable[Edit]) -> list[lsp.TextEdit]:
        return [lsp.TextEdit(self.range(e.file, e.start, e.end), e.text) for e in edits]

    def workspace_edit(self, edits: Sequence[Edit]) -> lsp.WorkspaceEdit:
        files = dict.fromkeys(edit.file for edit in edits)
        return lsp.WorkspaceEdit(
            changes={
                self.uri(file): self.text_edits(edit for edit in edits if edit.file == file)
                for file in files
            }
        )

    def action(self, fix: Fix) -> lsp.CodeAction:
        return lsp.CodeAction(
            title=fix.title,
            kind=lsp.CodeActionKind.QuickFix,
            diagnostics=[self.diagnostic(fix.diagnostic)],
            edit=self.workspace_edit(fix.edits),
            is_preferred=fix.is_certain,
        )

    def outline(self, entry: Entry) -> lsp.DocumentSymbol:
        return lsp.DocumentSymbol(
            name=entry.name or entry.kind,
            kind=_ENTRIES.get(entry.kind, lsp.SymbolKind.Constant),
            range=self.range_of(entry.span),
            selection_range=self.range_of(entry.name_span),
            detail=entry.detail,
            children=[self.outline(child) for child in entry.children],
        )

    def symbol(self, entry: Entry) -> lsp.WorkspaceSymbol:
        return lsp.WorkspaceSymbol(
            location=lsp.Location(self.uri(entry.name_span.file), self.range_of(entry.name_span)),
            name=entry.name,
            kind=_ENTRIES.get(entry.kind, lsp.SymbolKind.Constant),
            container_name=entry.name_span.file,
        )


def completion_item(candidate: Candidate, where: lsp.Range) -> lsp.CompletionItem:
    """``where`` is the range that the candidate replaces."""
    return lsp.CompletionItem(
        label=candidate.label,
        kind=_ITEMS.get(candidate.kind, lsp.CompletionItemKind.Value),
        detail=candidate.detail or None,
        documentation=(
            lsp.MarkupContent(lsp.MarkupKind.Markdown, candidate.help) if candidate.help else None
        ),
        sort_text=f"{candidate.rank} {candidate.label}",
        filter_text=candidate.label,
        text_edit=lsp.TextEdit(where, candidate.insert or candidate.label),
    )


def completion_list(found: Completions, where: lsp.Range) -> lsp.CompletionList:
    items = [completion_item(candidate, where) for candidate in found.candidates]
    return lsp.CompletionList(is_incomplete=False, items=items)


def explanation_uri(code: str) -> str:
    """Where the code is explained, in a file that comes with the program; '' if there is none."""
    return _explanations().get(code, "")


@functools.cache
def _explanations() -> Mapping[str, str]:
    file = resources.files("pdp.lang.presenting").joinpath("explanations.md")
    if not isinstance(file, Path):
        return {}  # inside an archive: no editor could open it
    sections = (_SECTION.match(line) for line in file.read_text("utf-8").split("\n"))
    return {match[1]: f"{file.as_uri()}#L{n}" for n, match in enumerate(sections, 1) if match}
