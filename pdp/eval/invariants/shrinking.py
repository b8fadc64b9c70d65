"""A counterexample made as small as it goes, step by step, while it stays one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Final

from pdp.eval.invariants.palette import USUAL_NOW_US
from pdp.eval.invariants.scene import Record, Scene, Thing
from pdp.eval.reference.facts import Plain, expect
from pdp.lang.types import CollT, EnumT, FieldT, Prim, RecordT, Schema, Type

_STEPS_MAX: Final = 3_000
# The plainest values first; a value of the table is only ever replaced by one before it.
_PLAINEST: Final[dict[str, tuple[Plain, ...]]] = {
    "bool": (False,),
    "int": (0, 1),
    "decimal": (Fraction(0), Fraction(1)),
    "string": ("",),
    "timestamp": (USUAL_NOW_US,),
    "duration": (0,),
    "path": ("/",),
}


def shrunk(scene: Scene, still_fails: Callable[[Scene], bool], schema: Schema) -> Scene:
    """The scene after every simplification that leaves ``still_fails`` true; greedy."""
    left = _STEPS_MAX
    found = True
    while found and left > 0:
        found = False
        for simpler in _simpler(scene, schema):
            left -= 1
            if still_fails(simpler):
                scene, found = simpler, True
                break
            if left <= 0:
                break
    return scene


def _simpler(scene: Scene, schema: Schema) -> Iterator[Scene]:
    for index in range(1, len(scene.chain)):
        yield replace(scene, chain=_without(scene.chain, index))
    for index in range(len(scene.third)):
        yield replace(scene, third=_without(scene.third, index))
    if scene.now_us != USUAL_NOW_US:
        yield replace(scene, now_us=USUAL_NOW_US)
    for args in _simpler_records(scene.args, scene.action.fields):
        yield replace(scene, args=args)
    for context in _simpler_records(scene.context, schema.context):
        yield replace(scene, context=context)
    if scene.resource is not None:
        for resource in _simpler_things(scene.resource, schema):
            yield replace(scene, resource=resource)
    for chain in _simpler_lists(scene.chain, schema):
        yield replace(scene, chain=chain)
    for third in _simpler_lists(scene.third, schema):
        yield replace(scene, third=third)


def _simpler_lists(things: tuple[Thing, ...], schema: Schema) -> Iterator[tuple[Thing, ...]]:
    for index, thing in enumerate(things):
        for simpler in _simpler_things(thing, schema):
            yield (*things[:index], simpler, *things[index + 1 :])


def _without(items: tuple[Thing, ...], index: int) -> tuple[Thing, ...]:
    return (*items[:index], *items[index + 1 :])


def _simpler_things(thing: Thing, schema: Schema) -> Iterator[Thing]:
    if thing.attributes is None:
        return
    for group in thing.groups:
        yield replace(thing, groups=tuple(g for g in thing.groups if g != group))
    for attributes in _simpler_records(thing.attributes, schema.entities[thing.type].fields):
        yield replace(thing, attributes=attributes)


def _simpler_records(record: Record, fields: Iterable[FieldT]) -> Iterator[Record]:
    for field in fields:
        if field.name not in record:
            continue
        if field.may_be_absent:
            yield {name: value for name, value in record.items() if name != field.name}
        for value in _simpler_values(record[field.name], field.type):
            yield {**record, field.name: value}


def _simpler_values(value: Plain, type_: Type) -> Iterator[Plain]:
    match type_:
        case Prim():
            plainest = _PLAINEST.get(type_.name, ())
            until = plainest.index(value) if value in plainest else len(plainest)
            yield from plainest[:until]
        case EnumT():
            first: Plain = 0 if type_.ordered else type_.members[0]
            if value != first:
                yield first
        case CollT():
            items = expect(value, tuple)
            if len(items) > type_.lo:
                for index in range(len(items)):
                    yield (*items[:index], *items[index + 1 :])
            for index, item in enumerate(items):
                for simpler in _simpler_values(item, type_.item):
                    if type_.kind == "list" or simpler not in items:
                        yield (*items[:index], simpler, *items[index + 1 :])
        case RecordT():
            yield from _simpler_records(expect(value, dict), type_.fields)
        case _:
            return


__all__ = ["shrunk"]
