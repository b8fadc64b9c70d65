"""What the names of each bundle stand for: its own declarations and those it imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pdp.lang import complaints, nodes
from pdp.lang.checked import Const, Window
from pdp.lang.codes import NESTING_MAX
from pdp.lang.declared import values, windows, wirevalues
from pdp.lang.declared.bundles import Bundle, Bundles
from pdp.lang.declared.report import BROKEN, Report, check_reserved
from pdp.lang.declared.schema import SchemaBuilder
from pdp.lang.types import EntityT, EnumT, FieldT, Schema, Type

# Actions and principal types, those of a set, of `any action` or of `anyone` one by one: of all
# rules and claims together, and of all action sets.
COVERED_MAX: Final = 1_000_000
# Types whose parents are kept in mind: rules of one policy speak of few.
_ABOVE_MAX: Final = 64


@dataclass(slots=True, kw_only=True)
class Names(values.Constants):
    """Every declaration a bundle can use, by the names it can use for it.

    ``principals`` are the entity types that can act.
    ``values`` holds groups, consts and data. A declaration of an imported bundle has its plain
    name, unless another import has it too (``ambiguous``), and always its qualified one.
    """

    bundle: Bundle
    builder: SchemaBuilder
    schema: Schema = field(default_factory=Schema)
    enums: Mapping[str, EnumT] = field(default_factory=dict)
    principals: frozenset[str] = frozenset()
    context: tuple[FieldT, ...] = ()
    group_decls: dict[str, nodes.GroupDecl] = field(default_factory=dict)
    predicates: dict[str, Predicate] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    action_sets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    routes: dict[str, nodes.RouteDecl] = field(default_factory=dict)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)
    _above: dict[str, frozenset[str]] = field(default_factory=dict)
    _people: dict[str, tuple[frozenset[str], tuple[str, ...]]] = field(default_factory=dict)
    has_risk: bool = False
    risk_is_claimed: bool = False

    def governed(self, action: str) -> bool:
        """Whether the bundle line covers this action: itself or a dotted prefix of it."""
        governs = self.bundle.info.governs
        return any(action == word or action.startswith(f"{word}.") for word in governs)

    def above(self, type_name: str) -> frozenset[str]:
        """``Schema.parent_types``, not worked out again for every rule."""
        if type_name not in self._above:
            if len(self._above) >= _ABOVE_MAX:
                self._above.clear()
            self._above[type_name] = self.schema.parent_types(type_name)
        return self._above[type_name]

    def people_in(self, group_type: str) -> tuple[frozenset[str], tuple[str, ...]]:
        """The types of people that can be in a group of this type.

        And which of these types, the group's too, the directory does not hold, sorted.
        """
        if group_type not in self._people:
            entities = self.schema.entities
            people = frozenset(
                e.name
                for e in entities.values()
                if e.is_person and group_type in self.above(e.name)
            )
            types = sorted({group_type, *people})
            outside = tuple(name for name in types if not entities[name].is_directory)
            self._people[group_type] = (people, outside)
        return self._people[group_type]

    def may_rule(self, action: str, effect: str) -> bool:
        """Whether a rule of this effect may be written here: a guard may restrict any action."""
        return self.governed(action) or (self.bundle.is_guard and effect != "allow")

    def is_ambiguous(self, name: nodes.Name, report: Report) -> bool:
        """Whether two imports declare this name and nothing here does; reported if so."""
        rivals = self.ambiguous.get(name.text)
        if rivals:
            report.append(complaints.ambiguous_name(name.span, name.text, rivals))
        return bool(rivals)

    def groups(self) -> list[str]:
        """Every group's name, for did-you-mean."""
        return list(self.group_decls)

    def own_routes(self) -> list[nodes.RouteDecl]:
        """The routes that the bundle declares itself."""
        return [d for d in self.bundle.declarations if isinstance(d, nodes.RouteDecl)]

    def knows_action(self, action: str) -> bool:
        """Whether the action is declared here or by an imported bundle (a guard sees all)."""
        owner = self.builder.owners.get(action)
        return owner is not None and (self.bundle.is_guard or self.bundle.sees(owner))


@dataclass(frozen=True, slots=True)
class Predicate:
    """A predicate and the names its body means. ``params`` is None without parentheses."""

    decl: nodes.PredicateDecl
    params: dict[str, Type] | None
    home: Names


_SPACES: Final = (
    "values", "group_decls", "predicates", "windows", "action_sets", "routes",
)  # fmt: skip


def collect(
    bundles: Bundles, builder: SchemaBuilder, files: Mapping[str, bytes], report: Report
) -> dict[str, Names]:
    """The names of every bundle, by bundle. The schema is built; values are read here."""
    own = {
        bundle.name: _Collector(bundle, builder, files, report).collect() for bundle in bundles.all
    }
    _check_unique(own, report)
    # Before anything is imported: what a bundle imports itself, it never passes on.
    declared = {
        name: {space: dict(_space(names, space)) for space in _SPACES}
        for name, names in own.items()
    }
    for name in _imported_first(own):
        names = own[name]
        for imported in names.bundle.imports:
            if imported in own and imported != name:
                _import(names, own[imported], declared[imported])
        _resolve_action_sets(names, report)
        declared[name]["action_sets"] = {
            own_set: names.action_sets[own_set] for own_set in declared[name]["action_sets"]
        }
    return own


def _space(names: Names, space: str) -> dict[str, object]:
    found: dict[str, object] = getattr(names, space)
    return found


def _imported_first(own: Mapping[str, Names]) -> list[str]:
    """The bundles, each after those it imports: their action sets are resolved by then."""
    done: list[str] = []

    def finish(name: str, path: tuple[str, ...]) -> None:
        if name in done or name in path or name not in own:
            return  # a circle is reported elsewhere
        for imported in own[name].bundle.imports:
            finish(imported, (*path, name))
        done.append(name)

    for name in own:
        finish(name, ())
    return done


def _check_unique(own: Mapping[str, Names], report: Report) -> None:
    """Routes are named in answers, so two bundles may not share a name for one."""
    seen: dict[str, nodes.RouteDecl] = {}
    for names in own.values():
        for name, decl in names.routes.items():
            first = seen.setdefault(name, decl)
            if first is not decl:
                report.append(complaints.duplicate(decl.name.span, "route", name, first.name.span))


def _import(names: Names, other: Names, declared: Mapping[str, Mapping[str, object]]) -> None:
    """Add what ``other`` declares: by qualified name, and by plain name where that is free."""
    imported_from = names.bundle.imports
    for space in _SPACES:
        mine = _space(names, space)
        for name, item in declared[space].items():
            mine[f"{other.bundle.name}.{name}"] = item
            rivals = [f"{b}.{name}" for b in imported_from if f"{b}.{name}" in mine]
            is_own = name in mine and all(mine[rival] is not mine[name] for rival in rivals)
            if is_own:
                continue
            if len(rivals) > 1:
                mine.pop(name, None)
                names.ambiguous[name] = rivals
            else:
                mine[name] = item
    names.refused.update(other.refused)


class _Collector:
    """Reads the named declarations of one bundle."""

    def __init__(
        self, bundle: Bundle, builder: SchemaBuilder, files: Mapping[str, bytes], report: Report
    ) -> None:
        self._bundle = bundle
        self._builder = builder
        self._files = bundle.named(files)
        self._report = report
        self._first: dict[tuple[str, str], nodes.Name] = {}
        schema = builder.schema
        context = tuple(
            declared
            for owner, fields in builder.context_of.items()
            if bundle.sees(owner) or bundle.is_guard
            for declared in fields
        )
        self._names = Names(
            schema.entities, bundle=bundle, builder=builder, schema=schema,
            enums=builder.enums, context=context,
            principals=frozenset(e.name for e in schema.entities.values() if e.is_principal),
        )  # fmt: skip

    def collect(self) -> Names:
        """Groups first, then what may name them, then windows, which name consts."""
        fresh = [decl for decl in self._bundle.declarations if self._is_new(decl)]
        for decl in fresh:
            if isinstance(decl, nodes.GroupDecl):
                self._add_group(decl)
        for decl in fresh:
            if isinstance(decl, nodes.ConstDecl | nodes.DataDecl):
                self._add_value(decl)
        for decl in fresh:
            match decl:
                case nodes.PredicateDecl():
                    self._add_predicate(decl)
                case nodes.WindowDecl():
                    self._add_window(decl)
                case nodes.RouteDecl():
                    self._names.routes[decl.name.text] = decl
                case nodes.ActionsDecl():
                    members = tuple(member.text for member in decl.members)
                    self._names.action_sets[decl.name.text] = members
                case _:
                    pass  # entered above, or names nothing that expressions can use
        return self._names

    def _is_new(self, decl: nodes.Declaration) -> bool:
        match decl:
            case (
                nodes.GroupDecl() | nodes.ConstDecl() | nodes.DataDecl()
                | nodes.PredicateDecl() | nodes.WindowDecl()
            ):  # fmt: skip
                space = "value"
            case nodes.RouteDecl():
                space = "route"
            case nodes.ActionsDecl():
                space = "action set"
            case _:
                return False
        check_reserved(decl.name, self._report)
        before = self._first.setdefault((space, decl.name.text), decl.name)
        if before is not decl.name:
            self._report.append(
                complaints.duplicate(decl.name.span, space, decl.name.text, before.span)
            )
        return before is decl.name

    def _add_group(self, decl: nodes.GroupDecl) -> None:
        self._names.group_decls[decl.name.text] = decl
        type_name = self._builder.declared_entity(decl.entity.type)
        values.check_id(decl.entity.id, self._report)
        if type_name is None:
            self._names.refused.add(decl.name.text)
            return
        uid = f"{type_name}::{decl.entity.id.value}"
        type_ = EntityT(frozenset({type_name}))
        self._names.values[decl.name.text] = Const(uid, type_, decl.name.span)

    def _add_value(self, decl: nodes.ConstDecl | nodes.DataDecl) -> None:
        declared = self._builder.resolve(decl.type, bounded=isinstance(decl, nodes.DataDecl))
        if isinstance(decl, nodes.ConstDecl):
            value = values.read(decl.value, declared, self._names, self._report)
        else:
            value = wirevalues.read_data(decl.file, declared, self._files, self._report)
        if value is None or declared is BROKEN:
            self._names.refused.add(decl.name.text)
        else:
            self._names.values[decl.name.text] = Const(value, declared, decl.name.span)

    def _add_predicate(self, decl: nodes.PredicateDecl) -> None:
        params: dict[str, Type] = {}
        for param in decl.params or ():
            check_reserved(param.name, self._report)
            if param.name.text in params:
                self._report.append(
                    complaints.duplicate(param.name.span, "parameter", param.name.text)
                )
            params[param.name.text] = self._builder.resolve(param.type, bounded=False)
        self._names.predicates[decl.name.text] = Predicate(
            decl, None if decl.params is None else params, self._names
        )

    def _add_window(self, decl: nodes.WindowDecl) -> None:
        window = windows.read(decl, self._names, self._report)
        if window is None:
            self._names.refused.add(decl.name.text)
        else:
            self._names.windows[decl.name.text] = window


def _resolve_action_sets(names: Names, report: Report) -> None:
    """Replace sets inside sets by their actions; report a set that contains itself."""
    decls = [d for d in names.bundle.declarations if isinstance(d, nodes.ActionsDecl)]
    by_name = {decl.name.text: decl for decl in decls}
    done: dict[str, tuple[str, ...]] = {}

    def resolve(name: str, path: tuple[str, ...]) -> tuple[str, ...]:
        if name in done:
            return done[name]
        found: list[str] = []
        for member in by_name[name].members:
            if member.text in names.schema.actions and names.knows_action(member.text):
                found.append(member.text)
            elif member.text in (*path, name):
                report.append(complaints.recursive(member.span, "action set", member.text))
            elif len(path) >= NESTING_MAX:
                what = "action sets in one another"
                report.append(complaints.too_many(member.span, what, NESTING_MAX))
            elif member.text in by_name:
                found.extend(resolve(member.text, (*path, name)))
            elif member.text in names.action_sets:
                found.extend(names.action_sets[member.text])
            else:
                known = [*names.schema.actions, *names.action_sets]
                report.append(complaints.unknown_action(member.span, member.text, known))
        done[name] = tuple(dict.fromkeys(found))
        return done[name]

    covered = 0
    for name, decl in by_name.items():
        if name in names.schema.actions:
            report.append(complaints.duplicate(decl.name.span, "action", name))
        names.action_sets[name] = resolve(name, ()) if covered <= COVERED_MAX else ()
        covered += len(names.action_sets[name])
        if covered > COVERED_MAX >= covered - len(names.action_sets[name]):
            what = "actions of action sets, counted for each set,"
            report.append(complaints.too_many(decl.name.span, what, COVERED_MAX))
