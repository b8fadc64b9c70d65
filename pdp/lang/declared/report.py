"""Where the checker puts its complaints while it goes on checking."""

from __future__ import annotations

from typing import Final, TypeAlias

from pdp.lang import complaints, nodes
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.types import Prim

Report: TypeAlias = list[Diagnostic]

# Stands where a type could not be resolved: already reported, so everything accepts it silently.
BROKEN: Final = Prim("broken")
RESERVED: Final = frozenset(
    "anyone any true false not has and or in some every no count within ip cidr"
    " principal agent user chain resource action args context tool now risk approver".split()
)


def check_reserved(name: nodes.Name, report: Report) -> None:
    """Report a name that the language keeps for itself."""
    if name.text in RESERVED:
        report.append(complaints.reserved(name.span, name.text))
