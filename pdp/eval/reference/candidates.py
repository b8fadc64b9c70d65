"""Why a rule was not even asked: said for people, from names and types alone, no conditions."""

from __future__ import annotations

from collections.abc import Iterable

from pdp.eval.suggestion import unknown_name
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.request import Request


def not_candidate(checked: CheckedPolicies, request: Request, rule_name: str) -> str:
    """Why ``policy.rule`` is no candidate for anyone in the chain; empty if it is for someone.

    The first reason of: no such rule, its actions, the types of its principals, of its resources.
    Groups and conditions are not looked at: a rule that they stop is a candidate that was false.
    """
    rule = next((rule for rule in checked.rules if rule.name == rule_name), None)
    if rule is None:
        return unknown_name("rule", rule_name, (rule.name for rule in checked.rules))
    return _other_action(rule, checked, request) or _other_types(rule, request)


def _other_action(rule: Rule, checked: CheckedPolicies, request: Request) -> str:
    action = checked.schema.action_by_wire().get(request.action)
    if action is None:
        return unknown_name("action", request.action, checked.schema.action_by_wire())
    if action.name in rule.actions:
        return ""
    return f"`{rule.name}` does not cover `{action.name}`: it is for {_listed(rule.actions)}"


def _other_types(rule: Rule, request: Request) -> str:
    found = [member.type for member in request.chain]
    wanted = {name for clause in rule.who for name in clause.types}
    if not wanted & set(found):
        return f"`{rule.name}` is for {_listed(wanted)}, and the chain is {_listed(found)}"
    if rule.resources is None:
        return ""
    resources = {clause.type for clause in rule.resources}
    if request.resource is None:
        return f"`{rule.name}` is for {_listed(resources)}, and there is no resource"
    if request.resource.type in resources:
        return ""
    return (
        f"`{rule.name}` is for {_listed(resources)}, and the resource is `{request.resource.type}`"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(set(names)))


__all__ = ["not_candidate"]
