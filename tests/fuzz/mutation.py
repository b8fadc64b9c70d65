"""Inputs made of other inputs: declarations spliced, words swapped, numbers and texts made worse.

Everything comes from the seed that is given; nothing is executed here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from pdp._proto import decision_pb2 as pb

ROOT: Final = Path(__file__).parents[2]
# Between the files of one input: a line `=== NAME`.
SEPARATOR: Final = re.compile(rb"^=== ([^\n]*)\n", re.MULTILINE)

_TOKEN: Final = re.compile(
    r'\s+|#[^\n]*|r?"(?:[^"\\\n]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*'
    r"|[0-9][0-9A-Za-z_.:-]*|::|==|!=|<=|>=|\.\.|.",
    re.DOTALL,
)
_DECLARATION: Final = re.compile(
    r"^(?=(?:bundle|import|enum|level|type|context|entity|action|actions|group|const|data|predicate"
    r"|window|route|risk|budget|policy|invariant|fixture|test)\b)",
    re.MULTILINE,
)
_NUMBERS: Final = (
    "0", "1", "-1", "2", "32", "33", "100", "101", "10_000", "1_000_001", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "0.0001", "0.00001", "99999999999999.9999",
    "100000000000000.00", "1e3", "1" * 100, "9" * 101, "00:00", "24:00", "25:61", "366d", "0s",
    "9999999999999d", "2026-02-29", "9999-12-31", "0000-00-00", "2026-03-29T02:30:00Z", "1ms",
)  # fmt: skip
_TEXTS: Final = (
    '""', '"*"', r'"\*"', r'"\\"', r'"\x"', r'r"\*"', '"a*b*c"', '"/"', '"/a/../b"', '"10.0.0.0/8"',
    '"::ffff:1.2.3.4"', '"::/0"', '"(a|b)*c{2,5}"', '"(?i)["', '"Europe/Berlin"', '"nowhere.json"',
    '"2026-12-25"', '"\u202e"', '"\u00e9"', '"e\u0301"', '"' + "x" * 300 + '"', '"a::b"',
)  # fmt: skip
_NASTY: Final = (
    "\0", "\r", "\r\n", "\t", "\ufeff", "\u202e", "\u2028", "\xa0", "\u200b", "'", "`", ";", "&&",
    "||", "!", "=", "/", '"', "\\", "(", ")", "[", "]", "{", "}", "#", "\U0001f600", "\n",
)  # fmt: skip
_GROWTH: Final = (2, 10, 40)
_CHANGES: Final = (1, 1, 1, 2, 4)


@cache
def declarations() -> tuple[str, ...]:
    """Every declaration of the project's own small policy files."""
    found: dict[str, None] = {}
    for path in policy_files():
        for part in _DECLARATION.split(path.read_text(encoding="utf-8")):
            if 0 < len(part) < 1_500:
                found[part] = None
    return tuple(found)


@cache
def policy_files() -> tuple[Path, ...]:
    places = ("policies", "pdp/authoring/starter", "tests/corpus", "tests/service/policies")
    return tuple(sorted(path for place in places for path in (ROOT / place).rglob("*.charter")))


@cache
def words() -> tuple[str, ...]:
    """Every word and sign that occurs in a declaration."""
    found = {word for part in declarations() for word in _TOKEN.findall(part) if word.strip()}
    return tuple(sorted(found))


def files_of(data: bytes) -> dict[str, bytes]:
    """The files of one input; what stands before the first name is `a.charter`."""
    first, *rest = SEPARATOR.split(data)
    files = {"a.charter": first} if first.strip() or not rest else {}
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        files[name.decode("utf-8", "replace")] = body
    return files


def joined(files: dict[str, bytes]) -> bytes:
    """One input from files: the inverse of ``files_of``."""
    return b"".join(b"=== " + name.encode() + b"\n" + body for name, body in files.items())


# ---------------------------------------------------------------- texts: policies and JSON


def text(data: bytes, rng: random.Random) -> bytes:
    """A policy text, or a bundle of them, with a few things changed."""
    source = data.decode("utf-8", "surrogateescape")
    for _ in range(rng.choice(_CHANGES)):
        change = rng.choices(_TEXT_CHANGES, _TEXT_WEIGHTS)[0]
        source = change(source, rng)
    if rng.random() < 0.03:
        return scrambled(source.encode("utf-8", "surrogateescape"), rng)
    return source.encode("utf-8", "surrogateescape")


def scrambled(data: bytes, rng: random.Random) -> bytes:
    """Bytes changed without regard to what they are."""
    if not data:
        return rng.randbytes(8)
    at = rng.randrange(len(data))
    match rng.randrange(4):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + rng.randbytes(rng.randint(1, 4)) + data[at:]
        case 2:
            return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
        case _:
            return data[:at] + data[at + rng.randint(1, 8) :]


def _tokens(source: str, rng: random.Random) -> tuple[list[str], int]:
    """The words of a text with the blanks between them, and the place of one word."""
    tokens = _TOKEN.findall(source) or [" "]
    for _ in range(5):
        at = rng.randrange(len(tokens))
        if tokens[at].strip():
            break
    return tokens, at


def _swap(source: str, rng: random.Random) -> str:
    tokens, at = _tokens(source, rng)
    other = min(len(tokens) - 1, at + rng.choice((2, 2, 4, rng.randrange(len(tokens)))))
    tokens[at], tokens[other] = tokens[other], tokens[at]
    return "".join(tokens)


def _drop(source: str, rng: random.Random) -> str:
    tokens, at = _tokens(source, rng)
    del tokens[at : at + rng.choice((1, 1, 2, 5))]
    return "".join(tokens)


def _double(source: str, rng: random.Random) -> str:
    tokens, at = _tokens(source, rng)
    part = tokens[at : at + rng.choice((1, 2, 3, 8))]
    tokens[at:at] = part * rng.choice((1, 1, 1, *_GROWTH))
    return "".join(tokens)


def _replace(source: str, rng: random.Random) -> str:
    tokens, at = _tokens(source, rng)
    tokens[at] = rng.choice(rng.choice((words(), tokens)))
    return "".join(tokens)


def _insert(source: str, rng: random.Random) -> str:
    tokens, at = _tokens(source, rng)
    tokens.insert(at, rng.choice(rng.choice((words(), _NASTY))))
    return "".join(tokens)


def _of_kind(first: Callable[[str], bool], choices: Sequence[str]) -> Callable[..., str]:
    """Replaces one word that begins so by one of the choices."""

    def change(source: str, rng: random.Random) -> str:
        tokens = _TOKEN.findall(source)
        places = [at for at, token in enumerate(tokens) if first(token)]
        if places:
            tokens[rng.choice(places)] = rng.choice(choices)
        return "".join(tokens)

    return change


_number = _of_kind(lambda token: token[0].isdigit(), _NUMBERS)
_string = _of_kind(lambda token: token[0] == '"', _TEXTS)


def _splice(source: str, rng: random.Random) -> str:
    parts = _DECLARATION.split(source)
    parts.insert(rng.randint(0, len(parts)), rng.choice(declarations()))
    return "".join(parts)


def _shuffle(source: str, rng: random.Random) -> str:
    """A declaration dropped, doubled or put elsewhere."""
    parts = _DECLARATION.split(source)
    part = parts.pop(rng.randrange(len(parts)))
    for _ in range(rng.choice((0, 1, 2))):
        parts.insert(rng.randint(0, len(parts)), part)
    return "".join(parts)


_TEXT_CHANGES: Final = (
    _swap, _drop, _double, _replace, _insert, _number, _string, _splice, _shuffle,
)  # fmt: skip
_TEXT_WEIGHTS: Final = (3, 3, 2, 6, 2, 3, 3, 3, 2)


# ---------------------------------------------------------------- requests


def json_text(data: bytes, rng: random.Random) -> bytes:
    """A JSON text with a few words changed: numbers, texts, members, brackets."""
    source = data.decode("utf-8", "surrogateescape")
    changes = (_swap, _drop, _double, _replace_json, _number, _string)
    for _ in range(rng.choice(_CHANGES)):
        source = rng.choice(changes)(source, rng)
    made = source.encode("utf-8", "surrogateescape")
    return scrambled(made, rng) if rng.random() < 0.05 else made


_JSON: Final = (
    "null", "true", "{}", "[]", '"\\ud800"', '"\\u0000"', '""', "-0", "1e400", '{"a":1,"a":2}',
    "NaN", "1.50",
    '"principal"', '"on_behalf_of"', '"entities"', '"attributes"', '"groups"', '"type"', '"id"',
)  # fmt: skip


def _replace_json(source: str, rng: random.Random) -> str:
    tokens, at = _tokens(source, rng)
    tokens[at] = rng.choice(rng.choice((_JSON, tokens)))
    return "".join(tokens)


def message(data: bytes, rng: random.Random) -> bytes:
    """A call of the service: one byte for which, then a protobuf message."""
    request = pb.DecideRequest()
    try:
        request.ParseFromString(data[1:])
    except Exception:  # noqa: BLE001 - the decoder's own error type differs between versions
        return data[:1] + scrambled(data[1:], rng)
    for _ in range(rng.choice(_CHANGES)):
        _change_message(request, rng)
    if rng.random() < 0.3:
        batch = pb.DecideBatchRequest(items=[request] * rng.choice((0, 1, 3, 101)))
        made = b"\1" + batch.SerializeToString()
    else:
        made = b"\0" + request.SerializeToString()
    return made[:1] + scrambled(made[1:], rng) if rng.random() < 0.4 else made


def _change_message(request: pb.DecideRequest, rng: random.Random) -> None:
    everyone = [request.principal, *request.on_behalf_of, request.resource, *request.entities]
    entity = rng.choice(everyone)
    match rng.randrange(8):
        case 0:
            request.args = json_text(request.args.encode(), rng).decode("utf-8", "replace")
        case 1:
            request.context = rng.choice(("", "{}", "[]", "{", '{"urgent":true}'))
        case 2:
            made = json_text(entity.attributes.encode(), rng)
            entity.attributes = made.decode("utf-8", "replace")
        case 3:
            entity.id = rng.choice(("", "ann", "bot", "\0", "a::b", "é", "x" * 300))
        case 4:
            entity.type = rng.choice(("", "User", "Agent", "Order", "Team", "Nothing", "a.b"))
        case 5:
            request.action = rng.choice(("", "pay__refund", "pay.refund", "no.such", "*", "\n"))
        case 6:
            request.on_behalf_of.add().CopyFrom(entity)
        case _:
            request.ClearField(rng.choice(("principal", "resource", "args", "context")))
