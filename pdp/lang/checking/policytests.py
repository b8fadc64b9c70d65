"""Tests of the language to typed requests and expectations; a table is one test for each case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from pdp.lang import complaints, nodes
from pdp.lang.checked import Const, Expectation, Fixture, PolicyTest
from pdp.lang.checking.fixtures import object_text
from pdp.lang.declared import values
from pdp.lang.declared.names import Names
from pdp.lang.declared.report import Report
from pdp.lang.source import Span
from pdp.lang.types import RISK, ActionDef, EntityT
from pdp.model import CHAIN_MAX, DenyCause

# The clock of a test that does not set one: 2026-01-01T00:00:00Z.
DEFAULT_NOW_US: Final = 1_767_225_600_000_000
CASES_MAX: Final = 1_000
_NOWHERE: Final = Span("", 1, 1, 1, 1)
_NOW: Final = "now"

_Item = TypeVar("_Item")


def check_tests(
    decls: Iterable[nodes.TestDecl],
    fixtures: Mapping[str, Fixture],
    names: Names,
    rules: Sequence[str],
    report: Report,
) -> tuple[PolicyTest, ...]:
    """Every test, in the order written. ``fixtures`` are by plain name, ``rules`` all there are."""
    consts = {
        name: Const(f.uid, EntityT(frozenset({f.type})), _NOWHERE) for name, f in fixtures.items()
    }
    known = replace(names, values={**names.values, **consts})
    checker = _TestChecker(known, fixtures, rules, report)
    found: list[PolicyTest] = []
    titles: dict[tuple[str, str], nodes.Text] = {}
    for decl in decls:
        before = titles.setdefault((decl.span.file, decl.title.value), decl.title)
        if before is not decl.title:
            report.append(
                complaints.duplicate(decl.title.span, "test", decl.title.value, before.span)
            )
        found.extend(checker.check(decl))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What is asked: everything of a test but the values that a case may replace."""

    decl: nodes.TestDecl
    chain: tuple[str, ...]
    action: ActionDef
    resource: str | None


class _TestChecker:
    """Checks one test after another against the same names."""

    def __init__(
        self,
        names: Names,
        fixtures: Mapping[str, Fixture],
        rules: Sequence[str],
        report: Report,
    ) -> None:
        self._names = names
        self._fixtures = fixtures
        self._routes = names.routes
        self._rules = rules
        self._report = report

    def check(self, decl: nodes.TestDecl) -> list[PolicyTest]:
        """The tests of one declaration; none after reporting what it lacks."""
        for kind in {type(item) for item in decl.items}:
            again = [item for item in decl.items if type(item) is kind][1:]
            self._report += [
                complaints.incomplete_test(item.span, "this part stands twice") for item in again
            ]
        do = _part(decl, nodes.DoItem)
        expect, cases = _part(decl, nodes.ExpectItem), _part(decl, nodes.CasesItem)
        if do is None or (expect is None and cases is None):
            self._report.append(
                complaints.incomplete_test(
                    decl.title.span,
                    "a test says what is done and what to expect",
                    "add `do ACTION on FIXTURE { … }` and `expect allow`",
                )
            )
            return []
        scene = self._scene(decl, do)
        if scene is None:
            return []
        args = do.record or nodes.RecordValue((), do.action.span)
        item = _part(decl, nodes.ContextItem)
        context = item.record if item else nodes.RecordValue((), decl.title.span)
        found = [self._test(scene, args, context, expect, "")] if expect else []
        if cases and len(cases.cases) > CASES_MAX:
            self._report.append(complaints.too_many(cases.span, "cases", CASES_MAX))
        for number, case in enumerate(cases.cases if cases else (), 1):
            split = self._split(case.record, scene.action)
            found.append(
                self._test(
                    scene,
                    _replaced(args, split[0]),
                    _replaced(context, split[1]),
                    case.expect,
                    f" [{number}]",
                )
            )
        return [test for test in found if test is not None]

    def _scene(self, decl: nodes.TestDecl, do: nodes.DoItem) -> _Scene | None:
        chain = self._chain(decl)
        if not self._names.knows_action(do.action.text):
            known = self._names.schema.actions
            self._report.append(complaints.unknown_action(do.action.span, do.action.text, known))
            return None
        action = self._names.schema.actions[do.action.text]
        resource = self._resource(do, action)
        return None if chain is None else _Scene(decl, chain, action, resource)

    def _test(
        self,
        scene: _Scene,
        args: nodes.RecordValue,
        context: nodes.RecordValue,
        expect: nodes.ExpectItem,
        suffix: str,
    ) -> PolicyTest | None:
        names, report = self._names, self._report
        now_us, rest = self._clock(context)
        args_text = object_text(args, scene.action.fields, scene.action.name, names, report)
        context_text = object_text(rest, names.schema.context, "context", names, report)
        expectation = self._expectation(expect)
        if args_text is None or context_text is None or expectation is None:
            return None
        return PolicyTest(
            scene.decl.title.value + suffix,
            scene.chain,
            scene.action.wire,
            scene.resource,
            args_text,
            context_text,
            now_us,
            expectation,
            expect.span if suffix else scene.decl.title.span,
            names.bundle.name,
        )

    def _split(
        self, record: nodes.RecordValue, action: ActionDef
    ) -> tuple[list[_Pair], list[_Pair]]:
        """A case's values: those of the action's parameters, and those of the context."""
        args: list[_Pair] = []
        context: list[_Pair] = []
        context_names = {f.name for f in self._names.schema.context} | {_NOW}
        for pair in record.pairs:
            name = pair[0]
            is_arg = action.field(name.text) is not None
            if is_arg and name.text in context_names:
                choices = [f"args.{name.text}", f"context.{name.text}"]
                self._report.append(complaints.ambiguous_name(name.span, name.text, choices))
            elif is_arg:
                args.append(pair)
            elif name.text in context_names:
                context.append(pair)
            else:
                known = sorted({f.name for f in action.fields} | context_names)
                label = f"`{action.name}` with its context"
                self._report.append(
                    complaints.unknown_attribute(name.span, name.text, label, known)
                )
        return args, context

    def _chain(self, decl: nodes.TestDecl) -> tuple[str, ...] | None:
        agents, user = _part(decl, nodes.AgentItem), _part(decl, nodes.UserItem)
        named = [(name, True) for name in agents.names] if agents else []
        if user:
            named.append((user.name, False))
        if not named or len(named) > CHAIN_MAX:
            self._report.append(
                complaints.incomplete_test(
                    decl.title.span, "nobody acts", "add `agent FIXTURE` or `user FIXTURE`"
                )
            )
            return None
        chain: list[str] = []
        for name, is_agent in named:
            fixture = self._fixture(name)
            if fixture is None:
                return None
            definition = self._names.schema.entities[fixture.type]
            if not (definition.is_agent if is_agent else definition.is_person):
                wanted = "an agent" if is_agent else "a person"
                self._report.append(complaints.type_mismatch(name.span, wanted, fixture.type))
                return None
            chain.append(fixture.key)
        return tuple(chain)

    def _fixture(self, name: nodes.Name) -> Fixture | None:
        fixture = self._fixtures.get(name.text)
        if fixture is None:
            self._report.append(complaints.unknown_fixture(name.span, name.text, self._fixtures))
        return fixture

    def _resource(self, do: nodes.DoItem, action: ActionDef) -> str | None:
        if do.resource is None:
            if action.resources:
                self._report.append(
                    complaints.incomplete_test(
                        do.action.span, f"`{action.name}` needs a resource", "add `on FIXTURE`"
                    )
                )
            return None
        fixture = self._fixture(do.resource)
        if fixture is None:
            return None
        if fixture.type not in action.resources:
            self._report.append(
                complaints.not_on_type(
                    do.resource.span, action.name, [fixture.type], action.resources
                )
            )
        return fixture.key

    def _clock(self, record: nodes.RecordValue) -> tuple[int, nodes.RecordValue]:
        """The clock that ``now`` sets, and the context without it."""
        now_us = DEFAULT_NOW_US
        for name, value in record.pairs:
            if name.text != _NOW:
                continue
            if isinstance(value, nodes.Literal) and value.kind == "timestamp":
                read = values.literal_value(value, self._report)
                now_us = read if isinstance(read, int) else now_us
            else:
                self._report.append(
                    complaints.type_mismatch(value.span, "timestamp", "another value")
                )
        rest = tuple(pair for pair in record.pairs if pair[0].text != _NOW)
        return now_us, nodes.RecordValue(rest, record.span)

    def _expectation(self, item: nodes.ExpectItem) -> Expectation | None:
        errors = len(self._report)
        route = item.outcome.route
        if route is not None and route.text not in self._routes:
            self._report.append(complaints.unknown_route(route.span, route.text, self._routes))
        if item.tier is not None:
            self._check_tier(item.tier)
        causes = [cause.value for cause in DenyCause]
        if item.cause is not None and item.cause.text not in causes:
            self._report.append(complaints.unknown_cause(item.cause.span, item.cause.text, causes))
        elif item.cause is not None and item.outcome.kind != "deny":
            self._report.append(
                complaints.incomplete_test(item.cause.span, "only a deny has a cause")
            )
        for rule in item.by:
            if rule.text not in self._rules:
                self._report.append(complaints.unknown_rule(rule.span, rule.text, self._rules))
        if len(self._report) > errors:
            return None
        return Expectation(
            item.outcome.kind,
            item.cause.text if item.cause else None,
            self._routes[route.text].name.text if route else None,
            tuple(sorted({rule.text for rule in item.by})) if item.by else None,
            item.span,
            item.tier.text if item.tier else None,
        )

    def _check_tier(self, tier: nodes.Name) -> None:
        if tier.text not in RISK.members:
            self._report.append(
                complaints.unknown_member(tier.span, tier.text, "Risk", RISK.members)
            )
        elif not self._names.has_risk:
            why = "nothing loaded has a `risk` block"
            self._report.append(complaints.not_in_scope(tier.span, "tier", why))


_Pair = tuple[nodes.Name, nodes.Value]


def _part(decl: nodes.TestDecl, kind: type[_Item]) -> _Item | None:
    return next((item for item in decl.items if isinstance(item, kind)), None)


def _replaced(record: nodes.RecordValue, pairs: Sequence[_Pair]) -> nodes.RecordValue:
    new = {pair[0].text for pair in pairs}
    kept = tuple(pair for pair in record.pairs if pair[0].text not in new)
    return nodes.RecordValue((*kept, *pairs), record.span)
