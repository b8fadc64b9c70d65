"""A schema with every type and mark, its directory and a usual request, built by hand."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from pdp.eval.binding.binder import Binder
from pdp.eval.facts import Directory
from pdp.eval.reading.decoder import Decoders
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


def field(name: str, type_: Type, wire: str = "", *, optional: bool = False) -> FieldT:
    return FieldT(name, wire or name, type_, optional)


def entity(name: str, *fields: FieldT, marks: str = "", parents: tuple[str, ...] = ()) -> EntityDef:
    return EntityDef(
        name=name,
        is_person="person" in marks,
        is_agent="agent" in marks,
        is_directory="directory" in marks,
        parents=parents,
        fields=fields,
    )


def action(
    name: str, *fields: FieldT, wire: str = "", resources: tuple[str, ...] = ()
) -> ActionDef:
    return ActionDef(name, wire or name, resources, reversible=True, risk="low", fields=fields)


CHANNEL: Final = EnumT("Channel", ("email", "phone", "web"))
TIER: Final = EnumT("Tier", ("bronze", "silver", "gold"), ordered=True)
USER: Final = EntityT(frozenset({"User"}))
GUEST: Final = EntityT(frozenset({"Guest"}))
ORDER: Final = EntityT(frozenset({"Order"}))
ADDRESS: Final = RecordT(
    "Address", (field("city", STRING), field("zip", INT, "Zip-Code", optional=True))
)

SCHEMA: Final = Schema(
    entities={
        definition.name: definition
        for definition in (
            entity("Team", marks="directory", parents=("Team",)),
            entity(
                "User",
                field("department", STRING),
                field("limit", DECIMAL, optional=True),
                marks="person directory",
                parents=("Team",),
            ),
            entity("Guest", field("email", STRING, optional=True), marks="person"),
            entity("Bot", field("owner", USER), marks="agent directory", parents=("Team",)),
            entity(
                "Script",
                field("owner", USER, optional=True),
                marks="agent",
                parents=("Team", "Folder"),
            ),
            entity("Macro", field("owner", GUEST, optional=True), marks="agent"),
            entity("Region"),
            entity("Shop", parents=("Region",)),
            entity("Folder", parents=("Folder",)),
            entity(
                "Order",
                field("customer", USER),
                field("total", DECIMAL),
                field("paid_at", TIMESTAMP, "paidAt", optional=True),
                parents=("Shop", "Team"),
            ),
        )
    },
    actions={
        definition.name: definition
        for definition in (
            action(
                "payment.refund",
                field("amount", DECIMAL),
                field("note", STRING, optional=True),
                wire="payments__refund",
                resources=("Order",),
            ),
            action("shop.close", resources=("Shop", "Region")),
            action("mail.send", field("to", STRING), field("count", INT, optional=True)),
        )
    },
    context=(
        field("channel", CHANNEL),
        field("tier", TIER),
        field("age", DURATION, optional=True),
    ),
)

DIRECTORY: Final = {
    item.uid: item
    for item in (
        Entity("Team", "all", "{}"),
        Entity("Team", "support", "{}", ("Team::all",)),
        Entity("User", "ann", '{"department":"support","limit":50}', ("Team::support",)),
        Entity("User", "bob", '{"department":"finance"}', ("Team::all",)),
        Entity("Bot", "b1", '{"owner":"ann"}', ("Team::support",)),
        Entity("Bot", "stray", '{"owner":"gone"}'),
    )
}
CONTEXT: Final = '{"channel":"web","tier":"gold","age":"15m"}'
REFUND: Final = Request(
    principal=Entity("Bot", "b1"),
    on_behalf_of=(Entity("User", "ann"),),
    action="payment.refund",
    args='{"amount":12.50,"note":"late"}',
    resource=Entity(
        "Order",
        "o-1",
        '{"customer":"bob","total":"120.00","paidAt":"2026-03-02T10:00:00Z"}',
        ("Shop::north",),
    ),
    context=CONTEXT,
)
MAIL: Final = replace(REFUND, action="mail.send", args='{"to":"x"}', resource=None)


def binder(extra: tuple[Entity, ...] = ()) -> Binder:
    """A binder over the schema, its directory and ``extra`` entries."""
    decoders = Decoders(SCHEMA)
    entries = DIRECTORY | {item.uid: item for item in extra}
    return Binder(SCHEMA, Directory(entries, SCHEMA, decoders), decoders)


# Every type as a field, for tables: name to type.
TYPES: Final[dict[str, Type]] = {
    "bool": BOOL,
    "int": INT,
    "decimal": DECIMAL,
    "string": STRING,
    "timestamp": TIMESTAMP,
    "duration": DURATION,
    "enum": CHANNEL,
    "level": TIER,
    "reference": USER,
    "record": ADDRESS,
    "list": CollT("list", INT, 1, 3),
    "set": CollT("set", STRING, 0, 3),
    "set of decimals": CollT("set", DECIMAL, 0, 3),
    "set of ids": CollT("set", USER, 0, 3),
    "set of levels": CollT("set", TIER, 0, 3),
    "set of times": CollT("set", TIMESTAMP, 0, 3),
    "list of records": CollT("list", ADDRESS, 0, 3),
}
