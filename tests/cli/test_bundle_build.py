"""`pdp bundle build`: a file to be signed, the same every time, or the reason why not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pdp.activation.building import build, unverified
from pdp.cli.exit_codes import Exit
from tests.activation.authored import FILES, TICKETS, WHAT, with_text
from tests.bundles import samples
from tests.cli.workshop import CREATED, NOW, Workshop, workshop
from tests.cli.world import World


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Workshop:
    return workshop(world, tmp_path)


def test_it_says_what_it_built(shop: Workshop) -> None:
    done = shop.build()
    bundle = unverified((shop.folder / "b.bundle").read_bytes())
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == (
        f"ok: {shop.path('b.bundle')}: acme.payments revision 7 for production, 6 files, 2 rules,"
        f" 2 tests passed\ndigest {bundle.digest}\n"
        f"next: `pdp describe` to read it, then `pdp bundle sign {shop.path('b.bundle')}"
        " --key KEYFILE`\n"
    )


def test_as_json(shop: Workshop) -> None:
    done = shop.build("--format json")
    bundle = unverified((shop.folder / "b.bundle").read_bytes())
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    told = done.json
    assert [file["name"] for file in told.pop("files")] == sorted(bundle.files)
    assert told.pop("minimum_engine")
    assert told.pop("tzdata")
    assert told == {
        "file": shop.path("b.bundle"),
        "kind": "bundle",
        "name": "acme.payments",
        "audience": "production",
        "revision": 7,
        "digest": bundle.digest,
        "previous": None,
        "created": CREATED,
        "expires": "2026-05-30T11:00:00Z",
        "owners": ["payments-team"],
        "governs": ["payment"],
        "language": "charter 1",
        "rules": 2,
        "tests": 2,
    }


def test_the_same_bytes_wherever_and_whenever(shop: Workshop) -> None:
    shop.build()
    shutil.move(shop.path("policies"), shop.path("elsewhere"))
    shutil.copytree(shop.path("elsewhere"), shop.path("policies"))
    shop.build(output="@again.bundle")
    shop.build("--created 2026-03-01T12:00:00+01:00", output="@zone.bundle")
    shop.build(output="@epoch.bundle", SOURCE_DATE_EPOCH="1772362800")
    files = [shop.folder / f"{name}.bundle" for name in ("b", "again", "zone", "epoch")]
    assert len({file.read_bytes() for file in files}) == 1


def test_without_a_time_it_is_now(shop: Workshop) -> None:
    done = shop.build("--format json", SOURCE_DATE_EPOCH="")
    assert done.json["created"] > "2026-03"


def test_the_bytes_are_those_of_the_pure_function(shop: Workshop) -> None:
    told = shop.build("--expires 2h --format json").json
    same = build(
        FILES,
        type(WHAT)(
            audience="production",
            revision=7,
            created=WHAT.created,
            expires=WHAT.expires,
            minimum_engine=told["minimum_engine"],
            tzdata=told["tzdata"],
        ),
    )
    assert (shop.folder / "b.bundle").read_bytes() == same


def test_it_follows_the_one_before(shop: Workshop) -> None:
    first = shop.build("--format json").json
    done = shop.build("--previous @b.bundle --format json", output="@c.bundle")
    assert (done.json["revision"], done.json["previous"]) == (8, first["digest"])
    for more, words in (
        ("--revision 7", "revision 7 does not follow revision 7; give a higher one\n"),
        ("--revision 9 --audience test", "the one before is for `production`, not `test`\n"),
    ):
        done = shop.build(f"--previous @b.bundle {more}", output="@d.bundle")
        assert done.code == Exit.INVALID
        assert words in done.err
        assert not (shop.folder / "d.bundle").exists()


def test_mistakes_are_shown_as_by_check(shop: Workshop) -> None:
    (shop.folder / "policies" / "more.charter").write_text("policy x {\n")
    done = shop.build()
    assert done.code == Exit.INVALID
    assert done.err == shop.pdp("check @policies").err
    assert "policies/more.charter:" in done.err
    done = shop.build("--format json")
    assert (done.code, done.json) == (
        Exit.INVALID,
        shop.pdp("check @policies --format json").json,
    )


@pytest.mark.parametrize(
    ("files", "more", "complaint"),
    [
        (
            with_text("tests/refunds.charter", "expect allow", "expect deny"),
            "",
            "the test `a small refund` (tests/refunds.charter:6) fails: expected deny, found allow",
        ),
        ({**FILES, "tests/refunds.charter": b""}, "--fail-under 0", "there are no tests"),
        (
            {**FILES, "more.charter": b'policy more "" { owner "o" contact "c" reason "r" }'},
            "--expires 3x",
            "`--expires 3x`: expected a span of time such as 90d or 12h, or a time such as",
        ),
        (FILES, "--expires 2020-01-01T00:00:00Z", "it expires before it is created"),
        (FILES, "--created yesterday", "`--created yesterday` is no time: write it like"),
        (FILES, "--name other", "the `bundle` line says `acme.payments`"),
        (FILES, "--revision 0", "expected at least 1"),
        (FILES, "--previous @store.json", "store.json`: not a bundle file"),
        (FILES, "--fail-under 101", "`--fail-under`"),
    ],
)
def test_why_not(shop: Workshop, files: dict[str, bytes], more: str, complaint: str) -> None:
    for name, data in files.items():
        (shop.folder / "policies" / name).write_bytes(data)
    done = shop.build(more)
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert complaint in done.err
    assert not (shop.folder / "b.bundle").exists()


def test_a_floor_can_be_lowered(shop: Workshop) -> None:
    text = FILES["tests/refunds.charter"].decode().partition('test "a large one"')[0]
    (shop.folder / "policies" / "tests" / "refunds.charter").write_text(text)
    done = shop.build()
    assert "expected tests for 100 % of the rules, and found 50.0 %: none shows" in done.err
    assert done.code == Exit.INVALID
    assert shop.build("--fail-under 50").code == Exit.SUCCESS


def test_a_first_revision_is_asked_for(shop: Workshop) -> None:
    done = shop.pdp("bundle build @policies --audience a --output @b.bundle")
    assert done.code == Exit.INVALID
    assert "give `--revision 1` for the first bundle" in done.err


@pytest.mark.parametrize("seconds", ["soon", "-1", "1e3", "9" * 20])
def test_what_is_no_epoch(shop: Workshop, seconds: str) -> None:
    done = shop.build(SOURCE_DATE_EPOCH=seconds)
    assert done.code == Exit.INVALID
    assert "expected whole seconds since 1970" in done.err


def test_signatures_are_not_overwritten(shop: Workshop) -> None:
    assert shop.build().code == shop.build().code == Exit.SUCCESS
    shop.sign("ann")
    before = (shop.folder / "b.bundle").read_bytes()
    done = shop.build()
    assert done.code == Exit.INVALID
    assert "is signed; name a new file" in done.err
    assert (shop.folder / "b.bundle").read_bytes() == before


def test_other_files_are_not_overwritten(shop: Workshop) -> None:
    done = shop.build(output="@store.json")
    assert done.code == Exit.INVALID
    assert "exists and is no bundle; name another file" in done.err


def test_where_nothing_can_be_written(shop: Workshop) -> None:
    done = shop.build(output="@gone/b.bundle")
    assert done.code == Exit.FAILURE
    assert "cannot be written: No such file or directory" in done.err


def test_the_groups_alone_show_their_help(world: World) -> None:
    for group, words in (("bundle", {"build", "sign", "verify", "inspect", "freshness"}),):
        done = world.run(group)
        assert done.code == Exit.INVALID
        assert words <= set(done.err.split())
        assert "..." not in done.err.replace("[ARGS]...", "")


def test_what_imports_others_is_built_with_them(shop: Workshop) -> None:
    assert shop.build().code == Exit.SUCCESS
    shutil.rmtree(shop.folder / "policies")
    (shop.folder / "policies").mkdir()
    for name, data in TICKETS.items():
        (shop.folder / "policies" / name).write_bytes(data)
    alone = shop.build(output="@t.bundle")
    assert alone.code == Exit.INVALID
    assert "bundle `acme.payments` is not loaded" in alone.err
    assert alone.err.endswith("help: give the files of imported bundles with `--with`\n")
    done = shop.build("--with @b.bundle", output="@t.bundle")
    assert done.code == Exit.SUCCESS
    assert "1 file, a part of a set: it imports others" in done.out
    shop.sign("ann", "ben", file="@t.bundle")
    store = samples.store_bytes(samples.trust(name="acme.tickets", governs=["ticket"]))
    (shop.folder / "store.json").write_bytes(store)
    line = f"bundle verify @t.bundle --trust @store.json --now {NOW}"
    assert "none: a part of a set, to be checked with the others" in shop.pdp(line).out
    assert shop.pdp(f"{line} --format json").json["is_part"] is True


def test_mistakes_are_placed_also_beside_others(shop: Workshop) -> None:
    shop.build()
    shutil.rmtree(shop.folder / "policies")
    (shop.folder / "policies").mkdir()
    text = TICKETS["bundle.charter"].replace(b"resource.country", b"resource.county")
    (shop.folder / "policies" / "t.charter").write_bytes(text)
    done = shop.build("--with @b.bundle", output="@t.bundle")
    assert done.code == Exit.INVALID
    assert f"--> {shop.path('policies/t.charter')}:19:" in done.err
