"""The way from policies to a signed bundle; and broken builds of it, each caught by name."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from msgspec import structs

from pdp.activation import building, compatibility, program
from pdp.activation.building import with_signature
from pdp.activation.compatibility import check_governs
from pdp.activation.release import PROGRAM_FILE
from pdp.activation.selftest import self_test
from pdp.bundles.documents.declaration import manifest_to_bytes
from pdp.engine import Engine
from pdp.eval import reference
from pdp.model import Effect
from tests.activation import authored
from tests.activation.authored import ATTEMPTS, outcome


@dataclass(frozen=True, slots=True)
class Twin:
    """``owner``'s ``name`` becomes ``broken``; the attempt ``seen_by`` must come out otherwise."""

    owner: Any
    name: str
    broken: Any
    seen_by: str


@pytest.mark.parametrize("name", ATTEMPTS)
def test_every_attempt_comes_out_as_it_must(name: str) -> None:
    assert outcome(ATTEMPTS[name]) == ATTEMPTS[name].outcome


def _nothing(*_: object, **__: object) -> None:
    return None


def _ticking() -> Iterator[datetime.timedelta]:
    for seconds in range(1_000):
        yield datetime.timedelta(seconds=seconds)


_CLOCK: Final = _ticking()
_decide = reference.decide


def _with_time_of_build(manifest: Any) -> bytes:
    return manifest_to_bytes(replace(manifest, created=manifest.created + next(_CLOCK)))


def _without_others(envelope: Any, key: Any, key_id: str) -> Any:
    return with_signature(replace(envelope, signatures=()), key, key_id)


def _lenient(*arguments: Any) -> Any:
    return structs.replace(_decide(*arguments), effect=Effect.ALLOW)


TWINS: Final = {
    "program_is_not_compared": Twin(
        program, "check_equal", _nothing, seen_by="program_of_other_policies"
    ),
    "signed_without_rebuilding": Twin(
        building,
        "check_program",
        lambda files: files[PROGRAM_FILE],
        seen_by="program_of_other_policies",
    ),
    "signed_whatever_it_governs": Twin(
        building, "check_governs", _nothing, seen_by="signs_a_smaller_reach"
    ),
    "signatures_of_others_are_lost": Twin(
        building, "with_signature", _without_others, seen_by="signatures_of_others"
    ),
    "keys_are_told_apart_by_name": Twin(
        building, "signature_holds", lambda *_: False, seen_by="two_names_of_one_key"
    ),
    "versions_are_compared_as_text": Twin(
        compatibility,
        "is_at_least",
        lambda version, least: version >= least,
        seen_by="engine_0_9_of_0_10",
    ),
    "time_zones_must_be_the_same": Twin(
        compatibility, "is_at_least", lambda one, other: one == other, seen_by="newer_time_zones"
    ),
    "versions_are_not_compared": Twin(
        compatibility, "is_at_least", lambda *_: True, seen_by="older_time_zones"
    ),
    "prefixes_are_letters": Twin(
        authored,
        "check_governs",
        lambda manifest, checked, **more: check_governs(
            replace(manifest, governs=("payment",)) if "pay" in manifest.governs else manifest,
            checked,
            **more,
        ),
        seen_by="governs_more",
    ),
    "anybody_is_a_guard": Twin(
        authored,
        "check_governs",
        lambda manifest, checked, **_: check_governs(manifest, checked, may_be_guard=True),
        seen_by="guard_not_trusted",
    ),
    "failing_tests_are_ignored": Twin(
        building, "check_self_test", self_test, seen_by="test_that_fails"
    ),
    "claims_are_not_tried": Twin(
        Engine, "try_invariants", lambda *_: (), seen_by="claim_that_breaks"
    ),
    "floor_is_ignored": Twin(building, "check_floor", _nothing, seen_by="rule_without_test"),
    "nothing_to_show_is_enough": Twin(building, "check_shown", _nothing, seen_by="no_tests"),
    "time_of_build_leaks": Twin(
        building, "manifest_to_bytes", _with_time_of_build, seen_by="built_twice"
    ),
    "one_engine_is_lenient": Twin(reference, "decide", _lenient, seen_by="compared"),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = TWINS[name]
    attempt = ATTEMPTS[twin.seen_by]
    assert outcome(attempt) == attempt.outcome
    monkeypatch.setattr(twin.owner, twin.name, twin.broken)
    assert outcome(attempt) != attempt.outcome
