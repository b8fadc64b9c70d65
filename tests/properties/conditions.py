"""Random well-typed conditions, optionals guarded; longer than most: every operator is here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from pdp.lang.types import (
    BOOL,
    CIDR,
    DECIMAL,
    DURATION,
    INT,
    IP,
    JSON,
    PATH,
    STRING,
    TIMESTAMP,
    CollT,
    EntityT,
    EnumT,
    Prim,
    RecordT,
    Type,
)
from tests.changed import replace
from tests.properties.scopes import Path, Words, paths_from
from tests.properties.values import (
    PATTERNS,
    duration_of,
    literal,
    maybe,
    pattern,
    some_of,
    text_of,
)

_ORDER = ("==", "!=", "<", "<=", ">", ">=")
_NUMBERS = (INT, DECIMAL, DURATION)


def _items_are(type_: Type, item: Type) -> bool:
    return isinstance(type_, CollT) and type_.item == item


def _fits(found: Type, wanted: Type) -> bool:
    """Whether a path may be the argument of a parameter: bounds do not count."""
    if isinstance(found, CollT) and isinstance(wanted, CollT):
        return found.kind == wanted.kind and found.item == wanted.item
    return found == wanted


@dataclass
class Conditions:
    """Writes conditions over ``paths``. ``proved`` paths need no guard where it is passed."""

    rng: Random
    words: Words
    paths: tuple[Path, ...]
    in_quantifier: bool = False
    in_predicate: bool = False

    def condition(self, depth: int, proved: frozenset[str] = frozenset()) -> str:
        """A junction or a test; the result needs parentheses beside another operator."""
        rng = self.rng
        if depth <= 0 or maybe(rng, 0.35):
            return self.test(depth, proved)
        if maybe(rng, 0.7):
            return self.conjunction(depth, proved)
        operands = [self.operand(depth - 1, proved) for _ in range(rng.randint(2, 3))]
        return " or ".join(operands)

    def operand(self, depth: int, proved: frozenset[str]) -> str:
        """A condition that may stand beside any operator."""
        text = self.condition(depth, proved)
        if maybe(self.rng, 0.15):
            return f"not ({text})"
        return f"({text})"

    def conjunction(self, depth: int, proved: frozenset[str]) -> str:
        """Operands with ``and``; what a ``has`` proves is used further on."""
        parts: list[str] = []
        for _ in range(self.rng.randint(2, 3)):
            guarded = self._guardable(proved)
            if guarded and maybe(self.rng, 0.35):
                path = self.rng.choice(guarded)
                parts.append(f"has {path.optional[-1]}")
                proved |= set(path.optional)
            parts.append(self.operand(depth - 1, proved))
        return " and ".join(parts)

    def _guardable(self, proved: frozenset[str]) -> list[Path]:
        return [
            path
            for path in self.paths
            if not path.untrusted and any(name not in proved for name in path.optional)
        ]

    # ------------------------------------------------------------ tests

    def test(self, depth: int = 1, proved: frozenset[str] = frozenset()) -> str:
        """One test with what it needs as a guard; in parentheses where it is a junction."""
        rng = self.rng
        guarded = self._guardable(frozenset())
        if guarded and maybe(rng, 0.06):
            return f"{rng.choice(('', 'not '))}has {rng.choice(guarded).text}"
        if self.words.facts and not self.in_predicate and maybe(rng, 0.04):
            name = rng.choice(list(self.words.facts))
            if not (self.words.facts[name].quantifies and self.in_quantifier):
                return f"{rng.choice(('', 'not '))}{self.words.spelled(rng, name)}"
        if depth > 0 and maybe(rng, 0.05):
            left, right = (self.condition(depth - 1, proved) for _ in range(2))
            return f"({left}) {rng.choice(('==', '!='))} ({right})"
        for _ in range(20):
            path = self._pick(proved)
            written = self._test_of(path, depth, proved)
            if written is not None:
                text, others = written
                return self._with_guard(text, [path, *others], proved)
        return "1 == 1"

    def claimed_test(self) -> str | None:
        """A plain test of an untrusted path, fit for the top of a deny."""
        claimed = [path for path in self.paths if path.untrusted and path.type != JSON]
        if not claimed:
            return None
        path = self.rng.choice(claimed)
        match path.type:
            case Prim() if path.type in (*_NUMBERS, TIMESTAMP):
                text = (
                    f"{path.text} {self.rng.choice(('==', '<', '>='))} {self._literal(path.type)}"
                )
            case Prim(name="bool"):
                text = path.text
            case Prim() | EnumT():
                text = f"{path.text} == {self._literal(path.type)}"
            case CollT():
                text = f"count({path.text}) >= 1"
            case _:
                return None
        return self._with_guard(text, [path], frozenset())

    def _pick(self, proved: frozenset[str]) -> Path:
        trusted = [path for path in self.paths if not path.untrusted and path.type != JSON]
        ready = [path for path in trusted if set(path.optional) <= proved]
        return self.rng.choice(ready if ready and maybe(self.rng, 0.75) else trusted)

    def _with_guard(self, text: str, paths: Iterable[Path], proved: frozenset[str]) -> str:
        guards = list(
            dict.fromkeys(path.optional[-1] for path in paths if not set(path.optional) <= proved)
        )
        if not guards:
            return text
        if maybe(self.rng, 0.75):
            return "(" + " and ".join([*(f"has {guard}" for guard in guards), text]) + ")"
        return "(" + " or ".join([*(f"not has {guard}" for guard in guards), text]) + ")"

    def _test_of(
        self, path: Path, depth: int, proved: frozenset[str]
    ) -> tuple[str, list[Path]] | None:
        """A test of ``path`` and the other paths that it reads; None when there is none."""
        called = self._call(path) if maybe(self.rng, 0.15) else None
        if called is not None:
            return called
        match path.type:
            case Prim():
                return self._primitive(path)
            case EnumT():
                return self._enum(path, path.type)
            case EntityT():
                return self._entity(path, path.type)
            case CollT():
                return self._collection(path, path.type, depth, proved)
            case RecordT():
                return None

    def _call(self, path: Path) -> tuple[str, list[Path]] | None:
        names = [
            name
            for name, predicate in self.words.predicates.items()
            if _fits(path.type, predicate.params[0])
            and not (predicate.quantifies and self.in_quantifier)
        ]
        if not names or self.in_predicate:
            return None
        name = self.rng.choice(names)
        first, used = path.text, []
        if path.type in _NUMBERS and maybe(self.rng, 0.3):
            first = self._calculated(path.text, path.type)
        arguments = [first]
        for wanted in self.words.predicates[name].params[1:]:
            fitting = self._others(path, wanted)
            if fitting and maybe(self.rng, 0.6):
                used.append(self.rng.choice(fitting))
                arguments.append(used[-1].text)
            elif wanted == BOOL:
                arguments.append(self.condition(0))
            else:
                arguments.append(self._literal(wanted))
        return f"{name}({', '.join(arguments)})", used

    def _others(self, path: Path, wanted: Type) -> list[Path]:
        """Other trusted paths of a type, needing no more guards than one."""
        return [
            other
            for other in self.paths
            if other.type == wanted and not other.untrusted and other.text != path.text
        ]

    def _literal(self, type_: Type) -> str:
        named = [name for name, const in self.words.consts.items() if const == type_]
        if named and maybe(self.rng, 0.2):
            return self.rng.choice(named)
        return literal(self.rng, type_, self.words.pool)

    def _named_literal(self, type_: Type) -> str:
        """A literal where nothing says which type is expected."""
        if isinstance(type_, EnumT):
            return f"{type_.name}.{self.rng.choice(type_.members)}"
        return self._literal(type_)

    def _list(self, type_: Type, lo: int = 0) -> str:
        items = [literal(self.rng, type_, self.words.pool) for _ in range(self.rng.randint(lo, 3))]
        return f"[{', '.join(items)}]"

    def _membership(self, path: Path) -> tuple[str, list[Path]]:
        word = self.rng.choice(("in", "in", "not in"))
        consts = [
            name
            for name, type_ in self.words.consts.items()
            if isinstance(type_, CollT) and type_.item == path.type
        ]
        collections = [
            other
            for other in self.paths
            if isinstance(other.type, CollT) and other.type.item == path.type
            if not other.untrusted
        ]
        if collections and maybe(self.rng, 0.4):
            other = self.rng.choice(collections)
            return f"{path.text} {word} {other.text}", [other]
        if consts and maybe(self.rng, 0.5):
            return f"{path.text} {word} {self.rng.choice(consts)}", []
        left = path.text
        if path.type in _NUMBERS and maybe(self.rng, 0.3):
            left = self._calculated(left, path.type)
        return f"{left} {word} {self._list(path.type, 1)}", []

    def _calculated(self, text: str, type_: Type) -> str:
        """An arithmetic expression over a path of an int, decimal or duration."""
        rng, pool = self.rng, self.words.pool
        first, second = literal(rng, type_, pool), literal(rng, type_, pool)
        sign = rng.choice("+-")
        choices = [f"{text} {sign} {first}", f"-{text}", f"{first} {sign} {text} - {second}"]
        if type_ != DURATION:
            choices += [f"{text} * {first}", f"({text} {sign} {first}) * {second}"]
            choices += [f"{text} * {first} {sign} {second}", f"{first} * {text} * {second}"]
        return rng.choice(choices)

    def _primitive(self, path: Path) -> tuple[str, list[Path]]:
        rng = self.rng
        if path.type in {IP, CIDR, PATH}:
            return self._net_or_path(path)
        if path.type == BOOL:
            return rng.choice((path.text, f"not {path.text}", f"{path.text} == false")), []
        if maybe(rng, 0.2):
            return self._membership(path)
        if path.type == STRING:
            if maybe(rng, 0.25):
                word = rng.choice(("matches", "matches", "not matches"))
                return (
                    f"{path.text} {word} {text_of(rng.choice(PATTERNS), raw=maybe(rng, 0.3))}",
                    [],
                )
            if maybe(rng, 0.35):
                word = rng.choice(("like", "like", "not like"))
                return f"{path.text} {word} {pattern(rng, self.words.pool)}", []
            operators: Sequence[str] = ("==", "!=")
        else:
            operators = _ORDER
        if path.type == TIMESTAMP and maybe(rng, 0.15):
            return self._elapsed(path)
        if path.type == TIMESTAMP and self.words.windows and maybe(rng, 0.4):
            return self._in_window(path)
        left = path.text
        if path.type in _NUMBERS and maybe(rng, 0.25):
            left = self._calculated(left, path.type)
        right, others = self._term(path)
        return f"{left} {rng.choice(operators)} {right}", others

    def _net_or_path(self, path: Path) -> tuple[str, list[Path]]:
        rng = self.rng
        if path.type == PATH and maybe(rng, 0.6):
            word = rng.choice(("under", "under", "not under"))
            return f"{path.text} {word} {text_of(rng.choice(self.words.pool.files))}", []
        if path.type == IP and maybe(rng, 0.7):
            word = rng.choice(("in", "in", "not in"))
            networks = [
                other
                for other in self.paths
                if (other.type == CIDR or _items_are(other.type, CIDR)) and not other.untrusted
            ]
            if networks and maybe(rng, 0.6):
                other = rng.choice(networks)
                return f"{path.text} {word} {other.text}", [other]
            return f"{path.text} {word} {self._literal(CIDR)}", []
        if maybe(rng, 0.35):
            return self._membership(path)
        others = self._others(path, path.type)
        operator = rng.choice(("==", "!="))
        if others and maybe(rng, 0.4):
            other = rng.choice(others)
            return f"{path.text} {operator} {other.text}", [other]
        return f"{path.text} {operator} {self._literal(path.type)}", []

    def _in_window(self, path: Path) -> tuple[str, list[Path]]:
        rng = self.rng
        moment, used = (path.text, []) if maybe(rng, 0.7) else self._shifted(path.text, [])
        window = self.words.spelled(rng, rng.choice(self.words.windows))
        return f"{moment} {rng.choice(('in', 'in', 'not in'))} {window}", used

    def _elapsed(self, path: Path) -> tuple[str, list[Path]]:
        """The time between two moments, compared with a duration."""
        others = self._others(path, TIMESTAMP)
        other = self.rng.choice(others) if others else None
        start = literal(self.rng, TIMESTAMP, self.words.pool) if other is None else other.text
        operator = self.rng.choice(_ORDER)
        text = f"{path.text} - {start} {operator} {self._literal(DURATION)}"
        return text, [] if other is None else [other]

    def _term(self, path: Path) -> tuple[str, list[Path]]:
        """Something of the path's type to compare it with."""
        rng = self.rng
        type_ = path.type
        others = self._others(path, type_)
        simple, used = self._literal(type_), []
        if others and maybe(rng, 0.35):
            other = rng.choice(others)
            simple, used = other.text, [other]
        if type_ in _NUMBERS and maybe(rng, 0.4):
            return self._calculated(simple, type_), used
        if type_ == TIMESTAMP and maybe(rng, 0.4):
            return self._shifted(simple, used)
        return simple, used

    def _shifted(self, moment: str, used: list[Path]) -> tuple[str, list[Path]]:
        rng = self.rng
        durations = self._others(Path("", TIMESTAMP), DURATION)
        if durations and maybe(rng, 0.4):
            other = rng.choice(durations)
            return f"{moment} {rng.choice('+-')} {other.text}", [*used, other]
        length = duration_of(rng.choice(self.words.pool.durations_ms), rng)
        return f"{moment} {rng.choice('+-')} {length}", used

    def _enum(self, path: Path, enum: EnumT) -> tuple[str, list[Path]]:
        if maybe(self.rng, 0.3):
            return self._membership(path)
        operators = _ORDER if enum.ordered else ("==", "!=")
        others = self._others(path, enum)
        if others and maybe(self.rng, 0.3):
            other = self.rng.choice(others)
            return f"{path.text} {self.rng.choice(operators)} {other.text}", [other]
        return f"{path.text} {self.rng.choice(operators)} {self._literal(enum)}", []

    def _entity(self, path: Path, type_: EntityT) -> tuple[str, list[Path]] | None:
        rng = self.rng
        above = {n for name in type_.names for n in self.words.schema.parent_types(name)}
        groups = [name for name, kind in self.words.groups.items() if kind in above]
        if groups and maybe(rng, 0.45):
            group = self.words.spelled(rng, rng.choice(groups))
            return f"{path.text} {rng.choice(('in', 'not in'))} {group}", []
        others = [
            other
            for other in self.paths
            if not other.untrusted and other.text != path.text
            if (isinstance(other.type, EntityT) and above & other.type.names)
            or (
                isinstance(other.type, CollT)
                and isinstance(other.type.item, EntityT)
                and type_.names & other.type.item.names
            )
        ]
        if not others:
            return None
        other = rng.choice(others)
        if isinstance(other.type, EntityT) and type_.names & other.type.names and maybe(rng, 0.6):
            return f"{path.text} {rng.choice(('==', '!='))} {other.text}", [other]
        return f"{path.text} {rng.choice(('in', 'in', 'not in'))} {other.text}", [other]

    def _collection(
        self, path: Path, type_: CollT, depth: int, proved: frozenset[str]
    ) -> tuple[str, list[Path]] | None:
        rng = self.rng
        if not self.in_quantifier and maybe(rng, 0.55):
            return self._quantified(path, type_, depth, proved)
        if type_.kind == "list" and isinstance(type_.item, Prim | EnumT) and maybe(rng, 0.6):
            return f"{path.text} {rng.choice(('', 'not '))}begins {self._prefix(type_.item)}", []
        named = isinstance(type_.item, Prim | EnumT) and type_.item not in {BOOL, PATH}
        if named and maybe(rng, 0.4):
            return f"{self._named_literal(type_.item)} in {path.text}", []
        return f"count({path.text}) {rng.choice(_ORDER)} {rng.randint(0, 3)}", []

    def _prefix(self, item: Type) -> str:
        positions = [
            self._list(item, 1)
            if maybe(self.rng, 0.4)
            else literal(self.rng, item, self.words.pool)
            for _ in range(self.rng.randint(1, 3))
        ]
        return f"[{', '.join(positions)}]"

    def _quantified(
        self, path: Path, type_: CollT, depth: int, proved: frozenset[str]
    ) -> tuple[str, list[Path]]:
        variable = Path("x", type_.item)
        below = paths_from(self.words.schema, [variable], 2)
        outer = [p for p in self.paths if set(p.optional) <= proved]
        inner = replace(
            self,
            paths=(*below, *below, *some_of(self.rng, outer, 0, 4)),
            in_quantifier=True,
        )
        body = inner.condition(min(depth, 1), proved)
        word = self.rng.choice(("some", "every", "no"))
        return f"{word} x in {path.text} satisfies ({body})", []
