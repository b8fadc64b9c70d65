"""The house rules that no linter knows, each one a function from text to complaints. Reads nothing.

``tests/test_tidy.py`` runs them on the project, and on a bad sample each. Standard library only.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, TypeAlias

FILE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 70
COLUMNS_MAX: Final = 100
ROOM_MODULES_MAX: Final = 12
COMMANDS: Final = "pdp/cli"

# Names that say nothing about what is inside, so that everything ends up inside.
VAGUE_NAMES: Final = frozenset(
    {"base", "common", "core", "helper", "helpers", "misc", "shared", "util", "utils"}
)

_UNFINISHED: Final = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")  # the rule itself: unfinished-ok
_REQUIREMENT: Final = re.compile(
    r"[a-z0-9][a-z0-9.-]*==[^\s;]+(?: ; [\w \".<>=]+)? \\\n(?:    --hash=sha256:[0-9a-f]{64} \\\n)*"
    r"    --hash=sha256:[0-9a-f]{64}\n"
)
_ASSERTING: Final = re.compile(r"_?(?:assert|check|expect|must)(?:_|$)|.*_as_test$")
_PYTEST_ASSERTING: Final = frozenset({"raises", "warns", "fail"})

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file: its posix path from the project's root, its text and its parsed form."""

    path: str
    text: str
    tree: ast.Module

    @property
    def is_library(self) -> bool:
        """In the package, where nothing may print: all rooms but the commands."""
        return self.path.startswith("pdp/") and not self.path.startswith("pdp/cli/")

    @property
    def is_test(self) -> bool:
        return PurePosixPath(self.path).name.startswith("test_")


def module(path: str, text: str) -> Module:
    """A file's text, parsed. Raises SyntaxError."""
    return Module(path, text, ast.parse(text, filename=path))


def file_is_short(file: Module) -> Iterator[str]:
    """At most 400 lines, unless the file's docstring says why it is longer ("longer than …")."""
    count = file.text.count("\n")
    docstring = ast.get_docstring(file.tree) or ""
    if count > FILE_LINES_MAX and "longer" not in docstring.lower():
        yield f"has {count} lines: split it, or say in its docstring why it is longer"


def functions_are_short(file: Module) -> Iterator[str]:
    """At most 70 lines each, docstring included."""
    for function in _functions(file.tree):
        count = (function.end_lineno or function.lineno) - function.lineno + 1
        if count > FUNCTION_LINES_MAX:
            yield f"line {function.lineno}: `{function.name}` has {count} lines"


def lines_are_short(file: Module) -> Iterator[str]:
    """At most 100 characters."""
    for number, line in enumerate(file.text.split("\n"), 1):
        if len(line) > COLUMNS_MAX:
            yield f"line {number}: has {len(line)} columns"


def name_says_something(file: Module) -> Iterator[str]:
    """No file and no room is a drawer for everything."""
    for part in PurePosixPath(file.path).with_suffix("").parts:
        if part.strip("_").removeprefix("test_") in VAGUE_NAMES:
            yield f"is named `{part}`: name it after the noun it holds"


def file_opens_with_docstring(file: Module) -> Iterator[str]:
    """What the file is for, on its first line, as a sentence (a comment above it may not stand)."""
    docstring = ast.get_docstring(file.tree)
    if docstring is None or not file.text.startswith(('"""', 'r"""', "#!")):
        yield "opens without a docstring: say what the file is for and what may not enter it"
    elif not docstring.split("\n\n")[0].rstrip().endswith((".", ":", "?")):
        yield "opens with something that is no sentence"


def handlers_name_errors(file: Module) -> Iterator[str]:
    """No ``except:`` that would take an interrupt for an error."""
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"line {node.lineno}: bare `except:`"


def library_is_quiet(file: Module) -> Iterator[str]:
    """The library answers, raises or logs; only commands print."""
    for node in ast.walk(file.tree) if file.is_library else ():
        if isinstance(node, ast.Call) and _called(node) == "print":
            yield f"line {node.lineno}: prints"


def nothing_is_unfinished(file: Module) -> Iterator[str]:
    """What is left to do is an issue, not a comment."""
    for number, line in enumerate(file.text.split("\n"), 1):
        if _UNFINISHED.search(line) and "unfinished-ok" not in line:
            yield f"line {number}: unfinished: do it, or file an issue"


def imports_stand_on_top(file: Module) -> Iterator[str]:
    """No import inside a function: a cycle is broken by moving the noun down."""
    for function in _functions(file.tree) if file.path.startswith("pdp/") else ():
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"line {node.lineno}: import inside `{function.name}`"


def tests_can_fail(file: Module) -> Iterator[str]:
    """Every test asserts, expects an error, or calls something in its file that does."""
    if not file.is_test:
        return
    functions = list(_functions(file.tree))
    asserting = {function.name for function in functions if _asserts(function, set())}
    for _ in functions:  # a helper may call a helper: at most as deep as there are functions
        more = {function.name for function in functions if _asserts(function, asserting)}
        if more == asserting:
            break
        asserting = more
    for function in functions:
        if function.name.startswith("test_") and function.name not in asserting:
            yield f"line {function.lineno}: `{function.name}` asserts nothing, so it cannot fail"


FILE_RULES: Final[tuple[Callable[[Module], Iterable[str]], ...]] = (
    file_is_short,
    functions_are_short,
    lines_are_short,
    name_says_something,
    file_opens_with_docstring,
    handlers_name_errors,
    library_is_quiet,
    nothing_is_unfinished,
    imports_stand_on_top,
    tests_can_fail,
)


def rooms_are_small(paths: Iterable[str]) -> Iterator[str]:
    """At most 12 modules in each room of the package, ``__init__`` not counted.

    The room of commands is left out: one file a command, however many there are.
    """
    modules = (PurePosixPath(path) for path in paths)
    rooms = Counter(
        str(path.parent) for path in modules if path.parts[0] == "pdp" and path.stem != "__init__"
    )
    for room, count in sorted(rooms.items()):
        if count > ROOM_MODULES_MAX and room != COMMANDS:
            yield f"{room}: has {count} modules: it holds more than one thing"


def lock_names_no_place(text: str) -> Iterator[str]:
    """Of a lock: names, exact versions, which machines, sha256 hashes; no URL, path or option."""
    entries = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    rest = _REQUIREMENT.sub("", entries)
    for line in rest.splitlines():
        yield f"not `name==version` with hashes: {line.strip()}"
    if not _REQUIREMENT.search(entries):
        yield "locks nothing"


def _functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _called(call: ast.Call) -> str:
    """The last name of what is called: ``c`` of ``a.b.c()``."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _asserts(function: Function, asserting: set[str]) -> bool:
    """Whether the body asserts something that is not a constant, or calls one of ``asserting``."""
    for node in ast.walk(function):
        match node:
            case ast.Assert(test=ast.Constant()):
                continue
            case ast.Assert():
                return True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="pytest"), attr=name)):
                if name in _PYTEST_ASSERTING:
                    return True
            case ast.Call():
                name = _called(node)
                if name in asserting or _ASSERTING.match(name):
                    return True
    return False
