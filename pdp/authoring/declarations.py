"""Enums, records and actions as Charter text, to be formatted; nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from pdp.authoring.naming import ActionName, member_names
from pdp.authoring.plaintext import hides_something, one_line, quoted, text_literal
from pdp.authoring.shapes import (
    Collection,
    Declaration,
    Declared,
    Enum,
    Field,
    Plain,
    Record,
    Registry,
    TypeRef,
)

COLUMNS: Final = 100
INDENT: Final = "    "


@dataclass(frozen=True, slots=True)
class Danger:
    """The mandatory words about an action, and the claim that they follow."""

    reversible: bool
    risk: str
    claim: str


class Writer:
    """Writes declarations; a type is written before what first needs it."""

    def __init__(self, registry: Registry) -> None:
        self._declarations = registry.declarations
        self._names = registry.names()
        self._written: set[int] = set()

    def types_for(self, fields: Iterable[Field]) -> Iterator[list[str]]:
        """The lines of every type that ``fields`` need and that was not written before."""
        for index in _needed(fields):
            if index in self._written:
                continue
            self._written.add(index)
            declaration = self._declarations[index]
            if isinstance(declaration, Record):
                yield from self.types_for(declaration.fields)
            yield self._type_lines(self._names[index], declaration)

    def action_lines(
        self, name: ActionName, danger: Danger, fields: Sequence[Field], comments: Iterable[str]
    ) -> list[str]:
        """An action with its comments, ours and quoted ones, above it."""
        wire = "" if name.wire == name.text else f" {text_literal(name.wire)}"
        word = "reversible" if danger.reversible else "irreversible"
        head = f"action {name.text}{wire} {word} risk {danger.risk}"
        block = self._block(f"{head} ", fields) if fields else [head]
        return [*map(comment_line, comments), *block]

    def _type_lines(self, name: str, declaration: Declaration) -> list[str]:
        match declaration:
            case Enum():
                names = member_names(declaration.values)
                members = [
                    member if member == wire else f"{member} {text_literal(wire)}"
                    for wire, member in names.items()
                ]
                return [f"enum {name} {{ {', '.join(members)} }}"]
            case Record():
                notes = map(comment_line, declaration.notes)
                return [*notes, *self._block(f"type {name} = ", declaration.fields)]
            case _:
                assert_never(declaration)

    def _block(self, head: str, fields: Sequence[Field]) -> list[str]:
        """Fields in braces, each with its comments."""
        lines = [f"{head}{{"]
        for field in fields:
            comments = said_about(field.description, field.notes, INDENT)
            lines += [comment_line(comment, INDENT) for comment in comments]
            lines.append(f"{INDENT}{self._field(field)},")
        return [*lines, "}"]

    def _field(self, field: Field) -> str:
        wire = "" if field.wire == field.name else f" {text_literal(field.wire)}"
        mark = "?" if field.optional else ""
        flags = "".join(f" {flag}" for flag in field.flags)
        return f"{field.name}{wire}{mark}: {self._type(field.type)}{flags}"

    def _type(self, type_: TypeRef) -> str:
        match type_:
            case Plain():
                return type_.name
            case Declared():
                return self._names[type_.index]
            case Collection():
                return f"{type_.kind}<{self._type(type_.item)}>[{type_.lo}..{type_.hi}]"
            case _:
                assert_never(type_)


def comment_line(text: str, indent: str = "") -> str:
    """One line of comment, cut where a page ends."""
    return f"{indent}# {one_line(text, COLUMNS - len(indent) - len('# '))}"


def said_about(description: str, notes: Iterable[str], indent: str = "") -> list[str]:
    """Comments about one thing: the server's words in quotes, what is odd about them, our notes."""
    quotation = quoted(description, COLUMNS - len(indent) - len("# "))
    lines = [quotation] if quotation else []
    if hides_something(description):
        lines.append("hidden characters were taken out of this text")
    return [*lines, *notes]


def _needed(fields: Iterable[Field]) -> Iterator[int]:
    """The numbers of the types that fields name."""
    for field in fields:
        type_ = field.type
        while isinstance(type_, Collection):
            type_ = type_.item
        if isinstance(type_, Declared):
            yield type_.index
