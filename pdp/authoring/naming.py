"""From the names of tools, fields and values to Charter names; knows no tool list and no types."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from pdp.lang.declared.report import RESERVED

NAME_CHARS_MAX: Final = 80
# The first segment of an action where neither `--server` nor the tool's name says which server.
NO_SERVER: Final = "mcp"

# `getHTTPResponse2` is get, HTTP, Response2.
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+[a-z]*")
_NAME: Final = re.compile(r"[a-z_][A-Za-z0-9_]*")
_MEMBER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SEPARATOR: Final = "__"
_GROUPING: Final = re.compile(r"[./:]")
_SECRETS: Final = frozenset(
    "password passwd passphrase pwd secret secrets token tokens credential credentials".split()
    + "apikey cvv cvc otp authorization".split()
)
_SECRET_PAIRS: Final = frozenset(
    (("api", "key"), ("private", "key"), ("access", "key"), ("secret", "key"), ("signing", "key"))
)
# A page token is a place in a list.
_CURSORS: Final = frozenset(("page", "next", "prev", "previous", "cursor", "continuation", "sync"))


@dataclass(frozen=True, slots=True)
class ActionName:
    """``server.tool``: each part is words joined by ``_``; ``wire`` is what callers send."""

    server: str
    tool: str
    wire: str

    @property
    def text(self) -> str:
        return f"{self.server}.{self.tool}"


def words(text: str) -> list[str]:
    """The ASCII words of a name in lower case: split at signs and where camelCase begins a word."""
    plain = unicodedata.normalize("NFKD", text)
    unmarked = "".join(c for c in plain if not unicodedata.combining(c))
    return [word.lower() for word in _WORD.findall(unmarked)]


def is_secret_name(name: str) -> bool:
    """Whether a name says that its value is a secret. In doubt it does: that only hides it."""
    found = words(name)
    if _CURSORS & set(found):
        return False
    return bool(_SECRETS & set(found) or _SECRET_PAIRS & set(itertools.pairwise(found)))


def lower_name(parts: Iterable[str], fallback: str) -> str:
    """Words as a lower-case Charter name; ``fallback`` is the noun for what has no letters."""
    joined = "_".join(parts)[:NAME_CHARS_MAX].rstrip("_")
    if not joined:
        return fallback
    return joined if _NAME.match(joined) else f"{fallback}_{joined}"


def type_name(parts: Iterable[str]) -> str:
    """Words as the name of a type: ``CreateIssueState``."""
    joined = "".join(part.capitalize() for part in parts)[:NAME_CHARS_MAX]
    return joined if joined[:1].isalpha() else f"Type{joined}"


def action_name(tool: str, server: str) -> ActionName:
    """The action for a tool; with a ``server``, the wire name is written as runtimes write it.

    ``github__create-issue`` is ``github.create_issue``; so is ``create-issue`` of the server
    ``github``, which runtimes call ``github__create-issue``. Some put ``mcp__`` before that.
    """
    parts = tool.split(_SEPARATOR)
    if parts[0] == "mcp" and len(parts) > 2:  # noqa: PLR2004 - mcp, server and tool
        parts = parts[1:]
    if server:
        first, rest = words(server), words("_".join(parts))
        if len(rest) > len(first) and rest[: len(first)] == first:
            rest = rest[len(first) :]
        named = tool.removeprefix(f"mcp{_SEPARATOR}").startswith(server + _SEPARATOR)
        wire = tool if named else f"{server}{_SEPARATOR}{tool}"
        return _action(first, rest, wire)
    if len(parts) == 1:
        head, *tail = _GROUPING.split(parts[0], maxsplit=1)
        parts = [head, *tail] if tail else [NO_SERVER, head]
    return _action(words(parts[0]), words("_".join(parts[1:])), tool)


def _action(first: list[str], rest: list[str], wire: str) -> ActionName:
    server = lower_name(first, "server")
    # `any` begins `any action`; what else is reserved would be hard to read.
    server = f"{server}_server" if server in RESERVED else server
    return ActionName(server, lower_name(rest, "tool"), wire)


def distinct_actions(names: Sequence[ActionName]) -> list[ActionName]:
    """The same actions in the same order, renamed where a name is taken.

    The Charter names and the wire names of all actions are one space: a caller may use either.
    """
    wires = {name.wire for name in names}
    # An action whose wire name is its Charter name keeps it, so that there is one answer.
    used = {name.text for name in names if name.text == name.wire}
    tried: Counter[str] = Counter()
    distinct: list[ActionName] = []
    for name in names:
        found = name
        while found.text != found.wire and (found.text in used or found.text in wires):
            tried[name.text] += 1
            found = ActionName(name.server, f"{name.tool}_{tried[name.text] + 1}", name.wire)
        used.add(found.text)
        distinct.append(found)
    return distinct


def field_names(wires: Collection[str]) -> dict[str, str]:
    """Wire names of fields to Charter names, all different. Keywords may name fields."""
    return _distinct(wires, lambda wire: _NAME.fullmatch(wire) is not None, "field")


def member_names(wires: Collection[str]) -> dict[str, str]:
    """Values of an enum to the names of its members, all different, none reserved."""
    return _distinct(wires, _may_be_member, "value")


def _said(wire: str) -> list[str]:
    """The words of a value; `+1` and `-1` differ in nothing but their sign."""
    signs = {"+": "plus", "-": "minus"}
    is_number = wire[:1] in signs and wire[1:].isdecimal()
    return [signs[wire[0]], *words(wire)] if is_number else words(wire)


def _may_be_member(wire: str) -> bool:
    return _MEMBER.fullmatch(wire) is not None and wire not in RESERVED


def _distinct(
    wires: Collection[str], is_name: Callable[[str], bool], fallback: str
) -> dict[str, str]:
    """Who can keep its name does; the others get one that nobody else has or sends."""
    known = frozenset(wires)
    used = {wire for wire in wires if is_name(wire)}
    tried: Counter[str] = Counter()
    names: dict[str, str] = {}
    for wire in wires:
        if is_name(wire):
            names[wire] = wire
            continue
        wanted = lower_name(_said(wire), fallback if wire else "empty")
        wanted = wanted if is_name(wanted) else f"{wanted}_"
        found = wanted
        while found in used or found in known:
            tried[wanted] += 1
            found = f"{wanted}_{tried[wanted] + 1}"
        used.add(found)
        names[wire] = found
    return names
