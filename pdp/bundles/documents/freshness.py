"""Freshness statements: short-lived, signed words that a revision is still the newest one. Pure.

Without them whoever controls the way to a server can hold back every newer bundle until the old one
expires.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from typing import Final

from pdp.bundles.documents.fields import fields_of, members_of, time_to_text
from pdp.bundles.refusal import Cause, refuse
from pdp.canonical import canonical, parse

TYPE: Final = "pdp.freshness.v1"
PAYLOAD_TYPE: Final = "application/vnd.pdp.freshness+json"
AHEAD_MAX: Final = datetime.timedelta(hours=24)
_MEMBERS: Final = frozenset({"type", "name", "revision", "manifest_digest", "expires"})


@dataclass(frozen=True, slots=True)
class Statement:
    """Until ``expires`` (aware) no newer revision of ``name`` than this one is known."""

    name: str
    revision: int
    manifest_digest: str
    expires: datetime.datetime


def statement_to_bytes(statement: Statement) -> bytes:
    """The canonical bytes, to be signed as ``PAYLOAD_TYPE``."""
    tree = {
        "type": TYPE,
        "name": statement.name,
        "revision": statement.revision,
        "manifest_digest": statement.manifest_digest,
        "expires": time_to_text(statement.expires),
    }
    return canonical(parse(json.dumps(tree)))


def statement_from_bytes(payload: bytes) -> Statement:
    """A verified payload's statement. Raises BundleRefused (malformed, wrong type)."""
    members = members_of(payload, "freshness statement")
    if members.get("type") != TYPE:
        refuse(Cause.WRONG_TYPE, f"the signed document is not a `{TYPE}`")
    fields = fields_of(members, "freshness statement", _MEMBERS)
    return Statement(
        name=fields.text("name"),
        revision=fields.whole("revision", 1),
        manifest_digest=fields.hex_32("manifest_digest"),
        expires=fields.time("expires"),
    )


def check_speaks_of(statement: Statement, name: str, revision: int, digest: str) -> None:
    """Raise BundleRefused (frozen) unless the statement is about exactly this bundle."""
    if (statement.name, statement.revision, statement.manifest_digest) != (name, revision, digest):
        refuse(
            Cause.FROZEN,
            f"the freshness statement is about revision {statement.revision} of"
            f" `{statement.name}`, not about this bundle",
        )


def check_is_current(statement: Statement, now: datetime.datetime) -> None:
    """Raise BundleRefused unless the statement holds at ``now`` and for at most 24 hours more."""
    if now >= statement.expires:
        refuse(Cause.FROZEN, "the freshness statement has expired; fetch a new one")
    if statement.expires - now > AHEAD_MAX:
        refuse(Cause.FRESH_FOR_TOO_LONG, "the freshness statement holds for more than 24 hours")
