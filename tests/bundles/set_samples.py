"""Signed sets and directory bundles for tests, written without the code that is tested."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pdp.bundles.composing import VerifiedSet, verify_set
from pdp.bundles.documents.truststore import TrustStore, store_from_bytes
from pdp.bundles.verification import Demands, Floor
from tests.bundles import samples as s

NAME: Final = "acme"
PEOPLE: Final = "acme.people"
SET_TYPE: Final = "application/vnd.pdp.set+json"
PROGRAM: Final = b"the program of the whole"
ORDERS_FILES: Final = {"orders.charter": b"policy orders { }\n", "program.compact": b"its own"}
PEOPLE_FILES: Final = {"people.directory.json": b'{"User":{"ann":{}}}'}


@dataclass(frozen=True, slots=True)
class Piece:
    """A member's bundle file, and what a set pins of it."""

    name: str
    revision: int
    digest: str
    data: bytes

    def pinned(self, **changes: Any) -> dict[str, Any]:
        return {
            "name": self.name,
            "revision": self.revision,
            "digest": self.digest,
            "length": len(self.data),
            **changes,
        }


def piece(
    files: Mapping[str, bytes] = s.FILES, signers: Sequence[str] = ("ann", "ben"), **changes: Any
) -> Piece:
    """A bundle of the manifest ``s.manifest`` with ``changes``."""
    tree = s.manifest(files=s.entries(files), **changes)
    payload = s.spelled(tree)
    data = s.packed(s.signed(payload, signers), b"".join(files.values()))
    return Piece(tree["name"], tree["revision"], hashlib.sha256(payload).hexdigest(), data)


def payments(**changes: Any) -> Piece:
    return piece(**changes)


def orders(**changes: Any) -> Piece:
    """Signed by one of Dan and Cid."""
    asked = {"name": "acme.orders", "revision": 3, "governs": ["order"], **changes}
    return piece(ORDERS_FILES, **{"signers": ("dan",), **asked})


def people(files: Mapping[str, bytes] = PEOPLE_FILES, **changes: Any) -> bytes:
    """A directory bundle that a robot signs."""
    asked = {"name": PEOPLE, "revision": 40, "governs": [], "owners": [], **changes}
    return piece(files, **{"signers": ("robot",), **asked}).data


def pieces() -> tuple[Piece, ...]:
    return (orders(), payments())


def composition(members: Sequence[Piece] | None = None, **changes: Any) -> dict[str, Any]:
    """A set's members; ``changes`` replace some, also with what must be refused."""
    return {
        "type": "pdp.set.v1",
        "name": NAME,
        "audience": "production",
        "revision": 9,
        "created": s.moment(-600),
        "expires": s.moment(1800),
        "minimum_engine": "0.1.0",
        "language": "charter 1",
        "tzdata": "2026.1",
        "previous": None,
        "bundles": [member.pinned() for member in (pieces() if members is None else members)],
        "program": program_of(PROGRAM),
        "directory": {"name": PEOPLE, **s.signers_of(("robot",), 1)},
        **changes,
    }


def program_of(data: bytes) -> dict[str, Any]:
    return {"length": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def set_file(
    members: Sequence[Piece] | None = None,
    signers: Sequence[str] = ("eve", "cid"),
    body: bytes | None = None,
    kind: str = SET_TYPE,
    **changes: Any,
) -> bytes:
    """A set file that Eve and Cid sign; ``changes`` are the set's."""
    payload = s.spelled(composition(members, **changes))
    return s.packed(s.signed(payload, signers, kind), body_of(members) if body is None else body)


def body_of(members: Sequence[Piece] | None = None) -> bytes:
    return b"".join(member.data for member in (pieces() if members is None else members)) + PROGRAM


def digest_of(**changes: Any) -> str:
    return hashlib.sha256(s.spelled(composition(**changes))).hexdigest()


def statement(signers: Sequence[str] = ("eve", "cid"), **changes: Any) -> bytes:
    """A freshness statement about ``set_file()`` for an hour."""
    about = {"name": NAME, "revision": 9, "manifest_digest": digest_of(), **changes}
    return s.statement(signers, **about)


def store(**changes: Any) -> TrustStore:
    """Trust in the set (two of Eve, Cid and Ben), its members and people; ``changes`` the set's."""
    of_set = {
        "name": NAME,
        "signers": s.signers_of(("eve", "cid", "ben"), 2),
        "freshness": None,
        "governs": ["payment", "order"],
        **changes,
    }
    of_orders = {
        "name": "acme.orders",
        "signers": s.signers_of(("dan", "cid"), 1),
        "freshness": None,
        "governs": ["order", "delivery"],
        "may_be_guard": True,
    }
    # Without a set the directory has other signers.
    of_people: dict[str, Any] = {
        "name": PEOPLE,
        "signers": s.signers_of(("dan",), 1),
        "freshness": None,
        "governs": [],
    }
    entries: tuple[dict[str, Any], ...] = (of_set, {}, of_orders, of_people)
    return store_from_bytes(s.store_bytes(*(s.trust(**entry) for entry in entries)))


def demands(
    *,
    now: datetime.datetime = s.NOW,
    floor: Floor | None = None,
    name: str = NAME,
    require_freshness: bool = False,
) -> Demands:
    return Demands(name, now, floor, require_freshness)


def verified(**changes: Any) -> VerifiedSet:
    return verify_set(set_file(**changes), store(), demands())
