"""From the files of a bundle directory to a checked program, or to every mistake in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

from pdp.lang import complaints, nodes
from pdp.lang.checked import BundleInfo, CheckedPolicies, Group
from pdp.lang.checking.expressions import check_predicates
from pdp.lang.checking.fixtures import check_fixtures, check_tests
from pdp.lang.checking.metadata import bundle_info
from pdp.lang.checking.names import Names, collect
from pdp.lang.checking.paths import Env, Scope
from pdp.lang.checking.routes import check_routes
from pdp.lang.checking.rules import check_policies
from pdp.lang.checking.schema import Report, SchemaBuilder
from pdp.lang.diagnostics import Diagnostic, sort_key
from pdp.lang.parser import decode, parse
from pdp.lang.source import Source, Span

POLICY_SUFFIX: Final = ".charter"

_Node = TypeVar("_Node")


def check(files: Mapping[str, bytes]) -> tuple[CheckedPolicies | None, tuple[Diagnostic, ...]]:
    """Parse and check every ``.charter`` file of ``files`` (name relative to the bundle → bytes).

    Returns the program, or None when any diagnostic is an error, and all diagnostics, sorted.
    """
    report: Report = []
    sources, parsed = _parse(files, report)
    declarations = [decl for file in parsed for decl in file.declarations]
    checked = _check(declarations, files, sources, report)
    report = list(dict.fromkeys(report))  # a predicate used twice reports its mistake once
    report.sort(key=sort_key)
    if any(diagnostic.is_error for diagnostic in report):
        return None, tuple(report)
    return checked, tuple(report)


def read_sources(files: Mapping[str, bytes]) -> dict[str, Source]:
    """The decodable policy files of a bundle, by name: what diagnostics are shown against."""
    decoded = [decode(name, files[name])[0] for name in _policy_names(files)]
    return {source.name: source for source in decoded if source is not None}


def _policy_names(files: Mapping[str, bytes]) -> list[str]:
    return sorted(name for name in files if name.endswith(POLICY_SUFFIX))


def _parse(
    files: Mapping[str, bytes], report: Report
) -> tuple[dict[str, Source], list[nodes.PolicyFile]]:
    sources: dict[str, Source] = {}
    parsed: list[nodes.PolicyFile] = []
    for name in _policy_names(files):
        source, complaints_found = decode(name, files[name])
        report.extend(complaints_found)
        if source is None:
            continue
        sources[name] = source
        file, complaints_found = parse(source)
        report.extend(complaints_found)
        parsed.append(file)
    return sources, parsed


def _check(
    declarations: list[nodes.Declaration],
    files: Mapping[str, bytes],
    sources: Mapping[str, Source],
    report: Report,
) -> CheckedPolicies:
    bundle = _bundle(declarations, files, report)
    _refuse_what_comes_later(declarations, report)
    builder = SchemaBuilder(declarations, report)
    schema = builder.build()
    names = collect(declarations, builder, bundle.governs, files, report)
    check_predicates(Env(names, _anywhere(names), report))
    scoped = check_policies(_each(declarations, nodes.PolicyDecl), names, report)
    routes = check_routes(names, scoped, sources, report)
    fixtures = check_fixtures(_each(declarations, nodes.FixtureDecl), names, report)
    rule_names = [
        f"{policy.name.text}.{rule.name.text}"
        for policy in _each(declarations, nodes.PolicyDecl)
        for rule in policy.rules
    ]
    tests = check_tests(_each(declarations, nodes.TestDecl), fixtures, names, rule_names, report)
    rules = tuple(sorted((s.rule for s in scoped), key=lambda rule: rule.name))
    groups = tuple(
        Group(name, str(names.values[name].value), decl.entity.id.span)
        for name, decl in sorted(names.group_decls.items())
        if name in names.values
    )
    return CheckedPolicies(bundle, schema, rules, routes, fixtures, tests, groups)


def _each(declarations: list[nodes.Declaration], kind: type[_Node]) -> list[_Node]:
    return [decl for decl in declarations if isinstance(decl, kind)]


def _bundle(
    declarations: list[nodes.Declaration], files: Mapping[str, bytes], report: Report
) -> BundleInfo:
    decls = _each(declarations, nodes.BundleDecl)
    if not decls:
        name = next(iter(_policy_names(files)), "")
        report.append(complaints.missing_bundle(Span(name, 1, 1, 1, 1)))
        # Everything counts as governed, so that the missing line is one complaint, not hundreds.
        prefixes = {a.name.text.partition(".")[0] for a in _each(declarations, nodes.ActionDecl)}
        return BundleInfo("", "", "", "", tuple(sorted(prefixes)))
    for extra in decls[1:]:
        if extra.name.text == decls[0].name.text:
            report.append(
                complaints.duplicate(extra.name.span, "bundle", extra.name.text, decls[0].name.span)
            )
        else:
            report.append(complaints.not_yet(extra.name.span, "a second bundle in one directory"))
    infos = [bundle_info(decl, report) for decl in decls]
    return infos[0]


def _refuse_what_comes_later(declarations: list[nodes.Declaration], report: Report) -> None:
    for decl in declarations:
        match decl:
            case nodes.ImportDecl():
                report.append(complaints.not_yet(decl.span, "`import`"))
            case nodes.BudgetDecl():
                report.append(complaints.not_yet(decl.span, "`budget`"))
            case nodes.RiskDecl():
                report.append(complaints.not_yet(decl.span, "`risk`"))
            case nodes.InvariantDecl():
                report.append(complaints.not_yet(decl.span, "`invariant`", "write a test"))
            case _:
                pass  # checked elsewhere


def _anywhere(names: Names) -> Scope:
    """Every action, type and principal at once: where an unused predicate is typed."""
    actions = tuple(names.schema.actions.values())
    return Scope(
        principals=frozenset(e.name for e in names.schema.entities.values() if e.is_principal),
        has_agent=False,
        actions=actions,
        resources=frozenset(name for action in actions for name in action.resources),
        tolerant_args=True,
        tolerant_types=True,
    )
