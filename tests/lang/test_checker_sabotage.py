"""Broken checkers, one line each: the diagnostics corpus must catch every one by its code.

Each patches one function that the checker calls; nothing in the package knows of it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest

from pdp.lang.types import STRING
from tests.changed import replace
from tests.lang.test_diagnostics_corpus import FILES, expected_in, found_in


class Sabotage(NamedTuple):
    """``target`` becomes ``broken(target)``; the corpus must miss, or find too often, ``code``."""

    target: str
    broken: Callable[[Any], Any]
    code: str


def answers(answer: object) -> Callable[[Any], Any]:
    """Whatever is asked, the same answer, and no complaint."""
    return lambda _: lambda *_args, **_named: answer


def unreported(real: Any) -> Any:
    """Does its work, but its complaints go nowhere: the report is the last argument."""
    return lambda *args: real(*args[:-1], [])


def moved(columns: int, lines: int) -> Callable[[Any], Any]:
    """Complaints stand beside the words they are about."""

    def broken(real: Any) -> Any:
        def at(code: str, span: Any, *rest: Any, **named: Any) -> Any:
            beside = replace(
                span,
                line=span.line + lines,
                end_line=span.end_line + lines,
                column=span.column + columns,
            )
            return real(code, beside, *rest, **named)

        return at

    return broken


SABOTAGE: Final = {
    "unknown action accepted": Sabotage(
        "pdp.lang.checking.rules.check_actions", unreported, "C0202"
    ),
    "anything may act": Sabotage("pdp.lang.checking.rules.check_who", unreported, "C0411"),
    "unknown group accepted": Sabotage("pdp.lang.checking.rules.group_of", unreported, "C0205"),
    "governs ignored": Sabotage(
        "pdp.lang.declared.names.Names.governed", answers(answer=True), "C0212"
    ),
    "duplicate type ignored": Sabotage(
        "pdp.lang.declared.schema.SchemaBuilder._is_new", answers(answer=True), "C0210"
    ),
    "reserved name accepted": Sabotage(
        "pdp.lang.declared.names.check_reserved", answers(None), "C0211"
    ),
    "guard check skipped": Sabotage(
        "pdp.lang.conditions.paths._is_guarded", answers(answer=True), "C0402"
    ),
    "claims may loosen": Sabotage(
        "pdp.lang.conditions.scope.Env.without_claims", lambda _: lambda env, _why: env, "C0403"
    ),
    "texts taken for times": Sabotage(
        "pdp.lang.conditions.terms.TIMESTAMP", lambda _: STRING, "C0401"
    ),
    "everything comparable": Sabotage(
        "pdp.lang.conditions.terms._comparable", answers(answer=True), "C0406"
    ),
    "anything below anything": Sabotage(
        "pdp.lang.conditions.terms.can_be_below", answers(answer=True), "C0407"
    ),
    "ints without a range": Sabotage(
        "pdp.lang.declared.values.INT_MAX", lambda real: real << 9, "C0409"
    ),
    "ids not checked": Sabotage("pdp.lang.declared.values.check_id", answers(None), "C0423"),
    "paths not normalised": Sabotage("pdp.lang.declared.values.path_value", answers("/"), "C0423"),
    "json may be read": Sabotage(
        "pdp.lang.conditions.paths._holds_json", answers(answer=False), "C0426"
    ),
    "patterns not compiled": Sabotage(
        "pdp.lang.conditions.texts.pattern_problem", answers(""), "C0424"
    ),
    "secrets shown": Sabotage(
        "pdp.lang.checking.routes._holds_secret", answers(answer=False), "C0404"
    ),
    "agents without owner": Sabotage(
        "pdp.lang.declared.schema.SchemaBuilder._check_agents", answers(None), "C0416"
    ),
    "policies without owner": Sabotage(
        "pdp.lang.checking.rules.policy_attribution", unreported, "C0301"
    ),
    "windows not checked": Sabotage("pdp.lang.declared.windows.read", unreported, "C0427"),
    "escalations not checked": Sabotage(
        "pdp.lang.checking.routes._check_escalations", answers(None), "C0602"
    ),
    "obligations not checked": Sabotage(
        "pdp.lang.checking.rules._check_obligations", answers(()), "C0419"
    ),
    "fixtures not checked": Sabotage("pdp.lang.checker.check_fixtures", unreported, "C0415"),
    "tests not checked": Sabotage("pdp.lang.checker.check_tests", answers([]), "C0421"),
    "wrong column": Sabotage("pdp.lang.complaints._at", moved(1, 0), "C0201"),
    "wrong line": Sabotage("pdp.lang.complaints._at", moved(0, 1), "C0201"),
}


def differences() -> set[str]:
    """The codes that the corpus runner finds too seldom, too often or elsewhere."""
    codes: set[str] = set()
    for name in FILES:
        expected, found = expected_in(name), found_in(name)
        codes |= {code for _, code, _ in (expected - found) + (found - expected)}
    return codes


def test_the_whole_checker_differs_in_nothing() -> None:
    assert differences() == set()


@pytest.mark.parametrize("name", SABOTAGE)
def test_the_corpus_catches(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target, broken, code = SABOTAGE[name]
    monkeypatch.setattr(target, broken(pkgutil.resolve_name(target)))
    assert code in differences()


def test_there_are_enough() -> None:
    assert len(SABOTAGE) >= 15
    assert len({sabotage.code for sabotage in SABOTAGE.values()}) >= 15
