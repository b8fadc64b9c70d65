"""Where generated code stands in the policy files, and what was generated before. No policy enters.

A traceback through generated code shows the line of the policy it was made from.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

from pdp.lang.source import Source, Span

# What str.splitlines takes for a line break and a policy file does not.
_OTHER_BREAKS: Final = re.compile("\r(?!\n)|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# The nodes that have a place, of those that are emitted.
_PLACED: Final = (ast.expr, ast.stmt, ast.arg)


class PolicyText:
    """One policy file as tracebacks need it: a module loader that ``linecache`` asks for text.

    The file name that code carries holds a digest of the text, so two versions never mix.
    """

    __slots__ = ("_lines", "_text", "filename")

    def __init__(self, source: Source) -> None:
        digest = hashlib.sha256(source.text.encode(errors="surrogatepass")).hexdigest()[:16]
        self.filename: Final = f"charter:{digest}/{source.name}"
        self._text: Final = source.text
        self._lines: list[str] | None = None

    def get_source(self, module: str) -> str:
        """The text, with the line numbers that spans use (PEP 302; ``module`` is not looked at)."""
        del module
        return _OTHER_BREAKS.sub(" ", self._text)

    def offset(self, line: int, column: int) -> int:
        """The UTF-8 bytes before a 1-based column: what ``col_offset`` counts."""
        if self._lines is None:
            self._lines = self._text.split("\n")
        if not 0 < line <= len(self._lines):
            return column - 1
        before = self._lines[line - 1][: column - 1]
        return len(before.encode(errors="surrogatepass"))


class Places:
    """Every policy file of a program, by its name. Files that were not given have no text.

    ``made`` keeps the code of each shape, for all rules that have it (see ``pdp.eval.compiling``);
    ``inherited`` is that of the program before, for as long as its files are ours.
    """

    __slots__ = ("_texts", "inherited", "made")

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._texts: Final = {file: PolicyText(source) for file, source in sources.items()}
        self.made: Final[dict[Hashable, Any]] = {}
        self.inherited: Mapping[Hashable, Any] = {}

    def inherit(self, before: Places) -> None:
        """Take over, when asked for, the code that ``before`` used; not what that inherited.

        So what is not used any more is forgotten after two programs.
        """
        self.inherited = before.made

    def holds(self, filename: str) -> bool:
        """Whether a code object's file is one of ours, with the same text."""
        name = filename.partition("/")[2]
        return name in self._texts and self._texts[name].filename == filename

    def text(self, file: str) -> PolicyText:
        return self._texts.get(file) or PolicyText(Source(file, ""))

    def marker(self, file: str) -> Callable[[ast.expr, Span], None]:
        """Gives nodes their place in ``file``.

        What was inlined from another file keeps the place of what it was inlined into, because a
        code object has one file.
        """
        text = self.text(file)

        def mark(node: ast.expr, span: Span) -> None:
            if span.file == file and not hasattr(node, "lineno"):
                locate(node, span, text)

        return mark


def locate(node: ast.expr | ast.stmt, span: Span, text: PolicyText) -> None:
    """Gives ``node`` the place that ``span`` has in ``text``."""
    node.lineno = span.line
    node.col_offset = text.offset(span.line, span.column)
    node.end_lineno = span.end_line
    node.end_col_offset = text.offset(span.end_line, span.end_column)


def inherit(node: ast.AST, place: tuple[int, int, int, int] = (0, 0, 0, 0)) -> None:
    """Gives every node that has no place the place of the nearest one above.

    As ``ast.fix_missing_locations``, which takes longer than compiling does.
    """
    own: dict[str, Any] = node.__dict__
    if "lineno" in own:
        place = (own["lineno"], own["col_offset"], own["end_lineno"], own["end_col_offset"])
    elif isinstance(node, _PLACED):
        own["lineno"], own["col_offset"], own["end_lineno"], own["end_col_offset"] = place
    for value in own.values():
        if isinstance(value, list):
            for item in value:
                inherit(item, place)
        elif isinstance(value, ast.AST) and value._fields:
            inherit(value, place)


__all__ = ["Places", "PolicyText", "inherit", "locate"]
