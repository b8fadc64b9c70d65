"""Conditions, values and names of types as documents; no declaration is known here."""

from __future__ import annotations

from typing import assert_never

from pdp.lang import nodes as n
from pdp.lang.formatting.layout import LINE, SOFT, SPACE, Doc, Line, Nest, OwnLines, group
from pdp.lang.formatting.lists import bracketed
from pdp.lang.formatting.tape import Tape


def expression(tape: Tape, node: n.Expr) -> Doc:
    """Any expression; a condition of several operands is one group."""
    match node:
        case n.Literal():
            return literal(tape, node)
        case n.BadDate():
            return tape.word()
        case n.Path():
            return tape.dotted()
        case n.EntityLiteral():
            return entity(tape)
        case n.ListExpr():
            return bracketed(tape, node.items, expression)
        case n.Call():
            return (
                tape.dotted(),
                bracketed(tape, node.arguments, expression, has_last_comma=False),
            )
        case n.Group():
            return parentheses(tape, node.inner)
        case n.Junction():
            return _junction(tape, node)
        case n.Not():
            space = () if node.word.text == "!" else SPACE
            return (tape.word(node.word.text), space, expression(tape, node.operand))
        case n.Negative():
            return (tape.word("-"), expression(tape, node.operand))
        case n.Sum() | n.Product():
            return _arithmetic(tape, node)
        case n.Has():
            return (tape.word("has"), SPACE, tape.dotted())
        case n.Quantified():
            return (tape.words(3), SPACE, tape.dotted(), SPACE, tape.word("satisfies"), SPACE,
                    parentheses(tape, node.body))  # fmt: skip
        case n.Compare() | n.MemberOf() | n.TextTest() | n.Begins():
            return _test(tape, node)
        case _:
            assert_never(node)


def condition(tape: Tape, node: n.Expr) -> Doc:
    """An expression behind its keyword: operands on lines of their own are indented once more."""
    doc = expression(tape, node)
    return Nest(doc) if isinstance(node, n.Junction) else doc


def parentheses(tape: Tape, inner: n.Expr) -> Doc:
    """An expression in one pair of parentheses, however many pairs were written."""
    opening = tape.word("(")
    pairs = 0
    while isinstance(inner, n.Group):
        tape.skip("(")
        inner = inner.inner
        pairs += 1
    content: list[Doc] = [SOFT, expression(tape, inner)]
    for _ in range(pairs):
        tape.skip(")")
    comments, closing = tape.closing(")")
    if comments:
        content += (Line(hard=True, blank=comments[0].blank), OwnLines(comments))
    return group(opening, Nest(tuple(content)), SOFT, closing)


def _junction(tape: Tape, node: n.Junction) -> Doc:
    parts = [expression(tape, node.operands[0])]
    for operand in node.operands[1:]:
        comment, word = tape.operator()
        parts += (comment, LINE, word, SPACE, expression(tape, operand))
    return group(*parts)


def _arithmetic(tape: Tape, node: n.Sum | n.Product) -> Doc:
    parts = [expression(tape, node.operands[0])]
    for operand in node.operands[1:]:
        comment, word = tape.operator()
        parts += (comment, LINE, word, SPACE, expression(tape, operand))
    return group(parts[0], Nest(tuple(parts[1:])))


def _test(tape: Tape, node: n.Compare | n.MemberOf | n.TextTest | n.Begins) -> Doc:
    match node:
        case n.Compare():
            return (expression(tape, node.left), SPACE, tape.word(node.op.text), SPACE,
                    expression(tape, node.right))  # fmt: skip
        case n.MemberOf():
            return (expression(tape, node.left), SPACE, _operator(tape, negated=node.negated),
                    SPACE, expression(tape, node.right))  # fmt: skip
        case n.TextTest():
            return (expression(tape, node.subject), SPACE, _operator(tape, negated=node.negated),
                    SPACE, tape.word())  # fmt: skip
        case n.Begins():
            return (expression(tape, node.subject), SPACE, _operator(tape, negated=node.negated),
                    SPACE, expression(tape, node.prefix))  # fmt: skip
        case _:
            assert_never(node)


def _operator(tape: Tape, *, negated: bool) -> Doc:
    """``in`` or ``not in``, and so on."""
    return tape.words(2 if negated else 1)


# ---------------------------------------------------------------- closed values


def value(tape: Tape, node: n.Value) -> Doc:
    """A constant, or what stands in a fixture or a test."""
    match node:
        case n.Literal():
            return literal(tape, node)
        case n.EntityLiteral():
            return entity(tape)
        case n.Name():
            return tape.dotted()
        case n.ListValue():
            return bracketed(tape, node.items, value)
        case n.RecordValue():
            return bracketed(tape, node.pairs, _pair, padding=SPACE)
        case n.Negative():
            return (tape.word("-"), tape.word())
        case _:
            assert_never(node)


def literal(tape: Tape, node: n.Literal) -> Doc:
    """As written: digits grouped or not, a raw text raw."""
    return tape.words(2 if node.kind in ("ip", "cidr") else 1)


def entity(tape: Tape) -> Doc:
    """``Team::"support"``."""
    return (tape.dotted(), tape.word("::"), tape.word())


def _pair(tape: Tape, pair: tuple[n.Name, n.Value]) -> Doc:
    return (tape.word(pair[0].text), tape.word(":"), SPACE, value(tape, pair[1]))


# ---------------------------------------------------------------- types


def type_name(tape: Tape, node: n.TypeNode) -> Doc:
    """``set<Item>[0..9]``, a name, or a record."""
    match node:
        case n.PrimType() | n.NamedType():
            return tape.dotted()
        case n.CollType():
            parts = [tape.word(node.kind), tape.word("<"), type_name(tape, node.item)]
            parts.append(tape.word(">"))
            if node.bounds is not None:
                parts += [tape.word() for _ in range(5)]
            return tuple(parts)
        case n.RecordType():
            return bracketed(tape, node.fields, _field, padding=SPACE)
        case _:
            assert_never(node)


def _field(tape: Tape, field: n.Field) -> Doc:
    parts = [tape.word(field.name.text)]
    if field.wire is not None:
        parts += (SPACE, tape.word())
    if field.optional:
        parts.append(tape.word("?"))
    parts += (tape.word(":"), SPACE, type_name(tape, field.type))
    for flag in field.flags:
        parts += (SPACE, tape.word(flag.text))
    return tuple(parts)
