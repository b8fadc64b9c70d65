"""`pdp trust`: stores as an operator makes them, and the ceremony by which keys change hands."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdp.bundles.documents.truststore import store_from_bytes
from pdp.bundles.documents.trustwriting import store_to_bytes
from pdp.bundles.keys import key_id_of
from pdp.cli.exit_codes import Exit
from tests.activation.authored import built, signed
from tests.bundles import samples
from tests.cli.workshop import Workshop, json_of, on_terminal, workshop
from tests.cli.world import World


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Workshop:
    return workshop(world, tmp_path)


def named(*names: str, option: str = "--key") -> str:
    return " ".join(f"{option} {name}={samples.public(name).hex()}" for name in names)


NEW = "trust new --bundle acme.payments --audience production --output @new.json"


def test_a_new_store_says_what_was_asked_for(shop: Workshop) -> None:
    done = shop.pdp(
        f"{NEW} {named('ann', 'ben', 'cid')} --governs payment --governs refund.small"
        f" {named('robot', option='--freshness-key')}"
    )
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    data = (shop.folder / "new.json").read_bytes()
    assert store_from_bytes(data) == samples.store()
    told = [" ".join(line.split()) for line in done.out.splitlines()]
    assert told == [
        f"ok: {shop.path('new.json')}",
        "version 1",
        "bundle acme.payments",
        "audience production",
        "governs payment, refund.small",
        "signers 2 of 3",
        *(f"{name} {samples.public(name).hex()}" for name in ("ann", "ben", "cid")),
        "freshness 1 of 1",
        f"robot {samples.public('robot').hex()}",
    ]


def test_it_is_what_verify_takes(shop: Workshop) -> None:
    shop.pdp(f"{NEW} {named('ann', 'ben')} --governs payment")
    (shop.folder / "store.json").write_bytes((shop.folder / "new.json").read_bytes())
    (shop.folder / "b.bundle").write_bytes(signed(built()))
    assert shop.verify().code == Exit.SUCCESS


def test_a_key_needs_no_name(shop: Workshop) -> None:
    public = samples.public("ann")
    done = shop.pdp(
        f"{NEW} --key {public.hex()} --threshold 1 --governs payment --guard --format json"
    )
    [entry] = done.json["bundles"]
    assert entry["signers"] == {
        "keys": [{"id": key_id_of(public), "public": public.hex()}],
        "threshold": 1,
    }
    assert (entry["may_be_guard"], entry["freshness"]) == (True, None)


def test_a_store_can_be_extended(shop: Workshop) -> None:
    line = "trust new --bundle acme.people --audience production --output @new.json --governs x"
    done = shop.pdp(f"{line} {named('robot')} --threshold 1 --extend @store.json")
    store = store_from_bytes((shop.folder / "new.json").read_bytes())
    assert (done.code, store.version, sorted(store.bundles)) == (
        Exit.SUCCESS,
        2,
        ["acme.payments", "acme.people"],
    )
    assert store.bundles["acme.payments"] == samples.store().bundles["acme.payments"]
    done = shop.pdp(f"{NEW} {named('ann', 'ben')} --governs x --extend @store.json")
    assert done.code == Exit.INVALID


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (f"{named('ann')} --governs a", "2 of 1 keys cannot sign"),
        ("--key ann=12 --governs a", "`--key ann=12`: expected 64 lower-case hex digits"),
        (f"--key ann={'AB' * 32} --governs a", "expected 64 lower-case hex digits"),
        (f"--key ann={'00' * 32} --threshold 1 --governs a", "not a usable Ed25519 public key"),
        (f"{named('ann')} {named('ann')} --governs a", "`--key`: `ann` is given twice"),
        (
            f"{named('ann')} --key anna={samples.public('ann').hex()} --governs a",
            "a key or an id that stands there already",
        ),
        (named("ann", "ben"), "give `--governs PREFIX`, or `--people` for a directory bundle"),
        (f"{named('ann', 'ben')} --people --governs a", "give `--governs PREFIX`, or `--people`"),
        ("--governs a", "missing option `--key`"),
        (f"{named('ann', 'ben')} --threshold 0 --governs a", "expected at least 1"),
    ],
)
def test_stores_that_make_no_sense(shop: Workshop, more: str, complaint: str) -> None:
    done = shop.pdp(f"{NEW} {more}")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert complaint in done.err
    assert not (shop.folder / "new.json").exists()


def test_a_store_is_not_overwritten(shop: Workshop) -> None:
    line = f"{NEW} {named('ann', 'ben')} --governs payment".replace("new.json", "store.json")
    assert "exists; name a new file" in shop.pdp(line).err
    assert store_from_bytes((shop.folder / "store.json").read_bytes()) == samples.store()


def test_a_store_written_reads_the_same() -> None:
    data = samples.store_bytes(
        samples.trust(), samples.trust(name="b", freshness=None, may_be_guard=True), version=41
    )
    store = store_from_bytes(data)
    assert store_from_bytes(store_to_bytes(store)) == store


# ---------------------------------------------------------------- rotating


def rotation(shop: Workshop, more: str = f"{named('dan', option='--add')} --remove ben") -> str:
    done = shop.pdp(f"trust rotate @store.json --output @next.json {more}")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    return done.out


def trust_sign(shop: Workshop, *names: str) -> None:
    for name in names:
        done = shop.pdp(f"trust sign @next.json --key @{name}.key --as {name} --yes")
        assert done.code == Exit.SUCCESS, done.err


def test_a_ceremony(shop: Workshop) -> None:
    """Ben leaves and Dan comes: two of the old ones and two of the new ones sign."""
    assert "a proposal, not signed yet" in rotation(shop)
    check = "trust check @store.json @next.json"
    for name, code in (("ann", Exit.INVALID), ("dan", Exit.INVALID), ("cid", Exit.SUCCESS)):
        assert shop.pdp(check).code == Exit.INVALID
        trust_sign(shop, name)
        assert shop.pdp(check).code == code
    done = shop.pdp(f"{check} --output @store2.json")
    assert f"{shop.path('next.json')} follows {shop.path('store.json')}" in done.out
    store = store_from_bytes((shop.folder / "store2.json").read_bytes())
    assert store.version == 2
    assert sorted(store.bundles["acme.payments"].signers.keys) == ["ann", "cid", "dan"]
    (shop.folder / "b.bundle").write_bytes(signed(built()))
    verify = f"bundle verify @b.bundle --now {samples.moment(0)} --trust"
    assert shop.pdp(f"{verify} @store.json").code == Exit.SUCCESS
    assert "refused (unknown_key)" in shop.pdp(f"{verify} @store2.json").err


@pytest.mark.parametrize(
    ("signers", "cause"),
    [
        ((), "too_few_signatures"),
        (("eve", "dan"), "unknown_key"),
        (("cid",), "too_few_signatures"),
        # Enough of the old ones, and of the new ones one.
        (("ann", "ben"), "unknown_key"),
        (("dan", "cid"), "unknown_key"),
    ],
)
def test_too_few_of_the_old_or_of_the_new(
    shop: Workshop, signers: tuple[str, ...], cause: str
) -> None:
    rotation(shop)
    trust_sign(shop, *signers)
    done = shop.pdp("trust check @store.json @next.json")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert done.err.startswith(f"refused ({cause}): {shop.path('next.json')}: ")
    told = shop.pdp("trust check @store.json @next.json --format json").json
    assert (told["accepted"], told["cause"]) == (False, cause)


def test_a_proposal_can_be_looked_at(shop: Workshop) -> None:
    rotation(shop)
    assert "a proposal, not signed yet; `pdp trust check`" in shop.pdp("trust show @next.json").out
    trust_sign(shop, "ann")
    assert "with signatures of ann, not checked" in shop.pdp("trust show @next.json").out
    assert "a proposal" not in shop.pdp("trust show @store.json").out
    told = shop.pdp("trust show @next.json --format json").json
    assert told["version"] == 2


def test_keys_for_freshness_change_the_same_way(shop: Workshop) -> None:
    more = f"--remove-freshness robot {named('eve', option='--add-freshness')}"
    rotation(shop, more)
    trust_sign(shop, "ann", "cid")
    done = shop.pdp("trust check @store.json @next.json --format json")
    assert done.json["bundles"][0]["freshness"]["keys"][0]["id"] == "eve"


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("", "nothing changes; give `--add`, `--remove` or `--threshold`"),
        ("--remove dan", "there is no key `dan`; there are `ann`, `ben`, `cid`"),
        (named("ann", option="--add"), "there is a key `ann` already"),
        ("--remove ann --remove ben", "2 of 1 keys cannot sign"),
        ("--threshold 4", "4 of 3 keys cannot sign"),
        ("--bundle other --threshold 1", "the trust store knows no bundle `other`"),
    ],
)
def test_rotations_that_make_no_sense(shop: Workshop, more: str, complaint: str) -> None:
    done = shop.pdp(f"trust rotate @store.json --output @next.json {more}")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert complaint in done.err
    assert not (shop.folder / "next.json").exists()


def test_with_several_bundles_one_is_chosen(shop: Workshop) -> None:
    two = samples.store_bytes(samples.trust(), samples.trust(name="b"))
    (shop.folder / "store.json").write_bytes(two)
    done = shop.pdp("trust rotate @store.json --output @next.json --threshold 1")
    assert "trusts several bundles, `acme.payments`, `b`; choose with `--bundle`" in done.err
    rotation(shop, "--bundle b --threshold 1")
    told = shop.pdp("trust show @next.json --format json").json
    assert [entry["signers"]["threshold"] for entry in told["bundles"]] == [2, 1]


# ---------------------------------------------------------------- signing


def test_nobody_signs_a_store_twice_or_unasked(shop: Workshop) -> None:
    rotation(shop)
    done = shop.pdp("trust sign @next.json --key @ann.key")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert "there is no terminal to ask on" in done.err
    trust_sign(shop, "ann")
    done = shop.pdp("trust sign @next.json --key @ann.key --as anna --yes")
    assert done.code == Exit.INVALID
    assert "this key has signed already, as `ann`" in done.err
    assert len(json_of(shop.path("next.json"))["signatures"]) == 1


def test_on_a_terminal_the_store_is_shown_first(shop: Workshop) -> None:
    rotation(shop)
    arguments = ["trust", "sign", shop.path("next.json"), "--key", shop.path("ann.key")]
    code, shown = on_terminal([*arguments, "--as", "ann"], b"y\n")
    assert code == Exit.SUCCESS
    before, asked, after = shown.partition("sign this as `ann`? [y/N]")
    assert asked
    assert samples.public("dan").hex() in before
    assert "signed by ann" in after


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("trust sign @store.json --key @ann.key --yes", "`pdp trust rotate` makes what is signed"),
        ("trust show @ann.key", "the trust store is not strict JSON"),
        ("trust check @store.json @gone", "cannot be read: No such file or directory"),
        ("trust rotate @gone --output @next.json", "cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_store(shop: Workshop, line: str, complaint: str) -> None:
    done = shop.pdp(line)
    assert done.code == Exit.INVALID
    assert complaint in done.err


def test_the_group_alone_shows_its_help(world: World) -> None:
    done = world.run("trust")
    assert done.code == Exit.INVALID
    assert {"new", "show", "rotate", "sign", "check"} <= set(done.err.split())
    assert "..." not in done.err.replace("[ARGS]...", "")
