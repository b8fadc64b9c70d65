"""Makes the index of symbols from parsed files and their declarations; it answers no question."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, assert_never

from pdp.lang import nodes
from pdp.lang.conditions.scope import Env
from pdp.lang.declared.bundles import Bundles
from pdp.lang.declared.names import Names
from pdp.lang.source import Span
from pdp.lang.types import CollT, EnumT, Type
from pdp.lsp import places, scopes
from pdp.lsp.places import Role
from pdp.lsp.symbols import Declared, Index, Kind, Node, Occurrence, Program, Symbol
from pdp.lsp.walk import walk

# The spaces in which a name is declared once: values share one.
_VALUES: Final = frozenset({Kind.GROUP, Kind.CONST, Kind.DATA, Kind.PREDICATE, Kind.WINDOW})
_VALUE: Final = "value"
_KINDS: Final[dict[type, Kind]] = {
    nodes.GroupDecl: Kind.GROUP,
    nodes.ConstDecl: Kind.CONST,
    nodes.DataDecl: Kind.DATA,
    nodes.PredicateDecl: Kind.PREDICATE,
    nodes.WindowDecl: Kind.WINDOW,
    nodes.ActionsDecl: Kind.ACTION_SET,
    nodes.FixtureDecl: Kind.FIXTURE,
    nodes.BudgetDecl: Kind.BUDGET,
}


class _Table:
    """Declared names by space, bundle and name, for looking one up from a bundle."""

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles
        self._symbols: dict[tuple[str, str, str], Symbol] = {}

    def add(self, symbol: Symbol, bundle: str) -> None:
        space, owner = _space(symbol.kind, bundle)
        self._symbols.setdefault((space, owner, symbol.name), symbol)

    def find(self, kind: Kind, text: str, names: Names) -> Symbol | None:
        """What ``text`` names in a bundle: its own, an imported one, or by its full name."""
        space, owner = _space(kind, names.bundle.name)
        owners = [owner] if owner == "" else [owner, *names.bundle.imports]
        for bundle in owners:
            symbol = self._symbols.get((space, bundle, text))
            if symbol is not None:
                return symbol
        plain, qualifier = self._bundles.plain(text)
        if not qualifier:
            return None
        return self._symbols.get((space, qualifier if owner else "", plain))


def _space(kind: Kind, bundle: str) -> tuple[str, str]:
    if kind in _VALUES:
        return _VALUE, bundle
    is_local = kind in {Kind.ACTION_SET, Kind.FIXTURE, Kind.BUDGET}
    return kind.value, bundle if is_local else ""


def index_of(trees: Iterable[nodes.PolicyFile], program: Program) -> Index:
    """The index of parsed files; whatever cannot be understood is left out."""
    builder = _Builder(program)
    files = list(trees)
    for tree in files:
        for decl in tree.declarations:
            builder.declare(decl, tree.name)
    for tree in files:
        names = program.at(tree.name)
        for decl in tree.declarations if names is not None else ():
            assert names is not None
            for place in walk(decl, names, program.routes):
                builder.use(place)
    return builder.index()


class _Builder:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._table = _Table(program.bundles)
        self._declared: dict[Symbol, Declared] = {}
        self._found: list[Occurrence] = []

    def index(self) -> Index:
        unique = sorted(dict.fromkeys(self._found), key=lambda o: (o.span, o.symbol.kind.value))
        by_symbol: dict[Symbol, list[Occurrence]] = {}
        by_file: dict[str, list[Occurrence]] = {}
        for occurrence in unique:
            by_symbol.setdefault(occurrence.symbol, []).append(occurrence)
            by_file.setdefault(occurrence.span.file, []).append(occurrence)
        return Index(self._declared, by_symbol, by_file)

    # ------------------------------------------------------------ declarations

    def declare(self, decl: nodes.Declaration, file: str) -> None:
        bundle = self._program.bundles.by_file.get(file)
        owner = bundle.name if bundle is not None else ""
        for symbol, name, node in _declarations(decl, owner):
            self._table.add(symbol, owner)
            self._declared.setdefault(symbol, Declared(node, name, owner))
            self._found.append(Occurrence(name.span, symbol, is_declaration=True))

    # ------------------------------------------------------------ uses

    def use(self, place: places.Place) -> None:
        match place:
            case places.NameUse():
                self._name(place)
            case places.PathUse():
                self._path(place)
            case places.CallUse():
                self._add(_last(place.name), Kind.PREDICATE, place.name.text, place.env.names)
            case places.ValueUse():
                self._value(place)
            case places.KeyUse():
                self._fields(place.name, place.owners)
            case places.Binding():
                symbol = Symbol(Kind.VARIABLE, place.name.text, _home(place.span))
                self._declared.setdefault(symbol, Declared(place.name, place.name, ""))
                self._found.append(Occurrence(place.span, symbol, is_declaration=True))
            case _:
                assert_never(place)

    def _add(self, span: Span, kind: Kind, text: str, names: Names) -> bool:
        symbol = self._table.find(kind, text, names)
        if symbol is not None:
            self._found.append(Occurrence(span, symbol))
        return symbol is not None

    def _name(self, use: places.NameUse) -> None:
        name, names = use.name, use.names
        match use.role:
            case Role.ACTION | Role.ONE_ACTION:
                if names.knows_action(name.text):
                    self._add(name.span, Kind.ACTION, name.text, names)
                elif use.role is Role.ACTION:
                    self._add(_last(name), Kind.ACTION_SET, name.text, names)
            case Role.TYPE | Role.ENTITY | Role.PRINCIPAL | Role.RESOURCE:
                self._add(_last(name), Kind.TYPE, name.text, names)
            case Role.GROUP | Role.HOLIDAYS:
                self._add(_last(name), Kind.GROUP, name.text, names)
            case Role.ROUTE:
                self._add(_last(name), Kind.ROUTE, name.text, names)
            case Role.AGENT | Role.PERSON | Role.THING:
                self._add(name.span, Kind.FIXTURE, name.text, names)
            case Role.BUDGET:
                self._add(_last(name), Kind.BUDGET, name.text, names)
            case Role.BUNDLE:
                self._add(name.span, Kind.BUNDLE, name.text, names)
            case Role.RULE:
                self._rule(name, names)
            case Role.RISK | Role.CAUSE | Role.LOG_LEVEL:
                pass  # the language's own words
            case _:
                assert_never(use.role)

    def _rule(self, name: nodes.Name, names: Names) -> None:
        policy, _, rule = name.text.rpartition(".")
        kind = Kind.TIER if policy == "risk" else Kind.RULE
        symbol = Symbol(kind, rule, policy)
        if symbol in self._declared:
            self._found.append(Occurrence(_last(name), symbol))
        self._add(_first(name), Kind.POLICY, policy, names)

    def _value(self, use: places.ValueUse) -> None:
        name, names = use.name, use.names
        enum_type = _enum(use.expected)
        if enum_type is not None:
            self._member(name, name.text.rpartition(".")[2], enum_type)
        elif not (use.fixtures and self._add(name.span, Kind.FIXTURE, name.text, names)):
            self._add(_last(name), Kind.GROUP, name.text, names)

    def _member(self, name: nodes.Name, text: str, enum_type: EnumT) -> bool:
        symbol = Symbol(Kind.MEMBER, text, enum_type.name)
        if symbol in self._declared:
            self._found.append(Occurrence(_last(name), symbol))
        return text in enum_type.members

    def _fields(self, name: nodes.Name, owners: Iterable[tuple[str, Sequence[object]]]) -> None:
        for label, _ in owners:
            symbol = Symbol(Kind.FIELD, name.text, label)
            if symbol in self._declared:
                self._found.append(Occurrence(name.span, symbol))

    def _path(self, use: places.PathUse) -> None:
        path, env = use.path, use.env
        if self._is_variable(path.segments[0], env) or not self._whole(path, use.expected, env):
            self._start(path, env)
            for step in scopes.steps(path, env, through=use.through):
                if step.owners is not None:
                    self._fields(step.name, step.owners.fields)

    def _is_variable(self, first: nodes.Name, env: Env) -> bool:
        """Whether the first word is a variable or parameter; it is entered if so."""
        bound = (env.variables or {}).get(first.text)
        if bound is None:
            return False
        for kind in (Kind.VARIABLE, Kind.PARAMETER):
            symbol = Symbol(kind, first.text, _home(bound.expr.span))
            if symbol in self._declared:
                self._found.append(Occurrence(first.span, symbol))
        return True

    def _whole(self, path: nodes.Path, expected: Type | None, env: Env) -> bool:
        """A path that is one name: a member of the expected enum, a window, a predicate."""
        enum_type = _enum(expected)
        if len(path.segments) == 1 and enum_type is not None:
            name = path.segments[0]
            if self._member(name, name.text, enum_type):
                return True
        text = ".".join(segment.text for segment in path.segments)
        names = env.names
        predicate = names.predicates.get(text)
        if text in names.windows or (predicate is not None and predicate.params is None):
            return self._add(path.segments[-1].span, Kind.WINDOW, text, names)
        if text in names.refused:
            return self._add(path.segments[-1].span, Kind.WINDOW, text, names)
        return False

    def _start(self, path: nodes.Path, env: Env) -> None:
        """The value or the enum that a path starts with."""
        first = path.segments[0]
        if first.text in (env.variables or {}):
            return
        if len(path.segments) > 1 and first.text in env.names.enums:
            self._add(first.span, Kind.TYPE, first.text, env.names)
            self._member(path.segments[1], path.segments[1].text, env.names.enums[first.text])
            return
        for count in range(len(path.segments), 0, -1):
            text = ".".join(segment.text for segment in path.segments[:count])
            if text in env.names.values:
                self._add(path.segments[count - 1].span, Kind.CONST, text, env.names)
                return


# ---------------------------------------------------------------- what a declaration declares


def _declarations(
    decl: nodes.Declaration, bundle: str
) -> Iterator[tuple[Symbol, nodes.Name, Node]]:
    match decl:
        case nodes.BundleDecl():
            yield Symbol(Kind.BUNDLE, decl.name.text), decl.name, decl
        case nodes.EnumDecl():
            yield Symbol(Kind.TYPE, decl.name.text), decl.name, decl
            for member in decl.members:
                yield Symbol(Kind.MEMBER, member.name.text, decl.name.text), member.name, member
        case nodes.TypeDecl() | nodes.EntityDecl():
            yield Symbol(Kind.TYPE, decl.name.text), decl.name, decl
            yield from _fields_of(decl.record, decl.name.text)
        case nodes.ContextDecl():
            yield from _fields_of(decl.record, "context")
        case nodes.ActionDecl():
            yield Symbol(Kind.ACTION, decl.name.text), decl.name, decl
            yield from _fields_of(decl.record, decl.name.text)
        case nodes.RouteDecl():
            yield Symbol(Kind.ROUTE, decl.name.text), decl.name, decl
        case nodes.RiskDecl():
            for tier in decl.tiers:
                yield Symbol(Kind.TIER, tier.name.text, "risk"), tier.name, tier
        case nodes.PolicyDecl():
            yield Symbol(Kind.POLICY, decl.name.text), decl.name, decl
            for rule in decl.rules:
                yield Symbol(Kind.RULE, rule.name.text, decl.name.text), rule.name, rule
        case nodes.ImportDecl() | nodes.InvariantDecl() | nodes.TestDecl():
            pass  # declares no name
        case _:
            yield Symbol(_KINDS[type(decl)], decl.name.text, bundle), decl.name, decl
            if isinstance(decl, nodes.PredicateDecl):
                for param in decl.params or ():
                    symbol = Symbol(Kind.PARAMETER, param.name.text, _home(param.name.span))
                    yield symbol, param.name, param


def _fields_of(
    record: nodes.RecordType | None, home: str
) -> Iterator[tuple[Symbol, nodes.Name, Node]]:
    for declared in record.fields if record is not None else ():
        yield Symbol(Kind.FIELD, declared.name.text, home), declared.name, declared


def _home(span: Span) -> str:
    return f"{span.file}:{span.line}:{span.column}"


def _enum(expected: Type | None) -> EnumT | None:
    wanted = expected.item if isinstance(expected, CollT) else expected
    return wanted if isinstance(wanted, EnumT) else None


def _last(name: nodes.Name) -> Span:
    """The last word of a dotted name: the one that its declaration wrote."""
    span = name.span
    length = len(name.text.rpartition(".")[2])
    return Span(span.file, span.end_line, span.end_column - length, span.end_line, span.end_column)


def _first(name: nodes.Name) -> Span:
    span = name.span
    length = len(name.text.partition(".")[0])
    return Span(span.file, span.line, span.column, span.line, span.column + length)
