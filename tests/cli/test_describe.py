"""``pdp describe``: to standard output or a file, as Markdown or HTML, of checked policies only."""

from __future__ import annotations

from pathlib import Path

from pdp.cli.exit_codes import Exit
from tests.cli.world import World


def test_markdown_on_standard_output(world: World) -> None:
    done = world.run("describe {policies}")
    assert (done.code, done.err) == (Exit.SUCCESS, "")
    assert done.out.startswith("# test.desk\n")
    assert "- **Tests:** all 2 pass\n" in done.out
    assert (
        "**`refunds.small`** Agents in “clerks” and people in “clerks” may do “pay refund” on an"
        " order, if the amount is at most 500.00." in done.out
    )


def test_html_into_a_file(world: World, tmp_path: Path) -> None:
    target = tmp_path / "desk.html"
    arguments = ("--format", "html", "--output", str(target))
    done = world.pdp("describe", world.places["policies"], *arguments)
    assert (done.code, done.err, done.out) == (Exit.SUCCESS, "", f"ok: {target}\n")
    first = target.read_text(encoding="utf-8")
    assert first.startswith("<!DOCTYPE html>\n")
    world.pdp("describe", world.places["policies"], *arguments)
    assert target.read_text(encoding="utf-8") == first


def test_a_rule_that_no_test_names_says_where_it_holds(world: World) -> None:
    """`expect deny` in one test names no rule of its own any more."""
    text = world.run("describe {policies}").out
    assert "| refunds.hurried | desk.charter:" in text
    assert "*No test names this rule.*" in text


def test_failing_tests_are_said(world: World) -> None:
    text = world.run("describe {failing}").out
    assert "- **Tests:** 1 of 2 tests FAIL: not ready to be signed\n" in text
    assert "- **Tests:** none: not ready to be signed\n" in world.run("describe {alone}").out


def test_mistakes_are_shown_instead(world: World) -> None:
    done = world.run("describe {mistakes}")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert "error[C0202 unknown-action]" in done.err


def test_a_file_that_cannot_be_written(world: World) -> None:
    done = world.pdp("describe", world.places["policies"], "--output", "/nowhere/x.md")
    assert (done.code, done.out) == (Exit.FAILURE, "")
    assert done.err == "error: `/nowhere/x.md` cannot be written: No such file or directory\n"
