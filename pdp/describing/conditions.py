"""Conditions of a checked program in words. Shortens nothing: every part of a condition is said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from pdp.describing.spelling import (
    agreed,
    is_plural,
    listed,
    noun,
    possessive,
    quoted,
    value,
    words,
)
from pdp.lang.checked import (
    And,
    Attr,
    Begins,
    Compare,
    Const,
    Count,
    Expr,
    Has,
    InCollection,
    InEntity,
    InNetwork,
    InWindow,
    Like,
    Matches,
    Not,
    Or,
    Quantified,
    Root,
    Scale,
    Sum,
    Under,
    Var,
    type_of,
)
from pdp.lang.source import Source, Span
from pdp.lang.types import BOOL, DURATION, INT, TIMESTAMP, CollT, EntityT, EnumT, Type

# A condition longer than this is said as a list.
_INLINE_MAX: Final = 130
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_ADJECTIVE: Final = re.compile(r"[a-z]+(?:ed|able|ible|ful|ive|al|ic|ous|ary)")
# More resource types than these are not named one by one where one of them is meant.
_TYPES_NAMED_MAX: Final = 2
# The opposite of each comparison, so that no sentence needs a double negation.
_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_COMPARED: Final = {
    "==": "is",
    "!=": "is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is more than",
    ">=": "is at least",
}
_COMPARED_TIMES: Final = {
    "==": "is",
    "!=": "is not",
    "<": "is before",
    "<=": "is not after",
    ">": "is after",
    ">=": "is not before",
}
_ROOTS: Final = {
    "agent": "the agent",
    "user": "the person who asks",
    "chain": "those who ask",
    "action": "the action",
    "now": "the time of the request",
    "approver": "the approver",
    "risk": "the risk",
    "tool": "the tool",
    "args": "the request",
    "context": "the circumstances",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A line, and what is listed below it (the line then ends in a colon)."""

    text: str
    parts: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says conditions. ``principal`` is the noun for whoever is judged.

    ``groups`` are the names of declared groups by uid; ``sources`` tell how a constant is named
    where it is used; ``claimed`` are the paths (root, field) of untrusted values.
    """

    groups: Mapping[str, str]
    sources: Mapping[str, Source]
    claimed: frozenset[tuple[str, str]]
    principal: str = "the requester"

    def phrase(self, expr: Expr, *, holds: bool = True) -> Phrase:
        """The condition that ``expr`` is true (or, not ``holds``, false): a line, or a list."""
        text = self.say(expr, holds=holds)
        if len(text) <= _INLINE_MAX:
            return Phrase(text)
        match expr:
            case Not():
                return self.phrase(expr.operand, holds=not holds)
            case And() | Or():
                is_all = isinstance(expr, And) is holds
                parts = tuple(self.phrase(part, holds=holds) for part in _flat(expr))
                return Phrase(_lead(is_all=is_all), parts)
            case Quantified():
                return self._quantified_phrase(expr, holds=holds)
            case _:
                return Phrase(text)

    def _quantified_phrase(self, expr: Quantified, *, holds: bool) -> Phrase:
        lead, body_holds = self._quantifier(expr, holds=holds)
        body = self.phrase(expr.body, holds=body_holds)
        if body.parts:
            return Phrase(f"{lead}, {body.text}", body.parts)
        return Phrase(f"{lead}:", (body,))

    def say(self, expr: Expr, *, holds: bool = True) -> str:
        """The same on one line."""
        match expr:
            case And() | Or():
                is_all = isinstance(expr, And) is holds
                parts = [self._nested(part, holds=holds, in_all=is_all) for part in _flat(expr)]
                return (" and " if is_all else " or ").join(parts)
            case Not():
                return self.say(expr.operand, holds=not holds)
            case Has():
                return self._has(expr.target, holds=holds)
            case Compare():
                return self._compare(expr, holds=holds)
            case Quantified():
                lead, body_holds = self._quantifier(expr, holds=holds)
                body = self.say(expr.body, holds=body_holds)
                is_simple = not isinstance(_bare(expr.body), And | Or)
                return f"{lead}, {body}" if is_simple else f"{lead}, ({body})"
            case Const(value=bool()):
                return "always" if expr.value is holds else "never"
            case Root() | Var() | Attr() | Const() | Count() | Sum() | Scale():
                return self._flag(expr, holds=holds)
            case (
                InCollection() | InEntity() | InNetwork() | InWindow()
                | Like() | Matches() | Under() | Begins()
            ):  # fmt: skip
                return self._test(expr, holds=holds)
            case _:
                assert_never(expr)

    def _nested(self, expr: Expr, *, holds: bool, in_all: bool) -> str:
        inner, truth = expr, holds
        while isinstance(inner, Not):
            inner, truth = inner.operand, not truth
        text = self.say(inner, holds=truth)
        if isinstance(inner, And | Or) and (isinstance(inner, And) is truth) is not in_all:
            return f"({text})"
        # What follows a quantifier must not be taken for a part of it.
        return f"({text})" if isinstance(inner, Quantified) else text

    # ------------------------------------------------------------ tests

    def _test(
        self,
        expr: InCollection | InEntity | InNetwork | InWindow | Like | Matches | Under | Begins,
        *,
        holds: bool,
    ) -> str:
        be = "is" if holds else "is not"
        match expr:
            case InCollection(collection=Const() as constant):
                named = self._name(constant)
                one = f"on the list {quoted(named)}" if named else f"one of {self.value(constant)}"
                return agreed(self.value(expr.item), f"{be} {one}")
            case InCollection():
                return agreed(self.value(expr.item), f"{be} among {self.value(expr.collection)}")
            case InEntity():
                return agreed(self.value(expr.item), f"{be} in {self.value(expr.ancestor)}")
            case InNetwork():
                return agreed(self.value(expr.item), f"{be} in the network {self._networks(expr)}")
            case InWindow():
                window = quoted(words(expr.window.name))
                return agreed(self.value(expr.item), f"{be} within {window}")
            case Like():
                return agreed(self.value(expr.subject), _like(expr.parts, holds=holds))
            case Matches():
                verb = "matches" if holds else "does not match"
                return agreed(
                    self.value(expr.subject), f"{verb} the pattern {quoted(expr.pattern)}"
                )
            case Under():
                return agreed(self.value(expr.subject), f"{be} at or below {quoted(expr.prefix)}")
            case Begins():
                verb = "begins with" if holds else "does not begin with"
                steps = [
                    listed([quoted(str(one)) for one in alternatives], "or")
                    for alternatives in expr.prefix
                ]
                return agreed(self.value(expr.subject), f"{verb} {', then '.join(steps)}")
            case _:
                assert_never(expr)

    def _networks(self, expr: InNetwork) -> str:
        if isinstance(expr.networks, Const):
            named = self._name(expr.networks)
            return quoted(named) if named else value(expr.networks.value, expr.networks.type)
        return self.value(expr.networks)

    def _compare(self, expr: Compare, *, holds: bool) -> str:
        op = expr.op if holds else _OPPOSITE[expr.op]
        type_ = type_of(expr.left)
        if isinstance(expr.right, Const) and expr.right.type == BOOL and op in {"==", "!="}:
            wanted = bool(expr.right.value) is (op == "==")
            return self.say(expr.left, holds=wanted)
        table = _COMPARED_TIMES if type_ == TIMESTAMP else _COMPARED
        return agreed(self.value(expr.left), f"{table[op]} {self.value(expr.right)}")

    def _quantifier(self, expr: Quantified, *, holds: bool) -> tuple[str, bool]:
        """The lead, and whether its body has to be true. Not every: some not."""
        members = self.value(expr.collection)
        match expr.quantifier, holds:
            case ("every", True):
                return f"for every one of {members}", True
            case ("every", False):
                return f"for at least one of {members}", False
            case ("some", True) | ("no", False):
                return f"for at least one of {members}", True
            case _:
                return f"for every one of {members}", False

    def _has(self, target: Attr | Root, *, holds: bool) -> str:
        match target:
            case Root(name="user"):
                return "a person asks" if holds else "no person asks"
            case Root(name="agent"):
                return "an agent is involved" if holds else "no agent is involved"
            case Root():
                noun = {"tool": "the tool", "resource": "a thing concerned"}.get(
                    target.name, words(target.name)
                )
                return f"{noun} is {'' if holds else 'not '}stated"
            case Attr(base=Root(name="args" | "context" | "tool")):
                return f"{self.value(target)} is {'' if holds else 'not '}stated"
            case Attr():
                verb = "has a value for" if holds else "has no value for"
                return f"{self.value(target.base)} {verb} {quoted(words(target.name))}"

    def _flag(self, expr: Expr, *, holds: bool) -> str:
        """A truth value that is simply there."""
        no = "" if holds else " not"
        match expr:
            case Attr(base=Root(name="action"), name="reversible"):
                return "the action can be undone" if holds else "the action cannot be undone"
            case Attr() if _ADJECTIVE.fullmatch(expr.name) and not _is_request(expr.base):
                return f"{self.value(expr.base)} is{no} {words(expr.name)}"
            case Attr() if not _is_request(expr.base):
                name = quoted(words(expr.name))
                return f"{name} is{no} true for {self.value(expr.base)}"
            case _:
                return f"{self.value(expr)} is{no} true"

    # ------------------------------------------------------------ values

    def value(self, expr: Expr) -> str:
        """A value as a noun: ``the order's total``."""
        match expr:
            case Const():
                return self._constant(expr)
            case Root(name="principal"):
                return self.principal
            case Root(name="resource"):
                return _thing(expr.type)
            case Root():
                return _ROOTS[expr.name]
            case Var():
                return "it"
            case Attr():
                return self._attribute(expr)
            case Count(collection=Root(name="chain")):
                return "the number of agents and people who ask"
            case Count():
                return f"the number of {self.value(expr.collection).removeprefix('the ')}"
            case Sum():
                return self._sum(expr)
            case Scale():
                return f"{self.value(expr.factor)} times {self.value(expr.operand)}"
            case _:
                return f"whether {self.say(expr)}"

    def _attribute(self, expr: Attr) -> str:
        name = words(expr.name)
        match expr.base:
            case Root(name="args" | "context" as root):
                claim = " (as claimed)" if (root, expr.name) in self.claimed else ""
                if expr.type == INT and is_plural(name):
                    name = f"number of {name}"
                return f"{quoted(name) if expr.type == BOOL else f'the {name}'}{claim}"
            case Root(name="risk"):
                return "the risk tier"
            case Root(name="tool"):
                return f"the tool's {name} (as claimed)"
            case Var():
                return f"its {name}"
            case base:
                return f"{possessive(self.value(base))} {name}"

    def _sum(self, expr: Sum) -> str:
        text = ""
        for sign, operand in expr.terms:
            if text:
                text += " plus " if sign > 0 else " minus "
            elif sign < 0:
                text = "minus "
            text += self.value(operand)
        return text

    def _constant(self, expr: Const) -> str:
        if isinstance(expr.type, EntityT):
            uid = str(expr.value)
            return quoted(words(self.groups.get(uid, uid.partition("::")[2])))
        text = value(expr.value, expr.type)
        if expr.type == DURATION or isinstance(expr.type, EnumT):
            return text
        named = self._name(expr)
        if isinstance(expr.type, CollT):
            return f"the list {quoted(named)}" if named else text
        return f"the {named} ({text})" if named else text

    def _name(self, expr: Const) -> str:
        """The name by which a constant is used here, as words; '' when its value is written."""
        written = text_at(expr.span, self.sources)
        is_name = _NAME.fullmatch(written) is not None and written not in {"true", "false"}
        return words(written) if is_name else ""


def text_at(span: Span, sources: Mapping[str, Source]) -> str:
    """What is written at a place of one line; '' elsewhere."""
    if span.file not in sources or span.line != span.end_line:
        return ""
    return sources[span.file].line(span.line)[span.column - 1 : span.end_column - 1]


def _like(parts: Sequence[str], *, holds: bool) -> str:
    match parts:
        case [text]:
            return f"{'is' if holds else 'is not'} {quoted(text)}"
        case [start, ""]:
            return f"{'begins' if holds else 'does not begin'} with {quoted(start)}"
        case ["", end]:
            return f"{'ends' if holds else 'does not end'} with {quoted(end)}"
        case ["", inner, ""]:
            return f"{'contains' if holds else 'does not contain'} {quoted(inner)}"
        case _:
            verb = "has" if holds else "does not have"
            return f"{verb} the form {quoted('…'.join(parts))} (… is any text)"


def _lead(*, is_all: bool) -> str:
    return "all of these hold:" if is_all else "at least one of these holds:"


def _flat(expr: And | Or) -> Iterator[Expr]:
    for operand in expr.operands:
        if type(operand) is type(expr) and isinstance(operand, And | Or):
            yield from _flat(operand)
        else:
            yield operand


def _bare(expr: Expr) -> Expr:
    while isinstance(expr, Not):
        expr = expr.operand
    return expr


def _thing(type_: Type) -> str:
    names = sorted(type_.names) if isinstance(type_, EntityT) else []
    if not 0 < len(names) <= _TYPES_NAMED_MAX:
        return "the thing concerned"
    return f"the {listed([noun(name) for name in names], 'or')}"


def _is_request(base: Expr) -> bool:
    """Whether a path starts in what the request says, rather than in a thing that has a noun."""
    return isinstance(base, Root) and base.name in {"args", "context", "tool"}
