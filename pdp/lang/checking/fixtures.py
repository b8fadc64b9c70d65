"""Fixtures and tests of the language to typed values and expectations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from pdp import canonical
from pdp.lang import complaints, nodes
from pdp.lang.checked import Const, Expectation, Fixture, PolicyTest
from pdp.lang.checking import values
from pdp.lang.checking.names import Names
from pdp.lang.checking.schema import Report, check_reserved
from pdp.lang.source import Span
from pdp.lang.types import ActionDef, EntityT, FieldT
from pdp.model import CHAIN_MAX, DenyCause

# The clock of a test that does not set one: 2026-01-01T00:00:00Z.
DEFAULT_NOW_US: Final = 1_767_225_600_000_000
_NOWHERE: Final = Span("", 1, 1, 1, 1)


def check_fixtures(
    decls: Iterable[nodes.FixtureDecl], names: Names, report: Report
) -> dict[str, Fixture]:
    """Every fixture by name. A fixture may use any other as a parent or a value."""
    declared: dict[str, nodes.FixtureDecl] = {}
    for decl in decls:
        check_reserved(decl.name, report)
        before = declared.get(decl.name.text)
        if before is not None:
            report.append(
                complaints.duplicate(decl.name.span, "fixture", decl.name.text, before.name.span)
            )
        elif decl.entity.type.text not in names.schema.entities:
            span = decl.entity.type.span
            report.append(
                complaints.unknown_type(span, decl.entity.type.text, names.schema.entities)
            )
        else:
            declared[decl.name.text] = decl
    consts = {
        name: Const(
            f"{decl.entity.type.text}::{decl.entity.id.value}",
            EntityT(frozenset({decl.entity.type.text})),
            decl.name.span,
        )
        for name, decl in declared.items()
    }
    known = replace(names, values={**names.values, **consts})
    return {name: _fixture(decl, known, report) for name, decl in declared.items()}


def _fixture(decl: nodes.FixtureDecl, names: Names, report: Report) -> Fixture:
    values.check_id(decl.entity.id, report)
    definition = names.schema.entities[decl.entity.type.text]
    parents: list[str] = []
    for name in decl.parents:
        const = names.values.get(name.text)
        if const is None or not isinstance(const.type, EntityT):
            report.append(complaints.unknown_group(name.span, name.text, names.groups()))
            continue
        (parent_type,) = const.type.names
        if parent_type not in definition.parents:
            report.append(
                complaints.bad_parent(name.span, definition.name, parent_type, definition.parents)
            )
            continue
        parents.append(str(const.value))
    attributes = None
    if decl.record is not None:
        attributes = _object_text(decl.record, definition.fields, definition.name, names, report)
    elif any(not f.optional for f in definition.fields) and parents:
        report.append(complaints.missing_field(decl.span, "attributes", definition.name))
    elif parents:
        attributes = "{}"
    return Fixture(
        decl.name.text, decl.entity.type.text, decl.entity.id.value, tuple(parents), attributes
    )


def check_tests(
    decls: Iterable[nodes.TestDecl],
    fixtures: Mapping[str, Fixture],
    names: Names,
    rules: Sequence[str],
    report: Report,
) -> tuple[PolicyTest, ...]:
    """Every test, in the order written."""
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
        test = checker.check(decl)
        if test is not None:
            found.append(test)
    return tuple(found)


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

    def check(self, decl: nodes.TestDecl) -> PolicyTest | None:
        """One test; None after reporting what it lacks."""
        parts: dict[type, nodes.TestItem] = {}
        for item in decl.items:
            if isinstance(item, nodes.CasesItem):
                self._report.append(
                    complaints.not_yet(item.span, "a table test", "write one test per case")
                )
                return None
            if type(item) in parts:
                self._report.append(complaints.incomplete_test(item.span, "this part stands twice"))
            parts[type(item)] = item
        do, expect = parts.get(nodes.DoItem), parts.get(nodes.ExpectItem)
        if not isinstance(do, nodes.DoItem) or not isinstance(expect, nodes.ExpectItem):
            self._report.append(
                complaints.incomplete_test(
                    decl.title.span,
                    "a test says what is done and what to expect",
                    "add `do ACTION on FIXTURE { … }` and `expect allow`",
                )
            )
            return None
        chain = self._chain(decl, parts)
        action = self._names.schema.actions.get(do.action.text)
        if action is None:
            self._report.append(
                complaints.unknown_action(
                    do.action.span, do.action.text, self._names.schema.actions
                )
            )
            return None
        context, now_us = self._context(decl, parts.get(nodes.ContextItem))
        resource = self._resource(do, action)
        args = self._args(do, action)
        expectation = self._expectation(expect)
        if chain is None or args is None or context is None or expectation is None:
            return None
        return PolicyTest(
            decl.title.value,
            chain,
            action.wire,
            resource,
            args,
            context,
            now_us,
            expectation,
            decl.title.span,
        )

    def _chain(
        self, decl: nodes.TestDecl, parts: Mapping[type, nodes.TestItem]
    ) -> tuple[str, ...] | None:
        agents, user = parts.get(nodes.AgentItem), parts.get(nodes.UserItem)
        named: list[tuple[nodes.Name, bool]] = []
        if isinstance(agents, nodes.AgentItem):
            named += [(name, True) for name in agents.names]
        if isinstance(user, nodes.UserItem):
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
            chain.append(fixture.name)
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
        return fixture.name

    def _args(self, do: nodes.DoItem, action: ActionDef) -> str | None:
        record = do.record or nodes.RecordValue((), do.action.span)
        return _object_text(record, action.fields, action.name, self._names, self._report)

    def _context(self, decl: nodes.TestDecl, item: nodes.TestItem | None) -> tuple[str | None, int]:
        record = nodes.RecordValue((), decl.title.span)
        now_us = DEFAULT_NOW_US
        if isinstance(item, nodes.ContextItem):
            clocks = [value for name, value in item.record.pairs if name.text == "now"]
            others = tuple(pair for pair in item.record.pairs if pair[0].text != "now")
            record = nodes.RecordValue(others, item.record.span)
            for value in clocks:
                if isinstance(value, nodes.Literal) and value.kind == "timestamp":
                    read = values.literal_value(value, self._report)
                    now_us = int(read) if isinstance(read, int) else now_us
                else:
                    self._report.append(
                        complaints.type_mismatch(value.span, "timestamp", "another value")
                    )
        fields = self._names.schema.context
        return _object_text(record, fields, "context", self._names, self._report), now_us

    def _expectation(self, item: nodes.ExpectItem) -> Expectation | None:
        errors = len(self._report)
        route = item.outcome.route
        if route is not None and route.text not in self._routes:
            self._report.append(complaints.unknown_route(route.span, route.text, self._routes))
        if item.tier is not None:
            self._report.append(complaints.not_yet(item.tier.span, "`tier`", "remove it"))
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
            route.text if route else None,
            tuple(sorted({rule.text for rule in item.by})) if item.by else None,
            item.span,
        )


def _object_text(
    record: nodes.RecordValue,
    fields: Sequence[FieldT],
    what: str,
    names: Names,
    report: Report,
) -> str | None:
    members = values.read_record(record, fields, f"`{what}`", names, report)
    return None if members is None else canonical.write(values.record_tree(members, fields))
