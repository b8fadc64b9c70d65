"""``pdp decide --explain``: ten lines, all of it, why not, and another time; in text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from pdp.cli.exit_codes import Exit
from pdp.cli.reports import explanation as under_test
from pdp.cli.reports.explanation import LINES, short_lines
from pdp.explanation import (
    Approvers,
    Condition,
    Explanation,
    FactorOutcome,
    Nearest,
    RiskOutcome,
    RuleOutcome,
)
from pdp.model import Decision, DenyCause, Effect, Need
from tests.cli.world import World

SECRET: Final = "4111-1111-SECRET"  # noqa: S105 - what is looked for
POLICIES: Final = """
bundle test.safe { version "1" language 1 owner "o@x.example" contact "#o" governs box }
entity Team directory in Team
entity User person directory in Team { pin: string secret }
entity Agent agent directory in Team { owner: User }
action box.open reversible risk low { code: string secret, times: int }
group leads = Team::"leads"
route two { need 2 of leads exclude requester, owner }
risk {
    owner "r@x.example" contact "#r" reason "sized"
    points 5 "known code" when has args.code and args.code == "4111-1111-SECRET"
    points 7 "often" when has args.times and args.times > 3
    tier high from 12 requires two
}
policy safe "Safes" {
    owner "s@x.example" contact "#s" reason "S-1"
    rule open: allow Agent, User to box.open when args.times < 5
    rule wrong: deny Agent to box.open when args.code != "4111-1111-SECRET" because "Wrong code."
    rule pinned: oblige User to box.open when principal.pin == "4111-1111-SECRET" then log full
}
policy watched "Watched" {
    owner "s@x.example" contact "#s" reason "S-2" shadow until 2099-01-01
    rule often: deny anyone to box.open when args.times > 3 because "Often."
}
"""
PEOPLE: Final = {
    "Team": {"leads": {}},
    "User": {
        "ann": {"attributes": {"pin": SECRET}},
        "eva": {"attributes": {"pin": SECRET}, "groups": ["Team::leads"]},
        "max": {"attributes": {"pin": SECRET}, "groups": ["Team::leads"]},
    },
    "Agent": {"bot": {"attributes": {"owner": "ann"}}},
}


@pytest.fixture(scope="module")
def safe_desk(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("safe")
    policies = directory / "policies"
    policies.mkdir()
    (policies / "safe.charter").write_text(POLICIES)
    (policies / "people.directory.json").write_text(json.dumps(PEOPLE))
    places = {"policies": str(policies)}
    for name, times in (("often", 4), ("too_often", 9)):
        request = {
            "principal": {"type": "Agent", "id": "bot"},
            "on_behalf_of": [{"type": "User", "id": "ann"}],
            "action": "box.open",
            "args": {"code": SECRET, "times": times},
        }
        places[name] = str(directory / f"{name}.json")
        Path(places[name]).write_text(json.dumps(request))
    return places


def explained(world: World, places: dict[str, str], name: str, *options: str) -> str:
    done = world.pdp(
        "decide", places[name], "--policies", places["policies"], "--unsafe-accept-unsigned",
        *options,
    )  # fmt: skip
    assert done.err == ""
    return done.out


# ---------------------------------------------------------------- what it says


def test_a_default_deny_says_what_lacked_first(world: World) -> None:
    done = world.run("decide {no_allow} {unsafe} --explain")
    lines = done.out.partition("\n\n")[2].splitlines()
    assert done.code == Exit.DENY
    assert "false  allow    refunds.small for Agent::bot: `args.amount <= 500.00`" in lines[0]
    assert "(args.amount = 600)" in lines[0]
    assert "for User::ben: `User in clerks`" in lines[1]
    assert "desk.charter:33:14" in lines[1]
    assert len(lines) <= LINES


def test_an_approval_says_who_could(world: World, safe_desk: dict[str, str]) -> None:
    out = explained(world, safe_desk, "often", "--explain")
    assert out.startswith("require_approval")
    assert "risk   12 points, tier high: 5 known code, 7 often" in out
    assert "2 of Team::leads could be 2 people: User::eva, User::max" in out
    assert "held   shadow deny     watched.often" in out


def test_all_of_it_has_every_rule_for_everyone(world: World, safe_desk: dict[str, str]) -> None:
    out = explained(world, safe_desk, "too_often", "--explain-all")
    _, agent, user = out.split("rules for ")
    assert agent.startswith("Agent::bot")
    assert user.startswith("User::ann")
    for rule in ("safe.open", "watched.often"):
        assert rule in agent
        assert rule in user
    assert "nearest for Agent::bot: safe.open" in out
    assert "held     7  often" in out


@pytest.mark.parametrize("name", ["often", "too_often"])
@pytest.mark.parametrize(
    "options", [("--explain",), ("--explain-all",), ("--explain", "--format", "json")]
)
def test_no_secret_is_in_any_form_of_it(
    world: World, safe_desk: dict[str, str], name: str, options: tuple[str, ...]
) -> None:
    out = explained(world, safe_desk, name, "--why-not", "safe.pinned", *options)
    assert SECRET not in out
    assert "known code" in out


# ---------------------------------------------------------------- why not, and when


def test_why_not(world: World, safe_desk: dict[str, str]) -> None:
    out = explained(world, safe_desk, "often", "--why-not", "safe.wrong", "--why-not", "safe.open")
    assert out.endswith(
        "`safe.wrong` is a candidate: false for Agent::bot\n"
        "  `safe.open` is a candidate: held for Agent::bot, held for User::ann\n"
    )
    done = world.run("decide {unknown} {unsafe} --why-not refunds.small")
    assert "  no candidate: unknown action `pay.refnd`; did you mean `pay.refund`?" in done.out


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--why-not refunds.smal", "unknown rule `refunds.smal`; did you mean `refunds.small`?"),
        ("--now 2026-01-01T00:00:00Z", "`--now` is for explanations: add `--explain`"),
        ("--explain --now 2026-01-01", "`--now 2026-01-01` is no time: write it like "),
        ("--explain --now noon", "`--now noon` is no time: write it like "),
    ],
)
def test_what_cannot_be_asked(world: World, options: str, complaint: str) -> None:
    done = world.run(f"decide {{allow}} {{unsafe}} {options}")
    assert (done.code, done.out) == (Exit.INVALID, "")
    assert complaint in done.err


# ---------------------------------------------------------------- ten lines

NO: Final = Decision(Effect.DENY, DenyCause.NO_ALLOW)
RISK: Final = RiskOutcome(
    7, "low", (FactorOutcome("odd", 7, "held", Condition("a.charter", 1, 1, "1 == 1")),)
)


def outcome(name: str, came_to: str, unmet: int = 0, *, determining: bool = False) -> RuleOutcome:
    conditions = (Condition("a.charter", 1, 1, "1 == 2"),) * unmet
    return RuleOutcome("User::a", name, "deny", came_to, conditions, determining=determining)


MANY: Final = (
    *(outcome(f"p.false{n}", "false", 9 - n) for n in range(7)),
    outcome("p.held", "held"),
    outcome("p.err", "error", 1),
    outcome("p.decided", "held", determining=True),
)


def test_the_most_telling_come_first_and_the_rest_is_counted() -> None:
    told = Explanation(NO, 0, MANY, risk=RISK)
    lines = short_lines(told, Path())
    assert len(lines) == LINES
    names = ["p.decided", "p.err", "p.held", *(f"p.false{n}" for n in (6, 5, 4, 3, 2))]
    assert [name for line in lines for name in names if name in line] == names
    assert "risk   7 points" in lines[-2]
    assert lines[-1] == "  2 more: --explain-all"


def test_ten_are_enough_for_ten() -> None:
    lines = short_lines(Explanation(NO, 0, MANY), Path())
    assert len(lines) == LINES
    assert "--explain-all" not in lines[-1]


def test_what_the_limit_left_out_is_said_even_if_little_is_told() -> None:
    lines = short_lines(Explanation(NO, 0, MANY[:1], left_out=40), Path())
    assert lines[-1] == "  40 outcomes beyond the limit not told"


def test_however_much_stands_beside_it_is_ten_lines() -> None:
    need = Approvers(Need("Team::t", "", 1), 12, ("User::b",))
    told = Explanation(
        NO, 0, MANY, left_out=1, risk=RISK, approvers=(need,) * 20,
        nearest=(Nearest("User::a", ()),) * 5,
    )  # fmt: skip
    lines = short_lines(told, Path())
    assert len(lines) == LINES
    assert lines[-1].endswith("more: --explain-all; 1 outcome beyond the limit not told")


def test_a_broken_order_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test._Told, "rank", property(lambda _: ()))  # noqa: SLF001
    with pytest.raises(AssertionError):
        test_the_most_telling_come_first_and_the_rest_is_counted()
