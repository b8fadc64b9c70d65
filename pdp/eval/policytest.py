"""Runs the tests beside policies, through the same binder and rules as a real request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def run(
    checked: CheckedPolicies, policies: PolicySet, tests: Iterable[PolicyTest] | None = None
) -> Iterator[TestResult]:
    """Each of ``tests`` (None: every test of the program), in order, one at a time."""
    with_fixtures: dict[str, PolicySet] = {}
    for test in checked.tests if tests is None else tests:
        bundle = test.bundle
        if bundle not in with_fixtures:
            described = described_by_fixtures(checked, bundle)
            with_fixtures[bundle] = policies.with_fixtures(described)
        yield _run_one(test, request_of(checked, test), with_fixtures[bundle])


def described_by_fixtures(checked: CheckedPolicies, bundle: str) -> tuple[Entity, ...]:
    """What the fixtures of a bundle lay over the directory: those of directory types."""
    entities = checked.schema.entities
    return tuple(
        _entity(fixture)
        for fixture in checked.fixtures.values()
        if fixture.bundle == bundle
        and entities[fixture.type].is_directory
        and fixture.attributes is not None
    )


def request_of(checked: CheckedPolicies, test: PolicyTest) -> Request:
    """The request that the test describes."""
    directory_types = {e.name for e in checked.schema.entities.values() if e.is_directory}
    fixtures = {k: f for k, f in checked.fixtures.items() if f.bundle == test.bundle}
    return _request(test, fixtures, directory_types)


def _run_one(test: PolicyTest, request: Request, policies: PolicySet) -> TestResult:
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
