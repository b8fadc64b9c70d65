"""`pdp set`: bundles that were signed apart are put together, signed, and verified as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pdp.bundles.composing import verify_set
from pdp.bundles.documents.truststore import store_from_bytes
from pdp.bundles.verification import Demands
from pdp.cli.exit_codes import Exit
from pdp.cli.moments import now
from tests.bundles import samples
from tests.cli.world import Done, World
from tests.lang.test_bundle_folders import PAY, SHIP, encoded

WHOLE = "--name acme --audience production --revision 1".split()


class Shop:
    """A key, two bundles that it signed, and a set of them."""

    def __init__(self, world: World, directory: Path) -> None:
        self.world = world
        self.directory = directory
        self.key = directory / "ann.key"
        self.public = world.pdp("keys", "generate", str(self.key), "--format", "json").json
        self.set = directory / "acme.set"

    def bundle(self, name: str, files: dict[str, Any]) -> Path:
        """A member, made without the tests that a build asks for."""
        own = {file.partition("/")[2]: data for file, data in encoded(files).items()}
        folder = name.removeprefix("acme.")
        contents = dict(sorted({**own, "program.compact": b"its own"}.items()))
        tree = samples.manifest(
            name=name,
            governs=[folder],
            owners=[f"{folder}-team"],
            files=samples.entries(contents),
            created="2026-01-01T00:00:00Z",
            expires="2099-01-01T00:00:00Z",
        )
        path = self.directory / f"{name}.bundle"
        envelope = samples.signed(samples.spelled(tree), ("ann",))
        path.write_bytes(samples.packed(envelope, b"".join(contents.values())))
        return path

    def build(self, *more: str) -> Done:
        pairs = [f"{name}={self.bundle(name, files)}" for name, files in _MEMBERS.items()]
        return self.world.pdp("set", "build", *pairs, *WHOLE, "-o", str(self.set), *more)

    def sign(self) -> Done:
        return self.world.pdp("set", "sign", str(self.set), "--key", str(self.key), "--yes")


_MEMBERS: dict[str, dict[str, Any]] = {"acme.ship": SHIP, "acme.pay": PAY}


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Shop:
    return Shop(world, tmp_path)


def test_a_set_that_is_built_and_signed_is_verified(shop: Shop) -> None:
    assert shop.build().code == Exit.SUCCESS
    assert shop.sign().code == Exit.SUCCESS
    members = samples.signers_of(("ann",), 1)
    entries = [
        samples.trust(name=name, signers=members, governs=[name.removeprefix("acme.")])
        for name in _MEMBERS
    ]
    own = {"keys": [shop.public], "threshold": 1}
    entries.append(samples.trust(name="acme", signers=own, governs=["pay", "ship"]))
    store = store_from_bytes(samples.store_bytes(*entries))
    demands = Demands("acme", now(), None, require_freshness=False)
    found = verify_set(shop.set.read_bytes(), store, demands)
    assert [member.manifest.name for member in found.members] == ["acme.pay", "acme.ship"]


def test_inspect_shows_what_is_in_it_and_trusts_nothing(shop: Shop) -> None:
    key = f"robot={samples.public('robot').hex()}"
    shop.build("--directory", "acme.people", "--directory-key", key)
    shown = shop.world.pdp("set", "inspect", str(shop.set), "--format", "json").json
    assert shown["verified"] is False
    assert [one["name"] for one in shown["bundles"]] == ["acme.pay", "acme.ship"]
    assert shown["directory"] == {"name": "acme.people", "threshold": 1, "keys": ["robot"]}
    assert shown["signatures"] == []
    text = shop.world.pdp("set", "inspect", str(shop.set)).out
    assert "acme.ship revision 7" in text
    assert "1 of robot sign" in text


def test_a_member_under_another_name_is_refused(shop: Shop) -> None:
    path = shop.bundle("acme.pay", PAY)
    done = shop.world.pdp("set", "build", f"acme.ship={path}", *WHOLE, "-o", str(shop.set))
    assert done.code == Exit.INVALID
    assert "expected the bundle `acme.ship`, and it is `acme.pay`" in done.err
    assert not shop.set.exists()


def test_members_that_do_not_go_together_are_refused(shop: Shop) -> None:
    path = shop.bundle("acme.ship", SHIP)
    done = shop.world.pdp("set", "build", f"acme.ship={path}", *WHOLE, "-o", str(shop.set))
    assert done.code == Exit.INVALID
    assert "the bundles do not go together" in done.err
    assert "bundle `acme.pay` is not loaded" in done.err


def test_nobody_signs_twice(shop: Shop) -> None:
    shop.build()
    shop.sign()
    before = shop.set.read_bytes()
    done = shop.sign()
    assert done.code == Exit.INVALID
    assert "this key has signed already" in done.err
    assert shop.set.read_bytes() == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--directory-key", "a=00"), "`--directory-key` needs `--directory NAME`"),
        (("--directory", "p"), "`--directory-threshold 1` of 0 keys cannot sign"),
        (("--directory", "p", "--directory-key", "a=00"), "expected ID=PUBLICHEX"),
    ],
)
def test_keys_for_the_directory_must_be_keys(shop: Shop, more: tuple[str, ...], said: str) -> None:
    done = shop.build(*more)
    assert done.code == Exit.INVALID
    assert said in done.err
