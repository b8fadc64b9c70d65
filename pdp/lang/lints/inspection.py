"""Every static check in turn: what is found in a program that has no errors. Finds nothing itself.

Each check is a function from the program to complaints; none knows another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from pdp.lang.checked import CheckedPolicies
from pdp.lang.declared.bundles import Bundle
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import absences, approvers, conditions, cost, coverage, scopes, unused
from pdp.lang.lints.program import Program, program_of
from pdp.model import Entity

Check: TypeAlias = "Callable[[Program], Iterable[Diagnostic]]"


CHECKS: Final[tuple[Check, ...]] = (
    cost.check,
    conditions.check,
    absences.check_empty,
    absences.check_absent,
    scopes.check,
    coverage.check,
    coverage.check_actions,
    coverage.check_routes,
    unused.check,
)


def inspect(policies: CheckedPolicies, bundles: Sequence[Bundle]) -> list[Diagnostic]:
    """What the program and its declarations show; each complaint once, in no order."""
    program = program_of(policies, bundles)
    too_long = list(cost.check_lengths(program))
    if too_long:
        return too_long  # the checked form is as deep as a product is long: nothing walks it
    return list(dict.fromkeys(found for check in CHECKS for found in check(program)))


def inspect_directory(
    policies: CheckedPolicies, directory: Mapping[str, Entity]
) -> list[Diagnostic]:
    """What the directory (entities by uid) adds to that; its groups have no cycles."""
    return list(dict.fromkeys(approvers.check(policies, directory)))
