"""Bundle, policy and route metadata: who answers, why, since when. Attribution is mandatory."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pdp.lang import complaints, nodes
from pdp.lang.checked import BundleInfo
from pdp.lang.declared.report import Report
from pdp.lang.source import Span

LANGUAGE_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class _Keys:
    """The metadata lines a declaration must and may have."""

    mandatory: tuple[str, ...]
    optional: tuple[str, ...]


_BUNDLE: Final = _Keys(("version", "language", "owner", "contact", "governs"), ("reason", "ref"))
_POLICY: Final = _Keys(("owner", "contact", "reason"), ("ref", "review_by", "shadow"))
_ROUTE: Final = _Keys((), ("owner", "contact", "reason", "ref"))
_RISK: Final = _Keys(("owner", "reason"), ("contact", "ref", "review_by"))
_INVARIANT: Final = _Keys(("owner",), ("contact", "reason", "ref"))


@dataclass(frozen=True, slots=True)
class Attributed:
    """Who answers for a policy, and whether it is only watched (``shadow until``)."""

    owner: str
    contact: str
    shadow: bool = False


def bundle_info(decl: nodes.BundleDecl, report: Report) -> BundleInfo:
    """The bundle line; every key of it is mandatory."""
    found = _read(decl.meta, _BUNDLE, decl.name.span, "the bundle", report)
    language = found.get("language")
    if language is not None and language.values[0].value != LANGUAGE_VERSION:
        report.append(
            complaints.unsupported_language(language.values[0].span, language.values[0].value)
        )
    governs = found.get("governs")
    return BundleInfo(
        decl.name.text,
        _first(found, "version"),
        _first(found, "owner"),
        _first(found, "contact"),
        tuple(text.value for text in governs.values) if governs else (),
        decl.guard,
    )


def policy_attribution(
    decl: nodes.PolicyDecl, today: datetime.date | None, report: Report
) -> Attributed:
    """Owner and contact of a policy; owner, contact and reason are mandatory.

    ``today`` is only for warnings about dates that have passed; None leaves them out.
    """
    what = f"policy `{decl.name.text}`"
    found = _read(decl.meta, _POLICY, decl.name.span, what, report)
    for key, passed in (
        ("shadow", complaints.shadow_ended),
        ("review_by", complaints.review_passed),
    ):
        if key in found:
            text = found[key].values[0]
            date = _date(text, report)
            if date is not None and today is not None and date < today:
                report.append(passed(text.span, text.value))
    return Attributed(_first(found, "owner"), _first(found, "contact"), "shadow" in found)


def risk_attribution(decl: nodes.RiskDecl, report: Report) -> Attributed:
    """Who answers for the points and tiers; owner and reason are mandatory."""
    found = _read(decl.meta, _RISK, decl.span, "the risk block", report)
    return Attributed(_first(found, "owner"), _first(found, "contact"))


def invariant_owner(decl: nodes.InvariantDecl, report: Report) -> str:
    """Who claims it; the owner is mandatory."""
    found = _read(decl.meta, _INVARIANT, decl.title.span, "the invariant", report)
    return _first(found, "owner")


def check_route_metadata(decl: nodes.RouteDecl, report: Report) -> None:
    """A route may carry metadata, none of it mandatory."""
    meta = [item for item in decl.items if isinstance(item, nodes.Meta)]
    _read(meta, _ROUTE, decl.name.span, f"route `{decl.name.text}`", report)


def _read(
    meta: Sequence[nodes.Meta], keys: _Keys, span: Span, what: str, report: Report
) -> dict[str, nodes.Meta]:
    found: dict[str, nodes.Meta] = {}
    for item in meta:
        if item.key not in keys.mandatory + keys.optional:
            report.append(complaints.misplaced_metadata(item.span, item.key, what))
        elif item.key in found:
            report.append(complaints.duplicate(item.span, "line", item.key, found[item.key].span))
        else:
            found[item.key] = item
    for key in keys.mandatory:
        if key not in found:
            report.append(complaints.missing_attribution(span, what, key))
        elif not any(text.value.strip() for text in found[key].values):
            report.append(complaints.missing_attribution(found[key].span, what, key))
    return found


def _first(found: dict[str, nodes.Meta], key: str) -> str:
    return found[key].values[0].value if key in found else ""


def _date(text: nodes.Text, report: Report) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text.value)
    except ValueError:
        report.append(complaints.bad_date(text.span, text.value))
        return None
