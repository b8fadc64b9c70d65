"""Judges a draft as its reader will: it must check, be usable in rules, and be formatted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from pdp.authoring.frommcp import Draft, draft_from_tools
from pdp.authoring.toollist import Json, read_tool_list
from pdp.lang import nodes
from pdp.lang.checker import check
from pdp.lang.formatter import format_source
from pdp.lang.parser import parse
from pdp.lang.source import Source

# What a checker that is not complete may still say of a draft. Empty it to tighten every test.
NOT_YET: Final[frozenset[str]] = frozenset()

PEOPLE: Final = """
entity TestUser person directory
entity TestAgent agent directory { owner: TestUser }
"""


def draft(*tools: Mapping[str, Json], server: str = "") -> Draft:
    """The draft for tools as Python objects."""
    return draft_from_tools(read_tool_list(json.dumps({"tools": tools}).encode()), server)


def tool(
    name: str = "a__b", /, required: tuple[str, ...] = (), **properties: Json
) -> dict[str, Json]:
    """A tool with these arguments and no annotations."""
    return tool_of(name, properties, required)


def tool_of(
    name: str, properties: Mapping[str, Json], required: tuple[str, ...] = ()
) -> dict[str, Json]:
    """As ``tool``, for arguments of any name."""
    schema: dict[str, Json] = {"type": "object", "properties": dict(properties)}
    schema["required"] = list(required)
    return {"name": name, "inputSchema": schema}


def declarations(text: str) -> tuple[nodes.Declaration, ...]:
    """What a draft declares; it must parse."""
    file, complaints = parse(Source("draft.charter", text))
    assert not complaints, complaints
    return file.declarations


def actions(text: str) -> dict[str, nodes.ActionDecl]:
    found = declarations(text)
    return {decl.name.text: decl for decl in found if isinstance(decl, nodes.ActionDecl)}


def problems(text: str) -> list[str]:
    """Everything wrong with a draft, in words; empty for a good one."""
    source = Source("draft.charter", text)
    _, complaints = parse(source)
    if complaints:
        return [f"{found.code.code} {found.message}" for found in complaints]
    found = [*_check_problems(text), *_unsafe_lines(text)]
    if format_source(source) != text:
        found.append("not as the formatter leaves it")
    return found


def _check_problems(text: str) -> Iterator[str]:
    """The draft in a bundle with a rule for every action that reads whatever it can."""
    files = {
        "draft.charter": text.encode(),
        "people.charter": PEOPLE.encode(),
        "rules.charter": rules_for(text).encode(),
    }
    _, diagnostics = check(files)
    for found in diagnostics:
        # That nobody is allowed anything yet is worth a warning, and right for a draft.
        if found.is_error and found.code.code not in NOT_YET:
            yield f"{found.code.code} {found.message} at {found.span}"


def rules_for(text: str) -> str:
    """A bundle line, and a policy that denies every action for each of its optional arguments."""
    members = {
        decl.name.text: [member.name.text for member in decl.members]
        for decl in declarations(text)
        if isinstance(decl, nodes.EnumDecl)
    }
    found = actions(text)
    prefixes = sorted({name.partition(".")[0] for name in found}) or ["nothing"]
    rules = [
        f"rule r{number}:\n deny TestAgent to {action.name.text}{_condition(action, members)}"
        ' because "a test"\n'
        for number, action in enumerate(found.values())
    ]
    bundle = (
        'bundle test.draft { version "1" language 1 owner "o" contact "c" governs '
        f"{', '.join(prefixes)} }}\n"
    )
    policy = f'policy reads {{ owner "o" contact "c" reason "r"\n{"".join(rules)}}}\n'
    return bundle + policy if rules else bundle


def _condition(action: nodes.ActionDecl, members: Mapping[str, list[str]]) -> str:
    """Reads an argument or two; names and members are used where keywords could stand."""
    parts: list[str] = []
    for field in (action.record.fields if action.record else ())[:20]:
        name = f"args.{field.name.text}"
        if field.optional or "nullable" in {flag.text for flag in field.flags}:
            parts.append(f"has {name}")
        named = field.type.name if isinstance(field.type, nodes.NamedType) else ""
        if len(members.get(named, ())) > 1:  # all members, or the only one, would always be true
            parts.append(f"{name} in [{', '.join(members[named][1:])}]")
    return f"\n when {' and '.join(parts)}" if parts else ""


def _unsafe_lines(text: str) -> Iterator[str]:
    """A comment is one visible line that quotes; a stranger's words stand nowhere else."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.isprintable():
            yield f"line {number} holds hidden characters"
        if line.lstrip().startswith("#") and len(line) > 100:
            yield f"line {number} is a comment of {len(line)} columns"
