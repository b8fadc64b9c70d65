"""Where the checker puts its complaints while it goes on checking."""

from __future__ import annotations

from typing import Final, TypeAlias

from pdp.lang import complaints, nodes
from pdp.lang.diagnostics import DIAGNOSTICS_MAX, Diagnostic
from pdp.lang.types import Prim

Report: TypeAlias = list[Diagnostic]

# Each mistake costs a search for what was meant; beyond this many nobody reads on.
MISTAKES_MAX: Final = 2 * DIAGNOSTICS_MAX

# Stands where a type could not be resolved: already reported, so everything accepts it silently.
BROKEN: Final = Prim("broken")
RESERVED: Final = frozenset(
    "anyone any true false not has and or in some every no count within ip cidr"
    " principal agent user chain resource action args context tool now risk approver".split()
)


class EnoughFound(Exception):
    """The check ends here: there are more mistakes than anybody reads."""


class BoundedReport(list[Diagnostic]):
    """A report that raises EnoughFound at so many errors that going on helps nobody."""

    __slots__ = ("errors",)

    def __init__(self) -> None:
        super().__init__()
        self.errors = 0

    def append(self, diagnostic: Diagnostic) -> None:
        """Add one; errors count, warnings do not."""
        super().append(diagnostic)
        self.errors += diagnostic.is_error
        if self.errors >= MISTAKES_MAX:
            raise EnoughFound


def check_reserved(name: nodes.Name, report: Report) -> None:
    """Report a name that the language keeps for itself."""
    if name.text in RESERVED:
        report.append(complaints.reserved(name.span, name.text))
