"""The rules of one action and resource type, told apart step by step until few are left.

Nothing here judges a rule. All parts are made on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from pdp.eval.compiling.places import Places
from pdp.eval.compiling.values import read_path
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import BoundRequest
from pdp.eval.judging.leaf import Leaf
from pdp.eval.judging.switch import switch_of, words_of
from pdp.eval.runtime import EvalError
from pdp.lang.checked import BundleInfo, Rule, Value


class Given(NamedTuple):
    """What every part of one action and resource type shares."""

    secrets: frozenset[str]
    bundle: BundleInfo
    scope: Scope
    places: Places
    is_indexed: bool


def _nothing(_: BoundRequest) -> None:
    """What a leaf reads."""


class Tree:
    """Some rules: a switch to fewer, or a leaf that judges them. Both are made on first use."""

    __slots__ = (
        "_children",
        "_given",
        "_made",
        "_rest",
        "_rules",
        "_used",
        "leaves",
        "read",
        "switch",
    )

    def __init__(
        self, rules: Sequence[Rule], given: Given, used: frozenset[tuple[str, ...]]
    ) -> None:
        self._rules: Final = rules
        self._given: Final = given
        self._used: Final = used
        self._made: Leaf | None = None
        self._rest: Tree | None = None
        self._children: Final[dict[Value, Tree]] = {}
        # The leaves that are one step away, by the value that leads there.
        self.leaves: Final[dict[Value, Leaf]] = {}
        self.switch: Final = switch_of(rules, given.scope, used) if given.is_indexed else None
        self.read: Final[Callable[[BoundRequest], Any]] = (
            _nothing
            if self.switch is None
            else read_path(self.switch.path, given.scope, given.places)
        )

    @property
    def leaf(self) -> Leaf:
        """All these rules, judged without telling them apart."""
        if self._made is None:
            given = self._given
            self._made = Leaf(self._rules, given.secrets, given.bundle, given.scope, given.places)
        return self._made

    def reached(self, bound: BoundRequest) -> Leaf:
        """The leaf of the rules that can matter; where a fact is unknown, the leaf of all."""
        node = self
        while node.switch is not None:
            try:
                value = node.read(bound)
            except EvalError:
                break
            node = node._children.get(value) or node._child(value)
        return node.leaf

    def _child(self, value: Value) -> Tree:
        switch = self.switch
        if switch is None:
            raise AssertionError("a leaf has no children")
        places = switch.by_value.get(value)
        if places is None:
            if self._rest is None:
                self._rest = self._of(switch.rest)
            return self._rest
        child = self._of(sorted([*places, *switch.rest]))
        child = self._children.setdefault(value, child)
        if child.switch is None:
            self.leaves[value] = child.leaf
        return child

    def _of(self, places: Sequence[int]) -> Tree:
        rules = [self._rules[place] for place in places]
        path = self.switch.path if self.switch else None
        used = self._used if path is None else self._used | {words_of(path)}
        return Tree(rules, self._given, used)


__all__ = ["Given", "Tree"]
