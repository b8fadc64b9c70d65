"""Whom to believe: for each bundle name the keys, how many must sign, and how far they reach. Pure.

A store is one strict JSON document that an operator puts in place. Keys can be rotated by those who
hold them; what a bundle may govern cannot. All keys are Ed25519: no message chooses an algorithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from pdp.bundles.documents.fields import Fields, fields_of, members_of
from pdp.bundles.envelope import KEY_ID_CHARS_MAX, SIGNATURES_MAX, opened
from pdp.bundles.keys import check_public
from pdp.bundles.refusal import BundleRefused, Cause, refuse

TYPE: Final = "pdp.truststore.v1"
PAYLOAD_TYPE: Final = "application/vnd.pdp.truststore+json"
BYTES_MAX: Final = 256 * 1024
THRESHOLD_DEFAULT: Final = 2
KEYS_MAX: Final = SIGNATURES_MAX
_STORE: Final = frozenset({"type", "version", "bundles"})
_TRUST: Final = frozenset(
    {"name", "audience", "signers", "freshness", "governs", "may_be_guard"},
)
_SIGNERS: Final = frozenset({"keys", "threshold"})
_KEY: Final = frozenset({"id", "public"})


@dataclass(frozen=True, slots=True)
class Signers:
    """Public keys (32 bytes) by id, and how many distinct ones must sign."""

    keys: Mapping[str, bytes]
    threshold: int = THRESHOLD_DEFAULT


@dataclass(frozen=True, slots=True)
class Trust:
    """What is trusted of the bundle ``name``, made for the deployment ``audience``.

    ``governs`` are the actions it may govern: `a` covers `a` and what starts with `a.`. Freshness
    statements come from ``freshness``, often one automated key, or else from ``signers``.
    """

    name: str
    audience: str
    signers: Signers
    freshness: Signers | None
    governs: tuple[str, ...]
    may_be_guard: bool

    @property
    def vouching(self) -> Signers:
        """Who may say that this bundle is the newest one."""
        return self.freshness or self.signers

    def covers(self, governed: str) -> bool:
        """Whether the bundle may govern ``governed``, an action or a prefix of actions."""
        return any(governed == own or governed.startswith(f"{own}.") for own in self.governs)


@dataclass(frozen=True, slots=True)
class TrustStore:
    """Trust by bundle name. ``version`` counts rotations, from 1."""

    version: int
    bundles: Mapping[str, Trust]

    def trust_of(self, name: str) -> Trust:
        """Raises BundleRefused (unknown bundle)."""
        found = self.bundles.get(name)
        if found is None:
            refuse(Cause.UNKNOWN_BUNDLE, f"the trust store knows no bundle `{name}`")
        return found


def store_from_bytes(data: bytes) -> TrustStore:
    """A store from its document. Raises BundleRefused (too large, wrong type, malformed)."""
    if len(data) > BYTES_MAX:
        refuse(Cause.TOO_LARGE, f"the trust store is larger than {BYTES_MAX} bytes")
    members = members_of(data, "trust store")
    if members.get("type") != TYPE:
        refuse(Cause.WRONG_TYPE, f"the document is not a `{TYPE}`")
    fields = fields_of(members, "trust store", _STORE)
    bundles: dict[str, Trust] = {}
    for entry in fields.objects("bundles", _TRUST):
        trust = _trust(entry)
        if trust.name in bundles:
            refuse(Cause.MALFORMED, f"trust store: it names the bundle `{trust.name}` twice")
        bundles[trust.name] = trust
    if not bundles:
        refuse(Cause.MALFORMED, "trust store: it names no bundle")
    return TrustStore(fields.whole("version", 1), MappingProxyType(bundles))


def rotated(old: TrustStore, data: bytes) -> TrustStore:
    """The next store, from its document in an envelope. ``old`` stays in force on BundleRefused.

    Each bundle whose keys or thresholds change needs enough signatures of its old signers and
    enough of its new ones. Nothing but keys and thresholds may change, and ``version`` rises by 1.
    """
    new = store_from_bytes(_payload(old, data))
    if new.version != old.version + 1:
        refuse(Cause.ROLLBACK, f"trust store version {new.version} does not follow {old.version}")
    if new.bundles.keys() != old.bundles.keys():
        refuse(Cause.ROTATES_MORE_THAN_KEYS, "a rotation adds or removes no bundle")
    changed = [name for name in sorted(new.bundles) if new.bundles[name] != old.bundles[name]]
    if not changed:
        refuse(Cause.MALFORMED, "the rotation changes no key")
    for name in changed:
        before, after = old.bundles[name], new.bundles[name]
        if replace(after, signers=before.signers, freshness=before.freshness) != before:
            refuse(Cause.ROTATES_MORE_THAN_KEYS, f"the reach of `{name}` is the operator's to set")
        opened(data, PAYLOAD_TYPE, before.signers)
        opened(data, PAYLOAD_TYPE, after.signers)
    return new


def _payload(old: TrustStore, data: bytes) -> bytes:
    """Nothing is parsed that not enough signers of at least one bundle signed."""
    refused: BundleRefused | None = None
    for trust in old.bundles.values():
        try:
            return opened(data, PAYLOAD_TYPE, trust.signers).payload
        except BundleRefused as error:
            refused = error
    assert refused is not None, "a store holds at least one bundle"
    raise refused


def _trust(fields: Fields) -> Trust:
    has_freshness = fields.members["freshness"] is not None
    return Trust(
        name=fields.text("name"),
        audience=fields.text("audience"),
        signers=_signers(fields.inner("signers", _SIGNERS)),
        freshness=_signers(fields.inner("freshness", _SIGNERS)) if has_freshness else None,
        governs=fields.texts("governs"),
        may_be_guard=fields.truth("may_be_guard"),
    )


def _signers(fields: Fields) -> Signers:
    keys: dict[str, bytes] = {}
    for key in fields.objects("keys", _KEY):
        key_id, public = key.text("id"), bytes.fromhex(key.hex_32("public"))
        check_public(public)
        if len(key_id) > KEY_ID_CHARS_MAX:
            refuse(Cause.MALFORMED, f"{key.what}: `id`: longer than {KEY_ID_CHARS_MAX} characters")
        if key_id in keys or public in keys.values():
            refuse(Cause.MALFORMED, f"{key.what}: a key or an id that stands there already")
        keys[key_id] = public
    threshold = fields.whole("threshold", 1)
    if not threshold <= len(keys) <= KEYS_MAX:
        refuse(Cause.MALFORMED, f"{fields.what}: {threshold} of {len(keys)} keys cannot sign")
    return Signers(MappingProxyType(keys), threshold)
