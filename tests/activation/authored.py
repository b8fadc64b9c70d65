"""Policies to build bundles of, and what can go wrong on the way to a signed one: each by name."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from pdp.activation.building import Declared, build, sign, unverified
from pdp.activation.compatibility import check_compatible, check_governs
from pdp.activation.program import check_program, program_of
from pdp.activation.release import PROGRAM_FILE
from pdp.activation.selftest import check_self_test
from pdp.bundles.documents.declaration import declared, manifest_to_bytes
from pdp.bundles.envelope import encode
from pdp.bundles.flatfile import write
from pdp.bundles.refusal import BundleRefused, Cause
from pdp.bundles.verification import verify
from pdp.engine import Engine
from pdp.lang.checker import check
from tests.bundles import samples

HOUR: Final = datetime.timedelta(hours=1)
WHAT: Final = Declared(
    audience="production",
    revision=7,
    created=samples.NOW - HOUR,
    expires=samples.NOW + HOUR,
    minimum_engine="0.1.0",
    tzdata="2026.1",
)
BUNDLE: Final = """
bundle acme.payments {
    version "1.0.0"
    language 1
    owner "payments-team"
    contact "#payments"
    governs payment
}
entity User person directory
entity Agent agent directory { owner: User }
entity Order { country: string }

action payment.refund on Order reversible risk low { amount: decimal }

data served: set<string>[1..9] from "countries.json"
"""
RULES: Final = """
policy refunds "Refunds" {
    owner "desk@acme.example"
    contact "#desk"
    reason "Small refunds are routine."

    rule small:
        allow Agent, User to payment.refund on Order
        when args.amount <= 100.00 and resource.country in served

    rule large:
        deny anyone to payment.refund on Order
        when args.amount > 500.00
        because "Nobody gives back that much."
}
"""
CLAIM: Final = """
invariant "no agent gives much away" {
    owner "desk@acme.example"
    never allow Agent to payment.refund when args.amount > 100.00
}
"""
TESTS: Final = """
fixture bot = Agent::"bot" { owner: User::"ann" }
fixture ann = User::"ann" {}
fixture order = Order::"o-1" { country: "DE" }

test "a small refund" {
    agent bot
    user ann
    do payment.refund on order { amount: 20.00 }
    expect allow by refunds.small
}
test "a large one" {
    user ann
    do payment.refund on order { amount: 501.00 }
    expect deny cause rule by refunds.large
}
"""
# A bundle that uses what the one above declares.
TICKETS: Final[Mapping[str, bytes]] = {
    "bundle.charter": b"""
bundle acme.tickets {
    version "1.0.0"
    language 1
    owner "desk@acme.example"
    contact "#desk"
    governs ticket
}
import acme.payments
action ticket.close on Order reversible risk low {}

policy tickets "Tickets" {
    owner "desk@acme.example"
    contact "#desk"
    reason "Tickets end."

    rule close:
        allow Agent, User to ticket.close on Order
        when resource.country == "DE"
}
fixture ann = User::"ann" {}
fixture here = Order::"o-1" { country: "DE" }
fixture there = Order::"o-2" { country: "US" }

test "closed here" {
    user ann
    do ticket.close on here
    expect allow
}
test "not there" {
    user ann
    do ticket.close on there
    expect deny
}
"""
}
FILES: Final[Mapping[str, bytes]] = {
    "bundle.charter": BUNDLE.encode(),
    "countries.json": b'["DE", "FR"]\n',
    "people.directory.json": b'{"User": {"ann": {}}}\n',
    "refunds.charter": RULES.encode(),
    "tests/refunds.charter": TESTS.encode(),
}


def with_text(name: str, old: str, new: str) -> dict[str, bytes]:
    """The files with ``old``, which must be there, become ``new`` in one of them."""
    text = FILES[name].decode()
    assert old in text
    return {**FILES, name: text.replace(old, new).encode()}


def loose() -> dict[str, bytes]:
    """Policies that allow what the good ones do not."""
    return with_text("refunds.charter", "<= 100.00", "<= 500.00")


@cache
def built() -> bytes:
    """The good bundle."""
    return build(FILES, WHAT)


def changed(data: bytes, files: Mapping[str, bytes] | None = None, **manifest: Any) -> bytes:
    """A bundle file with other files or another manifest, whole again, and without signatures."""
    found = unverified(data)
    contents = dict(found.files if files is None else files)
    names = sorted(contents)
    entries = tuple(declared(name, contents[name]) for name in names)
    payload = manifest_to_bytes(replace(found.manifest, files=entries, **manifest))
    envelope = replace(found.envelope, unverified_payload=payload, signatures=())
    return write(encode(envelope), contents, names)


def signed(data: bytes, *names: str) -> bytes:
    for name in names or ("ann", "ben"):
        data = sign(data, samples.KEYS[name], name)
    return data


# ---------------------------------------------------------------- what can go wrong


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody tries, and what must come of it: a cause, or what ``run`` returns."""

    run: Callable[[], object]
    outcome: object


def outcome(attempt: Attempt) -> object:
    try:
        return attempt.run()
    except BundleRefused as refused:
        return refused.cause


def _accepted() -> object:
    bundle = verify(signed(built()), samples.store(), samples.demands())
    check_program(bundle.files)
    check_compatible(bundle.manifest, "0.1.0", "2026.6")
    return bundle.signers


def _files_with_program_of_others() -> dict[str, bytes]:
    return {**FILES, PROGRAM_FILE: program_of(loose())}


def _governing(**changes: Any) -> None:
    manifest = unverified(built()).manifest
    check_governs(replace(manifest, **changes), _checked(FILES), may_be_guard=False)


def _as_guard() -> None:
    # A guard allows nothing: without the rule that does, it is one.
    text = RULES.partition("    rule small:")[0] + "    rule large:" + RULES.partition("large:")[2]
    files = {
        **FILES,
        "bundle.charter": BUNDLE.replace("acme.payments", "acme.payments guard").encode(),
        "refunds.charter": text.encode(),
        "tests/refunds.charter": b"",
    }
    check_governs(unverified(built()).manifest, _checked(files), may_be_guard=False)


def _checked(files: Mapping[str, bytes]) -> Any:
    checked, diagnostics = check(files)
    assert checked is not None, diagnostics
    return checked


def _compatible(engine: str, zones: str, **changes: Any) -> bool:
    check_compatible(replace(unverified(built()).manifest, **changes), engine, zones)
    return True


def _built_of(files: Mapping[str, bytes], fail_under: float = 100) -> bool:
    return build(files, WHAT, fail_under) is not None


def _signatures_after_two() -> object:
    return [one.key_id for one in unverified(signed(built(), "ben", "ann")).envelope.signatures]


def _compared() -> object:
    return check_self_test(Engine(FILES), seed=1, cases=50).passed


_WRONG = with_text("tests/refunds.charter", "expect allow by refunds.small", "expect deny")
_UNSHOWN = with_text("tests/refunds.charter", "amount: 501.00", "amount: 101.00")
_UNSHOWN["tests/refunds.charter"] = _UNSHOWN["tests/refunds.charter"].replace(
    b"cause rule by refunds.large", b"cause no_allow"
)
_CLAIMED: Final = {**FILES, "claims.charter": CLAIM.encode()}
# What breaks it is a rule that the tests show nothing wrong with.
_CLAIM_BROKEN: Final = {**loose(), "claims.charter": CLAIM.encode()}

ATTEMPTS: Final[Mapping[str, Attempt]] = {
    "honest": Attempt(_accepted, ("ann", "ben")),
    "built_twice": Attempt(lambda: build(FILES, WHAT) == build(FILES, WHAT), outcome=True),
    "signatures_of_others": Attempt(_signatures_after_two, ["ann", "ben"]),
    "compared": Attempt(_compared, outcome=True),
    "program_of_other_policies": Attempt(
        lambda: signed(changed(built(), _files_with_program_of_others())), Cause.PROGRAM_DIFFERS
    ),
    "no_program": Attempt(lambda: signed(changed(built(), FILES)), Cause.PART_MISSING),
    "sources_with_errors": Attempt(
        lambda: signed(changed(built(), {**FILES, "x.charter": b"rule", PROGRAM_FILE: b""})),
        Cause.POLICIES_WITH_ERRORS,
    ),
    "same_key_twice": Attempt(lambda: signed(built(), "ann", "ann"), Cause.MALFORMED),
    "two_names_of_one_key": Attempt(
        lambda: sign(signed(built(), "ann"), samples.KEYS["ann"], "anna"), Cause.MALFORMED
    ),
    "two_keys_of_one_name": Attempt(
        lambda: sign(signed(built(), "ann"), samples.KEYS["ben"], "ann"), Cause.MALFORMED
    ),
    "signs_a_smaller_reach": Attempt(
        lambda: signed(changed(built(), governs=("payment.refund",))),
        Cause.GOVERNS_MORE_THAN_SIGNED,
    ),
    "governs_more": Attempt(
        lambda: _governing(governs=("refund", "pay")), Cause.GOVERNS_MORE_THAN_SIGNED
    ),
    "owner_not_named": Attempt(
        lambda: _governing(owners=("desk@acme.example",)), Cause.GOVERNS_MORE_THAN_SIGNED
    ),
    "guard_not_trusted": Attempt(_as_guard, Cause.GUARD_NOT_TRUSTED),
    "engine_0_9_of_0_10": Attempt(
        lambda: _compatible("0.9.0", "2026.6", minimum_engine="0.10.0"), Cause.NEEDS_NEWER_ENGINE
    ),
    "older_time_zones": Attempt(
        lambda: _compatible("0.1.0", "2025.3", tzdata="2026.1"), Cause.OTHER_TZDATA
    ),
    "newer_time_zones": Attempt(
        lambda: _compatible("0.1.0", "2026.10", tzdata="2026.9"), outcome=True
    ),
    "other_language": Attempt(
        lambda: _compatible("0.1.0", "2026.6", language="charter 2"), Cause.OTHER_LANGUAGE
    ),
    "test_that_fails": Attempt(lambda: _built_of(_WRONG), Cause.SELF_TEST_FAILED),
    "no_tests": Attempt(
        lambda: _built_of({**FILES, "tests/refunds.charter": b""}, 0), Cause.SELF_TEST_FAILED
    ),
    "rule_without_test": Attempt(lambda: _built_of(_UNSHOWN), Cause.SELF_TEST_FAILED),
    "rule_without_test_allowed": Attempt(lambda: _built_of(_UNSHOWN, 75), outcome=True),
    "claim_that_holds": Attempt(lambda: _built_of(_CLAIMED), outcome=True),
    "claim_that_breaks": Attempt(lambda: _built_of(_CLAIM_BROKEN), Cause.SELF_TEST_FAILED),
}
