"""What became of invariants, for people, programs and build servers. Tries none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pdp.cli.output import decision_to_json, place, safe
from pdp.cli.reports.junit import Reported
from pdp.eval.invariants import InvariantResult


def invariant_lines(claims: Sequence[InvariantResult], root: Path, seed: int) -> Iterator[str]:
    """Marked-up lines: one for each claim; below a broken one, the test to paste."""
    for claim in claims:
        span = claim.invariant.span
        at = f"[dim]{safe(place(root, span.file))}:{span.line}[/]"
        named = f"{safe(claim.invariant.title)}  {at}  {safe(claim.summary())}"
        if claim.passed:
            yield f"[{'yellow' if claim.is_idle else 'green'}]invariant[/] {named}"
            continue
        yield f"[red]BROKEN[/] {named}"
        yield f"paste this test to keep it (seed {seed}):"
        yield from (safe(line) for line in claim.counterexample.rstrip().split("\n"))


def invariant_to_json(claim: InvariantResult) -> dict[str, object]:
    """``tested`` of the ``asked`` requests were ones that the claim speaks of."""
    return {
        "title": claim.invariant.title,
        "file": claim.invariant.span.file,
        "line": claim.invariant.span.line,
        "passed": claim.passed,
        "asked": claim.asked,
        "tested": claim.tested,
        "refused": claim.refused,
        "summary": claim.summary(),
        "counterexample": claim.counterexample,
        "decision": decision_to_json(claim.decision) if claim.decision else None,
    }


def reported_invariant(claim: InvariantResult) -> Reported:
    """The claim as a test case."""
    span = claim.invariant.span
    problems = () if claim.passed else (claim.summary(), claim.counterexample)
    return Reported(claim.invariant.title, span.file, span.line, problems)
