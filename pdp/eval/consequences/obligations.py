"""The join of obligations, kind by kind, and what they hide from the log. Decides no effect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from pdp.lang.checked import LogLevel, Notify, ObligationT, Rate, Redact
from pdp.lang.types import CollT, FieldT, RecordT, Schema, Type
from pdp.model import Effect, Obligation

LOG: Final = "log"
REDACT: Final = "redact"
NOTIFY: Final = "notify"
RATE: Final = "rate"

# What is returned with each answer; a deny performs nothing, but its record is still redacted.
RETURNED: Final = {
    Effect.ALLOW: frozenset({LOG, REDACT, NOTIFY, RATE}),
    Effect.REQUIRE_APPROVAL: frozenset({LOG, REDACT, NOTIFY}),
    Effect.DENY: frozenset({LOG, REDACT}),
}
_UNITS_S: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def join(stated: Iterable[ObligationT], effect: Effect) -> tuple[Obligation, ...]:
    """One obligation of each kind (of notify and rate: of each target, and period and subject).

    Full beats summary, paths are united, the smallest count wins. Only kinds that ``effect``
    returns; sorted by name and value. Source: approvals, "Obligations".
    """
    levels: set[str] = set()
    paths: set[str] = set()
    targets: set[str] = set()
    rates: dict[tuple[int, str], int] = {}
    for obligation in stated:
        match obligation:
            case LogLevel():
                levels.add(obligation.level)
            case Redact():
                paths.update(obligation.paths)
            case Notify():
                targets.add(obligation.target)
            case Rate():
                key = (obligation.per_s, obligation.subject)
                rates[key] = min(obligation.count, rates.get(key, obligation.count))
            case _:
                assert_never(obligation)
    joined = [Obligation(NOTIFY, target) for target in targets]
    if levels:
        joined.append(Obligation(LOG, "full" if "full" in levels else "summary"))
    if paths:
        joined.append(Obligation(REDACT, ", ".join(sorted(paths))))
    joined += [
        Obligation(RATE, f"{count} per {_period(per_s)} by {subject}")
        for (per_s, subject), count in rates.items()
    ]
    returned = RETURNED[effect]
    return tuple(sorted(obligation for obligation in joined if obligation.name in returned))


def name_of(obligation: ObligationT) -> str:
    """The name under which ``obligation`` is returned."""
    match obligation:
        case LogLevel():
            return LOG
        case Redact():
            return REDACT
        case Notify():
            return NOTIFY
        case Rate():
            return RATE
        case _:
            assert_never(obligation)


def hidden_by(stated: Iterable[ObligationT]) -> frozenset[str]:
    """The paths that redactions keep out of the log."""
    return frozenset(
        path
        for obligation in stated
        if isinstance(obligation, Redact)
        for path in obligation.hidden
    )


def secret_paths(schema: Schema, fields: tuple[FieldT, ...]) -> frozenset[str]:
    """The wire paths of all secrets in a request: in ``args`` (``fields``), context, entities."""
    found = {f"args.{path}" for path in _secrets(fields)}
    found |= {f"context.{path}" for path in _secrets(schema.context)}
    for entity in schema.entities.values():
        found |= {f"entities.{entity.name}.{path}" for path in _secrets(entity.fields)}
    return frozenset(found)


def _secrets(fields: tuple[FieldT, ...]) -> list[str]:
    found = []
    for field in fields:
        if field.secret:
            found.append(field.wire)
        else:
            found += [f"{field.wire}.{path}" for path in _secrets(_fields_inside(field.type))]
    return found


def _fields_inside(type_: Type) -> tuple[FieldT, ...]:
    match type_:
        case RecordT():
            return type_.fields
        case CollT():
            return _fields_inside(type_.item)
        case _:
            return ()


def _period(per_s: int) -> str:
    """The period in its largest exact unit: 3600 is ``1h``."""
    size, unit = next((size, unit) for size, unit in _UNITS_S if per_s % size == 0)
    return f"{per_s // size}{unit}"


__all__ = [
    "LOG", "NOTIFY", "RATE", "REDACT", "RETURNED", "hidden_by", "join", "name_of", "secret_paths",
]  # fmt: skip
