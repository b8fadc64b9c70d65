"""Runs the tests beside policies, through the same binder and rules as a real request."""

from __future__ import annotations

from dataclasses import dataclass

from pdp.eval.policyset import PolicySet
from pdp.lang.checked import CheckedPolicies, Expectation, Fixture, PolicyTest
from pdp.model import Decision, Effect, Entity, RequestError
from pdp.request import Request

# In tests every obligation is supported: they are about who may do what.
SUPPORTED = ("log", "notify", "rate", "redact")
_EFFECTS = {
    "allow": Effect.ALLOW,
    "deny": Effect.DENY,
    "approval": Effect.REQUIRE_APPROVAL,
}


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: no ``problems`` when it passed; ``decision`` is None for a refused request."""

    test: PolicyTest
    decision: Decision | None
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.problems


def run(checked: CheckedPolicies, policies: PolicySet) -> tuple[TestResult, ...]:
    """Every test of the program, in order. Fixtures of directory types overlay the directory."""
    directory_types = {e.name for e in checked.schema.entities.values() if e.is_directory}
    results: dict[int, TestResult] = {}
    for bundle in dict.fromkeys(test.bundle for test in checked.tests):
        fixtures = {k: f for k, f in checked.fixtures.items() if f.bundle == bundle}
        with_fixtures = policies.with_fixtures(
            _entity(fixture)
            for fixture in fixtures.values()
            if fixture.type in directory_types and fixture.attributes is not None
        )
        for index, test in enumerate(checked.tests):
            if test.bundle == bundle:
                results[index] = _run_one(test, fixtures, directory_types, with_fixtures)
    return tuple(results[index] for index in sorted(results))


def _run_one(
    test: PolicyTest,
    fixtures: dict[str, Fixture],
    directory_types: set[str],
    policies: PolicySet,
) -> TestResult:
    request = _request(test, fixtures, directory_types)
    try:
        decision = policies.decide(policies.bind(request), test.now_us)
    except RequestError as error:
        return TestResult(test, None, (f"the request was refused: {error.field} {error}",))
    return TestResult(test, decision, tuple(_problems(test.expect, decision)))


def _request(test: PolicyTest, fixtures: dict[str, Fixture], directory_types: set[str]) -> Request:
    """The request the test describes. Entities of directory types travel as bare references."""

    def sent(name: str) -> Entity:
        fixture = fixtures[name]
        if fixture.type in directory_types:
            return Entity(fixture.type, fixture.id)
        return _entity(fixture)

    named = {*test.chain, test.resource}
    third = [
        sent(name)
        for name, fixture in fixtures.items()
        if name not in named
        and fixture.type not in directory_types
        and fixture.attributes is not None
    ]
    chain = tuple(sent(name) for name in test.chain)
    resource = sent(test.resource) if test.resource is not None else None
    described = {entity.uid for entity in (*chain, resource) if entity is not None}
    return Request(
        principal=chain[0],
        on_behalf_of=chain[1:],
        action=test.action,
        args=test.args,
        context=test.context,
        resource=resource,
        entities=_without_rivals(third, described),
        supported_obligations=SUPPORTED,
    )


def _without_rivals(third: list[Entity], described: set[str]) -> tuple[Entity, ...]:
    """Third entities, one per uid: two fixtures may describe one id differently, for two tests."""
    kept: dict[str, Entity] = {}
    for entity in third:
        if entity.uid not in described:
            kept.setdefault(entity.uid, entity)
    return tuple(kept.values())


def _entity(fixture: Fixture) -> Entity:
    return Entity(fixture.type, fixture.id, fixture.attributes, fixture.parents)


def _problems(expect: Expectation, decision: Decision) -> list[str]:
    problems: list[str] = []
    wanted = _EFFECTS[expect.effect]
    if decision.effect is not wanted:
        cause = f" ({decision.cause.value})" if decision.cause else ""
        problems.append(f"expected {wanted.value}, found {decision.effect.value}{cause}")
    if expect.cause is not None:
        found = decision.cause.value if decision.cause else "none"
        if found != expect.cause:
            problems.append(f"expected cause {expect.cause}, found {found}")
    if expect.route is not None:
        routes = decision.approval.routes if decision.approval else ()
        if expect.route not in routes:
            problems.append(f"expected route {expect.route}, found {', '.join(routes) or 'none'}")
    if expect.tier is not None:
        tier = decision.risk.tier if decision.risk else "none"
        if tier != expect.tier:
            problems.append(f"expected tier {expect.tier}, found {tier}")
    if expect.by is not None:
        rules = tuple(rule.rule for rule in decision.rules)
        if rules != expect.by:
            problems.append(
                f"expected by {', '.join(expect.by)}, found {', '.join(rules) or 'none'}"
            )
    return problems
