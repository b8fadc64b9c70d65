"""`pdp bundle sign`: nobody signs unseen, twice, unasked, or with a key that others can read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pdp.activation.building import unverified
from pdp.activation.program import program_of
from pdp.activation.release import PROGRAM_FILE
from pdp.bundles.keys import key_id_of
from pdp.cli.exit_codes import Exit
from tests.activation.authored import FILES, changed, loose
from tests.bundles import samples
from tests.cli.workshop import Workshop, on_terminal, workshop
from tests.cli.world import World


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Workshop:
    made = workshop(world, tmp_path)
    assert made.build().code == Exit.SUCCESS
    return made


def signers(shop: Workshop) -> list[str]:
    data = (shop.folder / "b.bundle").read_bytes()
    return [one.key_id for one in unverified(data).envelope.signatures]


def test_what_is_signed_is_shown(shop: Workshop) -> None:
    done = shop.pdp("bundle sign @b.bundle --key @ann.key --as ann --yes")
    bundle = unverified((shop.folder / "b.bundle").read_bytes())
    assert (done.code, done.err, signers(shop)) == (Exit.SUCCESS, "", ["ann"])
    told = [" ".join(line.split()) for line in done.out.splitlines()]
    for line in (
        "bundle acme.payments",
        "audience production",
        "revision 7",
        f"digest {bundle.digest}",
        "owners payments-team",
        "governs payment",
        "expires 2026-05-30T11:00:00Z",
        "signatures none",
        f"ok: {shop.path('b.bundle')}: acme.payments revision 7 for production, 6 files",
        "signed by ann",
    ):
        assert line in told
    for file in bundle.manifest.files:
        assert f"{file.sha256} {file.name}" in told


def test_signatures_of_others_stay(shop: Workshop) -> None:
    shop.sign("ben", "ann")
    assert signers(shop) == ["ann", "ben"]
    assert shop.verify().code == Exit.SUCCESS


def test_without_a_name_the_key_has_its_id(shop: Workshop) -> None:
    done = shop.pdp("bundle sign @b.bundle --key @ann.key --yes --format json")
    key_id = key_id_of(samples.public("ann"))
    assert signers(shop) == [key_id]
    assert (done.json["signed_as"], done.json["signatures"]) == (key_id, [key_id])
    assert (done.json["name"], done.json["revision"]) == ("acme.payments", 7)


@pytest.mark.parametrize("name", ["ann", "anna"])
def test_nobody_signs_twice(shop: Workshop, name: str) -> None:
    shop.sign("ann")
    done = shop.pdp(f"bundle sign @b.bundle --key @ann.key --as {name} --yes")
    assert done.code == Exit.INVALID
    assert "this key has signed already, as `ann`" in done.err
    assert signers(shop) == ["ann"]


def test_a_program_of_other_policies_is_not_signed(shop: Workshop) -> None:
    path = shop.folder / "b.bundle"
    path.write_bytes(changed(path.read_bytes(), {**FILES, PROGRAM_FILE: program_of(loose())}))
    done = shop.pdp("bundle sign @b.bundle --key @ann.key --yes")
    assert done.code == Exit.INVALID
    assert "`program.compact` is not what the policies beside it say" in done.err
    assert signers(shop) == []


# ---------------------------------------------------------------- asking


def test_nothing_is_signed_without_being_asked(shop: Workshop) -> None:
    done = shop.pdp("bundle sign @b.bundle --key @ann.key")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert "signing asks first, and there is no terminal to ask on" in done.err
    assert signers(shop) == []


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (b"y\n", Exit.SUCCESS),
        (b"\n", Exit.FAILURE),
        (b"yep\n", Exit.FAILURE),
        (b"\x04", Exit.FAILURE),
    ],
)
def test_on_a_terminal_it_asks(shop: Workshop, typed: bytes, code: Exit) -> None:
    arguments = ["bundle", "sign", shop.path("b.bundle"), "--key", shop.path("ann.key")]
    found, shown = on_terminal([*arguments, "--as", "ann"], typed)
    assert found == code, shown
    before, _, _ = shown.partition("sign this as `ann`? [y/N]")
    assert "acme.payments" in before
    assert signers(shop) == (["ann"] if code is Exit.SUCCESS else [])


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_that_others_can_read(shop: Workshop, mode: int) -> None:
    (shop.folder / "ann.key").chmod(mode)
    done = shop.pdp("bundle sign @b.bundle --key @ann.key --yes")
    assert (done.code, signers(shop)) == (Exit.INVALID, [])
    assert f"is open to others (mode {mode:04o}); close it with `chmod 600`" in done.err


@pytest.mark.skipif(os.geteuid() != 0, reason="elsewhere: only root gives files away")
def test_a_key_of_another_user(shop: Workshop) -> None:
    os.chown(shop.folder / "ann.key", 12_345, -1)
    done = shop.pdp("bundle sign @b.bundle --key @ann.key --yes")
    assert (done.code, signers(shop)) == (Exit.INVALID, [])
    assert "belongs to another user" in done.err


def test_a_pipe_is_no_key(shop: Workshop) -> None:
    os.mkfifo(shop.folder / "pipe.key", 0o600)
    done = shop.pdp("bundle sign @b.bundle --key @pipe.key --yes")
    assert done.code == Exit.INVALID
    assert "is not a regular file" in done.err


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("bundle sign @gone --key @ann.key --yes", "cannot be read: No such file or directory"),
        ("bundle sign @b.bundle --key @gone.key --yes", "cannot be read: No such file"),
        ("bundle sign @store.json --key @ann.key --yes", "store.json`: not a bundle file"),
        ("bundle sign @b.bundle --key @store.json --yes", "is open to others"),
        ("bundle sign @b.bundle --yes", "missing option `--key`"),
    ],
)
def test_what_cannot_be_signed(shop: Workshop, line: str, complaint: str) -> None:
    done = shop.pdp(line)
    assert done.code == Exit.INVALID
    assert complaint in done.err


def test_a_name_that_is_none(shop: Workshop) -> None:
    for name in ("a\nb", "\u202egnp", "x" * 65):
        words = ["--key", shop.path("ann.key"), "--as", name, "--yes"]
        done = shop.world.pdp("bundle", "sign", shop.path("b.bundle"), *words)
        assert (done.code, signers(shop)) == (Exit.INVALID, [])
        assert "error: `--as`: the name " in done.err


def test_what_cannot_be_written_stays_as_it_was(shop: Workshop) -> None:
    """The bytes go to a file beside it first: here there is no place for one."""
    long = shop.folder / ("b" * 250)
    long.write_bytes((shop.folder / "b.bundle").read_bytes())
    before = long.read_bytes()
    done = shop.world.pdp("bundle", "sign", str(long), "--key", shop.path("ann.key"), "--yes")
    assert done.code == Exit.FAILURE
    assert "cannot be written: File name too long" in done.err
    assert long.read_bytes() == before
