"""One integer to a whole program: schema, policies, directory and the requests to ask of it.

Everything is drawn from the ``Random`` that is passed in, so that a seed names a case for ever and
Hypothesis can drive, and shrink, the same generator.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from pdp.model import Entity
from tests.properties.names import words_of
from tests.properties.policies import Author
from tests.properties.risks import risk_text
from tests.properties.routes import RouteAuthor, RouteText
from tests.properties.shapes import Shape, shape_of
from tests.properties.values import Pool, maybe, pool_of, some_of
from tests.properties.worlds import Asked, Requests, directory_of, directory_text

_HEAD = """bundle {name} {{
    version "1.0.0"
    language 1
    owner "owner@x.example"
    contact "#owner"
    governs {governs}
}}"""
# The bundles of a program: all in one, or schema and words in a library, with a guard beside.
MAIN, _LIBRARY, _GUARD = "generated", "gen.words", "central"
_HEADS = {
    MAIN: _HEAD.format(name=MAIN, governs="ops"),
    _LIBRARY: _HEAD.format(name=_LIBRARY, governs="words"),
    _GUARD: _HEAD.format(name=f"{_GUARD} guard", governs="central"),
}


@dataclass(frozen=True)
class Declaration:
    """A declaration and the bundle that it is in."""

    bundle: str
    text: str


@dataclass(frozen=True)
class Program:
    """``files`` are those of a bundle directory; ``directory`` is what its JSON file says.

    ``declarations`` are what the files say, in no particular order. ``favourite`` is the action
    that most requests should be about, if any.
    """

    declarations: tuple[Declaration, ...]
    files: dict[str, bytes]
    directory: dict[str, Entity]
    shape: Shape
    pool: Pool
    favourite: str = ""

    def text(self) -> str:
        """All files, for people who look at a difference."""
        return "\n".join(f"# ==== {name}\n{body.decode()}" for name, body in self.files.items())


def program(rng: Random, size: int = 3) -> Program:
    """A program without errors. ``size`` 1 to 3: from a few rules to a few dozen."""
    pool = pool_of(rng)
    shape = shape_of(rng, size)
    words, named = words_of(rng, shape, pool)
    library = _LIBRARY if size > 1 and maybe(rng, 0.35) else MAIN
    words.library = "" if library == MAIN else library
    author, routes = Author(rng, shape, words), RouteAuthor(rng, shape, words)
    of_rules = routes.for_rules(rng.randint(1, 1 + size))
    own: list[str] = []
    if maybe(rng, 0.6):
        gates = routes.for_tiers(rng.randint(0, 2))
        own.append(risk_text(rng, shape, words, gates))
        # what no tier requires is read for the rules that name it, and then shows less
        of_rules += some_of(rng, [gate for gate in gates if gate.name in own[0]], 0, 1)
    own += [
        author.policy(f"p{index}", rng.randint(2, 1 + 2 * size), of_rules)
        for index in range(rng.randint(1, 1 + size))
    ]
    own.append(_base_policy(rng, shape))
    guards = []
    if words.library and maybe(rng, 0.7):
        guards.append(author.guard_policy("guard", rng.randint(1, 3), of_rules))
    own += used_routes(routes.written, (*own, *guards), rng)
    declarations = [
        *(Declaration(library, text) for text in (*shape.declarations, *named)),
        *(Declaration(MAIN, text) for text in own),
        *(Declaration(_GUARD, text) for text in guards),
    ]
    directory = directory_of(rng, shape, pool)
    rng.shuffle(declarations)
    files = spread(rng, declarations)
    files["people.directory.json"] = directory_text(directory)
    return Program(tuple(declarations), files, directory, shape, pool)


def used_routes(routes: Iterable[RouteText], texts: Iterable[str], rng: Random) -> list[str]:
    """The text of the routes that some rule or tier names, and of all that these escalate to."""
    by_name = {route.name: route for route in routes}
    kept = [route for route in by_name.values() if any(route.name in text for text in texts)]
    for route in kept:
        if route.escalate is not None and by_name[route.escalate[0]] not in kept:
            kept.append(by_name[route.escalate[0]])
    return [route.text(rng) for route in kept]


def requests(made: Program, rng: Random, count: int) -> Iterator[Asked]:
    """``count`` requests to ask of the program."""
    writer = Requests(rng, made.shape, made.pool, made.favourite)
    for _ in range(count):
        yield writer.one()


def _base_policy(rng: Random, shape: Shape) -> str:
    """Plain allows for most actions: otherwise nearly every answer would be a default deny."""
    actions = [name for name in shape.schema.actions if maybe(rng, 0.75)]
    actions = actions or list(shape.schema.actions)[:1]
    return (
        'policy base {\n    owner "base@x.example"\n    contact "#base"\n    reason "GEN"\n'
        f"    rule all: allow anyone to {', '.join(actions)}\n}}"
    )


def spread(rng: Random, declarations: Iterable[Declaration]) -> dict[str, bytes]:
    """One bundle over one to three files, the bundle line in the first; of several, each in one."""
    by_bundle: dict[str, list[str]] = {}
    for declaration in declarations:
        by_bundle.setdefault(declaration.bundle, []).append(declaration.text)
    if list(by_bundle) == [MAIN]:
        parts: list[list[str]] = [[_HEADS[MAIN]], *([] for _ in range(rng.randint(0, 2)))]
        for text in by_bundle[MAIN]:
            rng.choice(parts).append(text)
    else:
        imports = {_LIBRARY: [], MAIN: [_LIBRARY], _GUARD: [_LIBRARY, MAIN]}
        parts = [
            [_HEADS[bundle], *(f"import {name}" for name in imports[bundle]), *texts]
            for bundle, texts in by_bundle.items()
        ]
    return {
        f"part{index}.charter": ("\n\n".join(part) + "\n").encode()
        for index, part in enumerate(parts)
    }
