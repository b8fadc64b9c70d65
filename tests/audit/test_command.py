"""`pdp log replay` as people type it, on logs of real servers that took new policies meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pdp.cli.exit_codes import Exit
from tests.audit import house
from tests.audit.house import replayed
from tests.service import questions as ask
from tests.service import served
from tests.service.activating import signed
from tests.service.activating.signed import bundle, decided, until
from tests.service.served import Served

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ASKED = (ask.ALLOW, ask.APPROVAL, ask.NO_ALLOW, ask.RULE, ask.ERROR, ask.SUMMARY)


def is_deciding(server: Served, revision: int) -> bool:
    return bool(decided(server).bundle.revision == revision)


@pytest.fixture(scope="module")
def swapped() -> Iterator[Path]:
    """The log of a server of signed bundles that took two more revisions while it was asked."""
    with signed.shop() as shop:
        shop.put(bundle(1))
        with shop.serving() as server:
            for revision in (1, 2, 3):
                shop.put(bundle(revision))
                until(partial(is_deciding, server, revision), f"revision {revision}")
                for request in ASKED:
                    server.call("Decide", ask.data(request))
            assert server.stop() == 0
        yield server.log_dir


@pytest.fixture(scope="module")
def log_dir() -> Iterator[Path]:
    with served.room() as path:
        yield house.decided(path)


def test_what_three_revisions_decided_is_decided_again(swapped: Path) -> None:
    code, found = replayed(swapped)
    assert (code, found["ok"], found["differences"]) == (Exit.SUCCESS, True, [])
    assert found["identical"] >= 3 * (len(ASKED) - 1)
    assert found["not_replayable"] == {"args": 3}
    assert found["other_versions"] == []


def test_with_another_revision_each_flip_is_listed(swapped: Path) -> None:
    newest = swapped.parent / "newest.bundle"
    newest.write_bytes(bundle(4))
    code, found = replayed(swapped, "--with", str(newest))
    flips = found["with"]
    assert code == Exit.SUCCESS
    # What revisions 1 and 3 allow, or let people agree to, the fourth denies, as the second does.
    assert flips["newly_denied"] == len(flips["flips"]) >= 4
    assert flips["newly_allowed"] == flips["no_longer_asked"] == flips["newly_asked"] == 0
    assert set(flips["by_owner"]) == {"payments@shop.example"}
    assert sum(day["newly_denied"] for day in flips["by_day"].values()) == len(flips["flips"])
    assert {flip["before"] for flip in flips["flips"]} == {"allow", "require_approval"}


def test_a_directory_of_policies_is_watched_and_replayed() -> None:
    with served.room() as room, served.serving(room) as server:
        for request in ASKED:
            server.call("Decide", ask.data(request))
        assert server.stop() == 0
        code, found = replayed(server.log_dir, "--jobs", "1")
    assert (code, found["identical"]) == (Exit.SUCCESS, len(ASKED) - 1)


def test_people_are_told_in_words(log_dir: Path, tmp_path: Path) -> None:
    done = served.run("log", "replay", str(log_dir), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (Exit.SUCCESS, "")
    assert done.stdout.splitlines()[:3] == [
        "ok: 16 decisions, 12 identical",
        "  1 not by policy: invalid_request, as recorded",
        "  1 not replayable: the record leaves out args",
    ]
    assert "note: 16 decided by engine 1.2.3 with tzdata 2026a; this is" in done.stdout


def test_a_difference_is_a_failure_that_names_it(log_dir: Path, tmp_path: Path) -> None:
    def denied(message: Any) -> None:
        message.answer.rules[0].owner = "mallory@shop.example"

    altered = house.rewritten(log_dir, tmp_path / "log", denied, lambda one: bool(one.answer.rules))
    done = served.run("log", "replay", str(altered), cwd=tmp_path)
    assert done.returncode == Exit.FAILURE
    first, second, *_ = done.stdout.splitlines()
    assert first.startswith("different: record 2, decision 0")
    assert first.endswith(": answer.rules")
    assert second == "not the same: 16 decisions, 11 identical, 1 different"


def test_a_missing_file_is_a_failure_that_names_it(log_dir: Path, tmp_path: Path) -> None:
    copy = house.rewritten(log_dir, tmp_path / "log", lambda _: None, lambda _: True)
    path, *_ = house.kept(copy)
    path.unlink()
    for jobs in ("1", "2"):
        code, said = replayed(copy, "--jobs", jobs)
        assert code == Exit.FAILURE
        assert path.name in said["error"]["message"]
        assert "is missing" in said["error"]["message"]


def test_bounds_are_numbers_or_times(log_dir: Path, tmp_path: Path) -> None:
    code, found = replayed(log_dir, "--from", "2", "--to", "3")
    assert (code, found["decisions"]) == (Exit.SUCCESS, 2)
    code, found = replayed(log_dir, "--from", "2100-01-01T00:00:00Z")
    assert (code, found["decisions"]) == (Exit.SUCCESS, 0)
    code, said = replayed(log_dir, "--to", "yesterday")
    assert code == Exit.INVALID
    assert "expected the number of a record, or a time" in said["error"]["message"]
    code, said = replayed(tmp_path)
    assert code == Exit.FAILURE
    assert "there is no decision log" in said["error"]["message"]


def test_what_cannot_decide_is_no_other(log_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"not a bundle")
    code, said = replayed(log_dir, "--with", str(tmp_path / "other"))
    assert code == Exit.INVALID
    assert "is no bundle, no set and no policy directory" in said["error"]["message"]
