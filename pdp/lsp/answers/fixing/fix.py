"""One change that puts a complaint right, and the simplest ways to make one."""

from __future__ import annotations

from dataclasses import dataclass

from pdp.lang.diagnostics import Diagnostic
from pdp.lang.source import Span
from pdp.lsp.answers.edits import Edit
from pdp.lsp.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Fix:
    """A titled change that puts ``diagnostic`` right. ``is_certain``: there is no other."""

    title: str
    diagnostic: Diagnostic
    edits: tuple[Edit, ...]
    is_certain: bool = False


def replacement(
    workspace: Workspace, diagnostic: Diagnostic, text: str, *, is_certain: bool = False
) -> Fix:
    edit = edit_of(workspace, diagnostic.span, text)
    return Fix(f"write `{text.strip()}`", diagnostic, (edit,), is_certain)


def edit_of(workspace: Workspace, span: Span, text: str) -> Edit:
    start, end = workspace.lines(span.file).range(span)
    return Edit(span.file, start, end, text)


def insertion(workspace: Workspace, file: str, offset: int, text: str) -> Edit:
    assert offset <= len(workspace.lines(file).text)
    return Edit(file, offset, offset, text)
