"""`pdp directory`: from a list to a directory bundle, and nothing written where a row is bad."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pdp.bundles.composing import verify_directory
from pdp.bundles.documents.truststore import store_from_bytes
from pdp.bundles.verification import Demands
from pdp.cli.exit_codes import Exit
from pdp.cli.moments import now
from tests.bundles import samples
from tests.cli.world import POLICIES, World

LIST = "login,mail,teams\nann,ann@desk.example,clerks\neva,eva@desk.example,leads\n"
COLUMNS = "--type User --id login --attribute email=mail --groups teams --group-type Team".split()


@pytest.fixture
def people(world: World, tmp_path: Path) -> Path:
    path = tmp_path / "people.directory.json"
    done = world.pdp(
        *("directory", "import", "csv", "-", *COLUMNS, "--schema", str(POLICIES)),
        *("-o", str(path)),
        stdin=LIST.encode(),
    )
    assert (done.code, done.err) == (Exit.SUCCESS, "ok: 2 Team, 2 User\n")
    return path


def test_an_imported_list_is_a_directory_file(people: Path) -> None:
    tree = json.loads(people.read_text())
    assert tree["User"]["ann"] == {
        "attributes": {"email": "ann@desk.example"},
        "groups": ["Team::clerks"],
    }


def test_without_an_output_the_file_is_printed(world: World, people: Path) -> None:
    done = world.pdp("directory", "import", "csv", "-", *COLUMNS, stdin=LIST.encode())
    assert done.out == people.read_text()


def test_a_bad_row_is_named_and_nothing_is_written(world: World, tmp_path: Path) -> None:
    path = tmp_path / "people.directory.json"
    arguments = ("directory", "import", "csv", "-", *COLUMNS, "-o", str(path))
    done = world.pdp(*arguments, stdin=(LIST + "ann,,\n").encode())
    assert done.code == Exit.INVALID
    assert "not usable: line 4: `User::ann` stands at line 2 already" in done.err
    assert not path.exists()


def test_what_does_not_fit_the_schema_is_refused(world: World, tmp_path: Path) -> None:
    path = tmp_path / "people.directory.json"
    arguments = ("directory", "import", "csv", "-", *COLUMNS, "--schema", str(POLICIES))
    done = world.pdp(*arguments, "-o", str(path), stdin=b"login,mail,teams\nann,,\n")
    assert done.code == Exit.INVALID
    assert "`User::ann`" in done.err
    assert not path.exists()


def test_groups_need_a_type(world: World) -> None:
    done = world.pdp(*"directory import csv - --type User --groups teams".split(), stdin=b"id\n")
    assert done.code == Exit.INVALID
    assert "`--groups` needs `--group-type`" in done.err


def test_a_directory_that_is_built_and_shown(world: World, people: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "people.bundle"
    done = world.pdp(
        *("directory", "build", str(people), "--name", "acme.people", "--audience", "production"),
        *("--revision", "3", "--expires", "7d", "--schema", str(POLICIES), "-o", str(bundle)),
    )
    assert done.code == Exit.SUCCESS
    shown = world.pdp("directory", "show", str(bundle), "--format", "json").json
    assert shown == world.pdp("directory", "show", str(people), "--format", "json").json
    assert shown["types"] == {"Team": 2, "User": 2}
    assert shown["groups"]["Team::clerks"] == ["User::ann"]


def test_a_directory_is_built_alike_every_time(world: World, people: Path, tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        arguments = f"--name p --audience a --revision 1 -o {tmp_path / name}".split()
        world.pdp("directory", "build", str(people), *arguments, SOURCE_DATE_EPOCH="1700000000")
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_a_policy_is_no_directory_file(world: World, tmp_path: Path) -> None:
    arguments = f"--name p --audience a --revision 1 -o {tmp_path / 'x'}".split()
    done = world.pdp("directory", "build", str(POLICIES / "desk.charter"), *arguments)
    assert done.code == Exit.INVALID
    assert "expected a name that ends in `.directory.json`" in done.err


def test_what_is_built_and_signed_is_verified(world: World, people: Path, tmp_path: Path) -> None:
    bundle, key = tmp_path / "people.bundle", tmp_path / "robot.key"
    public = world.pdp("keys", "generate", str(key), "--format", "json").json
    arguments = f"--name acme.people --audience production --revision 3 -o {bundle}".split()
    assert world.pdp("directory", "build", str(people), *arguments).code == Exit.SUCCESS
    assert world.pdp("bundle", "sign", str(bundle), "--key", str(key), "--yes").code == 0
    trust = samples.trust(
        name="acme.people", signers={"keys": [public], "threshold": 1}, governs=[], freshness=None
    )
    store = store_from_bytes(samples.store_bytes(trust))
    demands = Demands("acme.people", now(), None, require_freshness=False)
    found = verify_directory(bundle.read_bytes(), store, demands)
    assert dict(found.files) == {"people.directory.json": people.read_bytes()}


def test_verify_says_whether_people_are_signed(world: World, people: Path, tmp_path: Path) -> None:
    bundle, key, store = (tmp_path / name for name in ("people.bundle", "robot.key", "store.json"))
    public = world.pdp("keys", "generate", str(key), "--format", "json").json
    arguments = f"--name acme.people --audience production --revision 3 -o {bundle}".split()
    world.pdp("directory", "build", str(people), *arguments)
    made = f"trust new --bundle acme.people --audience production --people --threshold 1 -o {store}"
    assert world.pdp(*made.split(), "--key", public["public"]).code == Exit.SUCCESS
    verify = ("bundle", "verify", str(bundle), "--trust", str(store))
    assert "refused (too_few_signatures)" in world.pdp(*verify).err
    signing = ("bundle", "sign", str(bundle), "--key", str(key), "--yes")
    signed = world.pdp(*signing)
    assert signed.out.startswith("directory   acme.people\n")
    assert "governs" not in signed.out
    done = world.pdp(*verify, "--format", "json")
    assert (done.code, done.json["kind"], done.json["is_part"]) == (0, "directory", False)
    shown = world.pdp("bundle", "inspect", str(bundle), "--format", "json").json
    assert (shown["kind"], shown["governs"], shown["owners"]) == ("directory", [], [])
