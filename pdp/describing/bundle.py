"""The description of all that is loaded together: gathers and orders, phrases almost nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pdp.describing.approvals import said_risk, said_routes
from pdp.describing.conditions import Speaker, text_at
from pdp.describing.document import (
    Chapter,
    Claim,
    Description,
    Fact,
    SaidPolicy,
    SaidRule,
    Table,
)
from pdp.describing.rules import Grammar
from pdp.describing.spelling import clock, counted, listed, noun, quoted, value, weekdays, words
from pdp.lang import nodes
from pdp.lang.checked import CheckedPolicies, Const, Expr, InWindow, Rule, Window, WindowSpan
from pdp.lang.lints.forms import all_parts
from pdp.lang.parser import parse
from pdp.lang.source import Source
from pdp.lang.types import CollT, EntityT
from pdp.model import Entity

_NOBODY: Final = "—"
_MEMBERS_NAMED_MAX: Final = 20
_READING: Final = (
    "What no rule allows is refused.",
    "A refusal always wins. An approval lifts nothing that a rule refuses.",
    "An agent that acts for a person needs an allow of its own, and so does the person.",
    "Nobody approves what they asked for themselves.",
    "A fact that cannot be looked up opens nothing: no allow applies, and other rules refuse.",
    "“As claimed” marks what the caller says and nobody checks. It can only tighten an answer.",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known beside the policies.

    ``digest`` identifies their content, for whoever signs; ``directory`` says who is in a group;
    ``held`` is in how many tests a rule held, by name, whether or not a test names it; ``failed``
    is how many tests fail.
    """

    digest: str = ""
    directory: Mapping[str, Entity] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0


def describe(
    policies: CheckedPolicies, sources: Mapping[str, Source], evidence: Evidence
) -> Description:
    """The whole description. ``sources`` are the files that ``policies`` were checked from."""
    teller = _Teller(policies, sources, evidence, _declarations(sources))
    bundle = policies.bundle
    facts = [
        Fact("Version", bundle.version),
        Fact("Owner", bundle.owner),
        Fact("Contact", bundle.contact),
        Fact("Governs", listed([words(word) for word in bundle.governs])),
        Fact(
            "Holds",
            f"{counted(len(teller.policy_decls), 'policy')},"
            f" {counted(len(policies.rules), 'rule')}",
        ),
        Fact("Tests", _test_fact(len(policies.tests), evidence.failed)),
        Fact("Content (SHA-256)", evidence.digest),
    ]
    risk = policies.risk
    return Description(
        title=listed([one.name for one in policies.bundles]) or bundle.name,
        facts=tuple(fact for fact in facts if fact.text),
        reading=_READING,
        limits=teller.limits(),
        actions=teller.actions(),
        policies=tuple(teller.policy(decl) for decl in teller.policy_decls),
        routes=said_routes(policies, teller.speaker),
        risk=said_risk(risk, teller.speaker, teller.risk_reason()) if risk else None,
        claims=teller.claims(),
        names=teller.names(),
        unproved=teller.unproved(),
        sign_off=teller.sign_off(),
    )


def _test_fact(tests: int, failed: int) -> str:
    if failed:
        return f"{failed:,} of {counted(tests, 'test')} FAIL: not ready to be signed"
    return f"all {tests:,} pass" if tests else "none: not ready to be signed"


def _declarations(sources: Mapping[str, Source]) -> tuple[nodes.Declaration, ...]:
    return tuple(
        declaration
        for _, source in sorted(sources.items())
        for declaration in parse(source)[0].declarations
    )


@dataclass(frozen=True, slots=True)
class _Teller:
    """The program, and how it was written: titles and reasons stand in declarations only."""

    policies: CheckedPolicies
    sources: Mapping[str, Source]
    evidence: Evidence
    declarations: tuple[nodes.Declaration, ...]

    @property
    def policy_decls(self) -> tuple[nodes.PolicyDecl, ...]:
        return tuple(d for d in self.declarations if isinstance(d, nodes.PolicyDecl))

    @property
    def speaker(self) -> Speaker:
        schema = self.policies.schema
        claimed = {("context", field.name) for field in schema.context if field.untrusted}
        claimed |= {
            ("args", field.name)
            for action in schema.actions.values()
            for field in action.fields
            if field.untrusted
        }
        groups = {group.uid: group.name for group in self.policies.groups}
        return Speaker(groups, self.sources, frozenset(claimed))

    @property
    def grammar(self) -> Grammar:
        return Grammar(self.policies.schema, self.speaker)

    # ------------------------------------------------------------ policies

    def policy(self, decl: nodes.PolicyDecl) -> SaidPolicy:
        meta = _meta(decl.meta)
        facts = (
            Fact("Owner", meta.get("owner", "")),
            Fact("Contact", meta.get("contact", "")),
            Fact("Reason", meta.get("reason", "")),
            Fact("See", meta.get("ref", "")),
            Fact("Review by", meta.get("review_by", "")),
        )
        trial = ""
        if "shadow" in meta:
            trial = (
                f"On trial until {meta['shadow']}: what these rules say is recorded, and decides"
                " nothing."
            )
        rules = {rule.name: rule for rule in self.policies.rules}
        own = [rules[f"{decl.name.text}.{rule.name.text}"] for rule in decl.rules]
        return SaidPolicy(
            decl.name.text,
            decl.title.value if decl.title else words(decl.name.text).capitalize(),
            tuple(fact for fact in facts if fact.text),
            trial,
            tuple(
                Chapter(kind, title, tuple(map(self._rule, chosen)))
                for title, kind in _CHAPTERS.items()
                if (chosen := [rule for rule in own if self._chapter(rule) == title])
            ),
        )

    def _chapter(self, rule: Rule) -> str:
        match rule.effect:
            case "allow":
                types = frozenset[str]().union(*(clause.types for clause in rule.who))
                if types <= self.grammar.agents:
                    return _FOR_AGENTS
                return _FOR_PEOPLE if types <= self.grammar.people else _FOR_BOTH
            case "deny":
                return _REFUSED
            case "require":
                return _APPROVAL
            case _:
                return _DUTIES

    def _rule(self, rule: Rule) -> SaidRule:
        grammar = self.grammar
        tests = tuple(
            test.title for test in self.policies.tests if rule.name in (test.expect.by or ())
        )
        return SaidRule(
            rule.name,
            grammar.rule(rule),
            rule.because,
            tuple(grammar.duty(obligation) for obligation in rule.obligations),
            f"Named by {counted(len(tests), 'test')}:" if tests else f"{self._unnamed(rule.name)}.",
            tests,
        )

    def _unnamed(self, rule: str) -> str:
        held = self.evidence.held.get(rule, 0)
        if not held:
            return "No test names this rule"
        return f"No test names this rule; it holds in {counted(held, 'test')}, where others decide"

    # ------------------------------------------------------------ tables

    def limits(self) -> str:
        """What the table of actions leaves out."""
        text = "An overview: conditions, and what is refused, stand with the policies below."
        tiers = self.policies.risk.tiers if self.policies.risk else ()
        if any(tier.routes for tier in tiers):
            text += " The risk of a request may ask for further approvals."
        return text

    def actions(self) -> Table:
        """Every action that some bundle here governs, and who has to do with it."""
        grammar = self.grammar
        governed = [word for bundle in self.policies.bundles for word in bundle.governs]
        rows = []
        for action in self.policies.schema.actions.values():
            if not any(action.name == w or action.name.startswith(f"{w}.") for w in governed):
                continue
            on = listed([noun(name) for name in action.resources], "or")
            undone = "yes" if action.reversible else "no"
            rows.append(
                (
                    words(action.name), on or _NOBODY, undone, action.risk,
                    self._allowed(action.name, grammar.agents, grammar),
                    self._allowed(action.name, grammar.people, grammar),
                    self._asked(action.name),
                )
            )  # fmt: skip
        head = ("Action", "On", "Can be undone", "Risk", "Agents", "People", "May need approval of")
        return Table(head, tuple(rows))

    def _allowed(self, action: str, types: frozenset[str], grammar: Grammar) -> str:
        said: dict[str, None] = {}
        for rule in self._enforced("allow", action):
            for clause in rule.who:
                if clause.types & types:
                    said[grammar.who([clause])] = None
        return listed(list(said)) or _NOBODY

    def _asked(self, action: str) -> str:
        routes = dict.fromkeys(
            quoted(words(route))
            for rule in self._enforced("require", action)
            for route in rule.routes
        )
        return listed(list(routes)) or _NOBODY

    def _enforced(self, effect: str, action: str) -> Iterator[Rule]:
        rules = self.policies.rules
        return (r for r in rules if r.effect == effect and action in r.actions and not r.shadow)

    def claims(self) -> tuple[Claim, ...]:
        return tuple(
            Claim(claim.title, claim.owner, self.grammar.claim(claim))
            for claim in self.policies.invariants
        )

    def risk_reason(self) -> str:
        found = [d for d in self.declarations if isinstance(d, nodes.RiskDecl)]
        return _meta(found[0].meta).get("reason", "") if found else ""

    def unproved(self) -> Table:
        """The rules that no test names, where they are written, and how often they held."""
        named = {name for test in self.policies.tests for name in test.expect.by or ()}
        rules = sorted(self.policies.rules, key=lambda rule: rule.span)
        rows = tuple(
            (
                rule.name,
                f"{rule.span.file}:{rule.span.line}",
                f"{self.evidence.held.get(rule.name, 0)}",
            )
            for rule in rules
            if rule.name not in named
        )
        return Table(("Rule", "Written in", "Tests in which it holds"), rows)

    def sign_off(self) -> Table:
        """Who signs for what, with room for a name, a signature and a date."""
        owned: dict[str, list[str]] = {}
        for bundle in self.policies.bundles:
            owned.setdefault(bundle.owner, []).append(f"bundle {bundle.name}")
        for decl in self.policy_decls:
            owner = _meta(decl.meta).get("owner", "")
            owned.setdefault(owner, []).append(decl.name.text)
        if self.policies.risk:
            owned.setdefault(self.policies.risk.owner, []).append("risk")
        for claim in self.policies.invariants:
            owned.setdefault(claim.owner, []).append(quoted(claim.title))
        rows = tuple(
            (who, ", ".join(dict.fromkeys(what)), "", "", "") for who, what in owned.items()
        )
        return Table(("Owner", "Signs for", "Name", "Signature", "Date"), rows)

    # ------------------------------------------------------------ names

    def names(self) -> Table:
        """What the names in these sentences stand for: groups, lists and windows."""
        speaker = self.speaker
        rows = {
            ("group", words(name)): self._members(uid)
            for uid, name in sorted(speaker.groups.items(), key=lambda item: item[1])
        }
        for part in self._parts():
            match part:
                case InWindow():
                    rows["times", words(part.window.name)] = _window(part.window)
                case Const(type=EntityT()):
                    continue
                case Const(type=CollT()):
                    name = words(text_at(part.span, self.sources))
                    if name.replace(" ", "").isalnum():
                        rows["list", name] = value(part.value, part.type)
                case _:
                    continue
        ordered = sorted(rows.items())
        return Table(
            ("Name", "Kind", "Stands for"),
            tuple((name, kind, text) for (kind, name), text in ordered),
        )

    def _members(self, group: str) -> str:
        """The group's id, and who is directly in it by the directory."""
        members = sorted(
            f"{noun(entity.type)} {entity.id}"
            for entity in self.evidence.directory.values()
            if group in entity.groups
        )
        if not members:
            return group
        more = len(members) - _MEMBERS_NAMED_MAX
        named = members[:_MEMBERS_NAMED_MAX] + ([f"{more:,} more"] if more > 0 else [])
        return f"{group}: {listed(named)}"

    def _parts(self) -> Iterator[Expr]:
        for expr in self._conditions():
            yield from all_parts(expr)

    def _conditions(self) -> Iterable[Expr]:
        policies = self.policies
        found: list[Expr | None] = []
        for rule in policies.rules:
            found += [rule.when, rule.unless]
        found += [need.where for route in policies.routes.values() for need in route.needs]
        found += [factor.when for factor in (policies.risk.factors if policies.risk else ())]
        found += [claim.when for claim in policies.invariants]
        return [expr for expr in found if expr is not None]


_FOR_AGENTS: Final = "What agents may do"
_FOR_PEOPLE: Final = "What people may do"
_FOR_BOTH: Final = "What agents and people may do"
_REFUSED: Final = "What is refused"
_APPROVAL: Final = "What needs approval"
_DUTIES: Final = "What must also happen"
_CHAPTERS: Final = {
    _FOR_AGENTS: "allow",
    _FOR_PEOPLE: "allow",
    _FOR_BOTH: "allow",
    _APPROVAL: "ask",
    _REFUSED: "refuse",
    _DUTIES: "duty",
}


def _meta(lines: Sequence[nodes.Meta]) -> dict[str, str]:
    return {line.key: ", ".join(text.value for text in line.values) for line in lines}


def _next(span: WindowSpan) -> str:
    return " of the next day" if span.end_min <= span.start_min else ""


def _window(window: Window) -> str:
    spans = [
        f"{weekdays(span.days)} {clock(span.start_min)} to {clock(span.end_min)}{_next(span)}"
        for span in window.spans
    ]
    free = ""
    if window.holidays:
        free = f", except on {listed(sorted(window.holidays))}"
    return f"{'; '.join(spans)}, in the time zone {window.zone}{free}"
