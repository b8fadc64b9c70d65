"""`pdp bundle verify` and `freshness`: what a server would say, with the cause by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.activation.building import build, unverified
from pdp.activation.program import program_of
from pdp.activation.release import PROGRAM_FILE
from pdp.bundles import envelope
from pdp.bundles.flatfile import write
from pdp.cli.exit_codes import Exit
from tests.activation.authored import FILES, WHAT, built, changed, loose, signed, with_text
from tests.bundles import samples
from tests.cli.workshop import NOW, Workshop, json_of, workshop
from tests.cli.world import World


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Workshop:
    return workshop(world, tmp_path)


def put(shop: Workshop, data: bytes) -> None:
    (shop.folder / "b.bundle").write_bytes(data)


def test_what_a_server_would_accept(shop: Workshop) -> None:
    assert shop.build().code == Exit.SUCCESS
    shop.sign("ann", "ben")
    done = shop.verify()
    digest = unverified((shop.folder / "b.bundle").read_bytes()).digest
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == (
        f"ok: {shop.path('b.bundle')}: acme.payments revision 7 for production, 6 files\n"
        f"signed by   ann, ben\ndigest      {digest}\nexpires     2026-05-30T11:00:00Z\n"
    )
    assert shop.verify("--format json").json == {
        "accepted": True,
        "audience": "production",
        "is_part": False,
        "kind": "bundle",
        "name": "acme.payments",
        "revision": 7,
        "digest": digest,
        "signers": ["ann", "ben"],
        "expires": "2026-05-30T11:00:00Z",
        "fresh_until": None,
        "with": [],
    }


def test_policies_without_a_program_are_enough(shop: Workshop) -> None:
    """As for a server, which makes the program of what people signed."""
    put(shop, without_program(dict(FILES)))
    assert shop.verify("--format json").json["is_part"] is False


def test_a_directory_that_is_not_signed(shop: Workshop) -> None:
    put(shop, signed(built()))
    done = shop.verify("--directory @b.bundle")
    assert (done.code, "refused (malformed)" in done.err) == (Exit.INVALID, True)


def signed_unseen(data: bytes) -> bytes:
    """Signed by two of three who look at nothing."""
    bundle = unverified(data)
    payload = bundle.envelope.unverified_payload
    keys = {name: samples.KEYS[name] for name in ("ann", "ben")}
    names = [file.name for file in bundle.manifest.files]
    return write(envelope.sign(samples.BUNDLE_TYPE, payload, keys), bundle.files, names)


def _declared(**changes: Any) -> bytes:
    return signed_unseen(build(FILES, replace(WHAT, **changes)))


def without_program(files: dict[str, bytes]) -> bytes:
    """What a careless build could have packed."""
    return signed_unseen(changed(built(), files))


REFUSED: Final[dict[str, Callable[[], bytes]]] = {
    "too_few_signatures": lambda: signed(built(), "ann"),
    "unknown_key": lambda: signed(built(), "ann", "eve"),
    "expired": lambda: _declared(expires=samples.NOW),
    "wrong_audience": lambda: _declared(audience="test"),
    "unknown_bundle": lambda: signed_unseen(changed(built(), name="acme.other")),
    "bad_file_hash": lambda: signed(built())[:-1] + b"?",
    "wrong_length": lambda: signed(built()) + b"?",
    "governs_more_than_trusted": lambda: signed_unseen(
        changed(built(), governs=("payment", "ticket"))
    ),
    "governs_more_than_signed": lambda: signed_unseen(changed(built(), governs=("payment.x",))),
    "program_differs": lambda: signed_unseen(
        changed(built(), {**FILES, PROGRAM_FILE: program_of(loose())})
    ),
    "self_test_failed": lambda: without_program(
        with_text("tests/refunds.charter", "expect allow by refunds.small", "expect deny")
    ),
    "policies_with_errors": lambda: without_program({**FILES, "more.charter": b"rule"}),
    "needs_newer_engine": lambda: _declared(minimum_engine="99.0.0"),
    "other_tzdata": lambda: _declared(tzdata="2199.1"),
    "other_language": lambda: signed_unseen(changed(built(), language="charter 2")),
}


@pytest.mark.parametrize("cause", REFUSED)
def test_the_cause_is_named(shop: Workshop, cause: str) -> None:
    put(shop, REFUSED[cause]())
    done = shop.verify()
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert done.err.startswith(f"refused ({cause}): {shop.path('b.bundle')}: ")
    assert done.err.count("\n") == 1
    told = shop.verify("--format json").json
    assert (told["accepted"], told["cause"]) == (False, cause)
    assert told["message"] in done.err


def test_a_key_without_its_name_is_explained(shop: Workshop) -> None:
    shop.build()
    shop.sign("ann")
    shop.pdp("bundle sign @b.bundle --key @ben.key --yes")
    done = shop.verify()
    assert "is the key that the store calls `ben`: build again and sign with `--as ben`" in done.err


def test_at_another_time(shop: Workshop) -> None:
    put(shop, signed(built()))
    assert shop.verify().code == Exit.SUCCESS
    line = "bundle verify @b.bundle --trust @store.json"
    assert "refused (expired)" in shop.pdp(line).err
    for now, code in ((3_599, Exit.SUCCESS), (3_600, Exit.INVALID), (-7_200, Exit.INVALID)):
        assert shop.pdp(f"{line} --now {samples.moment(now)}").code == code
    assert "is no time: write it like" in shop.pdp(f"{line} --now soon").err


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("bundle verify @gone --trust @store.json", "cannot be read: No such file"),
        ("bundle verify @b.bundle --trust @gone", "cannot be read: No such file"),
        ("bundle verify @b.bundle --trust @b.bundle", "the trust store is not UTF-8 text"),
        ("bundle verify @store.json --trust @store.json", "refused (malformed)"),
        ("bundle verify @b.bundle", "missing option `--trust`"),
    ],
)
def test_what_cannot_be_verified(shop: Workshop, line: str, complaint: str) -> None:
    put(shop, signed(built()))
    done = shop.pdp(line)
    assert done.code == Exit.INVALID
    assert complaint in done.err


# ---------------------------------------------------------------- freshness


def freshness(shop: Workshop, more: str = "--for 12h --as robot") -> Any:
    line = "bundle freshness @b.bundle --key @robot.key --output @fresh.json"
    return shop.pdp(f"{line} --now {NOW} {more}")


def test_a_statement_holds_for_its_bundle(shop: Workshop) -> None:
    put(shop, signed(built()))
    done = freshness(shop)
    until = samples.moment(12 * 3_600)
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == (
        f"ok: {shop.path('fresh.json')}: acme.payments revision 7 is the newest until {until},"
        " says robot\n"
    )
    assert shop.verify("--freshness @fresh.json").out.endswith(f"fresh until {until}\n")
    told = shop.verify("--freshness @fresh.json --format json").json
    assert told["fresh_until"] == until
    assert json_of(shop.path("fresh.json"))["signatures"][0]["keyid"] == "robot"


def test_a_statement_of_another_bundle(shop: Workshop) -> None:
    put(shop, signed(built()))
    freshness(shop)
    put(shop, _declared(revision=8))
    assert "refused (frozen)" in shop.verify("--freshness @fresh.json").err


def test_a_statement_without_the_keys_name(shop: Workshop) -> None:
    put(shop, signed(built()))
    told = freshness(shop, "--for 12h --format json").json
    assert told["signed_as"] != "robot"
    assert "refused (unknown_key)" in shop.verify("--freshness @fresh.json").err


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("--for 25h", "`--for 25h`: expected at most 24h, so that a frozen bundle is noticed"),
        ("--for 1441m", "expected at most 24h"),
        ("--for 12", "`--for 12` is no span of time: write it like 12h or 90d"),
        ("--for 0h", "is no span of time"),
        ("", "missing option `--for`"),
    ],
)
def test_how_long_it_holds(shop: Workshop, more: str, complaint: str) -> None:
    put(shop, signed(built()))
    done = freshness(shop, more)
    assert done.code == Exit.INVALID
    assert complaint in done.err
    assert not (shop.folder / "fresh.json").exists()


def test_a_whole_day_is_allowed(shop: Workshop) -> None:
    put(shop, signed(built()))
    assert freshness(shop, "--for 24h --as robot").code == Exit.SUCCESS
    assert shop.verify("--freshness @fresh.json").code == Exit.SUCCESS
