"""What the checker says of whole directories: the bundle line, data, languages, limits."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from pdp.engine import check_files
from pdp.lang.checker import check
from pdp.lang.conditions.texts import like_parts
from pdp.lang.declared.scalars import decimal_digits, decimal_units, duration_text, timestamp_us

CORPUS = Path(__file__).parent.parent / "corpus"

BUNDLE = """
bundle a.b { version "1" language 1 owner "o" contact "c" governs pay }
"""
SCHEMA = """
entity Team directory in Team
entity User person directory in Team { name: string }
entity Robot agent directory in Team { owner: User }
action pay.out reversible risk low { amount: decimal }
"""
POLICY = """
policy p { owner "o" contact "c" reason "r" rule a: allow Robot, User to pay.out }
"""
RISK = 'risk {{ owner "o" reason "r" {} }}'


def codes(files: dict[str, str]) -> list[str]:
    _, diagnostics = check({name: text.encode() for name, text in files.items()})
    return sorted(diagnostic.code.code for diagnostic in diagnostics if diagnostic.is_error)


def test_a_small_program_checks() -> None:
    program, diagnostics = check({"a.charter": (BUNDLE + SCHEMA + POLICY).encode()})
    assert diagnostics == ()
    assert program is not None
    assert [rule.name for rule in program.rules] == ["p.a"]
    assert program.bundle.governs == ("pay",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SCHEMA + POLICY, ["C0303"]),
        (BUNDLE.replace("language 1", "language 2") + SCHEMA + POLICY, ["C0304"]),
        (BUNDLE.replace('version "1"', "") + SCHEMA + POLICY, ["C0301"]),
        (BUNDLE.replace("a.b {", "a.b guard {") + SCHEMA + POLICY, ["C0420"]),
        (BUNDLE + BUNDLE + SCHEMA + POLICY, ["C0210"]),
        (BUNDLE + BUNDLE.replace("a.b", "c.d") + SCHEMA + POLICY, ["C0210"]),
        (BUNDLE + SCHEMA + POLICY + RISK.format('points 0 "x" when true'), ["C0428"]),
        (BUNDLE + SCHEMA + POLICY + RISK.format("tier high from 5 tier medium from 9"), ["C0428"]),
        (BUNDLE + SCHEMA + POLICY + RISK.format('points 1 "x" when risk.tier == low'), ["C0216"]),
        (BUNDLE + SCHEMA.replace("User person directory", "User person") + POLICY
         + 'group g = Team::"g" route r { need 1 of g }', ["C0418"]),
        (BUNDLE + SCHEMA + "enum E { one, two } const one: E = two"
         " action pay.in reversible risk low { e: E }"
         + POLICY.replace("pay.out", "pay.in when args.e == one"), ["C0213"]),
        (BUNDLE + SCHEMA + POLICY.replace(
            "pay.out", "pay.out when " + " or ".join(["args.amount > 1.00"] * 101)), ["C0502"]),
    ],
)  # fmt: skip
def test_whole_files(text: str, expected: list[str]) -> None:
    assert codes({"a.charter": text}) == expected


def test_dates_that_have_passed_are_warnings_only_when_today_is_known() -> None:
    policy = POLICY.replace('reason "r"', 'reason "r" review_by 2026-03-01 shadow until 2026-03-02')
    files = {"a.charter": (BUNDLE + SCHEMA + policy).encode()}
    for today, expected in [
        (None, []),
        (datetime.date(2026, 3, 1), []),
        (datetime.date(2026, 3, 2), ["C0306"]),
        (datetime.date(2026, 3, 3), ["C0306", "C0307"]),
    ]:
        program, found = check(files, today)
        dated = {"C0306", "C0307"}
        assert [d.code.code for d in found if d.code.code in dated] == expected
        assert program is not None
        assert all(rule.shadow for rule in program.rules)


BASE = 'bundle base { version "1" language 1 owner "o" contact "c" governs pay }\n' + SCHEMA
NAMED = (
    BASE + 'group g = Team::"one" predicate big(x: decimal) = x > limit const limit: decimal = 9.00'
)


@pytest.mark.parametrize(
    ("imports", "rule", "expected"),
    [
        ("import base", "allow Robot to pay.out when principal in g and big(args.amount)", []),
        ("import base", "allow base.Robot to pay.out when principal in base.g", []),
        ("import base", "allow Robot to pay.out when args.amount > base.limit", []),
        ("", "allow Robot to pay.out", ["C0202", "C0218"]),
        ("import bases", 'deny User to pay.out because "x"', ["C0202", "C0218", "C0219"]),
        ("import base import base", "allow Robot to pay.out", ["C0210"]),
        ("import base", "allow other.Robot to pay.out", ["C0203"]),
    ],
)  # fmt: skip
def test_imports_bring_declarations_and_nothing_else(
    imports: str, rule: str, expected: list[str]
) -> None:
    head = 'bundle rules { version "1" language 1 owner "o" contact "c" governs pay }\n'
    policy = f'policy p {{ owner "o" contact "c" reason "r" rule a: {rule} }}'
    assert codes({"base.charter": NAMED, "r.charter": head + imports + "\n" + policy}) == expected


def test_a_name_of_two_imports_must_be_qualified() -> None:
    line = 'bundle {} {{ version "1" language 1 owner "o" contact "c" governs pay }}\n'
    one = line.format("one") + "import base\n" + 'group g = Team::"one"'
    two = line.format("two") + "import base\n" + 'group g = Team::"two"'
    rule = 'policy p { owner "o" contact "c" reason "r" rule a: allow Robot to pay.out when GROUP }'
    for condition, expected in (("principal in g", ["C0213"]), ("principal in one.g", [])):
        rules = line.format("rules") + "import base import one import two\n"
        rules += rule.replace("GROUP", condition)
        files = {"base.charter": BASE, "one.charter": one, "two.charter": two, "r.charter": rules}
        assert codes(files) == expected


def test_a_guard_denies_over_the_actions_of_others_and_never_allows() -> None:
    guard = 'bundle guards guard { version "1" language 1 owner "o" contact "c" governs none }\n'
    policy = 'import base policy q { owner "o" contact "c" reason "r" rule a: RULE }'
    for rule, expected in (
        ('deny anyone to any action because "x"', []),
        ('deny anyone to pay.out because "x"', []),
        ("allow anyone to pay.out", ["C0212", "C0420"]),
    ):
        text = guard + policy.replace("RULE", rule)
        assert codes({"base.charter": BASE + POLICY, "g.charter": text}) == expected


def test_imports_in_a_circle_are_refused() -> None:
    line = 'bundle {} {{ version "1" language 1 owner "o" contact "c" governs pay }}\n'
    one = line.format("one") + "import two"
    two = line.format("two") + "import one"
    assert codes({"one.charter": one, "two.charter": two}) == ["C0422", "C0422"]


def test_with_several_bundles_every_file_says_whose_it_is() -> None:
    line = 'bundle {} {{ version "1" language 1 owner "o" contact "c" governs pay }}\n'
    files = {
        "a.charter": line.format("a"),
        "b.charter": line.format("b"),
        "c.charter": "enum E { X }",
    }
    assert codes(files) == ["C0220"]


def test_order_of_files_and_declarations_changes_nothing() -> None:
    parts = {"a": BUNDLE, "b": SCHEMA, "c": POLICY}
    one, _ = check({f"{n}.charter": text.encode() for n, text in parts.items()})
    shuffled = zip("abc", "cab", strict=True)
    other, _ = check({f"{n}.charter": parts[m].encode() for n, m in shuffled})
    assert one is not None
    assert other is not None
    assert [rule.name for rule in one.rules] == [rule.name for rule in other.rules]
    assert one.schema == other.schema


def test_a_group_that_the_directory_does_not_describe_is_a_warning() -> None:
    text = BUNDLE + SCHEMA + POLICY + 'group g = Team::"ghosts"'
    directory = json.dumps({"Team": {"people": {}}})
    found = check_files({"a.charter": text.encode(), "d.directory.json": directory.encode()})
    assert found.policies is not None
    assert "C0601" in {d.code.code for d in found.diagnostics}


def test_a_directory_that_does_not_fit_is_an_error() -> None:
    text = BUNDLE + SCHEMA + POLICY
    directory = json.dumps({"Usr": {"ann": {}}})
    found = check_files({"a.charter": text.encode(), "d.directory.json": directory.encode()})
    assert found.policies is None
    assert [d.code.code for d in found.diagnostics] == ["C0217"]
    assert found.diagnostics[0].span.file == "d.directory.json"


def test_data_is_read_from_the_bundle_and_typed() -> None:
    text = BUNDLE + SCHEMA + POLICY.replace("pay.out", "pay.out when args.amount in limits")
    text += 'data limits: set<decimal>[0..3] from "limits.json"'
    program, diagnostics = check({"a.charter": text.encode(), "limits.json": b'[1.5, "2"]'})
    assert diagnostics == ()
    assert program is not None
    for bad in (b"[true]", b'["x"]', b"[1, 1.0]", b"[1,2,3,4]", b"\xff", b"[1e3]", b"{}"):
        _, found = check({"a.charter": text.encode(), "limits.json": bad})
        assert [d.code.code for d in found] == ["C0214"], bad


def test_twelve_mistakes_give_twelve_diagnostics_at_the_right_words() -> None:
    folder = CORPUS / "mistakes"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    program, diagnostics = check(files)
    assert program is None
    expected = json.loads((folder / "expected.json").read_text())
    lines = (folder / "twelve.charter").read_text().split("\n")
    found = [
        {
            "line": d.span.line,
            "words": lines[d.span.line - 1][d.span.column - 1 : d.span.end_column - 1],
        }
        for d in diagnostics
    ]
    assert len(found) == 12
    wanted = [{"line": item["line"], "words": item["words"]} for item in expected]
    assert found == wanted


@pytest.mark.parametrize(
    ("digits", "units"),
    [
        ("0", 0), ("1", 10_000), ("-0.0001", -1), ("200.00", 2_000_000), ("1.00001", None),
        ("99999999999999.9999", 10**18 - 1), ("100000000000000", None), ("+1", None),
        ("01", None), ("1e3", None), ("", None), (".5", None), ("1.", None), ("1_0", None),
    ],
)  # fmt: skip
def test_decimals_are_exact_units(digits: str, units: int | None) -> None:
    assert decimal_units(digits) == units


def test_values_are_written_as_they_are_read() -> None:
    assert decimal_digits(2_000_000) == "200"
    assert decimal_digits(-1) == "-0.0001"
    assert duration_text(900_000_000) == "15m"
    assert duration_text(0) == "0ms"
    assert timestamp_us("1970-01-01T00:00:01Z") == 1_000_000
    assert timestamp_us("2026-01-01T00:00:00+01:00") == timestamp_us("2025-12-31T23:00:00Z")


def test_like_patterns_split_at_stars_that_are_not_escaped() -> None:
    assert like_parts('"a*b"') == ("a", "b")
    assert like_parts(r'"a\*b"') == ("a*b",)
    assert like_parts('"*"') == ("", "")
    assert like_parts(r'"C:\\*"') == ("C:\\", "")
    assert like_parts(r'"\"\t\n*"') == ('"\t\n', "")
    assert like_parts(r'r"C:\x*\*"') == ("C:\\x", "*")
