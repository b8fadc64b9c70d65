"""A description as one self-contained HTML page: no script, nothing fetched, everything escaped."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources
from typing import Final

from pdp.describing.conditions import Phrase
from pdp.describing.document import (
    Chapter,
    Claim,
    Description,
    Fact,
    SaidPolicy,
    SaidRisk,
    SaidRoute,
    SaidRule,
    Table,
)
from pdp.describing.markdown import CLAIMS_NOTE
from pdp.lang.presenting.render import shown

# Even if something slipped through: the page may load and run nothing.
_FENCE: Final = "default-src 'none'; style-src 'unsafe-inline'"


@functools.cache
def _style() -> str:
    return resources.files("pdp.describing").joinpath("page.css").read_text("utf-8")


def to_html(description: Description) -> str:
    """The page; reads well in light and dark, and in print."""
    title = _text(description.title)
    body = "\n".join(_body(description))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_FENCE}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}: policies in words</title>\n<style>\n{_style()}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _body(description: Description) -> Iterator[str]:
    yield f"<h1>{_text(description.title)}</h1>"
    yield "<p>These policies in words, for those who answer for them.</p>"
    yield _facts(description.facts)
    yield from _contents(description)
    yield _heading("How to read this")
    yield _list(Phrase(text) for text in description.reading)
    yield _heading("What can be done")
    yield f"<p>{_text(description.limits)}</p>"
    yield _table(description.actions)
    for number, policy in enumerate(description.policies):
        yield from _policy(policy, number)
    yield from _routes(description.routes)
    yield from _risk(description.risk)
    yield from _claims(description.claims)
    if description.names.rows:
        yield _heading("What the names stand for")
        yield _table(description.names)
    yield from _unproved(description.unproved)
    yield '<section class="sign-off">'
    yield _heading("Sign-off")
    yield _table(description.sign_off, "sign")
    yield "</section>"


def _contents(description: Description) -> Iterator[str]:
    yield "<nav><ol>"
    for number, policy in enumerate(description.policies):
        yield f'<li><a href="#policy-{number}">{_text(policy.title)}</a></li>'
    yield "</ol></nav>"


def _policy(policy: SaidPolicy, number: int) -> Iterator[str]:
    yield f'<section id="policy-{number}">'
    yield _heading(policy.title)
    yield f'<p class="name">Policy <code>{_text(policy.name)}</code></p>'
    yield _facts(policy.facts)
    if policy.trial:
        yield f'<p class="trial">{_text(policy.trial)}</p>'
    for chapter in policy.chapters:
        yield f"<h3>{_text(chapter.title)}</h3>"
        for rule in chapter.rules:
            yield from _rule(rule, chapter)
    yield "</section>"


def _rule(rule: SaidRule, chapter: Chapter) -> Iterator[str]:
    yield f'<div class="rule {chapter.kind}">'
    for line in rule.lines:
        yield f"<p>{_text(line.text)}</p>"
        yield _list(line.parts)
    if rule.because:
        yield f'<p class="because">“{_text(rule.because)}”</p>'
    yield _list(Phrase(duty) for duty in rule.duties)
    yield f'<p class="name">Rule <code>{_text(rule.name)}</code></p>'
    none = "" if rule.tests else " none"
    titles = "".join(f"<li>{_text(title)}</li>" for title in rule.tests)
    yield f'<div class="tests{none}">{_text(rule.proof)}<ul>{titles}</ul></div>'
    yield "</div>"


def _routes(routes: tuple[SaidRoute, ...]) -> Iterator[str]:
    if routes:
        yield _heading("Who approves")
    for route in routes:
        yield f"<h3>{_text(route.name.capitalize())}</h3>"
        yield _list(route.lines)


def _risk(risk: SaidRisk | None) -> Iterator[str]:
    if risk is not None:
        yield _heading("How risk is counted")
        yield _facts(risk.facts)
        yield "<p>Every line that applies adds its points; nothing takes any away.</p>"
        yield _table(risk.points)
        yield _table(risk.tiers)


def _claims(claims: tuple[Claim, ...]) -> Iterator[str]:
    if claims:
        yield _heading("What is claimed of every request")
        yield f"<p>{CLAIMS_NOTE}</p>"
    for claim in claims:
        yield f"<h3>{_text(claim.title)}</h3>"
        yield _facts((Fact("Owner", claim.owner),))
        yield _list(claim.lines)


def _unproved(unproved: Table) -> Iterator[str]:
    yield _heading("Rules that no test names")
    if unproved.rows:
        yield _table(unproved)
    else:
        yield "<p>None: every rule is named by a test.</p>"


# ---------------------------------------------------------------- pieces


def _heading(text: str) -> str:
    return f"<h2>{_text(text)}</h2>"


def _facts(facts: Iterable[Fact]) -> str:
    rows = "".join(f"<dt>{_text(fact.label)}</dt><dd>{_text(fact.text)}</dd>" for fact in facts)
    return f'<dl class="facts">{rows}</dl>'


def _list(phrases: Iterable[Phrase]) -> str:
    items = "".join(f"<li>{_text(phrase.text)}{_list(phrase.parts)}</li>" for phrase in phrases)
    return f'<ul class="lines">{items}</ul>' if items else ""


def _table(table: Table, kind: str = "plain") -> str:
    if not table.rows:
        return ""
    head = "".join(f"<th>{_text(cell)}</th>" for cell in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _text(text: str) -> str:
    """Text from a policy: hidden characters spelt out, nothing in it markup."""
    return escape(shown(text))
