"""A description as Markdown. Writes what it is given, escaped; its own words are headings only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from pdp.describing.conditions import Phrase
from pdp.describing.document import (
    Claim,
    Description,
    Fact,
    SaidPolicy,
    SaidRisk,
    SaidRoute,
    SaidRule,
    Table,
)
from pdp.lang.presenting.render import shown

# What Markdown or the HTML inside it could take for markup.
_SPECIAL: Final = re.compile(r"[\\`*_\[\]<>|~&$]|^[#+=-]|(?<=^\d)[.)]")


CLAIMS_NOTE: Final = "Tested on generated requests with every run of the tests; not proved."


def to_markdown(description: Description) -> str:
    """CommonMark with tables; ends in a line break."""
    parts = [
        f"# {escaped(description.title)}",
        _facts(description.facts),
        "## How to read this",
        _list(Phrase(text) for text in description.reading),
        "## What can be done",
        escaped(description.limits),
        _table(description.actions),
        *_policies(description.policies),
        *_routes(description.routes),
        *_risk(description.risk),
        *_claims(description.claims),
        *_names(description.names),
        *_unproved(description.unproved),
        "## Sign-off",
        _table(description.sign_off),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _policies(policies: Iterable[SaidPolicy]) -> Iterator[str]:
    for policy in policies:
        yield f"## {escaped(policy.title)}"
        yield f"Policy `{policy.name}`."
        yield _facts(policy.facts)
        yield f"**{escaped(policy.trial)}**" if policy.trial else ""
        for chapter in policy.chapters:
            yield f"### {escaped(chapter.title)}"
            for rule in chapter.rules:
                yield from _rule(rule)


def _rule(rule: SaidRule) -> Iterator[str]:
    lead, *rest = rule.lines
    yield f"**`{rule.name}`** {escaped(lead.text)}"
    yield _list(lead.parts)
    for line in rest:
        yield escaped(line.text)
        yield _list(line.parts)
    yield f"> {escaped(rule.because)}" if rule.because else ""
    yield f"*Also:* {escaped(' '.join(rule.duties))}" if rule.duties else ""
    titles = "; ".join(escaped(f"“{title}”") for title in rule.tests)
    yield f"*{escaped(rule.proof)}* {titles}".rstrip()


def _routes(routes: Iterable[SaidRoute]) -> Iterator[str]:
    for number, route in enumerate(routes):
        if number == 0:
            yield "## Who approves"
        yield f"### {escaped(route.name.capitalize())}"
        yield _list(route.lines)


def _risk(risk: SaidRisk | None) -> Iterator[str]:
    if risk is not None:
        yield "## How risk is counted"
        yield _facts(risk.facts)
        yield "Every line that applies adds its points; nothing takes any away."
        yield _table(risk.points)
        yield _table(risk.tiers)


def _claims(claims: tuple[Claim, ...]) -> Iterator[str]:
    if claims:
        yield "## What is claimed of every request"
        yield CLAIMS_NOTE
    for claim in claims:
        yield f"**{escaped(claim.title)}** ({escaped(claim.owner)})"
        yield _list(claim.lines)


def _names(names: Table) -> Iterator[str]:
    if names.rows:
        yield "## What the names stand for"
        yield _table(names)


def _unproved(unproved: Table) -> Iterator[str]:
    yield "## Rules that no test names"
    if unproved.rows:
        yield _table(unproved)
    else:
        yield "None: every rule is named by a test."


# ---------------------------------------------------------------- pieces


def _facts(facts: tuple[Fact, ...]) -> str:
    return "\n".join(f"- **{escaped(fact.label)}:** {escaped(fact.text)}" for fact in facts)


def _list(phrases: Iterable[Phrase], depth: int = 0) -> str:
    lines: list[str] = []
    for phrase in phrases:
        lines.append(f"{'  ' * depth}- {escaped(phrase.text)}")
        if phrase.parts:
            lines.append(_list(phrase.parts, depth + 1))
    return "\n".join(lines)


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    rows = [table.head, tuple("---" for _ in table.head)]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines += ["| " + " | ".join(escaped(cell) for cell in row) + " |" for row in table.rows]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Text from a policy on one line, nothing in it a mark."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", shown(text))
