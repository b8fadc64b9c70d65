"""What is written where a line may end, and the choice of where it does; it knows no grammar.

A document is a tree of pieces. A group is written on one line if that fits; otherwise each of its
own line breaks is taken. Comments never count as width, and nothing is written behind one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias, assert_never

from pdp.lang.formatting.tokens import Comment

COLUMNS_MAX: Final = 100
_INDENT: Final = 4
# Between code and the comment behind it.
_MARGIN: Final = 2

SPACE: Final = " "


@dataclass(frozen=True, slots=True)
class Word:
    """A token with its comments.

    ``blank``: a blank line between the last comment before it and the token. ``glued``: it stays
    on the line of what stands before, ahead of a comment there (a comma does). ``if_broken``: it
    is written only where the group around it is on several lines.
    """

    text: str
    before: tuple[Comment, ...] = ()
    after: Comment | None = None
    blank: bool = False
    glued: bool = False
    if_broken: bool = False


@dataclass(frozen=True, slots=True)
class OwnLines:
    """Comments that stand before no token: at the end of a block."""

    comments: tuple[Comment, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A place where a line may end: ``flat`` where it does not.

    ``hard``: it always ends here. ``blank``: with a blank line, if it ends.
    """

    flat: str = ""
    hard: bool = False
    blank: bool = False


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines that begin inside are indented by one step more."""

    inner: Doc


@dataclass(frozen=True, slots=True)
class Group:
    """Made by ``group``. ``width`` is that of its one line, None if it needs several.

    ``opens``: it begins with comments of its first token. ``ends``: a comment stands at its end.
    """

    inner: Doc
    width: int | None
    opens: bool
    ends: bool


Doc: TypeAlias = "str | Word | OwnLines | Line | Nest | Group | tuple[Doc, ...]"

LINE: Final = Line(SPACE)
SOFT: Final = Line()
HARD: Final = Line(hard=True)


def group(*parts: Doc) -> Group:
    """On one line if it fits, else on several."""
    width = _Width()
    if not width.add(parts):
        return Group(parts, None, opens=width.opens, ends=width.ends)
    return Group(parts, width.columns, opens=width.opens, ends=width.ends)


def lay_out(doc: Doc) -> str:
    """The text of a document; it ends with a line break unless it is empty."""
    page = _Page()
    page.write(doc)
    return "".join(line + "\n" for line in page.finished())


class _Width:
    """The columns that a piece takes on one line."""

    def __init__(self) -> None:
        self.columns = 0
        self.is_empty = True
        self.opens = False
        self.ends = False

    def add(self, doc: Doc) -> bool:
        """Counts one piece more; False if it cannot stand on this line."""
        match doc:
            case str():
                return self._text(doc)
            case tuple():
                return all(map(self.add, doc))
            case Word():
                return self._word(doc)
            case Group():
                return self._group(doc)
            case Line():
                self.columns += len(doc.flat)
                return not doc.hard
            case Nest():
                return self.add(doc.inner)
            case OwnLines():
                return False
            case _:
                assert_never(doc)

    def _text(self, text: str) -> bool:
        self.columns += len(text)
        if text == SPACE:
            return True
        self.is_empty = False
        return not self.ends

    def _word(self, word: Word) -> bool:
        if word.before:
            if not self.is_empty:
                return False
            self.opens = True
        if not word.glued and not self._text(word.text):
            return False
        if word.glued and not word.if_broken:
            self.columns += len(word.text)
        self.ends = self.ends or word.after is not None
        return True

    def _group(self, inner: Group) -> bool:
        if inner.opens:
            if not self.is_empty:
                return False
            self.opens = True
        if inner.width is None or self.ends:
            return False
        self.columns += inner.width
        self.is_empty = False
        self.ends = inner.ends
        return True


class _Page:
    """The lines written so far, and the one being written."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Comment | None]] = []
        self.line: list[str] = []
        self.column = 0
        self.indent = 0
        self.space = False
        self.comment: Comment | None = None

    def write(self, doc: Doc) -> None:
        stack: list[tuple[int, bool, Doc]] = [(0, False, doc)]
        while stack:
            indent, is_flat, piece = stack.pop()
            match piece:
                case str():
                    self._text(piece, indent)
                case tuple():
                    stack.extend([(indent, is_flat, part) for part in reversed(piece)])
                case Line():
                    if is_flat:
                        self.space = self.space or bool(piece.flat)
                    else:
                        self._break(indent, blank=piece.blank)
                case Group():
                    fits = is_flat or self._fits(piece, stack)
                    stack.append((indent, fits, piece.inner))
                case Nest():
                    stack.append((indent + _INDENT, is_flat, piece.inner))
                case Word():
                    if not (piece.if_broken and is_flat):
                        self._word(piece, indent)
                case OwnLines():
                    self._own_lines(piece.comments)
                case _:
                    assert_never(piece)
        self._break(0)

    def finished(self) -> list[str]:
        """The lines; comments behind neighbouring lines stay aligned where the author did so."""
        done: list[str] = []
        run: list[_Behind] = []
        for index, (text, comment) in enumerate(self.lines):
            if not text or (comment and run and run[-1].comment.column != comment.column):
                _align(done, run)
                run = []
            if comment:
                run.append(_Behind(index, comment))
            done.append(text)
        _align(done, run)
        return done

    def _text(self, text: str, indent: int) -> None:
        if text == SPACE:
            self.space = True
            return
        if self.comment is not None:  # nothing is written behind a comment
            self._break(indent + _INDENT)
        self._append(text)

    def _append(self, text: str) -> None:
        if not self.line:
            self.line.append(SPACE * self.indent)
            self.column = self.indent
        elif self.space:
            self.line.append(SPACE)
            self.column += 1
        self.line.append(text)
        self.column += len(text)
        self.space = False

    def _word(self, word: Word, indent: int) -> None:
        if word.before:
            if self.line:
                self._break(indent + _INDENT)
            self._own_lines(word.before)
            self._break(self.indent, blank=word.blank)
        if word.glued:
            self.space = False
            self._append(word.text)
        else:
            self._text(word.text, indent)
        if word.after is not None:
            self.comment = word.after

    def _own_lines(self, comments: tuple[Comment, ...]) -> None:
        """Each on its line; the first is where the line break before has put it."""
        for index, comment in enumerate(comments):
            if index:
                self._break(self.indent, blank=comment.blank)
            self._append(comment.text)

    def _break(self, indent: int, *, blank: bool = False) -> None:
        if self.line:
            self.lines.append(("".join(self.line), self.comment))
        if blank:
            self.lines.append(("", None))
        self.line = []
        self.indent = self.column = indent
        self.space = False
        self.comment = None

    def _fits(self, piece: Group, stack: list[tuple[int, bool, Doc]]) -> bool:
        if piece.width is None:
            return False
        room = COLUMNS_MAX - self.column - self.space - piece.width
        return room >= 0 and _rest_fits(stack, room, only_glued=piece.ends)


class _Behind(NamedTuple):
    """A comment behind the code of a line."""

    line: int
    comment: Comment


def _align(lines: list[str], run: list[_Behind]) -> None:
    width = max((len(lines[behind.line]) for behind in run), default=0)
    for behind in run:
        lines[behind.line] = lines[behind.line].ljust(width + _MARGIN) + behind.comment.text


def _rest_fits(stack: list[tuple[int, bool, Doc]], room: int, *, only_glued: bool) -> bool:
    """Whether what follows up to the next possible line break fits as well.

    ``only_glued``: a comment stands behind the group, and only glued words come before that.
    """
    index = len(stack)
    rest: list[tuple[bool, Doc]] = []
    while room >= 0:
        if rest:
            is_flat, doc = rest.pop()
        elif index:
            index -= 1
            _, is_flat, doc = stack[index]
        else:
            return True
        match doc:
            case str() if only_glued:
                return True
            case str():
                room -= len(doc)
            case tuple():
                rest.extend([(is_flat, part) for part in reversed(doc)])
            case Line():
                if not is_flat or doc.hard:
                    return True
                room -= len(doc.flat)
            case Word():
                if doc.before or (only_glued and not doc.glued):
                    return True
                room -= 0 if doc.if_broken and is_flat else len(doc.text)
                if doc.after is not None:
                    return room >= 0
            case Group() | Nest():
                rest.append((is_flat, doc.inner))
            case OwnLines():
                return True
            case _:
                assert_never(doc)
    return False
