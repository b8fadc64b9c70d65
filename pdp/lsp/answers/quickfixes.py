"""Edits that put a complaint right: what its help says, done. Nothing is applied here.

A table names the fix of each code. A fix that would have to guess is left to the author: owners
and reasons are inserted as examples to be filled in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from pdp.lang.diagnostics import Diagnostic
from pdp.lsp.answers.fixing import conditions, declarations, spelling
from pdp.lsp.answers.fixing.fix import Fix, replacement
from pdp.lsp.workspace import Workspace

_DID_YOU_MEAN: Final = re.compile(r"did you mean `([^`]+)`\?")

Maker: TypeAlias = Callable[[Workspace, Diagnostic], Iterator[Fix]]


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
        lines = workspace.lines(diagnostic.span.file)
        start, end = lines.range(diagnostic.span)
        if lines.text[start:end] == meant[1]:
            return []  # known, but mistaken itself: that is another complaint
        return [replacement(workspace, diagnostic, meant[1], is_certain=True)]
    make = FIXES.get(diagnostic.code.code)
    return list(make(workspace, diagnostic)) if make is not None else []


FIXES: Final[Mapping[str, Maker]] = {
    "C0001": spelling.as_written,
    "C0003": spelling.close,
    "C0004": spelling.character,
    "C0005": spelling.hidden,
    "C0006": spelling.quote,
    "C0007": spelling.backslash,
    "C0101": spelling.operator,
    "C0102": spelling.as_written,
    "C0103": spelling.parentheses,
    "C0104": spelling.as_written,
    "C0105": spelling.entity_literal,
    "C0218": declarations.imported,
    "C0301": declarations.add_line,
    "C0302": declarations.remove_line,
    "C0303": declarations.bundle_line,
    "C0304": spelling.language,
    "C0401": conditions.mismatch,
    "C0402": conditions.guard,
    "C0406": conditions.number,
    "C0425": declarations.remove_line,
    "C0503": conditions.bounds,
    "C0606": conditions.not_empty,
    "C0617": conditions.caught,
    "C0618": declarations.remove_declaration,
    "C0619": declarations.remove_declaration,
    "C0701": declarations.because,
    "C0702": conditions.for_anyone,
}
