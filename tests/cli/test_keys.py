"""`pdp keys`: a new key is for its owner alone, and its public half is what a trust store takes."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from pdp.bundles.documents.truststore import store_from_bytes
from pdp.cli.exit_codes import Exit
from tests.bundles import samples
from tests.cli.world import World


def pem(key: ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey, password: bytes = b"") -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )


def test_a_new_key_is_its_owners_alone(world: World, tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    done = world.pdp("keys", "generate", str(path))
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    public = key.public_key().public_bytes_raw()
    key_id = hashlib.sha256(public).hexdigest()[:16]
    assert done.out == f"id      {key_id}\npublic  {public.hex()}\n"
    assert world.pdp("keys", "public", str(path)).out == done.out


def test_two_keys_differ(world: World, tmp_path: Path) -> None:
    made = [world.pdp("keys", "generate", str(tmp_path / name)).out for name in ("a", "b")]
    assert made[0] != made[1]


def test_a_trust_store_takes_what_is_printed(world: World, tmp_path: Path) -> None:
    done = world.pdp("keys", "generate", str(tmp_path / "ann.key"), "--format", "json")
    signers = {"keys": [done.json], "threshold": 1}
    store = store_from_bytes(samples.store_bytes(samples.trust(signers=signers)))
    keys = store.trust_of(samples.NAME).signers.keys
    assert {key_id: raw.hex() for key_id, raw in keys.items()} == {
        done.json["id"]: done.json["public"]
    }


def test_a_key_is_never_overwritten(world: World, tmp_path: Path) -> None:
    path = tmp_path / "ann.key"
    path.write_bytes(b"mine")
    done = world.pdp("keys", "generate", str(path))
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert "exists; name a new file" in done.err
    assert path.read_bytes() == b"mine"


def test_a_link_is_not_followed_to_a_new_key(world: World, tmp_path: Path) -> None:
    (tmp_path / "ann.key").symlink_to(tmp_path / "elsewhere")
    assert world.pdp("keys", "generate", str(tmp_path / "ann.key")).code == Exit.INVALID
    assert not (tmp_path / "elsewhere").exists()


def test_where_nothing_can_be_written(world: World, tmp_path: Path) -> None:
    done = world.pdp("keys", "generate", str(tmp_path / "gone" / "ann.key"))
    assert done.code == Exit.FAILURE
    assert "cannot be written" in done.err


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "expected an Ed25519 private key"),
        (b"\xff" * 100, "expected an Ed25519 private key"),
        (pem(samples.KEYS["ann"], b"secret"), "not encrypted"),
        (pem(x25519.X25519PrivateKey.generate()), "a key of another kind"),
    ],
)
def test_what_is_no_key(world: World, tmp_path: Path, data: bytes, complaint: str) -> None:
    path = tmp_path / "x.key"
    path.write_bytes(data)
    done = world.pdp("keys", "public", str(path))
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert complaint in done.err


def test_a_key_that_is_not_there(world: World, tmp_path: Path) -> None:
    done = world.pdp("keys", "public", str(tmp_path / "gone.key"))
    assert done.code == Exit.INVALID
    assert "cannot be read" in done.err


def test_the_group_alone_shows_its_help(world: World) -> None:
    done = world.run("keys")
    assert done.code == Exit.INVALID
    assert {"generate", "public"} <= set(done.err.split())
