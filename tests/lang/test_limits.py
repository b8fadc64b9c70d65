"""Bad input and limits: each hostile case is refused by name or accepted, in time, in memory.

Every case runs in a process of its own with its memory limited: see ``limits_child.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.engine import Engine
from pdp.lang import complaints
from pdp.lang.checker import check
from pdp.lang.checking.rules import RULES_MAX
from pdp.lang.codes import CATALOGUE
from pdp.lang.formatter import format_source
from pdp.lang.parser import decode
from pdp.lang.presenting.render import render_text
from pdp.lang.source import Source
from pdp.model import Effect, Entity
from pdp.request import Request
from tests.lang import hostile
from tests.lang.hostile import CASES, SMALL
from tests.lang.limits_child import LOAD, LOAD_MEMORY_BYTES_MAX, MEMORY_BYTES_MAX

ROOT: Final = Path(__file__).parents[2]
MIB: Final = hostile.MIB

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """What the child process said of each case."""
    command = [sys.executable, "-m", "tests.lang.limits_child"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return {answer["name"]: answer for answer in map(json.loads, run.stdout.splitlines())}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused_by_name_in_time(
    answers: dict[str, dict[str, Any]], name: str
) -> None:
    answer = answers[name]
    assert answer["error"] == ""
    expected = CASES[name].expected
    if expected:
        assert not answer["accepted"]
        assert expected in answer["codes"]
        assert answer["shown_chars"] > 0
    else:
        assert answer["codes"] == []
        assert answer["accepted"]
    assert answer["seconds"] <= answer["seconds_max"]
    assert answer["peak_mib"] <= MEMORY_BYTES_MAX // MIB


def test_ten_thousand_rules_in_ten_files_load(answers: dict[str, dict[str, Any]]) -> None:
    answer = answers[LOAD]
    assert answer["error"] == ""
    assert answer["rules"] == 10_000
    assert answer["seconds"] <= answer["seconds_max"]
    assert answer["peak_mib"] <= LOAD_MEMORY_BYTES_MAX // MIB


def test_expected_codes_exist() -> None:
    known = {*complaints.CODES, *CATALOGUE, "C0505"}
    assert {case.expected for case in CASES.values() if case.expected} <= known


# ---------------------------------------------------------------- without a child


def test_rules_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that the quick count misses, and never those in texts and comments."""
    monkeypatch.setattr("pdp.lang.checker.RULES_MAX", 3)
    four = "\n".join(f"rule r{number}: allow User to pay.out" for number in range(4))
    for rules in (four, four.replace("rule ", "rule\n")):
        _, found = check(hostile.text("", rules))
        assert "C0502" in {d.code.code for d in found}
    quoted = 'rule a: deny User to pay.out because "rule b: c rule d: \\" rule e: rule f:"'
    program, _ = check(hostile.text("# rule a: rule b: rule c: rule d:\n", quoted))
    assert program is not None
    assert RULES_MAX == 100_000


@pytest.mark.parametrize(
    ("rule", "covered"),
    [
        ("allow User to pay.out", 2),
        ("allow Robot, User to pay.out, pay.in", 4),
        ("allow anyone to both", 4),
        ('deny User to any action because "x"', 3),
    ],
)
def test_what_rules_cover_is_counted_for_each(
    monkeypatch: pytest.MonkeyPatch, rule: str, covered: int
) -> None:
    """Sets, `any action` and `anyone` by what they stand for."""
    more = "action pay.in reversible risk low\nactions both = pay.in, pay.out\n"
    files = hostile.text(more, "\n".join(f"rule r{number}: {rule}" for number in range(10)))
    monkeypatch.setattr("pdp.lang.checker.COVERED_MAX", 10 * covered)
    assert not [d for d in check(files)[1] if d.is_error]
    monkeypatch.setattr("pdp.lang.checker.COVERED_MAX", 10 * covered - 1)
    assert [d.code.code for d in check(files)[1] if d.is_error] == ["C0502"]


def test_with_other_line_breaks_the_places_and_the_style_are_the_same() -> None:
    """A carriage return belongs to the line break, is never underlined, and is not kept."""
    bad = SMALL.replace("to pay.out", "to pay.outt")
    plain = check(hostile.raw(bad.encode()))[1]
    windows_files = hostile.raw(bad.replace("\n", "\r\n").encode())
    windows = check(windows_files)[1]
    assert [(d.code.code, d.span) for d in windows] == [(d.code.code, d.span) for d in plain]
    source, _ = decode("a.charter", windows_files["a.charter"])
    assert source is not None
    shown = render_text(windows, {"a.charter": source})
    assert shown == render_text(plain, {"a.charter": Source("a.charter", bad)})
    assert "\r" not in shown
    assert format_source(Source("a.charter", SMALL.replace("\n", "\r\n"))) == format_source(
        Source("a.charter", SMALL)
    )


def test_a_byte_order_mark_moves_no_place() -> None:
    bad = SMALL.replace("bundle a.b", "bundle a.b guard").encode()
    marked = check(hostile.raw(b"\xef\xbb\xbf" + bad))[1]
    assert marked == check(hostile.raw(bad))[1]
    assert marked


def test_what_the_limits_allow_can_be_decided() -> None:
    """Predicates as deep and as large as they may be: compiled, and explained."""
    deep = hostile.predicates("not ({} and args.n > 5)", 20, "args.n > 5")
    engine = Engine(deep | {"p.directory.json": b'{"User": {"u": {"attributes": {"name": "n"}}}}'})
    args = '{"amount":"1","n":7,"note":"","tags":[],"words":[]}'
    request = Request(principal=Entity("User", "u"), action="pay.out", args=args)
    assert engine.decide(request).effect is Effect.ALLOW
    assert len(engine.explain(request).outcomes) == 1


def test_a_line_with_a_hundred_mistakes_is_shown_in_parts() -> None:
    text = "const x: int = 5 " + "; " * 390_000
    _, found = check({"a.charter": text.encode()})
    shown = render_text(found, {"a.charter": Source("a.charter", text)})
    assert max(map(len, shown.splitlines())) < 500
    assert shown.count("^") >= 100
