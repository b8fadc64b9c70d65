"""Draft declarations for the tools of an MCP server: text to be reviewed, and nothing allowed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pdp.authoring.declarations import Danger, Writer, comment_line, said_about
from pdp.authoring.jsonschema import Fields, SchemaReader
from pdp.authoring.naming import ActionName, action_name, distinct_actions
from pdp.authoring.plaintext import is_wire_name, spelt_out
from pdp.authoring.shapes import Place, Registry
from pdp.authoring.toollist import Hints, Tool, ToolList, ToolListError
from pdp.lang.codes import FILE_BYTES_MAX
from pdp.lang.formatter import format_source
from pdp.lang.source import Source
from pdp.model import PolicyError

_SERVER: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}", re.ASCII)
_SHOWN_CHARS: Final = 40

_REVIEW: Final = """\
# What {source} can do: a draft by `pdp schema from-mcp`.
# Nothing here allows anything. Review every line before a policy relies on it:
#
# * `reversible` and `risk` follow what the server claims about its own tools. A claim is no proof,
#   and "destroys nothing" is not "can be taken back": a mail that was sent destroys nothing.
# * What stands in quotes was written by whoever wrote the server. It is shown, never followed.
# * `untrusted` marks text that nothing limits: rules may read it to be stricter, never to allow.
#   Take the word away where a tool acts on exactly that value, as on a repository or an address.
# * `secret` was guessed from names. Secret values are never shown, nor logged in clear.
# * No tool says what it works on. Declare an entity for it, and add `on TYPE` to its actions, so
#   that rules can tell one repository, mailbox or account from another.
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """``text`` is a policy file without a bundle line.

    ``left_out`` says for each tool that could not be declared what it is and why. ``has_more``:
    the server has more tools than the list held.
    """

    text: str
    actions: tuple[str, ...]
    left_out: tuple[str, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class _Action:
    """One tool, read; ``wanted`` is the name it would have had alone."""

    tool: Tool
    name: ActionName
    wanted: ActionName
    arguments: Fields


def draft_from_tools(found: ToolList, server: str = "") -> Draft:
    """One action for each tool, sorted by tool name, and the types that their arguments need.

    ``server`` is the first segment of every action's name, and the wire names are then written
    ``server__tool``; without it the tools' own names say where they belong. Raises ToolListError:
    a server name that cannot be one, tools that would share a wire name, a schema that is none, or
    more declarations than a policy file may hold.
    """
    if server and not _SERVER.fullmatch(server):
        raise ToolListError(
            f"`{server}` cannot name a server: it takes a letter, then letters, digits and `_.-`"
        )
    registry = Registry()
    actions, left_out = _read(found.tools, server, registry)
    writer = Writer(registry)
    blocks = [_header(server, left_out, has_more=found.has_more)]
    for action in actions:
        blocks += writer.types_for(action.arguments.fields)
        danger = danger_of(action.tool.hints)
        comments = _comments(action, danger)
        blocks.append(writer.action_lines(action.name, danger, action.arguments.fields, comments))
    text = _formatted("\n\n".join("\n".join(block) for block in blocks) + "\n")
    return Draft(text, tuple(action.name.text for action in actions), left_out, found.has_more)


def danger_of(hints: Hints) -> Danger:
    """How dangerous an action is by the claims about it; what is not claimed is the worst."""
    idempotent = "; twice is the same as once" if hints.idempotent else ""
    world = ", and it reaches beyond its own system" if hints.open_world else ""
    if hints.read_only and hints.destructive:
        return Danger(reversible=False, risk="high", claim="the claims contradict each other")
    if hints.read_only:
        risk = "medium" if hints.open_world else "low"
        return Danger(reversible=True, risk=risk, claim=f"claimed: it only reads{world}")
    if hints.destructive is False:
        claim = f"claimed: it destroys nothing{world}{idempotent}"
        return Danger(reversible=True, risk="medium", claim=claim)
    said = "claimed: it may destroy" if hints.destructive else "no claim: it may destroy"
    return Danger(reversible=False, risk="high", claim=f"{said}{world}{idempotent}")


def _read(
    tools: Iterable[Tool], server: str, registry: Registry
) -> tuple[list[_Action], tuple[str, ...]]:
    left_out: list[str] = []
    sayable: list[Tool] = []
    for tool in tools:
        if is_wire_name(action_name(tool.name, server).wire):
            sayable.append(tool)
        else:
            left_out.append(f"`{_shown(tool)}`: its name cannot be written or sent")
    wanted = [action_name(tool.name, server) for tool in sayable]
    _check_wires(sayable, wanted)
    actions: list[_Action] = []
    for tool, alone, name in zip(sayable, wanted, distinct_actions(wanted), strict=True):
        place = Place(name.server, name.tool, ())
        arguments = SchemaReader(tool, registry, place).arguments()
        if arguments.is_sendable:
            actions.append(_Action(tool, name, alone, arguments))
        else:
            left_out.append(f"`{_shown(tool)}`: an argument it needs cannot be written or sent")
    return actions, tuple(left_out)


def _check_wires(tools: Sequence[Tool], names: Sequence[ActionName]) -> None:
    first: dict[str, Tool] = {}
    for tool, name in zip(tools, names, strict=True):
        other = first.setdefault(name.wire, tool)
        if other is not tool:
            raise ToolListError(
                f"tools `{_shown(other)}` and `{_shown(tool)}` would both be `{name.wire}`;"
                " leave out --server"
            )


def _formatted(text: str) -> str:
    """The draft as the formatter leaves it. Raises ToolListError for one that no file may hold."""
    _check_size(text)
    try:
        text = format_source(Source("draft.charter", text))
    except PolicyError as error:
        raise AssertionError(f"a draft that cannot be read: {error.diagnostics[:1]}") from error
    _check_size(text)
    return text


def _check_size(text: str) -> None:
    size_bytes = len(text.encode())
    if size_bytes > FILE_BYTES_MAX:
        raise ToolListError(
            f"the declarations take {size_bytes:,} bytes, and a policy file holds at most"
            f" {FILE_BYTES_MAX:,}; convert fewer tools at once"
        )


def _header(server: str, left_out: Sequence[str], *, has_more: bool) -> list[str]:
    source = f"the MCP server `{server}`" if server else "an MCP server"
    lines = _REVIEW.format(source=source).rstrip("\n").split("\n")
    if has_more:
        lines += ["#", "# The list was one page of several: other tools are not declared here."]
    if left_out:
        lines += [
            "#",
            "# Left out, and so denied:",
            *(comment_line(f"* {line}") for line in left_out),
        ]
    return lines


def _comments(action: _Action, danger: Danger) -> Iterator[str]:
    yield from said_about(action.tool.description, ())
    yield danger.claim
    yield from action.arguments.notes
    if action.name != action.wanted:
        yield f"`{action.wanted.text}` is another tool"


def _shown(tool: Tool) -> str:
    return spelt_out(tool.name, _SHOWN_CHARS)
