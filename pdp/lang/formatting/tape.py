"""The tokens of one text, taken in order; every comment goes with a token or moves to the next."""

from __future__ import annotations

from pdp.lang.formatting.layout import SPACE, Doc, Line, Nest, OwnLines, Word
from pdp.lang.formatting.tokens import Comment, Tokens


class Tape:
    """What is left to write. A writer that asks for another token than the next one is a bug."""

    __slots__ = ("after", "at", "before", "texts", "tokens")

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.texts = tokens.texts
        self.before = tokens.before
        self.after = tokens.after
        self.at = 0

    def peek(self) -> str:
        """The next token; '' at the end."""
        return self.texts[self.at]

    def column(self) -> int:
        """Where the next token begins, 1-based."""
        return self.tokens.column(self.at)

    def gap(self) -> bool:
        """Whether the author left a blank line before what comes next."""
        before = self.before.get(self.at)
        return before[0].blank if before else self.at in self.tokens.blanks

    def apart(self) -> bool:
        """``gap``, and also where no blank line stands between here and the next token."""
        before = self.before.get(self.at, ())
        is_apart = self.at in self.tokens.blanks or any(comment.blank for comment in before)
        return self.gap() or not is_apart

    def word(self, expected: str = "") -> Doc:
        """The next token, with its comments."""
        at = self.at
        text = self._take(expected)
        if at not in self.before and at not in self.after:
            return text
        before = self.before.get(at, ())
        return Word(text, before, self.after.get(at), blank=self._has_blank(at) and bool(before))

    def words(self, count: int) -> Doc:
        """Some tokens with a space between them."""
        if count == 1:
            return self.word()
        parts = [self.word()]
        for _ in range(count - 1):
            parts += (SPACE, self.word())
        return tuple(parts)

    def dotted(self) -> Doc:
        """A name with as many segments as there are."""
        first = self.word()
        if self.peek() != ".":
            return first
        parts = [first]
        while self.peek() == ".":
            parts += (self.word(), self.word())
        return tuple(parts)

    def comma(self) -> Doc:
        """A comma, ahead of a comment that stands behind what it follows."""
        return Word(",", after=self._drop(","), glued=True)

    def last_comma(self) -> Doc:
        """The comma behind the last item: there or not, it is written where lines are broken."""
        after = self._drop(",") if self.peek() == "," else None
        return Word(",", after=after, glued=True, if_broken=True)

    def operator(self) -> tuple[Doc, Doc]:
        """``and`` or ``or``, which will begin a line: the comment behind it, and the word.

        What the author wrote behind the word belongs to the line that it ended.
        """
        operand = self.at + 1
        has_blank = self._has_blank(operand if operand in self.before else self.at)
        text = self.peek()
        after = self._drop(text)
        comments = self.before.pop(operand, ())
        word = Word(text, comments, blank=has_blank and bool(comments))
        return Word("", after=after, glued=True), word

    def closing(self, expected: str) -> tuple[tuple[Comment, ...], Doc]:
        """Comments at the end of a block, and the bracket that ends it."""
        at = self.at
        text = self._take(expected)
        bracket = Word(text, after=self.after[at]) if at in self.after else text
        return self.before.get(at, ()), bracket

    def skip(self, expected: str) -> None:
        """Leaves a token out; its comments stay."""
        after = self._drop(expected)
        if after is not None:
            self.before[self.at] = (after, *self.before.get(self.at, ()))

    def below(self, column: int) -> Doc:
        """Comments that follow what began at ``column``, and stand further right: a part of it."""
        comments = self.before.get(self.at, ())
        count = 0
        while count < len(comments) and comments[count].column > column:
            count += 1
        if not count:
            return ()
        line = Line(hard=True, blank=self.gap())
        self._put_before(self.at, comments[count:])
        return Nest((line, OwnLines(comments[:count])))

    def _has_blank(self, index: int) -> bool:
        return index in self.tokens.blanks

    def _take(self, expected: str) -> str:
        text = self.texts[self.at]
        assert not expected or text == expected, f"{text!r} where {expected!r} is due"
        self.at += 1
        return text

    def _drop(self, expected: str) -> Comment | None:
        """Takes a token whose comments go on to the next one, but for one right behind it.

        That one is returned, unless others stand between: the order of comments never changes.
        """
        at = self.at
        self._take(expected)
        before = self.before.pop(at, ())
        after = self.after.pop(at, None)
        if after is not None and (before or at - 1 in self.after):
            before = (*before, after)
            after = None
        if before:
            self.before[at + 1] = (*before, *self.before.get(at + 1, ()))
        return after

    def _put_before(self, index: int, comments: tuple[Comment, ...]) -> None:
        """Never an empty tuple: that no key is there says that no comment is."""
        if comments:
            self.before[index] = comments
        else:
            self.before.pop(index, None)
