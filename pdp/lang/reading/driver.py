"""Runs the tables that Lark made of the grammar; nothing of Lark is here, and no node is made.

One pass: each token is read, and the parser's moves up to it are made, before the next one is
looked at. Which terminal a word is depends on what the parser may take there, so that a keyword
can be a name where only a name is legal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from operator import itemgetter
from typing import Any, Final, NamedTuple

from pdp.lang.reading import tables

END: Final = "$END"
# No move. The first state is never moved to, so its number is free.
_NONE: Final = 0


class Token(NamedTuple):
    """A word or sign of the text; ``start`` is its offset in characters."""

    terminal: int
    text: str
    start: int


class Reduction(NamedTuple):
    """A rule: how many parts it takes from the stack, and what it makes of them.

    ``method`` is the builder's; `=` the only part itself, `+` a new list and `*` one that goes on.
    ``pick`` puts the parts into the order that the method wants.
    """

    size: int
    origin: int
    method: str
    pick: Callable[[list[Any]], list[Any]] | None


# ---------------------------------------------------------------- the tables


def _grown(parts: list[Any]) -> list[Any]:
    """A list that goes on: the same list, or each further part would copy it."""
    found: list[Any] = parts[0]
    found += parts[1:]
    return found


def _picking(shape: str) -> Callable[[list[Any]], list[Any]] | None:
    """``.`` is a part, ``*`` a list whose items are parts, ``-`` a part that is absent."""
    if "-" not in shape and "*" not in shape:
        return None
    if "*" not in shape:
        sources = iter(range(len(shape)))
        chosen = itemgetter(*(next(sources) if sign == "." else -1 for sign in shape))
        return lambda parts: chosen([*parts, None])
    if shape == "*":
        return itemgetter(0)

    def pick(parts: list[Any]) -> list[Any]:
        rest = iter(parts)
        found: list[Any] = []
        for sign in shape:
            if sign == "*":
                found += next(rest)
            else:
                found.append(None if sign == "-" else next(rest))
        return found

    return pick


def _reduction(origin: int, method: str, shape: str) -> Reduction:
    size = len(shape) - shape.count("-")
    if method == "+" and shape[0] == "*":
        return Reduction(size, origin, "*", None)
    return Reduction(size, origin, method, _picking(shape))


TERMINALS: Final = tables.TERMINALS
_NUMBERS: Final = {name: number for number, name in enumerate(TERMINALS)}
# The last is the first: a move below zero is the index of its rule.
REDUCTIONS: Final = [_reduction(*rule) for rule in reversed(tables.RULES)]
# For each state: of terminals the move, which is a state, or a rule if below zero.
ACTIONS: Final[list[dict[int, int]]] = [
    {terminal: move for move, terminals in moves for terminal in terminals}
    for moves, _ in tables.STATES
]
# The state after the end, which has no moves.
_DONE: Final = len(ACTIONS)
ACTIONS.append({})
# For each state: of rules' origins the state after them.
GOTOS: Final[list[dict[int, int]]] = [dict(gotos) for _, gotos in tables.STATES]
OPEN: Final = [(_NUMBERS[name], re.compile("".join(pieces))) for name, pieces in tables.OPEN]
# What a word or sign of the grammar may be, best first.
LEXEMES: Final = {lexeme: tuple(terminals) for lexeme, terminals in tables.LEXEMES}


def _token_pattern() -> re.Pattern[str]:
    """One group for each open terminal, for signs, for the end, and for what is none of these.

    And one for a rest of what is ignored: the pattern keeps a note of each repetition, so that
    there is a bound to them.
    """
    signs = [lexeme for lexeme in LEXEMES if not lexeme[0].isalpha()]
    signs.sort(key=len, reverse=True)
    groups = ["|".join(map(re.escape, signs)), *("".join(pieces) for _, pieces in tables.OPEN)]
    ignored = "|".join(tables.IGNORED)
    choices = "|".join(f"({group})" for group in (*groups, r"\Z", ignored, "."))
    return re.compile(f"(?:{ignored}){{0,100}}+(?:{choices})", re.DOTALL)


TOKEN: Final = _token_pattern()
# By the number of the group that matched: what its token may be.
KINDS: Final = [(), (), *((number,) for number, _ in OPEN), (_NUMBERS[END],), (), ()]
_IGNORED: Final = len(KINDS) - 2


def terminals_at(state: int) -> Iterator[str]:
    """What may follow in a state, if what is below it on the stack agrees."""
    return (TERMINALS[terminal] for terminal in ACTIONS[state])


def takes(states: Sequence[int], terminal: str, without: AbstractSet[str] = frozenset()) -> bool:
    """Whether a stack of states can take a terminal, and complete no rule in ``without`` for it."""
    number = _NUMBERS[terminal]
    stack = [*states]
    while True:
        move = ACTIONS[stack[-1]].get(number, _NONE)
        if move >= 0:
            return move != _NONE
        rule = REDUCTIONS[move]
        if rule.method in without:
            return False
        del stack[len(stack) - rule.size :]
        stack.append(GOTOS[stack[-1]][rule.origin])


# ---------------------------------------------------------------- the stack

# Half the price of `Token(…)`, for every word of the text.
_new: Final = tuple.__new__


def _maker(builder: object, method: str) -> Any:
    """What makes one thing of a list of parts; None where the only part stands for the whole."""
    if method == "=":
        return None
    return {"+": list, "*": _grown}.get(method) or getattr(builder, method)


class Driver:
    """One text on its way through the grammar, as far as it goes without a mistake.

    Four stacks of one height: states, what was made, and where it starts and ends (offsets).
    """

    def __init__(self, text: str, builder: Any) -> None:
        """``builder`` has a method for each rule, and is told ``start`` and ``end`` before it."""
        self.text = text
        self.builder = builder
        self.states = [0]
        self.values: list[Any] = [None]
        self.starts = [0]
        self.ends = [0]
        self._rules = [
            (size, origin, _maker(builder, method), pick)
            for size, origin, method, pick in REDUCTIONS
        ]
        # All at once, for every word of the text.
        self._parts = self.states, self.values, self.starts, self.ends, builder, self._rules

    @property
    def made(self) -> Any:
        """What the whole text became, once ``run`` has answered None."""
        return self.values[1]

    def cut(self, height: int) -> None:
        """Forget what is above a height of the stacks."""
        for stack in (self.states, self.values, self.starts, self.ends):
            del stack[height:]

    def run(self, position: int) -> int | None:
        """Read on from an offset. Answers None at the end of the text, or where it cannot go on.

        Moves that a word led to before it turned out to be wrong have been made.
        """
        states, values, starts, ends = self.states, self.values, self.starts, self.ends
        again: int | None = position
        while again is not None:
            matches, again = TOKEN.finditer(self.text, again), None
            for match in matches:
                kind: Any = match.lastindex  # some group always matches
                text = match[kind]
                start = match.start(kind)
                row = ACTIONS[states[-1]]
                for terminal in LEXEMES.get(text) or KINDS[kind]:
                    move = row.get(terminal, _NONE)
                    if move:
                        break
                else:
                    if kind == _IGNORED:
                        continue
                    if states[-1] == _DONE:
                        return None  # the pattern finds the end twice where blanks precede it
                    found = self._shorter(row, start)
                    if found is None:
                        return start
                    terminal, again = found
                    text = self.text[start:again]
                    move = row[terminal]
                if move < 0:
                    move = self._reduce(move, terminal)
                    if not move:
                        return start
                states.append(move)
                values.append(_new(Token, (terminal, text, start)))
                starts.append(start)
                ends.append(start + len(text))
                if again is not None:
                    break
        return None

    def _shorter(self, row: dict[int, int], start: int) -> tuple[int, int] | None:
        """Where no terminal takes the whole word: one that takes its beginning, and its end."""
        for terminal, pattern in OPEN:
            match = pattern.match(self.text, start) if terminal in row else None
            if match is not None:
                return terminal, match.end()
        return None

    def _reduce(self, move: int, terminal: int) -> int:
        """Apply rules until the terminal can be taken; answers the state then, or ``_NONE``."""
        states, values, starts, ends, builder, rules = self._parts
        while move < 0:
            size, origin, make, pick = rules[move]
            if make is None:
                state = states[-1] = GOTOS[states[-2]][origin]
            elif size == 1:
                parts = values[-1:]
                builder.start, builder.end = starts[-1], ends[-1]
                values[-1] = make(parts if pick is None else pick(parts))
                state = states[-1] = GOTOS[states[-2]][origin]
            elif size:
                parts = values[-size:]
                builder.start, builder.end = starts[-size], ends[-1]
                del values[-size:], states[-size:], starts[1 - size :], ends[-size:-1]
                values.append(make(parts if pick is None else pick(parts)))
                state = GOTOS[states[-1]][origin]
                states.append(state)
            else:
                builder.start = builder.end = ends[-1]
                values.append(make([]))
                starts.append(ends[-1])
                ends.append(ends[-1])
                state = GOTOS[states[-1]][origin]
                states.append(state)
            move = ACTIONS[state].get(terminal, _NONE)
        return move
