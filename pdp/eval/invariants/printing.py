"""A scene as a test of the language, to paste beside the policies. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from pdp import canonical
from pdp.eval.invariants.cast import Cast
from pdp.eval.invariants.scene import Record, Scene, Thing, references_in
from pdp.eval.reference.facts import Plain, expect, record_of, wire_tree
from pdp.lang.checked import CheckedPolicies, Invariant
from pdp.lang.formatter import format_source
from pdp.lang.source import Source
from pdp.lang.types import JSON, CollT, EntityT, EnumT, FieldT, Prim, RecordT, Schema, Type
from pdp.model import Decision, DenyCause, Effect

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"})


def charter_test(
    scene: Scene, claim: Invariant, decision: Decision, checked: CheckedPolicies, cast: Cast
) -> str:
    """Fixtures and a test in Charter that fails now; it expects what would satisfy the claim."""
    return _Writer(checked, cast).text(scene, claim, decision)


@dataclass
class _Writer:
    """Writes one test; every entity gets a fixture of its own, named once."""

    checked: CheckedPolicies
    cast: Cast
    names: dict[str, str] = field(default_factory=dict)
    fixtures: list[str] = field(default_factory=list)

    def text(self, scene: Scene, claim: Invariant, decision: Decision) -> str:
        schema = self.checked.schema
        agents = [t for t in scene.chain if schema.entities[t.type].is_agent]
        people = [t for t in scene.chain if not schema.entities[t.type].is_agent]
        lines = [f"test {_quoted(f'counterexample: {claim.title}')} {{"]
        if agents:
            lines.append(f"agent {', '.join(self._name(t, 'found_agent') for t in agents)}")
        if people:
            lines.append(f"user {self._name(people[-1], 'found_user')}")
        resource = scene.resource
        on = "" if resource is None else f" on {self._name(resource, 'found_resource')}"
        for thing in scene.third:
            self._name(thing, "found_entity")
        if _is_about_approvers(decision):
            for uid in self.cast.stand_ins:
                self._name(_bare(uid), "found_entity")
        args = _record_text(scene.args, scene.action.fields)
        lines.append(f"do {scene.action.name}{on}{f' {args}' if scene.args else ''}")
        context = [f"now: {_timestamp(scene.now_us)}", *_pairs(scene.context, schema.context)]
        lines += [f"context {{ {', '.join(context)} }}", f"# found: {_told(decision)}"]
        lines += [f"# {note}" for note in _unwritable(scene, schema)]
        lines += [f"expect {_expected(claim)}", "}"]
        text = "\n".join([*self.fixtures, "", *lines]) + "\n"
        return format_source(Source("counterexample.charter", text))

    def _name(self, thing: Thing, wanted: str) -> str:
        if thing.uid in self.names:
            return self.names[thing.uid]
        taken = {f.name for f in self.checked.fixtures.values()} | set(self.names.values())
        free = (wanted if n == 1 else f"{wanted}_{n}" for n in range(1, len(taken) + 2))
        name = next(n for n in free if n not in taken)
        self.names[thing.uid] = name
        thing = self._described(thing)
        line = f"fixture {name} = {thing.type}::{_quoted(thing.id)}"
        if thing.attributes is not None:
            parents = [self._parent(uid) for uid in thing.groups]
            line += f" in [{', '.join(parents)}]" if parents else ""
            fields = self.checked.schema.entities[thing.type].fields
            line += f" {_record_text(thing.attributes, fields)}"
            for uid in references_in(thing.attributes, fields):
                if uid in self.cast.stand_ins:
                    self._name(_bare(uid), "found_entity")
        self.fixtures.append(line)
        return name

    def _described(self, thing: Thing) -> Thing:
        """With its attributes, where no directory file but a fixture or this test gives them."""
        entity = self.cast.added.get(thing.uid)
        if entity is None:
            return thing
        fields = self.checked.schema.entities[thing.type].fields
        members = record_of(canonical.parse_object(entity.attributes or "{}"), fields)
        return Thing(thing.type, thing.id, members, entity.groups)

    def _parent(self, uid: str) -> str:
        if len(self.checked.bundles) <= 1 and uid not in self.cast.stand_ins:
            for name, group in self.cast.groups.items():
                if group == uid:
                    return name
        return self._name(_bare(uid), "found_group")


def _bare(uid: str) -> Thing:
    type_, _, id_ = uid.partition("::")
    return Thing(type_, id_)


def _is_about_approvers(decision: Decision) -> bool:
    is_approval = decision.effect is Effect.REQUIRE_APPROVAL
    return is_approval or decision.cause is DenyCause.NO_ELIGIBLE_APPROVER


def _expected(claim: Invariant) -> str:
    """What satisfies the claim; of several answers that would, the strictest."""
    if claim.quantifier == "always":
        route = f" from {claim.route}" if claim.route else ""
        return f"{claim.effect}{route}"
    return "deny" if claim.effect == "allow" else "allow"


def _told(decision: Decision) -> str:
    cause = f", cause {decision.cause.value}" if decision.cause else ""
    rules = ", ".join(rule.rule for rule in decision.rules)
    effect = "approval" if decision.effect is Effect.REQUIRE_APPROVAL else decision.effect.value
    return f"{effect}{cause}{f', by {rules}' if rules else ''}"


def _unwritable(scene: Scene, schema: Schema) -> Iterator[str]:
    """Values of type json: a test has no way to write them."""
    listed = [("args", scene.args, scene.action.fields), ("context", scene.context, schema.context)]
    for label, record, fields in listed:
        for declared in fields:
            if declared.type == JSON and declared.name in record:
                yield f"{label}.{declared.name} is json, which a test cannot write: any value"


# ---------------------------------------------------------------- values


def _record_text(record: Record, fields: Iterable[FieldT]) -> str:
    pairs = _pairs(record, fields)
    return f"{{ {', '.join(pairs)} }}" if pairs else "{}"


def _pairs(record: Record, fields: Iterable[FieldT]) -> list[str]:
    return [
        f"{declared.name}: {_value_text(record[declared.name], declared.type)}"
        for declared in fields
        if declared.name in record and declared.type != JSON
    ]


def _value_text(value: Plain, type_: Type) -> str:
    match type_:
        case Prim():
            return _primitive_text(value, type_)
        case EnumT():
            return type_.members[expect(value, int)] if type_.ordered else expect(value, str)
        case EntityT():
            referred, _, id_ = expect(value, str).partition("::")
            return f"{referred}::{_quoted(id_)}"
        case CollT():
            items = [_value_text(item, type_.item) for item in expect(value, tuple)]
            return f"[{', '.join(items)}]"
        case RecordT():
            return _record_text(expect(value, dict), type_.fields)
        case _:
            assert_never(type_)


def _primitive_text(value: Plain, type_: Prim) -> str:
    tree = wire_tree(value, type_)
    match type_.name:
        case "bool":
            return "true" if expect(tree, bool) else "false"
        case "decimal":
            whole, _, fraction = str(tree).partition(".")
            return f"{whole}.{fraction:0<2}"
        case "int" | "duration":
            return str(tree)
        case "timestamp":
            return _timestamp(expect(value, int))
        case "ip" | "cidr":
            return f"{type_.name} {_quoted(str(tree))}"
        case _:
            return _quoted(str(tree))


def _timestamp(instant_us: int) -> str:
    moment = _EPOCH + timedelta(microseconds=instant_us)
    return moment.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


__all__ = ["charter_test"]
