"""Coverage of tests beside policies: what counts as shown, what can occur; a meter that lies."""

from __future__ import annotations

import pytest

from pdp.engine import Engine
from pdp.eval import coverage
from pdp.eval.coverage import CONDITION, ROUTE, RULE, TIER, Coverage, Goal, measure
from pdp.eval.reference.terms import Err, Truth

POLICY = """
bundle t.depot { version "1" language 1 owner "o" contact "c" governs box }
context { late?: bool }
entity Team directory in Team
entity User person directory in Team { limit?: int }
entity Agent agent directory in Team { owner: User }
entity Box in Team { weight: int, sealed: bool }
entity Lid { wide: bool }
action box.move on Box reversible risk low { count: int }
action box.lift on Lid irreversible risk medium
group movers = Team::"movers"
group shelf = Team::"shelf"
route lead { need 1 of movers expires 2h escalate to leads after 1h }
route leads { need 2 of movers }
route unused { need 1 of movers }
risk {
    owner "o"
    reason "r"
    points 10 "final" when not action.reversible
    tier medium from 10
    tier high from 99
}
policy p "P" {
    owner "o" contact "c" reason "r"
    rule movers: allow Agent in movers, User to box.move on Box in shelf
        when args.count < 10 and resource.weight <= 5
    rule sealed: deny anyone to box.move when resource.sealed because "x"
    rule late: deny anyone to box.move
        when has context.late and context.late
        unless principal in movers or args.count == 1
        because "x"
    rule limited: deny User to box.move
        when has principal.limit and principal.limit < args.count
        because "x"
    rule always: allow User to box.lift on Lid
    rule ask: require approval from lead for anyone to box.lift
}
fixture ann = User::"ann" in [movers] {}
fixture ben = User::"ben" {}
fixture bot = Agent::"bot" in [movers] { owner: ann }
fixture box = Box::"b" in [shelf] { weight: 3, sealed: false }
fixture heavy = Box::"h" { weight: 9, sealed: true }
fixture dark = Box::"d"
fixture lid = Lid::"l" { wide: true }
"""
DIRECTORY = """{"Team": {"movers": {}, "shelf": {}}, "User": {
    "a": {"groups": ["Team::movers"]}, "b": {"groups": ["Team::movers"]},
    "c": {"groups": ["Team::movers"]}}}"""
ONE = 'test "one" { agent bot user ann do box.move on box { count: 2 } expect allow by p.movers }\n'
DARK = 'test "dark" { user ben do box.move on dark { count: 2 } expect deny cause error }\n'
LATE = """test "late" {
    user ben do box.move on box { count: 2 } context { late: true } expect deny by p.late
}
"""
LIFT = 'test "lift" { user ann do box.lift on lid expect approval from lead }\n'


def measured(*tests: str) -> Coverage:
    files = {
        "p.charter": (POLICY + "".join(tests)).encode(),
        "d.directory.json": DIRECTORY.encode(),
    }
    engine = Engine(files)
    results = engine.run_tests()
    assert [result.problems for result in results] == [()] * len(results)
    return measure(engine.checked, engine.directory, results)


def shown(found: Coverage, kind: str, name: str = "") -> dict[str, int]:
    """How many tests show each outcome; a condition with the words where it stands in its line."""
    return {
        f"{goal.outcome}{words(goal)}": goal.tests
        for goal in found.goals
        if goal.kind == kind and name in {"", goal.name}
    }


def words(goal: Goal) -> str:
    if goal.kind in {TIER, ROUTE}:
        return f" {goal.name}"
    if goal.kind == RULE:
        return ""
    line = POLICY.split("\n")[goal.span.line - 1]
    return f" {line[goal.span.column - 1 : goal.span.end_column - 1]}"


def test_without_tests_nothing_is_shown() -> None:
    found = measured()
    assert found.percent == 0.0
    assert found.missing == found.goals
    assert {goal.first for goal in found.goals} == {None}


def test_a_rule_is_shown_to_hold_and_not_to_hold() -> None:
    assert shown(measured(ONE), RULE, "p.movers") == {"held": 1, "not held": 0}
    assert shown(measured(ONE, LATE, DARK), RULE, "p.movers") == {"held": 2, "not held": 1}
    assert shown(measured(ONE), RULE, "p.sealed") == {"held": 0, "not held": 1}


def test_what_always_holds_is_not_asked_to_fail() -> None:
    found = measured(LIFT)
    assert shown(found, RULE, "p.always") == {"held": 1}
    assert shown(found, RULE, "p.ask") == {"held": 1}
    assert shown(found, CONDITION, "p.always") == {}


def test_every_outcome_of_a_conjunct_that_can_occur_is_asked_for() -> None:
    """Error: of an attribute through a reference and of `in`; not of the directory's people."""
    assert shown(measured(ONE, DARK), CONDITION, "p.movers") == {
        "true Agent in movers": 2,
        "false Agent in movers": 0,
        "true Box in shelf": 1,
        "false Box in shelf": 0,
        "error Box in shelf": 1,
        "true args.count < 10": 2,
        "false args.count < 10": 0,
        "true resource.weight <= 5": 1,
        "false resource.weight <= 5": 0,
        "error resource.weight <= 5": 1,
    }


def test_alternatives_of_unless_are_conjuncts_and_a_guarded_value_shows_nothing() -> None:
    assert shown(measured(ONE, LATE), CONDITION, "p.late") == {
        "true has context.late": 1,
        "false has context.late": 1,
        "true context.late": 1,
        "false context.late": 0,
        "true principal in movers": 1,
        "false principal in movers": 1,
        "error principal in movers": 0,
        "true args.count == 1": 0,
        "false args.count == 1": 2,
    }


def test_tiers_are_reached_and_routes_are_required_also_by_escalation() -> None:
    found = measured(LIFT)
    assert shown(found, TIER) == {"reached medium": 1, "reached high": 0}
    assert shown(found, ROUTE) == {"required lead": 1, "required leads": 1}


def test_a_goal_says_where_it_is_and_who_shows_it() -> None:
    found = measured(DARK, ONE)
    [held] = [g for g in found.goals if (g.kind, g.name, g.outcome) == (RULE, "p.movers", "held")]
    assert held.first is not None
    assert (held.first.title, held.is_met) == ("one", True)
    assert POLICY.split("\n")[held.span.line - 1][held.span.column - 1 :].startswith("movers:")


def test_an_absent_value_behind_its_guard_is_no_unknown_entity() -> None:
    assert shown(measured(DARK), CONDITION, "p.limited") == {
        "true has principal.limit": 0,
        "false has principal.limit": 1,
        "error has principal.limit": 0,
        "true principal.limit < args.count": 0,
        "false principal.limit < args.count": 0,
        "error principal.limit < args.count": 0,
    }


# ---------------------------------------------------------------- a meter that lies


def _absence_is_an_error(found: Truth) -> str:
    return "error" if isinstance(found, Err) else str(found).lower()


_CAN_OCCUR = test_every_outcome_of_a_conjunct_that_can_occur_is_asked_for
SABOTAGE = [
    ("_outcome", lambda _: "true", _CAN_OCCUR),
    (
        "_outcome",
        _absence_is_an_error,
        test_an_absent_value_behind_its_guard_is_no_unknown_entity,
    ),
    ("_can_err", lambda *_: False, _CAN_OCCUR),
    ("_can_err", lambda *_: True, _CAN_OCCUR),
    ("_parts", lambda _: (), test_a_rule_is_shown_to_hold_and_not_to_hold),
    (
        "_shown_by_answer",
        lambda _: iter(()),
        test_tiers_are_reached_and_routes_are_required_also_by_escalation,
    ),
]


@pytest.mark.parametrize(("seam", "broken", "caught_by"), SABOTAGE)
def test_sabotage_is_caught(monkeypatch, seam, broken, caught_by) -> None:
    monkeypatch.setattr(coverage, seam, broken)
    with pytest.raises(AssertionError):
        caught_by()
