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
from tests.properties.shapes import Shape, shape_of
from tests.properties.values import Pool, maybe, pool_of
from tests.properties.worlds import Asked, Requests, directory_of, directory_text

_BUNDLE = """bundle generated {
    version "1.0.0"
    language 1
    owner "owner@x.example"
    contact "#owner"
    governs ops
}"""


@dataclass(frozen=True)
class Program:
    """``files`` are those of a bundle directory; ``directory`` is what its JSON file says.

    ``declarations`` are what the files say, in no particular order.
    """

    declarations: tuple[str, ...]
    files: dict[str, bytes]
    directory: dict[str, Entity]
    shape: Shape
    pool: Pool

    def text(self) -> str:
        """All files, for people who look at a difference."""
        return "\n".join(f"# ==== {name}\n{body.decode()}" for name, body in self.files.items())


def program(rng: Random, size: int = 3) -> Program:
    """A program without errors. ``size`` 1 to 3: from a few rules to a few dozen."""
    pool = pool_of(rng)
    shape = shape_of(rng, size)
    words, named = words_of(rng, shape, pool)
    author = Author(rng, shape, words)
    routes = author.routes(rng.randint(1, 1 + size))
    policies = [
        author.policy(index, rng.randint(2, 1 + 2 * size), routes)
        for index in range(rng.randint(1, 1 + size))
    ]
    used = [route for route in routes if any(route.name in text for text in policies)]
    base = _base_policy(rng, shape)
    directory = directory_of(rng, shape, pool)
    declarations = [*shape.declarations, *named, *(route.text for route in used), *policies, base]
    rng.shuffle(declarations)
    files = spread(rng, declarations)
    files["people.directory.json"] = directory_text(directory)
    return Program(tuple(declarations), files, directory, shape, pool)


def requests(made: Program, rng: Random, count: int) -> Iterator[Asked]:
    """``count`` requests to ask of the program."""
    writer = Requests(rng, made.shape, made.pool)
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


def spread(rng: Random, declarations: Iterable[str]) -> dict[str, bytes]:
    """The declarations over one to three files; the bundle line stands in the first."""
    count = rng.randint(1, 3)
    parts: list[list[str]] = [[] for _ in range(count)]
    for declaration in declarations:
        rng.choice(parts).append(declaration)
    parts[0].insert(0, _BUNDLE)
    return {
        f"part{index}.charter": ("\n\n".join(part) + "\n").encode()
        for index, part in enumerate(parts)
    }
