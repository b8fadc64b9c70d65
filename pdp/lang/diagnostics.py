"""One complaint about a policy file: data, never formatted here except by ``render``."""

from __future__ import annotations

from dataclasses import dataclass

from pdp.lang.source import Span

DIAGNOSTICS_MAX = 100


@dataclass(frozen=True, slots=True)
class Code:
    """A stable code (``C0202``), its name (``unknown-action``) and severity (error or warning)."""

    code: str
    name: str
    severity: str
    what: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """``message`` is one lower-case line without a period; ``help`` is an edit where possible.

    ``label`` stands under the span; ``related`` are further places with their notes.
    """

    code: Code
    span: Span
    message: str
    label: str = ""
    help: str = ""
    related: tuple[tuple[Span, str], ...] = ()

    @property
    def is_error(self) -> bool:
        return self.code.severity == "error"


def sort_key(diagnostic: Diagnostic) -> tuple[Span, str, str]:
    """The order in which diagnostics are shown: by place, then code, then message."""
    return (diagnostic.span, diagnostic.code.code, diagnostic.message)
