"""Coverage for people and for programs: counts, and what no test shows. Measures nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from pdp.cli.output import place, safe
from pdp.eval.coverage import CONDITION, ROUTE, RULE, TIER, Coverage, Goal
from pdp.lang.source import Source, Span

_KINDS: Final = {
    RULE: "rules",
    CONDITION: "conditions",
    TIER: "risk tiers",
    ROUTE: "routes",
}
_WORDS_MAX: Final = 60


def coverage_lines(coverage: Coverage, sources: Mapping[str, Source], root: Path) -> Iterator[str]:
    """Marked-up lines: a count for each kind, then a table of what is missing."""
    yield f"coverage {_percent(coverage.percent)} %"
    for kind, name in _KINDS.items():
        goals = [goal for goal in coverage.goals if goal.kind == kind]
        if goals:
            met = sum(goal.is_met for goal in goals)
            yield f"  [dim]{name:<12}[/] {met} of {len(goals)}"
    missing = sorted(coverage.missing, key=lambda goal: goal.span)
    if missing:
        yield "no test shows:"
        rows = [(_place(goal, root), _what(goal), _words(goal.span, sources)) for goal in missing]
        at_width, what_width = (max(len(row[column]) for row in rows) for column in (0, 1))
        for at, what, words in rows:
            line = f"  {safe(f'{at:<{at_width}}')}  {safe(f'{what:<{what_width}}')}"
            yield f"{line}  [dim]{safe(words)}[/]" if words else line.rstrip()


def _percent(percent: float) -> str:
    """Never rounded up to a full hundred."""
    return f"{int(percent * 10) / 10:g}"


def _place(goal: Goal, root: Path) -> str:
    return f"{place(root, goal.span.file)}:{goal.span.line}:{goal.span.column}"


def _what(goal: Goal) -> str:
    match goal.kind:
        case "rule":
            return f"{goal.name} {goal.outcome}"
        case "condition":
            return f"{goal.name}: {goal.outcome}"
        case _:
            return f"{goal.kind} {goal.name} {goal.outcome}"


def _words(span: Span, sources: Mapping[str, Source]) -> str:
    """The first line of what is written at ``span``, cut when long."""
    source = sources.get(span.file)
    if source is None:
        return ""
    line = source.line(span.line)
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    words = line[span.column - 1 : end].strip()
    is_cut = span.end_line > span.line or len(words) > _WORDS_MAX
    return f"{words[:_WORDS_MAX]} …" if is_cut else words


def coverage_to_json(coverage: Coverage) -> dict[str, object]:
    """Every goal, met or not, with how many tests show it and the first of them."""
    return {
        "percent": coverage.percent,
        "met": len(coverage.goals) - len(coverage.missing),
        "total": len(coverage.goals),
        "goals": [_goal(goal) for goal in coverage.goals],
    }


def _goal(goal: Goal) -> dict[str, object]:
    return {
        "kind": goal.kind,
        "name": goal.name,
        "outcome": goal.outcome,
        "file": goal.span.file,
        "line": goal.span.line,
        "column": goal.span.column,
        "end_line": goal.span.end_line,
        "end_column": goal.span.end_column,
        "tests": goal.tests,
        "first_test": goal.first.title if goal.first else None,
    }
