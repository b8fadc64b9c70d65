"""Which records are asked for, as conditions with bound values. Knows no library and runs nothing.

No value ever becomes part of the text of a query.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

# What each filter compares, with its value as the one parameter.
_CONDITIONS: Final = {
    "person": "person = ?",
    "agent": "agent = ?",
    "policy": "list_contains(policies, ?)",
    "rule": "list_contains(rules, ?)",
    "owner": "list_contains(owners, ?)",
    "action": "action = ?",
    "effect": "effect = ?",
    "cause": "cause = ?",
    "since_us": "time >= make_timestamptz(?)",
    "until_us": "time < make_timestamptz(?)",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """All that must be true of a record; None asks nothing.

    ``person`` and ``agent`` are ``Type::id``, ``rule`` is ``policy.rule``. ``since_us`` (included)
    and ``until_us`` (not included) are microseconds since 1970.
    """

    person: str | None = None
    agent: str | None = None
    policy: str | None = None
    rule: str | None = None
    owner: str | None = None
    action: str | None = None
    effect: str | None = None
    cause: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    def where(self) -> tuple[str, list[str | int]]:
        """The conditions, joined, and their values in order."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        asked = {name: value for name, value in given.items() if value is not None}
        text = " and ".join(_CONDITIONS[name] for name in asked)
        return text or "true", list(asked.values())
