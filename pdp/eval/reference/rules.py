"""The reference meaning of one rule for one request and one principal. Knows no answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from pdp.eval.reference.facts import Plain, World, record_of, tree_of, type_name, world_of
from pdp.eval.reference.risk import Risk, assess
from pdp.eval.reference.terms import Scope, Truth, all_of, any_of, in_group, negated, truth
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.types import RISK, ActionDef
from pdp.model import Entity
from pdp.request import Request


@dataclass(frozen=True, slots=True)
class Case:
    """One request and all that is known when it is judged; ``scope`` has no ``principal`` yet.

    ``risk`` is None when nothing loaded says what is risky.
    """

    checked: CheckedPolicies
    request: Request
    action: ActionDef
    scope: Scope
    risk: Risk | None

    @property
    def world(self) -> World:
        return self.scope.world

    @property
    def chain(self) -> tuple[str, ...]:
        """The acting principal's uid, then those it acts for, nearest first."""
        return tuple(member.uid for member in self.request.chain)

    def scope_of(self, principal: str) -> Scope:
        """What a rule reads when ``principal`` is the member being judged."""
        return replace(self.scope, roots={**self.scope.roots, "principal": principal})


@dataclass(frozen=True, slots=True)
class Judged:
    """What a candidate rule came to for one member of the chain."""

    principal: str
    rule: Rule
    outcome: Truth


def case_of(
    checked: CheckedPolicies, directory: Mapping[str, Entity], request: Request, now_us: int
) -> Case:
    """The facts of a request that the binder has accepted."""
    schema = checked.schema
    action = schema.action_by_wire()[request.action]
    chain = tuple(member.uid for member in request.chain)
    roots: dict[str, Plain] = {
        "chain": chain,
        "now": now_us,
        "args": record_of(tree_of(request.args), action.fields),
        "context": record_of(tree_of(request.context), schema.context),
        "action": {
            "reversible": action.reversible,
            "risk": RISK.members.index(action.risk),
        },
    }
    agents = [uid for uid in chain if schema.entities[type_name(uid)].is_agent]
    if agents:
        roots["agent"] = agents[0]
    if schema.entities[type_name(chain[-1])].is_person:
        roots["user"] = chain[-1]
    if request.resource is not None:
        roots["resource"] = request.resource.uid
    if request.tool is not None:
        roots["tool"] = {
            "server": request.tool.server,
            "name": request.tool.name,
            "digest": request.tool.definition_digest,
        }
    scope = Scope(world_of(schema, directory, request), roots)
    if checked.risk is None:
        return Case(checked, request, action, scope, None)
    risk = assess(checked.risk, scope)
    scope = replace(scope, roots={**roots, "risk": {"tier": risk.rank}})
    return Case(checked, request, action, scope, risk)


def judge(case: Case) -> tuple[Judged, ...]:
    """Every candidate rule, shadow rules too, for every member of the chain, acting one first."""
    return tuple(
        Judged(principal, rule, outcome(rule, principal, case))
        for principal in case.chain
        for rule in case.checked.rules
        if is_candidate(rule, principal, case)
    )


def is_candidate(rule: Rule, principal: str, case: Case) -> bool:
    """Whether action and types fit; groups and conditions are not looked at."""
    if case.action.name not in rule.actions:
        return False
    if not any(type_name(principal) in clause.types for clause in rule.who):
        return False
    if rule.resources is None:
        return True
    resource = case.request.resource
    return resource is not None and any(clause.type == resource.type for clause in rule.resources)


def outcome(rule: Rule, principal: str, case: Case) -> Truth:
    """What a candidate comes to: who, what, ``when``, not ``unless``."""
    return all_of(_parts(rule, principal, case))


def _parts(rule: Rule, principal: str, case: Case) -> Iterator[Truth]:
    """What must all hold; each is looked at only if those before it are not false."""
    scope = case.scope_of(principal)
    yield who_truth(rule, principal, case.world)
    yield resource_truth(rule, case)
    if rule.when is not None:
        yield truth(rule.when, scope)
    if rule.unless is not None:
        yield negated(truth(rule.unless, scope))


def who_truth(rule: Rule, principal: str, world: World) -> Truth:
    """Some who clause has the principal's type and, if it names a group, has them below it."""
    return any_of(
        type_name(principal) in clause.types
        and (clause.group is None or in_group(principal, clause.group, clause.span, world))
        for clause in rule.who
    )


def resource_truth(rule: Rule, case: Case) -> Truth:
    """Likewise for the resource; true where the rule names none."""
    resource = case.request.resource
    if rule.resources is None or resource is None:  # without one, only the former is a candidate
        return True
    return any_of(
        clause.type == resource.type
        and (clause.group is None or in_group(resource.uid, clause.group, clause.span, case.world))
        for clause in rule.resources
    )


__all__ = [
    "Case", "Judged", "case_of", "is_candidate", "judge", "outcome", "resource_truth", "who_truth",
]  # fmt: skip
