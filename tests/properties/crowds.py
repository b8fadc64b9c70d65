"""Programs of many rules that are alike: what an index, a loop and a shared function are made for.

Most rules ask a few paths for a value and are otherwise one of a few templates with constants of
their own. Some only look as if they asked, so that whoever takes them at their looks is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from pdp.lang.types import (
    BOOL,
    CIDR,
    DECIMAL,
    DURATION,
    INT,
    IP,
    PATH,
    STRING,
    TIMESTAMP,
    EnumT,
    Type,
)
from tests.properties.conditions import Conditions
from tests.properties.generate import MAIN, Declaration, Program, spread, used_routes
from tests.properties.names import words_of
from tests.properties.risks import risk_text
from tests.properties.roots import Scope, paths_of
from tests.properties.routes import RouteAuthor, RouteText
from tests.properties.scopes import Path, Words
from tests.properties.shapes import Shape, shape_of
from tests.properties.values import (
    Pool,
    literal,
    maybe,
    pattern,
    pool_of,
    some_of,
    text_of,
)
from tests.properties.worlds import directory_of, directory_text

_KEY_TYPES: tuple[Type, ...] = (
    BOOL, INT, DECIMAL, STRING, TIMESTAMP, DURATION, PATH, IP, CIDR,
)  # fmt: skip
_NUMBERS: tuple[Type, ...] = (INT, DECIMAL, DURATION)
_KEY_ROOTS = ("resource.", "args.", "context.", "agent.", "user.")
# How a rule may ask, and what looks like asking.
_FORMS = ("{key} == {value}", "{key} == {value}", "{value} == {key}", "{key} in [{value}, {other}]")
_TRAPS = (
    "{key} != {value}",
    "{key} not in [{value}]",
    "not ({key} == {value})",
    "({key} == {value} or {test})",
)
# Rules of a program that can be told apart, and of one where they cannot.
_KEYED, _PLAIN = (14, 18, 30, 44, 72), (14, 30, 30, 34, 66, 72)
_LISTS = 3
_PREDICATES = (
    "predicate in_both(n: cidr, i: ip, s: set<cidr>) = n in s and i in s",
    "predicate in_many(v: string, l: list<string>) = v in l and count(l) > 1",
)

# Writes one condition; constants differ from call to call and nothing else does.
Template = Callable[[], str]


@dataclass
class _Crowd:
    """Writes the rules of one program for one action."""

    rng: Random
    shape: Shape
    words: Words
    pool: Pool

    def __post_init__(self) -> None:
        rng = self.rng
        actions = list(self.shape.schema.actions.values())
        self.action = rng.choice(actions)
        self.others = [action.name for action in actions if action != self.action]
        # Where some rules are for fewer types, none reads the principal.
        self.is_for_all = maybe(rng, 0.5)
        everyone = frozenset(self.shape.principals()) if self.is_for_all else frozenset[str]()
        scope = Scope(
            (self.action,), resources=frozenset(self.action.resources), principals=everyone
        )
        paths = paths_of(self.shape, self.words, scope)
        self.paths = tuple(path for path in paths if not path.untrusted)
        self.conditions = Conditions(rng, self.words, self.paths)
        self.traps = rng.choice((0, 0, 0.1, 0.3))

    def keys(self) -> list[Path]:
        """The paths that rules ask for a value: one or two, most often always there."""
        fit = [
            path
            for path in dict.fromkeys(self.paths)
            if path.text.startswith(_KEY_ROOTS)
            and (path.type in _KEY_TYPES or isinstance(path.type, EnumT))
        ]
        always = [path for path in fit if not path.optional]
        chosen = some_of(self.rng, always, 1, 2)
        if not chosen or maybe(self.rng, 0.2):
            chosen += some_of(self.rng, [path for path in fit if path.optional], 1, 1)
        return chosen

    def asked(self, key: Path, form: str) -> str:
        """A conjunct that asks ``key`` for a value, or at times only seems to."""
        value, other = (self._named(key.type) for _ in range(2))
        if maybe(self.rng, self.traps):
            form = self.rng.choice(_TRAPS)
        text = form.format(key=key.text, value=value, other=other, test=self.conditions.test(0))
        if not key.optional:
            return text
        return f"has {key.optional[-1]} and {text}"

    def template(self) -> Template:
        """Something to ask besides, at times nothing."""
        rng, conditions = self.rng, self.conditions
        fixed = conditions.operand(1, frozenset())
        makers: list[Template] = [lambda: fixed, lambda: ""]
        ready = [path for path in self.paths if not path.optional]
        for path in some_of(rng, ready, 0, 4):
            makers += self._about(path)
        for type_ in (IP, STRING):
            for path in some_of(rng, [path for path in ready if path.type == type_], 0, 1):
                makers += self._about(path)
        groups = [name for name, kind in self.words.groups.items() if kind == "Team"]
        makers.append(lambda: f"(has user and user in {rng.choice(groups)})")
        if self.is_for_all:
            makers += [lambda: f"principal in {rng.choice(groups)}"] * 3
        return rng.choice(makers)

    def _about(self, path: Path) -> list[Template]:
        """Tests of one path."""
        rng, text, type_ = self.rng, path.text, path.type
        found: list[Template] = []
        if type_ in _NUMBERS:
            operator = rng.choice(("<", ">=", "!="))
            found.append(lambda: f"{text} {operator} {self._literal(type_)}")
            found.append(
                lambda: f"{text} + {self._literal(type_)} {operator} {self._literal(type_)}"
            )
        if type_ in _KEY_TYPES and type_ != BOOL:
            found.append(lambda: f"{text} in [{self._literal(type_)}, {self._literal(type_)}]")
        if type_ == STRING:
            found += [lambda: f"{text} like {pattern(rng, self.pool)}"] * 2
            found.append(lambda: f"in_many({text}, texts_{rng.randrange(_LISTS)})")
        if type_ == IP:
            found.append(lambda: f"{text} in nets_{rng.randrange(_LISTS)}")
            for network in (path for path in self.paths if path.type == CIDR and not path.optional):
                both = f"in_both({network.text}, {text}, nets_%s)"
                found += [lambda both=both: both % rng.randrange(_LISTS)] * 3  # type: ignore[misc]
        return found

    def _literal(self, type_: Type) -> str:
        return literal(self.rng, type_, self.pool)

    def _named(self, type_: Type) -> str:
        """As ``_literal``, where nothing says which type is expected."""
        if isinstance(type_, EnumT):
            return f"{type_.name}.{self.rng.choice(type_.members)}"
        return self._literal(type_)

    def rules(self, count: int, routes: list[RouteText], *, is_keyed: bool) -> list[str]:
        """``count`` rules of a few kinds; if keyed, each asks the same paths for a value."""
        rng = self.rng
        keys = self.keys() if is_keyed else []
        kinds = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            templates = [self.template() for _ in range(rng.choice((0, 1, 2) if keys else (1, 2)))]
            forms = [(key, rng.choice(_FORMS)) for key in keys]
            kinds.append((self._head(routes), forms, templates))
        return [self._rule(f"r{number}", *rng.choice(kinds)) for number in range(count)]

    def _head(self, routes: list[RouteText]) -> str:
        rng = self.rng
        effect = rng.choice(("allow", "allow", "deny", "require", "oblige"))
        fit = [route.name for route in routes if self.action in route.actions]
        if effect == "require":
            effect = f"require approval from {fit[0]} for" if fit else "deny"
        person, agent = self.shape.people()[0], self.shape.agents()[0]
        named = ("anyone", person, agent, f"{person}, {agent}")
        who = "anyone" if self.is_for_all else rng.choice(named)
        return f"{effect} {who} to {self.action.name}"

    def _rule(
        self, name: str, head: str, keys: list[tuple[Path, str]], templates: list[Template]
    ) -> str:
        rng = self.rng
        asked = [self.asked(*key) for key in keys if not maybe(rng, self.traps / 3)]
        asked += [text for text in (template() for template in templates) if text]
        if maybe(rng, self.traps / 3):
            asked.insert(0, self.conditions.operand(1, frozenset()))
        lines = [f"    rule {name}:", f"        {head}"]
        if asked:
            lines.append(f"        when {' and '.join(asked)}")
        if maybe(rng, 0.03):
            lines.append(f"        unless {self.conditions.condition(1)}")
        if head.startswith("deny"):
            lines.append('        because "Not this."')
        if head.startswith("oblige") or maybe(rng, 0.05):
            then = ("log summary", "log full", "notify crew", "rate 2 per 1h by agent")
            if not head.startswith("deny"):
                lines.append(f"        then {', '.join(some_of(rng, then, 1, 2))}")
        return "\n".join(lines)


def crowded(rng: Random, size: int) -> Program:
    """A program without errors, most of its rules alike and for one action."""
    pool = pool_of(rng)
    shape = shape_of(rng, size, is_mixed=True)
    words, named = words_of(rng, shape, pool)
    named += _lists(rng, pool)
    crowd, routes = _Crowd(rng, shape, words, pool), RouteAuthor(rng, shape, words)
    of_rules = routes.for_rules(2)
    own = []
    if maybe(rng, 0.3):
        own.append(risk_text(rng, shape, words, []))
    is_keyed = maybe(rng, 0.7)
    rules = crowd.rules(rng.choice(_KEYED if is_keyed else _PLAIN), of_rules, is_keyed=is_keyed)
    pieces = rng.choice((1, 1, 2, 3))
    own += [
        _policy(
            f"p{index}", rules[index::pieces], "    shadow until 2099-12-31\n" * maybe(rng, 0.1)
        )
        for index in range(pieces)
    ]
    open_ = [*crowd.others, *([crowd.action.name] if maybe(rng, 0.5) or not crowd.others else [])]
    own.append(_policy("base", [f"    rule all: allow anyone to {', '.join(open_)}"]))
    own += used_routes(routes.written, own, rng)
    declarations = [Declaration(MAIN, text) for text in (*shape.declarations, *named, *own)]
    directory = directory_of(rng, shape, pool)
    rng.shuffle(declarations)
    files = spread(rng, declarations)
    files["people.directory.json"] = directory_text(directory)
    return Program(tuple(declarations), files, directory, shape, pool, crowd.action.name)


def _lists(rng: Random, pool: Pool) -> list[str]:
    """Predicates that look at one collection in two ways, and collections for them."""
    text = list(_PREDICATES)
    for index in range(_LISTS):
        networks = [f'cidr "{value}"' for value in some_of(rng, pool.networks, 1, 2)]
        words = [text_of(rng.choice(pool.texts)) for _ in range(rng.randint(1, 3))]
        text.append(f"const nets_{index}: set<cidr> = [{', '.join(networks)}]")
        text.append(f"const texts_{index}: list<string> = [{', '.join(words)}]")
    return text


def _policy(name: str, rules: list[str], more: str = "") -> str:
    return (
        f'policy {name} {{\n    owner "{name}@x.example"\n    contact "#{name}"\n    reason "GEN"\n'
        f"{more}" + "\n".join(rules) + "\n}"
    )


__all__ = ["crowded"]
