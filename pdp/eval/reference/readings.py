"""What a part of a policy says and reads, as far as it may be shown: for people.

Values of secret fields never leave here, nor the words of a condition that reads one: what it
compares with could be the secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias, assert_never

from pdp import canonical, explanation
from pdp.eval.reference.facts import wire_tree
from pdp.eval.reference.terms import Err, Scope, evaluate
from pdp.explanation import Condition
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
from pdp.lang.types import JSON, CollT, EntityT, FieldT, RecordT, Schema, Type

_Path: TypeAlias = Attr | Root | Var
_CUT: Final = "…"


class Readings:
    """Makes conditions for one request; remembers texts and values, since many rules share them.

    ``sources`` are the policy files by name; without a file its words are left out.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources: Final = sources
        self._lines: Final[dict[str, list[str]]] = {}
        self._texts: Final[dict[tuple[object, str, Type], str]] = {}

    def condition(self, span: Span, expr: Expr | None, scope: Scope, error: str = "") -> Condition:
        """The part of a policy at ``span``; ``expr`` is None for whom or what a rule is for."""
        paths = [] if expr is None else list(_paths(expr))
        schema = scope.world.schema
        is_secret = any(_passes_secret(path, schema) for path in paths)
        return Condition(
            span.file,
            span.line,
            span.column,
            "" if is_secret else self._words(span),
            error,
            self._values(paths, scope),
        )

    def _words(self, span: Span) -> str:
        if span.file not in self._sources:
            return ""
        if span.file not in self._lines:
            self._lines[span.file] = self._sources[span.file].text.split("\n")
        lines = self._lines[span.file][span.line - 1 : span.end_line]
        if not lines:
            return ""
        # The end first: on a span of one line both cuts are in the same text.
        lines = [*lines[:-1], lines[-1][: span.end_column - 1]]
        lines[0] = lines[0][span.column - 1 :]
        return _cut(" ".join(" ".join(lines).split()), explanation.TEXT_CHARS_MAX)

    def _values(self, paths: Iterable[_Path], scope: Scope) -> tuple[tuple[str, str], ...]:
        """The paths that could be read and may be shown, each once, in the order of their names."""
        found: dict[str, str] = {}
        for path in paths:
            type_ = _shown_type(path, scope.world.schema) if _is_rooted(path) else None
            if type_ is None:
                continue
            text = self._text(path, type_, scope)
            if text is not None:
                found[_label(path)] = text
        return tuple(sorted(found.items()))

    def _text(self, path: _Path, type_: Type, scope: Scope) -> str | None:
        key = (scope.roots.get("principal"), _label(path), type_)
        if key not in self._texts:
            value = evaluate(path, scope)
            if isinstance(value, Err):
                return None
            self._texts[key] = _shown_text(canonical.write(wire_tree(value, type_)))
        return self._texts[key]


def _shown_text(text: str) -> str:
    """JSON text, or of a long one a JSON string that tells how it begins."""
    short = _cut(text, explanation.VALUE_CHARS_MAX)
    return text if short == text else canonical.write(short)


def _cut(text: str, chars_max: int) -> str:
    return text if len(text) <= chars_max else text[:chars_max] + _CUT


def _label(path: Expr) -> str:
    match path:
        case Root() | Var():
            return path.name
        case Attr():
            return f"{_label(path.base)}.{path.name}"
        case _:
            raise AssertionError("a path is a root and names")


def _is_rooted(expr: Expr) -> bool:
    """Whether a path starts at a root; the value of a quantifier's variable differs by member."""
    return _is_rooted(expr.base) if isinstance(expr, Attr) else isinstance(expr, Root)


def _paths(expr: Expr) -> Iterator[_Path]:
    """Every path that the expression may read, those of a quantifier's variable too."""
    match expr:
        case Attr() | Root() | Var():
            yield expr
        case Const():
            return
        case Has():
            yield from _paths(expr.target)
        case And() | Or():
            yield from _paths_of(expr.operands)
        case Not() | Scale():
            yield from _paths(expr.operand)
        case Compare():
            yield from _paths_of((expr.left, expr.right))
        case InCollection():
            yield from _paths_of((expr.item, expr.collection))
        case InEntity():
            yield from _paths_of((expr.item, expr.ancestor))
        case InNetwork():
            yield from _paths_of((expr.item, expr.networks))
        case InWindow():
            yield from _paths(expr.item)
        case Like() | Matches() | Under() | Begins():
            yield from _paths(expr.subject)
        case Count():
            yield from _paths(expr.collection)
        case Sum():
            yield from _paths_of(operand for _, operand in expr.terms)
        case Quantified():
            yield from _paths_of((expr.collection, expr.body))
        case _:
            assert_never(expr)


def _paths_of(exprs: Iterable[Expr]) -> Iterator[_Path]:
    for expr in exprs:
        yield from _paths(expr)


# ---------------------------------------------------------------- what may be shown


def _shown_type(path: _Path, schema: Schema) -> Type | None:
    """The path's type without its secret fields; None when a segment of the path is secret.

    Nor is ``json`` shown: of such a value nothing is known here but that it is there.
    """
    if _passes_secret(path, schema) or _is_json(path.type):
        return None
    return _without_secrets(path.type)


def _passes_secret(path: _Path, schema: Schema) -> bool:
    segment: Expr = path
    while isinstance(segment, Attr):
        if _is_secret(segment, schema):
            return True
        segment = segment.base
    return False


def _is_json(type_: Type) -> bool:
    return type_ == JSON or (isinstance(type_, CollT) and _is_json(type_.item))


def _is_secret(path: Attr, schema: Schema) -> bool:
    """Whether any declaration that the segment may speak of says so."""
    match path.base, type_of(path.base):
        case Root(name="args"), _:
            fields = [action.field(path.name) for action in schema.actions.values()]
        case _, RecordT() as record:
            fields = [record.field(path.name)]
        case _, EntityT() as reference:
            fields = [schema.entities[name].field(path.name) for name in reference.names]
        case _:
            raise AssertionError("a path goes through records and entities")
    return any(field.secret for field in fields if field is not None)


def _without_secrets(type_: Type) -> Type:
    match type_:
        case RecordT():
            return RecordT(
                type_.name,
                tuple(
                    FieldT(field.name, field.wire, _without_secrets(field.type))
                    for field in type_.fields
                    if not field.secret and not _is_json(field.type)
                ),
            )
        case CollT():
            return CollT(type_.kind, _without_secrets(type_.item), type_.lo, type_.hi)
        case _:
            return type_


__all__ = ["Readings"]
