"""From the files of a bundle directory to a checked program, or to every mistake in it. Pure."""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias, TypeVar

from pdp.lang import complaints, nodes
from pdp.lang.checked import CheckedPolicies, Fixture, Group, PolicyTest
from pdp.lang.checking.fixtures import check_fixtures
from pdp.lang.checking.invariants import check_invariants
from pdp.lang.checking.policytests import check_tests
from pdp.lang.checking.risks import check_risk
from pdp.lang.checking.routes import check_routes, everywhere
from pdp.lang.checking.rules import RULES_MAX, ScopedRule, check_policies, covered_by
from pdp.lang.conditions.expressions import check_predicates
from pdp.lang.conditions.scope import Env
from pdp.lang.declared.bundles import Bundles, split
from pdp.lang.declared.names import COVERED_MAX, Names, collect
from pdp.lang.declared.report import BoundedReport, EnoughFound, Report
from pdp.lang.declared.schema import SchemaBuilder
from pdp.lang.diagnostics import DIAGNOSTICS_MAX, Diagnostic, sort_key
from pdp.lang.lints.inspection import inspect
from pdp.lang.parser import decode, parse
from pdp.lang.reading import collector
from pdp.lang.source import Source, Span

POLICY_SUFFIX: Final = ".charter"
FILES_MAX: Final = 256
# A rule's head, or what is skipped to find one: a comment or a text.
_RULE_HEAD: Final = re.compile(
    r'#[^\n]*+|\br"[^"\n]*+"|"(?:[^"\\\n]|\\.)*+"|\b(rule)[ \t]+[a-z_][A-Za-z0-9_]*+[ \t]*:'
)

# How a file is read: ``parse``, or one that remembers files that have not changed.
Reader: TypeAlias = Callable[[Source], tuple[nodes.PolicyFile, tuple[Diagnostic, ...]]]
_Node = TypeVar("_Node")


def check(
    files: Mapping[str, bytes], today: datetime.date | None = None, read: Reader = parse
) -> tuple[CheckedPolicies | None, tuple[Diagnostic, ...]]:
    """Parse and check every ``.charter`` file of ``files`` (name relative to the bundle → bytes).

    ``today`` is for warnings about dates that have passed; without it there are none. Returns the
    program, or None when any diagnostic is an error, and all diagnostics, sorted.
    """
    report: Report = BoundedReport()
    checked = None
    with collector.paused(), contextlib.suppress(EnoughFound):  # then the report holds errors
        checked = _checked(files, today, read, report)
    report = list(dict.fromkeys(report))  # a predicate used twice reports its mistake once
    report.sort(key=sort_key)
    if any(diagnostic.is_error for diagnostic in report):
        return None, tuple(report)
    return checked, tuple(report)


def _checked(
    files: Mapping[str, bytes], today: datetime.date | None, read: Reader, report: Report
) -> CheckedPolicies | None:
    """None when there was no sense in checking; otherwise the report says whether it is right."""
    report += _too_many(files)
    if report:
        return None
    sources, parsed = _parse(files, read, report)
    if len(report) >= DIAGNOSTICS_MAX:
        return None  # files may have been left out: what they declare would be missed
    bundles = split(parsed, report)
    checked = _check(bundles, files, sources, today, report)
    if not any(diagnostic.is_error for diagnostic in report):
        report += inspect(checked, bundles.all)
    return checked


def _too_many(files: Mapping[str, bytes]) -> Report:
    """What is refused by count alone, before any reading: too many files, too many rules."""
    names = sorted(files)
    if len(names) > FILES_MAX:
        return [complaints.too_many(Span(names[FILES_MAX], 1, 1, 1, 1), "files", FILES_MAX)]
    rules = 0
    for name, source in read_sources(files).items():
        rules += sum(1 for head in _RULE_HEAD.finditer(source.text) if head[1])
        if rules > RULES_MAX:
            return [complaints.too_many(Span(name, 1, 1, 1, 1), "rules", RULES_MAX)]
    return []


def read_sources(files: Mapping[str, bytes]) -> dict[str, Source]:
    """The decodable policy files of a bundle, by name: what diagnostics are shown against."""
    decoded = [decode(name, files[name])[0] for name in _policy_names(files)]
    return {source.name: source for source in decoded if source is not None}


def _policy_names(files: Mapping[str, bytes]) -> list[str]:
    return sorted(name for name in files if name.endswith(POLICY_SUFFIX))


def _parse(
    files: Mapping[str, bytes], read: Reader, report: Report
) -> tuple[dict[str, Source], list[nodes.PolicyFile]]:
    sources: dict[str, Source] = {}
    parsed: list[nodes.PolicyFile] = []
    for name in _policy_names(files):
        source, complaints_found = decode(name, files[name])
        report.extend(complaints_found)
        if source is None:
            continue
        sources[name] = source
        file, complaints_found = read(source)
        report.extend(complaints_found)
        parsed.append(file)
        if len(report) >= DIAGNOSTICS_MAX:
            break
    return sources, parsed


def _check(
    bundles: Bundles,
    files: Mapping[str, bytes],
    sources: Mapping[str, Source],
    today: datetime.date | None,
    report: Report,
) -> CheckedPolicies:
    builder = SchemaBuilder(bundles, report)
    schema = builder.build()
    all_names = list(collect(bundles, builder, files, report).values())
    risk = check_risk(all_names, report)
    for names in all_names:
        names.has_risk = risk is not None
        names.risk_is_claimed = risk is not None and risk.is_claimed
    scoped = _check_rules(all_names, today, report)
    tier_routes = {r for tier in risk.model.tiers for r in tier.routes} if risk else set()
    routes = check_routes(all_names, scoped, tier_routes, sources, report)
    invariants = [
        invariant
        for names in all_names
        for invariant in check_invariants(_each(names, nodes.InvariantDecl), names, report)
    ]
    fixtures: dict[str, Fixture] = {}
    tests: list[PolicyTest] = []
    rule_names = _rule_names(all_names)
    rule_names += [f"risk.{tier.name}" for tier in risk.model.tiers] if risk else []
    for names in all_names:
        own = check_fixtures(_each(names, nodes.FixtureDecl), names, report)
        fixtures |= {fixture.key: fixture for fixture in own.values()}
        tests += check_tests(_each(names, nodes.TestDecl), own, names, rule_names, report)
    return CheckedPolicies(
        bundle=bundles.identity(),
        schema=schema,
        rules=tuple(sorted((s.rule for s in scoped), key=lambda rule: rule.name)),
        routes=routes,
        fixtures=fixtures,
        tests=tuple(tests),
        groups=_groups(all_names),
        bundles=tuple(bundle.info for bundle in bundles.all),
        risk=risk.model if risk else None,
        invariants=tuple(invariants),
    )


def _check_rules(
    all_names: Sequence[Names], today: datetime.date | None, report: Report
) -> list[ScopedRule]:
    scoped: list[ScopedRule] = []
    rules_left, covered_left = RULES_MAX, COVERED_MAX
    first: dict[str, nodes.PolicyDecl] = {}
    for names in all_names:
        _refuse_what_comes_later(names, report)
        anywhere = replace(everywhere(names.schema), principals=names.principals, has_tier=True)
        check_predicates(Env(names, anywhere, report))
        policies = _each(names, nodes.PolicyDecl)
        rules_left -= sum(len(policy.rules) for policy in policies)
        if rules_left < 0:
            span = policies[-1].name.span
            report.append(complaints.too_many(span, "rules", RULES_MAX))
            break
        covered_left -= _covered(names)
        if covered_left < 0:
            what = "actions and principal types of rules and claims, counted for each,"
            span = names.bundle.declarations[-1].span
            report.append(complaints.too_many(span, what, COVERED_MAX))
            raise EnoughFound
        for policy in policies:
            before = first.setdefault(policy.name.text, policy)
            if before is not policy:
                name = policy.name
                report.append(
                    complaints.duplicate(name.span, "policy", name.text, before.name.span)
                )
        scoped += check_policies(policies, names, today, report)
    return scoped


def _covered(names: Names) -> int:
    rules = [rule.effect for policy in _each(names, nodes.PolicyDecl) for rule in policy.rules]
    claims = [claim for decl in _each(names, nodes.InvariantDecl) for claim in decl.claims]
    covered = sum(covered_by(rule.who, rule.target, names) for rule in rules)
    return covered + sum(covered_by(claim.who, claim.target, names) for claim in claims)


def _rule_names(all_names: Sequence[Names]) -> list[str]:
    return [
        f"{policy.name.text}.{rule.name.text}"
        for names in all_names
        for policy in _each(names, nodes.PolicyDecl)
        for rule in policy.rules
    ]


def _groups(all_names: Sequence[Names]) -> tuple[Group, ...]:
    return tuple(
        Group(name, str(names.values[name].value), decl.entity.id.span)
        for names in all_names
        for own in [set(map(id, names.bundle.declarations))]
        for name, decl in sorted(names.group_decls.items())
        if name in names.values and id(decl) in own
    )


def _each(names: Names, kind: type[_Node]) -> list[_Node]:
    return [decl for decl in names.bundle.declarations if isinstance(decl, kind)]


def _refuse_what_comes_later(names: Names, report: Report) -> None:
    for decl in names.bundle.declarations:
        if isinstance(decl, nodes.BudgetDecl):
            report.append(complaints.not_yet(decl.span, "`budget`"))
