"""A schema with a field of each type, short names for checked trees, and both forms run on them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec.structs import replace

from pdp.eval.binding.binder import Binder
from pdp.eval.compiling.cell import Cell
from pdp.eval.compiling.conditions import condition_of
from pdp.eval.compiling.places import Places
from pdp.eval.emit.paths import Scope
from pdp.eval.facts import BoundRequest, Directory
from pdp.eval.reading.decoder import Decoders
from pdp.eval.runtime import EvalError
from pdp.lang.checked import (
    And,
    Attr,
    Compare,
    Const,
    Expr,
    InEntity,
    Not,
    Or,
    ResourceClause,
    Root,
    Rule,
    Value,
    Var,
    WhoClause,
)
from pdp.lang.source import Source, Span
from pdp.lang.types import (
    BOOL,
    DECIMAL,
    DURATION,
    INT,
    STRING,
    TIMESTAMP,
    ActionDef,
    CollT,
    EntityDef,
    EntityT,
    EnumT,
    FieldT,
    RecordT,
    Schema,
    Type,
)
from pdp.model import Entity
from pdp.request import Request

FILE: Final = "lab.charter"
LOW: Final = 0
NOW_US: Final = 1_772_445_600_000_000
CHANNEL: Final = EnumT("Channel", ("email", "phone", "web"))
TIER: Final = EnumT("Tier", ("bronze", "silver", "gold"), ordered=True)
USER: Final = EntityT(frozenset({"User"}))
CASE: Final = EntityT(frozenset({"Case"}))
TEAM: Final = EntityT(frozenset({"Team"}))
AGENT: Final = EntityT(frozenset({"Bot"}))
STEP: Final = RecordT(
    "Step", (FieldT("name", "name", STRING), FieldT("cost", "cost", INT, optional=True))
)


def _field(name: str, type_: Type, *, optional: bool = False) -> FieldT:
    return FieldT(name, name, type_, optional)


ARGS: Final = (
    _field("yes", BOOL),
    _field("no", BOOL),
    _field("n", INT),
    _field("d", DECIMAL),
    _field("s", STRING),
    _field("at", TIMESTAMP),
    _field("gap", DURATION),
    _field("channel", CHANNEL),
    _field("tier", TIER),
    _field("known", USER),
    _field("stranger", CASE),
    _field("argv", CollT("list", STRING, 0, 9)),
    _field("amounts", CollT("set", DECIMAL, 0, 9)),
    _field("cases", CollT("set", CASE, 0, 9)),
    _field("steps", CollT("list", STEP, 0, 9)),
    _field("maybe", INT, optional=True),
    _field("maybe_case", CASE, optional=True),
    _field("maybe_tags", CollT("set", STRING, 0, 9), optional=True),
    _field("step", STEP),
    _field("v", CollT("list", INT, 0, 9)),
)
RUN: Final = ActionDef("lab.run", "lab.run", ("Case",), reversible=False, risk="high", fields=ARGS)
STOP: Final = ActionDef("lab.stop", "lab.stop", (), reversible=True, risk="low", fields=())


def _entity(name: str, *fields: FieldT, marks: str = "", parents: str = "") -> EntityDef:
    return EntityDef(
        name,
        "person" in marks,
        "agent" in marks,
        "directory" in marks,
        tuple(parents.split()),
        fields,
    )


SCHEMA: Final = Schema(
    entities={
        entity.name: entity
        for entity in (
            _entity("Team", marks="directory", parents="Team"),
            _entity("User", _field("level", TIER), marks="person directory", parents="Team"),
            _entity("Guest", marks="person"),
            _entity("Bot", _field("owner", USER), marks="agent directory", parents="Team"),
            _entity(
                "Case",
                _field("total", DECIMAL),
                _field("parent", CASE, optional=True),
                _field("handler", USER, optional=True),
                parents="Case Team",
            ),
        )
    },
    actions={RUN.name: RUN, STOP.name: STOP},
    context=(_field("night", BOOL),),
)
DIRECTORY: Final = {
    entity.uid: entity
    for entity in (
        Entity("Team", "all", "{}"),
        Entity("Team", "support", "{}", ("Team::all",)),
        Entity("User", "ann", '{"level":"gold"}', ("Team::support",)),
        Entity("User", "bob", '{"level":"bronze"}', ("Team::all",)),
        Entity("Bot", "b1", '{"owner":"ann"}', ("Team::support",)),
    )
}
REQUEST: Final = Request(
    principal=Entity("Bot", "b1"),
    on_behalf_of=(Entity("User", "ann"),),
    action="lab.run",
    args="""{"yes":true,"no":false,"n":5,"d":"12.50","s":"refund late order",
        "at":"2026-03-02T10:00:00Z","gap":"15m","channel":"web","tier":"silver","known":"ann",
        "stranger":"nobody","argv":["git","push","--force"],"amounts":["1.5","20"],
        "cases":["c-1","c-2"],"steps":[{"name":"a","cost":3},{"name":"b"}],"step":{"name":"a"},
        "v":[1,2,3]}""",
    resource=Entity("Case", "c-1", '{"total":"100"}', ("Case::c-2",)),
    entities=(Entity("Case", "c-2", '{"total":"7.25","handler":"bob"}', ("Team::support",)),),
    context='{"night":true}',
)


# ---------------------------------------------------------------- trees


def span(column: int = 1, line: int = 1, file: str = FILE) -> Span:
    """A place of its own for each part of a tree: the column says which."""
    return Span(file, line, column, line, column + 1)


def const(value: Value, type_: Type = INT) -> Const:
    return Const(value, type_, span())


def root(name: str, column: int = 1) -> Root:
    types: dict[str, Type] = {
        "principal": EntityT(frozenset({"Bot", "User", "Guest"})),
        "agent": AGENT,
        "user": EntityT(frozenset({"User", "Guest"})),
        "approver": USER,
        "resource": CASE,
        "chain": CollT("set", EntityT(frozenset({"Bot", "User", "Guest"})), 1, 16),
        "now": TIMESTAMP,
        "tool": RecordT("tool", tuple(_field(f, STRING) for f in ("server", "name", "digest"))),
    }
    return Root(name, types.get(name, RecordT(name, ())), span(column))


def attr(base: Expr, name: str, type_: Type, column: int = 1, *, optional: bool = False) -> Attr:
    return Attr(base, name, type_, optional, span(column))


def arg(name: str, column: int = 1) -> Attr:
    [field] = [field for field in ARGS if field.name == name]
    return attr(root("args"), name, field.type, column, optional=field.optional)


def var(name: str, type_: Type) -> Var:
    return Var(name, type_, span())


def compare(left: Expr, op: str, right: Expr) -> Compare:
    return Compare(op, left, right, span())


def both(*operands: Expr) -> And:
    return And(operands, span())


def either(*operands: Expr) -> Or:
    return Or(operands, span())


def negated(operand: Expr) -> Not:
    return Not(operand, span())


TRUE: Final = arg("yes")
FALSE: Final = arg("no")


def unknown(column: int) -> InEntity:
    """An error at that column: nothing describes ``args.stranger``."""
    return InEntity(arg("stranger"), const("Team::all", TEAM), span(column))


def rule(name: str, effect: str, when: Expr | None = None, **fields: Any) -> Rule:
    """A rule for anyone on ``lab.run``; ``fields`` replace what is usual."""
    usual = Rule(
        name=name,
        owner=f"{name}@lab.example",
        contact=f"#{name}",
        effect=effect,
        who=(WhoClause(frozenset({"Bot", "User", "Guest"}), None, span()),),
        actions=("lab.run",),
        resources=None,
        routes=(),
        when=when,
        unless=None,
        because="",
        obligations=(),
        span=span(),
    )
    return replace(usual, **fields)


def who(types: str, group: str | None = None, column: int = 1) -> WhoClause:
    return WhoClause(frozenset(types.split()), group, span(column))


def on(type_: str, group: str | None = None, column: int = 1) -> ResourceClause:
    return ResourceClause(type_, group, span(column))


# ---------------------------------------------------------------- running


def bind(request: Request = REQUEST) -> BoundRequest:
    decoders = Decoders(SCHEMA)
    return Binder(SCHEMA, Directory(DIRECTORY, SCHEMA, decoders), decoders).bind(request)


def cell(*rules: Rule, sources: dict[str, Source] | None = None, principal: str = "Bot") -> Cell:
    scope = Scope(SCHEMA, RUN, "Case", principal)
    conditions = [(index, condition_of(rule, scope)) for index, rule in enumerate(rules)]
    return Cell(conditions, scope, Places(sources or {}))


def answer(
    expr: Expr, request: Request | BoundRequest = REQUEST, actor: str = "Bot::b1"
) -> bool | tuple[str, int]:
    """True, false, or the kind and column of the error; both forms must agree on it."""
    return answer_of(rule("r", "deny", expr), request, actor)


def answer_of(
    judged: Rule, request: Request | BoundRequest = REQUEST, actor: str = "Bot::b1"
) -> bool | tuple[str, int]:
    """As ``answer``, of a whole rule."""
    bound = request if isinstance(request, BoundRequest) else bind(request)
    compiled = cell(judged, principal=actor.partition("::")[0])
    held, erred = compiled.exactly(bound, actor, NOW_US, LOW)
    exact = (erred[0][1], erred[0][2].column) if erred else held == 1
    try:
        fast = compiled.held(bound, actor, NOW_US, LOW) == 1
    except EvalError:
        return exact
    assert fast == exact, "the fast form answered otherwise than the exact one"
    return exact


def with_args(**values: object) -> Request:
    """The usual request with some arguments replaced; None leaves one out."""
    args = msgspec.json.decode(REQUEST.args) | values
    kept = {name: value for name, value in args.items() if value is not None}
    return replace(REQUEST, args=msgspec.json.encode(kept).decode())
