"""`pdp set`: bundles that were signed apart are put together, signed, and verified as one.

What signs, shows and verifies them is `pdp bundle`, as for everything that is signed.
"""

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
        return self.world.pdp("bundle", "sign", str(self.set), "--key", str(self.key), "--yes")

    @property
    def store(self) -> bytes:
        """Ann signs the members, and whoever has the key signs the set."""
        members = samples.signers_of(("ann",), 1)
        entries = [
            samples.trust(name=name, signers=members, governs=[name.removeprefix("acme.")])
            for name in _MEMBERS
        ]
        own = {"keys": [self.public], "threshold": 1}
        entries.append(
            samples.trust(name="acme", signers=own, freshness=None, governs=["pay", "ship"])
        )
        return samples.store_bytes(*entries)

    def with_store(self, command: str, *more: str) -> Done:
        path = self.directory / "store.json"
        path.write_bytes(self.store)
        return self.world.pdp("bundle", command, str(self.set), "--trust", str(path), *more)


_MEMBERS: dict[str, dict[str, Any]] = {"acme.ship": SHIP, "acme.pay": PAY}


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Shop:
    return Shop(world, tmp_path)


def test_a_set_that_is_built_and_signed_is_verified(shop: Shop) -> None:
    assert shop.build().code == Exit.SUCCESS
    assert shop.sign().code == Exit.SUCCESS
    store = store_from_bytes(shop.store)
    demands = Demands("acme", now(), None, require_freshness=False)
    found = verify_set(shop.set.read_bytes(), store, demands)
    assert [member.manifest.name for member in found.members] == ["acme.pay", "acme.ship"]


def test_what_is_signed_of_a_set_is_shown(shop: Shop) -> None:
    key = samples.public("robot").hex()
    shop.build("--directory", "acme.people", "--directory-key", f"robot={key}")
    done = shop.sign()
    told = [" ".join(line.split()) for line in done.out.splitlines()]
    for line in (
        "set acme",
        "bundle acme.ship revision 7",
        "governs pay",
        "owners ship-team",
        "signatures ann",
        "directory acme.people, 1 of robot sign it",
        f"robot {key}",
        "signatures none",
        f"ok: {shop.set}: acme revision 1 for production, 2 bundles",
        f"signed by {shop.public['id']}",
    ):
        assert line in told


def test_inspect_shows_what_is_in_it_and_trusts_nothing(shop: Shop) -> None:
    key = samples.public("robot").hex()
    shop.build("--directory", "acme.people", "--directory-key", f"robot={key}")
    shown = shop.world.pdp("bundle", "inspect", str(shop.set), "--format", "json").json
    assert (shown["kind"], shown["verified"], shown["signatures"]) == ("set", False, [])
    assert [one["name"] for one in shown["bundles"]] == ["acme.pay", "acme.ship"]
    assert shown["bundles"][0]["signatures"] == [{"key_id": "ann", "holds": None}]
    keys = [{"id": "robot", "public": key}]
    assert shown["directory"] == {"name": "acme.people", "threshold": 1, "keys": keys}


def test_inspect_judges_the_signatures_of_the_set_and_of_its_members(shop: Shop) -> None:
    shop.build()
    shop.sign()
    shown = shop.with_store("inspect", "--format", "json").json
    assert shown["signatures"] == [{"key_id": shop.public["id"], "holds": True}]
    assert [one["signatures"] for one in shown["bundles"]] == [
        [{"key_id": "ann", "holds": True}]
    ] * 2
    told = shop.with_store("inspect").out
    assert told.count("1 of 1 needed signatures hold") == 3
    assert "of acme.ship\n" in told


def test_verify_says_what_a_server_would(shop: Shop) -> None:
    shop.build()
    refused = shop.with_store("verify")
    assert (refused.code, refused.out) == (Exit.INVALID, "")
    assert refused.err.startswith(f"refused (too_few_signatures): {shop.set}: ")
    shop.sign()
    done = shop.with_store("verify")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out.startswith(f"ok: {shop.set}: acme revision 1 for production, 2 bundles\n")
    told = shop.with_store("verify", "--format", "json").json
    assert (told["kind"], told["name"], told["signers"]) == ("set", "acme", [shop.public["id"]])
    assert [(part["kind"], part["name"], part["signers"]) for part in told["with"]] == [
        ("bundle", "acme.pay", ["ann"]),
        ("bundle", "acme.ship", ["ann"]),
    ]


def test_a_set_that_pins_a_directory_needs_it(shop: Shop, tmp_path: Path) -> None:
    shop.build("--directory", "acme.people", "--directory-key", f"ann={shop.public['public']}")
    shop.sign()
    assert "refused (part_missing)" in shop.with_store("verify").err
    people, bundle = tmp_path / "people.directory.json", tmp_path / "people.bundle"
    people.write_text("{}")
    arguments = f"{people} --name acme.people --audience production --revision 3 -o {bundle}"
    assert shop.world.pdp("directory", "build", *arguments.split()).code == Exit.SUCCESS
    with_people = ("--directory", str(bundle))
    assert "refused (too_few_signatures)" in shop.with_store("verify", *with_people).err
    signing = ("bundle", "sign", str(bundle), "--key", str(shop.key), "--as", "ann", "--yes")
    assert shop.world.pdp(*signing).code == Exit.SUCCESS
    done = shop.with_store("verify", *with_people, "--format", "json")
    assert (done.code, done.json["with"][-1]["name"]) == (Exit.SUCCESS, "acme.people")
    # Its keys stand in the set alone.
    assert (
        "refused (unknown_bundle)"
        in shop.world.pdp(
            "bundle", "verify", str(bundle), "--trust", str(tmp_path / "store.json")
        ).err
    )


def test_a_set_is_said_to_be_the_newest(shop: Shop, tmp_path: Path) -> None:
    shop.build()
    shop.sign()
    statement = tmp_path / "fresh.json"
    arguments = f"--key {shop.key} --for 1h -o {statement}".split()
    done = shop.world.pdp("bundle", "freshness", str(shop.set), *arguments)
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert "acme revision 1 is the newest until " in done.out
    told = shop.with_store("verify", "--freshness", str(statement), "--format", "json").json
    assert told["fresh_until"] is not None
    shop.build("--expires", "30d")
    shop.sign()
    assert "refused (frozen)" in shop.with_store("verify", "--freshness", str(statement)).err


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
