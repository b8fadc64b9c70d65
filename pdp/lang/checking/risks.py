"""The risk block to a risk model: points that only add, tiers that only rise."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pdp.lang import complaints, nodes
from pdp.lang.checked import RiskFactor, RiskModel, RiskTier
from pdp.lang.checking.routes import everywhere
from pdp.lang.conditions.expressions import check_condition
from pdp.lang.conditions.scope import Env, WrittenOut
from pdp.lang.declared.metadata import risk_attribution
from pdp.lang.declared.names import Names
from pdp.lang.declared.report import Report
from pdp.lang.types import RISK

POINTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class CheckedRisk:
    """The model, and whether a claimed value can add points."""

    model: RiskModel
    is_claimed: bool


def check_risk(all_names: Sequence[Names], report: Report) -> CheckedRisk | None:
    """The one risk block of what is loaded together, if there is one."""
    found: CheckedRisk | None = None
    first: nodes.RiskDecl | None = None
    for names in all_names:
        for decl in names.bundle.declarations:
            if not isinstance(decl, nodes.RiskDecl):
                continue
            if first is not None:
                report.append(complaints.duplicate(decl.span, "block", "risk", first.span))
                continue
            first = decl
            found = _check_block(decl, names, report)
    return found


def _check_block(decl: nodes.RiskDecl, names: Names, report: Report) -> CheckedRisk:
    attributed = risk_attribution(decl, report)
    env = Env(names, everywhere(names.schema), report)
    factors: list[RiskFactor] = []
    claimed = False
    for node in decl.points:
        if not 1 <= node.points <= POINTS_MAX:
            report.append(
                complaints.bad_risk(node.span, f"points are 1 to {POINTS_MAX:,}: they only add")
            )
        typed = check_condition(node.when, replace(env, written_out=WrittenOut()))
        if typed is not None:
            claimed = claimed or typed.claimed
            factors.append(RiskFactor(node.points, node.reason.value, typed.expr, node.span))
    tiers = [tier for node in decl.tiers if (tier := _tier(node, names, report)) is not None]
    _check_rising(tiers, report)
    contact = attributed.contact or names.bundle.info.contact
    model = RiskModel(tuple(factors), tuple(tiers), attributed.owner, contact)
    return CheckedRisk(model, claimed)


def _tier(node: nodes.Tier, names: Names, report: Report) -> RiskTier | None:
    name = node.name.text
    if name not in RISK.members:
        report.append(complaints.unknown_member(node.name.span, name, "Risk", RISK.members))
        return None
    rank = RISK.members.index(name)
    if rank == 0 or node.from_points < 1:
        report.append(
            complaints.bad_risk(node.span, "`low` is where points start; a tier begins above 0")
        )
        return None
    routes: list[str] = []
    for route in node.routes:
        decl = names.routes.get(route.text)
        if decl is None:
            report.append(complaints.unknown_route(route.span, route.text, names.routes))
        else:
            routes.append(decl.name.text)
    return RiskTier(name, rank, node.from_points, tuple(sorted(set(routes))), node.span)


def _check_rising(tiers: Sequence[RiskTier], report: Report) -> None:
    for before, tier in itertools.pairwise(tiers):
        if tier.rank <= before.rank or tier.from_points <= before.from_points:
            report.append(
                complaints.bad_risk(
                    tier.span,
                    f"tier `{tier.name}` does not stand above `{before.name}`",
                    "write tiers from low to high, each from more points",
                )
            )
