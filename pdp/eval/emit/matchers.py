"""Tests of text and networks made ready at load: patterns, prefixes, ranges. Evaluates nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Final, cast

import re2

from pdp.eval.emit.nodes import call, compare, constant, method
from pdp.eval.runtime import Pattern
from pdp.lang.checked import Value

# The memory that one pattern may take when it runs; the checker tries it with the same.
PATTERN_BYTES_MAX: Final = 1 << 20


def pattern(text: str) -> Pattern:
    """An RE2 pattern that the checker has tried, compiled. Runs in time linear in the subject."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_BYTES_MAX
    return cast("Pattern", re2.compile(text, options))


def like(subject: ast.expr, parts: tuple[str, ...]) -> ast.expr:
    """Whether the whole ``subject`` is ``parts`` with anything between them."""
    prefix, suffix = parts[0], parts[-1]
    if len(parts) == 1:
        return compare(subject, ast.Eq(), constant(prefix))
    middles = tuple(part for part in parts[1:-1] if part)
    if not middles and not suffix:
        return method(subject, "startswith", constant(prefix))
    if not middles and not prefix:
        return method(subject, "endswith", constant(suffix))
    if len(middles) == 1 and not prefix and not suffix:
        return compare(constant(middles[0]), ast.In(), subject)
    return call("like", subject, constant(prefix), constant(middles), constant(suffix))


def under(subject: ast.expr, prefix: str) -> ast.expr:
    """Whether the path ``subject`` is ``prefix`` or below it.

    With a slash after both, the one starts with the other exactly then, whole segments only.
    """
    slashed = ast.BinOp(subject, ast.Add(), constant("/"))
    return method(slashed, "startswith", constant(closed(prefix)))


def closed(prefix: str) -> str:
    """``prefix`` with the slash that ends its last segment."""
    return prefix if prefix.endswith("/") else f"{prefix}/"


def merged(networks: Iterable[Value]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first and last addresses of ranges that rise, do not overlap and cover ``networks``."""
    ranges: list[tuple[int, int]] = []
    for network in sorted(cast("Iterable[tuple[int, int]]", networks)):
        first, last = network
        if ranges and first <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
        else:
            ranges.append((first, last))
    return tuple(first for first, _ in ranges), tuple(last for _, last in ranges)


__all__ = ["PATTERN_BYTES_MAX", "closed", "like", "merged", "pattern", "under"]
