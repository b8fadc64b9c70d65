"""`pdp bundle inspect`: what a bundle says of itself, and that this proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdp.cli.exit_codes import Exit
from tests.activation.authored import built, signed
from tests.bundles import samples
from tests.cli.workshop import Workshop, workshop
from tests.cli.world import World


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Workshop:
    made = workshop(world, tmp_path)
    (made.folder / "b.bundle").write_bytes(signed(built(), "ann", "eve"))
    return made


def lines_of(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_without_a_store_nothing_is_verified(shop: Workshop) -> None:
    done = shop.pdp("bundle inspect @b.bundle")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    told = lines_of(done.out)
    assert told[-4:] == [
        "signatures 2, not checked",
        "ann",
        "eve",
        "unverified: name a trust store with `--trust`",
    ]
    assert "bundle acme.payments" in told
    data = shop.pdp("bundle inspect @b.bundle --format json").json
    assert data["verified"] is False
    assert data["signatures"] == [
        {"key_id": "ann", "holds": None},
        {"key_id": "eve", "holds": None},
    ]


def test_with_a_store_each_signature_is_judged(shop: Workshop) -> None:
    done = shop.pdp("bundle inspect @b.bundle --trust @store.json")
    assert lines_of(done.out)[-4:] == [
        "signatures 1 of 2 needed signatures hold",
        "holds: ann",
        "of a key that the trust store does not know: eve",
        "this is no verdict: `pdp bundle verify` gives one",
    ]
    data = shop.pdp("bundle inspect @b.bundle --trust @store.json --format json").json
    assert data["verified"] is False
    assert [one["holds"] for one in data["signatures"]] == [True, False]


def test_a_signature_that_does_not_hold(shop: Workshop) -> None:
    forged = signed(built(), "ann").replace(b'"keyid":"ann"', b'"keyid":"ben"')
    (shop.folder / "b.bundle").write_bytes(forged)
    told = lines_of(shop.pdp("bundle inspect @b.bundle --trust @store.json").out)
    assert "does not hold: ben" in told
    assert "signatures 0 of 2 needed signatures hold" in told


def test_a_key_without_its_name(shop: Workshop) -> None:
    (shop.folder / "b.bundle").write_bytes(built())
    shop.pdp("bundle sign @b.bundle --key @ann.key --yes")
    told = shop.pdp("bundle inspect @b.bundle --trust @store.json").out
    assert "is the key that the store calls ann: sign as that" in told


def test_colours_are_for_terminals(shop: Workshop) -> None:
    line = "bundle inspect @b.bundle --trust @store.json"
    plain = shop.pdp(line)
    assert "\x1b[" not in plain.out
    assert "\x1b[" in shop.pdp(line, FORCE_COLOR="1").out
    assert shop.pdp(line, FORCE_COLOR="1", NO_COLOR="1") == plain


def test_names_cannot_write_to_the_terminal(shop: Workshop) -> None:
    """An envelope's key ids are anybody's text until a signature holds."""
    hostile = signed(built(), "ann").replace(b'"keyid":"ann"', b'"keyid":"[r]"')
    (shop.folder / "b.bundle").write_bytes(hostile)
    done = shop.pdp("bundle inspect @b.bundle")
    assert "[r]" in done.out
    wild = signed(built(), "ann").replace(b'"keyid":"ann"', b'"keyid":"\x7f\x7f\x7f"')
    (shop.folder / "b.bundle").write_bytes(wild)
    done = shop.pdp("bundle inspect @b.bundle")
    assert "\x7f" not in done.out + done.err


@pytest.mark.parametrize("data", [b"", b"x" * 100, samples.bundle()[:200], samples.store_bytes()])
def test_what_is_no_bundle(shop: Workshop, data: bytes) -> None:
    (shop.folder / "b.bundle").write_bytes(data)
    done = shop.pdp("bundle inspect @b.bundle")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert done.err.startswith(f"error: `{shop.path('b.bundle')}`: ")


def test_a_store_that_does_not_know_it(shop: Workshop) -> None:
    other = samples.store_bytes(samples.trust(name="acme.other"))
    (shop.folder / "store.json").write_bytes(other)
    done = shop.pdp("bundle inspect @b.bundle --trust @store.json")
    assert done.code == Exit.INVALID
    assert "the trust store knows no bundle `acme.payments`" in done.err
