"""Charter paths to the wire paths that callers redact and the log leaves out."""

from __future__ import annotations

from dataclasses import replace

from pdp.lang import complaints, nodes
from pdp.lang.conditions.paths import check_path, owners_of
from pdp.lang.conditions.scope import Env, Owners, Typed
from pdp.lang.types import CollT, EntityT, FieldT, RecordT, Type


def redacted(path: nodes.Path, env: Env) -> tuple[set[str], set[str]] | None:
    """What the caller redacts and what the log hides for one path; None after reporting.

    Hidden attributes are named by the type that holds them (``entities.User.email``), because
    the same entity may be sent as principal, in the chain, as resource or as a third entity.
    """
    root = path.segments[0].text
    if len(path.segments) == 1 or root in {"action", "now", "chain", "approver"}:
        env.report.append(
            complaints.bad_obligation(path.span, "only sent values can be redacted", "`args.note`")
        )
        return None
    inside = replace(env, claimed_where="")  # redacting a claimed value loosens nothing
    first = nodes.Path(path.segments[:1], path.segments[0].span)
    typed = check_path(first, inside, guarded=False)
    if typed is None:
        return None
    owners = owners_of(typed, inside)
    hidden_prefixes = {root}
    shown = {root}
    for segment in path.segments[1:]:
        if owners is None:
            env.report.append(
                complaints.unknown_attribute(segment.span, segment.text, "a plain value", [])
            )
            return None
        fields = _declared(segment, owners)
        if not fields:
            known = sorted({f.name for _, declared in owners.fields for f in declared})
            env.report.append(
                complaints.unknown_attribute(segment.span, segment.text, owners.label, known)
            )
            return None
        shown = {f"{prefix}.{field.wire}" for prefix in shown for _, field in fields}
        if isinstance(typed.type, EntityT):
            hidden_prefixes = {f"entities.{label}.{field.wire}" for label, field in fields}
        else:
            hidden_prefixes = {f"{p}.{field.wire}" for p in hidden_prefixes for _, field in fields}
        typed = Typed(typed.expr, _element(fields[0][1].type))
        owners = _owners_below(typed, inside)
    return shown, hidden_prefixes


def _declared(segment: nodes.Name, owners: Owners) -> list[tuple[str, FieldT]]:
    return [(label, f) for label, fields in owners.fields for f in fields if f.name == segment.text]


def _element(type_: Type) -> Type:
    """Redaction goes through collections: ``args.recipients.address`` hides each address."""
    return _element(type_.item) if isinstance(type_, CollT) else type_


def _owners_below(typed: Typed, env: Env) -> Owners | None:
    match typed.type:
        case RecordT():
            label = typed.type.name or "record"
            return Owners(f"`{label}`", [(label, typed.type.fields)], tolerant=False)
        case EntityT():
            entities = env.names.schema.entities
            fields = [(name, entities[name].fields) for name in sorted(typed.type.names)]
            return Owners(" or ".join(sorted(typed.type.names)), fields, tolerant=False)
        case _:
            return None
