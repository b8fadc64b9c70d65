"""The static checks against files that say beside each line what they must say, and where.

Each check has a broken twin that a file notices, and ten thousand rules are no burden.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.engine import check_files
from pdp.lang import checker
from pdp.lang.checked import CheckedPolicies
from pdp.lang.checker import check, read_sources
from pdp.lang.declared.bundles import Bundle
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.lints import (
    absences,
    approvers,
    conditions,
    constraints,
    cost,
    coverage,
    inspection,
    scopes,
    unused,
)
from pdp.lang.lints.complaints import CODES
from pdp.lang.lints.constraints import Domain
from pdp.lang.lints.program import Program, program_of
from pdp.lang.source import Source
from tests.changed import replace

CORPUS = Path(__file__).parent.parent / "corpus" / "lints"
BESIDE = ("_schema.charter", "_people.directory.json", "words.json")
FILES = sorted(path.name for path in CORPUS.glob("*.charter") if path.name not in BESIDE)
EXPECTED = re.compile(r"(C\d{4}) `([^`]*)`")

# File, line, code and the words under the carets.
Found = Counter[tuple[str, int, str, str]]


def underlined(diagnostic: Diagnostic, sources: dict[str, Source]) -> str:
    """The words under the carets."""
    span = diagnostic.span
    lines = sources[span.file].text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def read(*names: str) -> dict[str, bytes]:
    return {name: (CORPUS / name).read_bytes() for name in names}


def found_in(name: str) -> Found:
    files = read(*BESIDE, name)
    found = check_files(files).diagnostics
    sources = read_sources(files)
    return Counter((d.span.file, d.span.line, d.code.code, underlined(d, sources)) for d in found)


def expected_in(name: str) -> Found:
    lines = (CORPUS / name).read_text().split("\n")
    return Counter(
        (name, number, code, words)
        for number, line in enumerate(lines, 1)
        for code, words in EXPECTED.findall(line.partition("#!")[2])
    )


def test_what_stands_beside_the_files_is_fine() -> None:
    found = check_files(read(*BESIDE))
    assert found.policies is not None
    assert found.diagnostics == ()


@pytest.mark.parametrize("name", FILES)
def test_every_slip_is_found_at_its_words_and_nothing_else(name: str) -> None:
    expected = expected_in(name)
    found = found_in(name)
    assert found == expected, f"missing {expected - found}\nextra {found - expected}"


def test_every_code_is_shown_by_a_file() -> None:
    shown = {code for name in FILES for _, _, code, _ in expected_in(name)}
    assert shown == {*CODES, "C0502"}


# ---------------------------------------------------------------- what is told, and when not


def test_a_complaint_points_at_what_it_conflicts_with() -> None:
    files = read(*BESIDE, "conditions.charter")
    sources = read_sources(files)
    [found] = [
        d
        for d in check_files(files).diagnostics
        if underlined(d, sources) == "args.amount < 3.00" and d.related
    ]
    assert found.message == "never true: no value of `args.amount` fits"
    assert [
        sources[s.file].line(s.line)[s.column - 1 : s.end_column - 1] for s, _ in found.related
    ] == ["args.amount > 5.00"]


def test_too_few_approvers_is_an_error_and_an_empty_directory_says_nothing() -> None:
    files = read(*BESIDE, "directory.charter")
    assert check_files(files).policies is None
    del files["_people.directory.json"]
    found = check_files(files)
    assert found.policies is not None
    assert not {"C0609", "C0613", "C0614"} & {d.code.code for d in found.diagnostics}


def test_a_bundle_without_policies_declares_for_others() -> None:
    text = (CORPUS / "unused.charter").read_text()
    schema = (CORPUS / "_schema.charter").read_text().partition("# Everybody")[0]
    declarations = text.partition("policy uses")[0]
    files = {"a.charter": (schema + declarations).encode(), **read("words.json")}
    program, found = check(files)
    assert program is not None
    assert found == ()


def test_a_guard_alone_is_not_told_that_nobody_is_allowed_anything() -> None:
    schema = (CORPUS / "_schema.charter").read_text().partition("# Everybody")[0]
    guard = """
    bundle watch guard { version "1" language 1 owner "o" contact "c" governs desk }
    import desk
    policy p { owner "o" contact "c" reason "r" rule r: deny Robot to any action because "x" }
    """
    program, found = check({"a.charter": schema.encode(), "b.charter": guard.encode()})
    assert program is not None
    assert found == ()


# ---------------------------------------------------------------- broken checks are noticed

SABOTAGE: Final[list[tuple[object, str, Callable[..., Any], str]]] = [
    (cost, "_members_max", lambda _collection: 1, "cost.charter"),
    (cost, "TERMS_MAX", None, "lengths.charter"),  # type: ignore[list-item]
    (constraints, "interval", lambda *_: Domain(), "conditions.charter"),
    (conditions, "could_conflict", lambda *_: False, "conditions.charter"),
    (conditions, "is_inside", lambda *_: True, "conditions.charter"),
    (conditions, "without_switches", lambda expr, _program: expr, "conditions.charter"),
    (absences, "is_filled", lambda *_: True, "absences.charter"),
    (absences, "is_filled", lambda *_: False, "absences.charter"),
    (absences, "_is_untrusted", lambda *_: True, "absences.charter"),
    (absences, "_caught", lambda _rules: set(), "absences.charter"),
    (scopes, "_covers", lambda *_: True, "scopes.charter"),
    (scopes, "_covers", lambda *_: False, "scopes.charter"),
    (scopes, "_adds_nothing", lambda *_: True, "scopes.charter"),
    (coverage, "_is_for_nobody_else", lambda _rule: False, "coverage.charter"),
    (coverage, "_denied", lambda *_, **__: frozenset(), "coverage.charter"),
    (coverage, "_asks_others", lambda *_: True, "approvals.charter"),
    (coverage, "_irreversible", lambda actions, _policies: min(actions), "approvals.charter"),
    (approvers, "_seat", lambda *_: True, "directory.charter"),
    (approvers, "_barred", lambda *_, **__: frozenset(), "directory.charter"),
    (approvers, "_reads_people", lambda _rule: False, "directory.charter"),
    (approvers, "_chooses_people", lambda _rule: False, "directory.charter"),
    (approvers, "_asked", lambda policies, _requires: set(policies.routes), "directory.charter"),
    (unused, "_is_named", lambda *_: True, "imports.charter"),
    (unused, "_is_named", lambda *_: False, "imports_used.charter"),
    (unused, "_used_of", lambda *_: set(), "unused.charter"),
]


@pytest.mark.parametrize(
    ("module", "name", "broken", "file"),
    SABOTAGE,
    ids=[f"{number}-{name}" for number, (_, name, _, _) in enumerate(SABOTAGE, 1)],
)
def test_a_broken_check_is_noticed_by_its_file(
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    name: str,
    broken: Callable[..., Any] | None,
    file: str,
) -> None:
    monkeypatch.setattr(module, name, 1_000 if broken is None else broken)
    assert found_in(file) != expected_in(file)


@pytest.mark.parametrize("left_out", inspection.CHECKS, ids=lambda check: f"{check.__module__}")
def test_a_check_that_is_left_out_is_noticed(
    monkeypatch: pytest.MonkeyPatch, left_out: inspection.Check
) -> None:
    rest = tuple(each for each in inspection.CHECKS if each is not left_out)
    monkeypatch.setattr(inspection, "CHECKS", rest)
    assert [name for name in FILES if found_in(name) != expected_in(name)]


# ---------------------------------------------------------------- many rules


def many_rules(monkeypatch: pytest.MonkeyPatch, copies: int) -> Program:
    """The rules of all files that fit together, many times."""
    kept: list[tuple[CheckedPolicies, tuple[Bundle, ...]]] = []

    def keep(policies: CheckedPolicies, bundles: tuple[Bundle, ...]) -> list[Diagnostic]:
        kept.append((policies, bundles))
        return []

    monkeypatch.setattr(checker, "inspect", keep)
    check(read("_schema.charter", "conditions.charter", "words.json"))
    check(read("_schema.charter", "scopes.charter", "words.json"))
    programs = [program_of(policies, bundles) for policies, bundles in kept]
    decls = {
        f"{rule.name}{number}": program.rule_decls[rule.name]
        for number in range(copies)
        for program in programs
        for rule in program.rules
    }
    rules = tuple(
        replace(rule, name=f"{rule.name}{number}")
        for number in range(copies)
        for program in programs
        for rule in program.rules
    )
    first = programs[0]
    routes = {**first.policies.routes, **programs[1].policies.routes}
    policies = replace(first.policies, rules=rules, routes=routes)
    route_decls = {**first.route_decls, **programs[1].route_decls}
    return replace(first, policies=policies, rules=rules, rule_decls=decls, route_decls=route_decls)


def test_ten_thousand_rules_do_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    program = many_rules(monkeypatch, copies=110)
    assert len(program.rules) > 10_000
    start = time.monotonic()
    found = [each for check_all in inspection.CHECKS for each in check_all(program)]
    found += inspection.inspect_directory(program.policies, {})
    took_s = time.monotonic() - start
    assert found
    assert took_s < 20  # against hanging: it takes about 2
