"""Paths (``resource.owner.email``) to typed expressions: roots, attributes, guards, trust."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from msgspec import structs

from pdp.lang import complaints, nodes
from pdp.lang.checked import Attr, Const, Expr, Root, Var
from pdp.lang.conditions.roots import ROOTS
from pdp.lang.conditions.scope import Env, Owners, Typed, key_of
from pdp.lang.declared.report import BROKEN
from pdp.lang.source import Span
from pdp.lang.types import (
    JSON,
    CollT,
    EntityT,
    EnumT,
    FieldT,
    RecordT,
    Type,
    describe,
)

REFERENCE_DEPTH_MAX: Final = 3
QUALIFIED_WORDS_MAX: Final = 32


def check_path(
    path: nodes.Path, env: Env, expected: Type | None = None, *, guarded: bool = True
) -> Typed | None:
    """A path's expression. ``guarded=False`` for ``has`` and ``show``, which need no guard."""
    words = [segment.text for segment in path.segments]
    typed, used = _start(path, words, env, expected, guarded=guarded)
    hops = 0
    for index in range(used, len(path.segments)):
        if typed is None or typed.type is BROKEN:
            return None
        hops += isinstance(typed.type, EntityT)
        if hops > REFERENCE_DEPTH_MAX:
            env.report.append(
                complaints.too_many(path.span, "references on one path", REFERENCE_DEPTH_MAX)
            )
            return None
        span = path.segments[0].span.to(path.segments[index].span)
        typed = _step(typed, path.segments[index], span, env)
        if typed is not None and guarded and not _is_guarded(typed, span, env):
            return None
    if typed is None or typed.type is BROKEN:
        return None
    if guarded and _holds_json(typed.type):
        env.report.append(complaints.json_read(path.span, ".".join(words)))
        return None
    if typed.claimed and env.claimed_where:
        env.report.append(complaints.claimed_loosens(path.span, ".".join(words), env.claimed_where))
        return None
    return typed


def lookup_field(name: nodes.Name, owners: Owners, env: Env) -> FieldT | None:
    """One field declared by every owner with one type; reports when it is not."""
    if name.text in owners.agreed:
        return owners.agreed[name.text]
    has = owners.named(name.text)
    if not has:
        known = owners.names()
        env.report.append(complaints.unknown_attribute(name.span, name.text, owners.label, known))
        return None
    labels = [label for label, _ in has]
    first = has[0][1]
    if any(field.type is BROKEN for _, field in has):
        return None
    if any(field.type != first.type for _, field in has):
        env.report.append(complaints.not_in_every_type(name.span, name.text, labels, []))
        return None
    lacks = len(has) < len(owners.fields)
    if lacks and not owners.tolerant:
        having = set(labels)
        lacking = [label for label, _ in owners.fields if label not in having]
        env.report.append(complaints.not_in_every_type(name.span, name.text, labels, lacking))
        return None
    owners.agreed[name.text] = FieldT(
        first.name,
        first.wire,
        first.type,
        optional=lacks or any(field.may_be_absent for _, field in has),
        untrusted=any(field.untrusted for _, field in has),
        secret=any(field.secret for _, field in has),
    )
    return owners.agreed[name.text]


def owners_of(typed: Typed, env: Env) -> Owners | None:
    """Who declares the attributes of a value; None if nothing can."""
    is_args = isinstance(typed.expr, Root) and typed.expr.name == "args"
    if not is_args and not isinstance(typed.type, EntityT):
        return _owners_of(typed, env)
    # Of many actions or types, these are asked for again and again.
    key = "args" if is_args else typed.type
    if key not in env.scope.owners:
        env.scope.owners[key] = _owners_of(typed, env)
    return env.scope.owners[key]


def _owners_of(typed: Typed, env: Env) -> Owners | None:
    scope = env.scope
    match typed.expr, typed.type:
        case Root(name="args"), _:
            fields = [(action.name, action.fields) for action in scope.actions]
            label = scope.actions[0].name if len(scope.actions) == 1 else "the action"
            return Owners(f"`{label}`" if len(fields) == 1 else label, fields, scope.tolerant_args)
        case _, EntityT():
            entities = env.names.schema.entities
            names = sorted(typed.type.names)
            fields = [(name, entities[name].fields) for name in names]
            return Owners(f"`{describe(typed.type)}`", fields, scope.tolerant_types)
        case _, RecordT():
            label = typed.type.name or "record"
            return Owners(f"`{label}`", [(label, typed.type.fields)], tolerant=False)
        case _:
            return None


def _start(
    path: nodes.Path, words: list[str], env: Env, expected: Type | None, *, guarded: bool
) -> tuple[Typed | None, int]:
    """The expression for the first word or two, and how many words it took."""
    first = path.segments[0]
    variables = env.variables or {}
    if first.text in variables:
        typed = variables[first.text]
        env.written_out.nodes += typed.nodes
        return replace(typed, expr=_moved(typed.expr, first.span)), 1
    if first.text in ROOTS:
        typed_root = ROOTS[first.text](first, env)
        if typed_root is not None and guarded and not _is_guarded(typed_root, first.span, env):
            return None, 1
        return typed_root, 1
    qualified = _qualified(path, env)
    if qualified is not None:
        return qualified
    if len(words) > 1 and first.text in env.names.enums:
        name = env.names.builder.declared(first)
        if name is None:
            return None, len(words)
        return _member(path.segments[1], env.names.enums[name], path.span, env), 2
    return _bare(first, env, expected, alone=len(words) == 1), 1


def _qualified(path: nodes.Path, env: Env) -> tuple[Typed, int] | None:
    """``acme.schema.bots``: a value of an imported bundle by its full name."""
    words = [segment.text for segment in path.segments]
    for count in range(min(len(words), QUALIFIED_WORDS_MAX), 1, -1):
        const = env.names.values.get(".".join(words[:count]))
        if const is not None:
            span = path.segments[0].span.to(path.segments[count - 1].span)
            return Typed(structs.replace(const, span=span), const.type), count
    return None


def _holds_json(type_: Type) -> bool:
    return type_ == JSON or (isinstance(type_, CollT) and _holds_json(type_.item))


def _moved(expr: Expr, span: Span) -> Expr:
    """A variable is reported where it is used, not where it was bound."""
    return structs.replace(expr, span=span) if isinstance(expr, Var) else expr


def _step(base: Typed, name: nodes.Name, span: Span, env: Env) -> Typed | None:
    owners = owners_of(base, env)
    if owners is None:
        label = f"a value of type {describe(base.type)}"
        env.report.append(complaints.unknown_attribute(name.span, name.text, label, []))
        return None
    field = lookup_field(name, owners, env)
    if field is None:
        return None
    if isinstance(base.expr, Const) and isinstance(base.expr.value, dict):
        if field.name not in base.expr.value:
            env.report.append(complaints.unguarded_optional(span, name.text))
            return None
        return Typed(Const(base.expr.value[field.name], field.type, span), field.type)
    expr = Attr(base.expr, field.name, field.type, field.optional, span)
    return Typed(expr, field.type, base.claimed or field.untrusted)


def _is_guarded(typed: Typed, span: Span, env: Env) -> bool:
    """Whether the value is there for certain; reports it when not."""
    expr = typed.expr
    optional = (isinstance(expr, Attr) and expr.optional) or (
        isinstance(expr, Root) and _is_optional_root(expr.name, env)
    )
    key = key_of(expr)
    if not optional or key is None or key in env.proved:
        return True
    env.report.append(complaints.unguarded_optional(span, ".".join(key)))
    return False


def _is_optional_root(name: str, env: Env) -> bool:
    scope = env.scope
    return (
        name in {"user", "tool"}
        or (name == "agent" and not scope.has_agent)
        or (name == "resource" and scope.optional_resource)
    )


def _member(name: nodes.Name, enum: EnumT, span: Span, env: Env) -> Typed | None:
    if name.text not in enum.members:
        env.report.append(complaints.unknown_member(name.span, name.text, enum.name, enum.members))
        return None
    return _enum_const(name.text, enum, span)


def _enum_const(member: str, enum: EnumT, span: Span) -> Typed:
    return Typed(Const(enum.members.index(member) if enum.ordered else member, enum, span), enum)


def _bare(name: nodes.Name, env: Env, expected: Type | None, *, alone: bool) -> Typed | None:
    """A bare name: a member of the expected enum first, then a group, const or data."""
    const = env.names.values.get(name.text)
    wanted = expected.item if isinstance(expected, CollT) else expected
    if alone and isinstance(wanted, EnumT) and name.text in wanted.members:
        if const is not None and const.type == wanted:
            choices = [f"{wanted.name}.{name.text}", f"the value {name.text}"]
            env.report.append(complaints.ambiguous_name(name.span, name.text, choices))
            return None
        return _enum_const(name.text, wanted, name.span)
    if const is not None:
        return Typed(structs.replace(const, span=name.span), const.type)
    if name.text in env.names.refused or env.names.is_ambiguous(name, env.report):
        return None
    if alone and isinstance(wanted, EnumT):
        env.report.append(
            complaints.unknown_member(name.span, name.text, wanted.name, wanted.members)
        )
    elif isinstance(wanted, EntityT):
        env.report.append(complaints.unknown_group(name.span, name.text, env.names.groups()))
    else:
        known = [*ROOTS, *env.names.values, *(env.variables or {})]
        env.report.append(complaints.unknown_name(name.span, name.text, known))
    return None


# ---------------------------------------------------------------- roots
