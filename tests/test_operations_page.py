"""The page for operators: real processes do what it shows, in order, and it leaves nothing out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pdp.bundles.refusal import Cause
from pdp.bundles.sources.fetching import Failure
from tests.cli.help_pages import lines_typed, unknown_words
from tests.service.served import room
from tests.walkthrough import File, Step, Walk, is_as_shown, steps

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
ROOMS: Final = {"ann", "author", "ben", "cid", "dora", "emil", "gina", "operator"}


@pytest.fixture
def walk() -> Iterator[Walk]:
    with room() as folder:
        (folder / "sent").mkdir()
        made = Walk(folder)
        yield made
        made.close()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_ceremony_goes_as_the_page_says(walk: Walk) -> None:
    done = list(steps(PAGE))
    assert {step.room for step in done if isinstance(step, Step)} == ROOMS
    assert sum(isinstance(step, File) for step in done) == 1
    for step in done:
        walk.do(step)


def test_the_ceremony_has_all_its_parts() -> None:
    """Two of three, a rotation, and fewer keys than the threshold."""
    typed = [step.command for step in steps(PAGE) if isinstance(step, Step)]
    for start, count in (
        ("pdp keys generate", 6),
        ("pdp bundle build", 3),
        ("pdp bundle diff", 2),
        ("pdp bundle sign", 9),
        ("pdp trust rotate", 2),
        ("pdp trust sign", 4),
        ("pdp trust new", 2),
    ):
        assert sum(command.startswith(start) for command in typed) == count, start


SHOWN: Final = ("ok: b, revision 1", "[…]", "digest " + "0" * 64)
AS_SHOWN: Final = "ok: b, revision 1\nsigned by ann\n2 of 3\ndigest " + "a" * 64 + "\n"


def test_what_is_masked_or_left_out_may_differ() -> None:
    assert is_as_shown(SHOWN, AS_SHOWN)
    assert is_as_shown((), "")


@pytest.mark.parametrize(
    ("old", "new"),
    [("revision 1", "revision 2"), ("ok: b", "x\nok: b"), ("a" * 64, "a" * 63), ("a\n", "a\nx\n")],
)
def test_what_differs_is_seen(old: str, new: str) -> None:
    assert old in AS_SHOWN
    assert not is_as_shown(SHOWN, AS_SHOWN.replace(old, new))


@pytest.mark.parametrize(
    "step",
    [
        Step("ann", "echo nothing", ("something",)),
        Step("ann", "echo error: no; false", ("error: yes",)),
        # Words are not enough: the exit code must fit them.
        Step("ann", "echo ok; false", ("ok",)),
        Step("ann", "echo error: no", ("error: no",)),
        Step("ann", "read -r answer; echo $answer", ("sign this? [y/N] y", "y")),
    ],
)
def test_a_step_that_goes_otherwise_is_seen(walk: Walk, step: Step) -> None:
    with pytest.raises(AssertionError):
        walk.do(step)


# ---------------------------------------------------------------- the rest of the page


def test_every_cause_is_in_the_table() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| .+ \| .+ \|$", PAGE, re.MULTILINE)
    causes = {cause.value for cause in Cause} | {failure.value for failure in Failure}
    assert sorted(rows) == sorted(causes)


def test_what_is_shown_can_be_typed() -> None:
    for page, least in ((PAGE, 60), (README, 5)):
        lines = lines_typed(page)
        assert len(lines) >= least
        assert {line: unknown_words(line) for line in lines if unknown_words(line)} == {}


def test_what_cannot_be_typed_is_seen() -> None:
    assert unknown_words("pdp bundle sgn x") == ["sgn"]
    assert unknown_words("pdp bundle sign x --kee y") == ["--kee"]
    assert unknown_words("pdp bundle sign x --key=y --yes") == []
