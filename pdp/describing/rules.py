"""Rules and claims in words: who may, must not, or needs approval, and what else must happen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from pdp.describing.conditions import Phrase, Speaker
from pdp.describing.spelling import (
    counted,
    listed,
    noun,
    plural,
    quoted,
    seconds,
    sentence,
    with_article,
    words,
)
from pdp.lang.checked import (
    Expr,
    Invariant,
    LogLevel,
    Notify,
    ObligationT,
    Rate,
    Redact,
    ResourceClause,
    Rule,
    WhoClause,
)
from pdp.lang.types import Schema


@dataclass(frozen=True, slots=True)
class Grammar:
    """What sentences about rules need to know: the schema, and a speaker for conditions."""

    schema: Schema
    speaker: Speaker

    @property
    def people(self) -> frozenset[str]:
        return frozenset(e.name for e in self.schema.entities.values() if e.is_person)

    @property
    def agents(self) -> frozenset[str]:
        return frozenset(e.name for e in self.schema.entities.values() if e.is_agent)

    # ------------------------------------------------------------ rules

    def rule(self, rule: Rule) -> tuple[Phrase, ...]:
        """The rule as one sentence, or as lines with lists where a condition is long."""
        return self._with_conditions(
            self._lead(rule), rule.when, rule.unless, self._voice(rule.who)
        )

    def _lead(self, rule: Rule) -> str:
        who, on = self.who(rule.who), self._on(rule.resources)
        either = self.actions(rule.actions, "or") + on
        match rule.effect:
            case "allow":
                return f"{who} may do {either}"
            case "deny":
                nobody = who.removeprefix("everyone") if who.startswith("everyone") else None
                return f"{who} must not do {either}" if nobody is None else (
                    f"nobody{nobody} may do {either}"
                )  # fmt: skip
            case "require":
                routes = listed([quoted(words(route)) for route in rule.routes])
                need = "needs" if who.startswith("everyone") else "need"
                return f"{who} {need} the approval of {routes} to do {either}"
            case _:
                return f"{either} by {who.replace('everyone', 'anyone')} comes with duties"

    def claim(self, claim: Invariant) -> tuple[Phrase, ...]:
        """What an invariant says of every request."""
        who, on = self.who(claim.who), self._on(claim.resources)
        be = "is" if who.startswith("everyone") else "are"
        asked = f" by {quoted(words(claim.route))}" if claim.route else ""
        what = {
            "allow": f"{be} allowed to do",
            "deny": f"{be} refused",
            "approval": f"{'needs' if be == 'is' else 'need'} approval{asked} for",
        }[claim.effect]
        lead = "it is always so that"
        if claim.quantifier == "never":
            lead, who = "it never happens that", who.replace("everyone", "anyone")
        lead += f" {who} {what} {self.actions(claim.actions, 'or')}{on}"
        return self._with_conditions(lead, claim.when, None, self._voice(claim.who))

    def _with_conditions(
        self, lead: str, when: Expr | None, unless: Expr | None, voice: Speaker
    ) -> tuple[Phrase, ...]:
        lines: list[Phrase] = []
        for word, condition in (("if", when), ("unless", unless)):
            if condition is None:
                continue
            phrase = voice.phrase(condition)
            said = f"{lead}, {word} {phrase.text}" if lead else f"{word} {phrase.text}"
            if phrase.parts:
                lines.append(Phrase(sentence(said), phrase.parts))
                lead = ""
            else:
                lead = said
        if lead:
            lines.append(Phrase(sentence(lead)))
        return tuple(lines)

    # ------------------------------------------------------------ who, what, on what

    def who(self, clauses: Sequence[WhoClause]) -> str:
        """``agents in “support team”``, ``everyone``."""
        return listed([self._who(clause) for clause in clauses], "and")

    def _who(self, clause: WhoClause) -> str:
        match clause.types:
            case types if types == self.people | self.agents:
                called = "everyone"
            case types if types == self.people:
                called = "people"
            case types if types == self.agents:
                called = "agents"
            case types:
                called = listed([plural(noun(name)) for name in sorted(types)])
        return called if clause.group is None else f"{called} in {self._group(clause.group)}"

    def _group(self, uid: str) -> str:
        return quoted(words(self.speaker.groups.get(uid, uid.partition("::")[2])))

    def actions(self, names: Sequence[str], last: str) -> str:
        """Actions in quotation marks; all of them together are `anything`."""
        if len(names) == len(self.schema.actions) > 1:
            return "anything"
        return listed([quoted(words(name)) for name in names], last)

    def _on(self, clauses: Sequence[ResourceClause] | None) -> str:
        if clauses is None:
            return ""
        said = [
            with_article(noun(clause.type))
            + ("" if clause.group is None else f" in {self._group(clause.group)}")
            for clause in clauses
        ]
        return f" on {listed(said, 'or')}"

    def _voice(self, who: Sequence[WhoClause]) -> Speaker:
        """The speaker with the noun that fits those who are judged."""
        types = frozenset[str]().union(*(clause.types for clause in who))
        if types <= self.agents:
            return replace(self.speaker, principal="the agent")
        return (
            replace(self.speaker, principal="the person") if types <= self.people else self.speaker
        )

    # ------------------------------------------------------------ obligations

    def duty(self, obligation: ObligationT) -> str:
        """What must also happen, as a sentence."""
        match obligation:
            case LogLevel(level="full"):
                return "The request is recorded in full."
            case LogLevel():
                return "The request is recorded without its arguments."
            case Redact():
                paths = listed([quoted(path) for path in obligation.paths])
                return f"Left out of the log, and hidden by the caller: {paths}."
            case Notify():
                whom = obligation.target
                return f"Notified: {self._group(whom) if '::' in whom else whom}."
            case Rate():
                per = seconds(obligation.per_s).removeprefix("1 ")
                each = f"{counted(obligation.count, 'time')} per {per}"
                return f"At most {each}, counted by {words(obligation.subject)}."
            case _:
                assert_never(obligation)
