"""What a description is made of, in the order read: plain text, no markup and no files."""

from __future__ import annotations

from dataclasses import dataclass

from pdp.describing.conditions import Phrase


@dataclass(frozen=True, slots=True)
class Fact:
    """A labelled line: ``Owner``, and who it is."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class SaidRule:
    """One rule in words. ``tests`` are the titles of those whose expectation names it.

    ``proof`` says in a sentence how many they are, and what else the tests show.
    """

    name: str
    lines: tuple[Phrase, ...]
    because: str
    duties: tuple[str, ...]
    proof: str
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """Rules of one ``kind`` (allow, ask, refuse or duty), in the order written."""

    kind: str
    title: str
    rules: tuple[SaidRule, ...]


@dataclass(frozen=True, slots=True)
class SaidPolicy:
    """One policy; ``trial`` says that it is only watched so far, or is empty."""

    name: str
    title: str
    facts: tuple[Fact, ...]
    trial: str
    chapters: tuple[Chapter, ...]


@dataclass(frozen=True, slots=True)
class SaidRoute:
    """Who approves, and how."""

    name: str
    lines: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class SaidRisk:
    """How risk is counted."""

    facts: tuple[Fact, ...]
    points: Table
    tiers: Table


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said to be so for every request."""

    title: str
    owner: str
    lines: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """All of it. Tables without rows and tuples without members are left out when written."""

    title: str
    facts: tuple[Fact, ...]
    reading: tuple[str, ...]
    limits: str
    actions: Table
    policies: tuple[SaidPolicy, ...]
    routes: tuple[SaidRoute, ...]
    risk: SaidRisk | None
    claims: tuple[Claim, ...]
    names: Table
    unproved: Table
    sign_off: Table
