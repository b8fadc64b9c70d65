"""Compilers and indexes broken in one line each; what must notice is in ``test_sabotage.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from pdp.eval.compiling import cell, code, conditions, quick, shapes
from pdp.eval.compiling.shapes import Shape
from pdp.eval.emit import expressions, matchers
from pdp.eval.judging import judge, leaf, switch, tree
from pdp.eval.runtime import EvalError
from pdp.lang.checked import And, Compare, Expr, Not, Or, Rule
from tests.changed import replace

_OPERATORS = frozenset({"==", "!=", "<", "<=", ">", ">="})


# ---------------------------------------------------------------- the index


def switch_ignores_the_rest(patch: pytest.MonkeyPatch) -> None:
    honest = switch._switch  # noqa: SLF001 - the seam
    patch.setattr(switch, "_switch", lambda *asked: replace(honest(*asked), rest=[]))


def _demanding(patch: pytest.MonkeyPatch, seen_as: Callable[[Expr | None], Expr | None]) -> None:
    """The index takes each condition for another."""
    honest = switch._demanded  # noqa: SLF001 - the seam
    patch.setattr(switch, "_demanded", lambda expr, scope: honest(seen_as(expr), scope))


def switch_takes_unequal_for_equal(patch: pytest.MonkeyPatch) -> None:
    def seen_as(expr: Expr | None) -> Expr | None:
        return replace(expr, op="==") if isinstance(expr, Compare) else expr

    _demanding(patch, seen_as)


def switch_demands_of_an_or(patch: pytest.MonkeyPatch) -> None:
    def seen_as(expr: Expr | None) -> Expr | None:
        return And(expr.operands, expr.span) if isinstance(expr, Or) else expr

    _demanding(patch, seen_as)


def switch_demands_of_a_not(patch: pytest.MonkeyPatch) -> None:
    _demanding(patch, lambda expr: expr.operand if isinstance(expr, Not) else expr)


def switch_takes_unknown_for_a_value(patch: pytest.MonkeyPatch) -> None:
    def reached(self: Any, bound: Any) -> Any:
        node = self
        while node.switch is not None:
            try:
                value = node.read(bound)
            except EvalError:
                value = None
            node = node._child(value)
        return node.leaf

    patch.setattr(tree.Tree, "reached", reached)


def switch_forgets_values(patch: pytest.MonkeyPatch) -> None:
    honest = shapes.members

    def members(collection: Expr) -> Any:
        found = honest(collection)
        return None if found is None else frozenset(sorted(found, key=repr)[:1])

    patch.setattr(switch, "members", members)


def tree_forgets_a_rule(patch: pytest.MonkeyPatch) -> None:
    honest = tree.Tree._of  # noqa: SLF001 - the seam
    patch.setattr(tree.Tree, "_of", lambda self, places: honest(self, places[:-1]))


# ---------------------------------------------------------------- shared code


def _blind(patch: pytest.MonkeyPatch, is_overlooked: Callable[[object], bool]) -> None:
    """Shapes are equal that differ in what is overlooked."""
    honest = Shape.__init__
    # The fewer conditions a loop takes, the more of them share code.
    patch.setattr(cell, "LOOP_MIN", 2)

    def init(self: Shape, *asked: Any) -> None:
        honest(self, *asked)
        self.key = [part for part in self.key if not is_overlooked(part)]

    patch.setattr(Shape, "__init__", init)


def shape_without_the_operator(patch: pytest.MonkeyPatch) -> None:
    _blind(patch, lambda part: isinstance(part, str) and part in _OPERATORS)


def shape_without_the_parts_of_a_pattern(patch: pytest.MonkeyPatch) -> None:
    _blind(patch, lambda part: isinstance(part, tuple) and all(isinstance(p, str) for p in part))


def shape_without_constants_written_out(patch: pytest.MonkeyPatch) -> None:
    _blind(patch, lambda part: isinstance(part, str) and part.lstrip("-").isdigit())


def shape_without_what_is_declared(patch: pytest.MonkeyPatch) -> None:
    _blind(patch, lambda part: isinstance(part, bool))


def _rows(patch: pytest.MonkeyPatch, broken: Callable[[Sequence[Any]], Iterable[Any]]) -> None:
    """What a loop goes over."""
    honest = code.function_of

    def function_of(compiled: Any, constants: Sequence[Any] = ()) -> Any:
        if len(constants) == 1 and isinstance(constants[0], tuple):
            constants = [tuple(broken(constants[0]))]
        return honest(compiled, constants)

    patch.setattr(cell, "function_of", function_of)


def loop_takes_the_constants_of_the_first(patch: pytest.MonkeyPatch) -> None:
    _rows(patch, lambda rows: [(row[0], *rows[0][1:]) for row in rows])


def loop_forgets_the_last(patch: pytest.MonkeyPatch) -> None:
    _rows(patch, lambda rows: rows[:-1])


def far_bits_are_off_by_one(patch: pytest.MonkeyPatch) -> None:
    honest = cell._gathered  # noqa: SLF001 - the seam
    patch.setattr(cell, "NEAR_BITS", 2)
    patch.setattr(cell, "_gathered", lambda found: honest(found) >> 1)


def exact_form_is_skipped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(cell.Cell, "exactly", lambda *_: (0, []))


def unless_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    honest = conditions.condition_of

    def condition_of(rule: Rule, scope: Any) -> And:
        return honest(replace(rule, unless=None), scope)

    patch.setattr(conditions, "condition_of", condition_of)


# ---------------------------------------------------------------- the quick way


def quick_forgets_members(patch: pytest.MonkeyPatch) -> None:
    honest = quick.members_of
    patch.setattr(leaf, "members_of", lambda *asked: honest(*asked)[:1])


def quick_forgets_the_flags(patch: pytest.MonkeyPatch) -> None:
    honest = quick.quick_of

    def quick_of(members: Any, rules: Any, places: Any, kept: Any, _mask: int) -> Any:
        return honest(members, rules, places, kept, 0)

    patch.setattr(leaf, "quick_of", quick_of)


def quick_forgets_who_was_not_allowed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(quick, "NOT_EVERYONE", 0)


def quick_forgets_the_shared_part(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(quick, "_both", lambda _left, right: right)


def quick_takes_what_differs_for_shared(patch: pytest.MonkeyPatch) -> None:
    honest = quick._split  # noqa: SLF001 - the seam
    patch.setattr(quick, "_split", lambda condition: (honest(condition)[0], ()))


def flags_run_into_rules(patch: pytest.MonkeyPatch) -> None:
    for module in (leaf, quick):
        patch.setattr(module, "FLAG_BITS", 0)


def flags_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    honest = leaf.Leaf.__init__

    def init(self: Any, *asked: Any) -> None:
        honest(self, *asked)
        self.flag_mask = 0

    patch.setattr(leaf.Leaf, "__init__", init)


# ---------------------------------------------------------------- single tests


def at_most_taken_for_less(patch: pytest.MonkeyPatch) -> None:
    operators = expressions._OPERATORS  # noqa: SLF001 - the seam
    patch.setattr(expressions, "_OPERATORS", {**operators, "<=": operators["<"]})


def below_a_path_taken_for_its_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(matchers, "closed", lambda prefix: prefix)


def networks_lose_their_last(patch: pytest.MonkeyPatch) -> None:
    honest = matchers.merged

    def merged(networks: Any) -> Any:
        firsts, lasts = honest(networks)
        return firsts[:-1], lasts[:-1]

    patch.setattr(matchers, "merged", merged)


def shadow_rules_are_enforced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(judge, "is_enforced", lambda _: True)


TWINS: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    switch_ignores_the_rest,
    switch_takes_unequal_for_equal,
    switch_demands_of_an_or,
    switch_demands_of_a_not,
    switch_takes_unknown_for_a_value,
    switch_forgets_values,
    tree_forgets_a_rule,
    shape_without_the_operator,
    shape_without_the_parts_of_a_pattern,
    shape_without_constants_written_out,
    shape_without_what_is_declared,
    loop_takes_the_constants_of_the_first,
    loop_forgets_the_last,
    far_bits_are_off_by_one,
    exact_form_is_skipped,
    unless_is_forgotten,
    quick_forgets_members,
    quick_forgets_the_flags,
    quick_forgets_who_was_not_allowed,
    quick_forgets_the_shared_part,
    quick_takes_what_differs_for_shared,
    flags_run_into_rules,
    flags_are_not_looked_at,
    at_most_taken_for_less,
    below_a_path_taken_for_its_text,
    networks_lose_their_last,
    shadow_rules_are_enforced,
)
