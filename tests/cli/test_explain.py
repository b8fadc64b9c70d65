"""``pdp explain``: one code in full, the table of all, and codes that do not exist."""

from __future__ import annotations

import pytest

from pdp.cli.exit_codes import Exit
from pdp.lang.presenting.everycode import EVERY_CODE
from pdp.lang.presenting.explain import explanations, text_of
from tests.cli.world import World


@pytest.mark.parametrize("word", ["C0202", "c0202", "unknown-action"])
def test_a_code_or_its_name(world: World, word: str) -> None:
    done = world.run(f"explain {word}")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out == text_of(EVERY_CODE["C0202"])


def test_a_code_as_json(world: World) -> None:
    shown = world.run("explain C0303 --format json").json
    explanation = explanations()["C0303"]
    assert explanation.bad is not None
    assert list(shown) == ["code", "name", "severity", "what", "why", "bad", "good"]
    assert (shown["code"], shown["why"]) == ("C0303", explanation.why)
    assert shown["bad"] == {"text": explanation.bad.text, "whole": True}
    assert world.run("explain C0009 --format json").json["bad"] is None


def test_every_code_is_in_the_table(world: World) -> None:
    rows = [line.split() for line in world.run("explain").out.splitlines()]
    expected = [EVERY_CODE[code] for code in sorted(EVERY_CODE)]
    assert [row[:3] for row in rows] == [[c.code, c.name, c.severity] for c in expected]
    listed = world.run("explain --format json").json["codes"]
    assert [item["code"] for item in listed] == sorted(EVERY_CODE)


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("unknown-acton", "did you mean `unknown-action`?"),
        ("zebra", "`pdp explain` lists them"),
    ],
)
def test_a_code_that_does_not_exist(world: World, word: str, advice: str) -> None:
    done = world.run(f"explain {word}")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert done.err == f"error: there is no code `{word}`; {advice}\n"
