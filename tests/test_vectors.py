"""Runs the meaning vectors written by hand in Markdown; what they mean stands there, not here.

The format is explained in ``tests/corpus/vectors/README.md``. Every vector is asked twice: through
the public engine and through the reference interpreter. Nothing else of the product is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest

from pdp import Decision, DenyCause, Engine, PolicyError, Request, RequestError
from pdp.eval.reference.decision import decide as decide_by_reference

FOLDER: Final = Path(__file__).parent / "corpus" / "vectors"
MINIMUM: Final = 320
MONDAY: Final = "2026-03-02T10:00:00Z"
EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")
# What a row says about its question. Everything else in lower case is an expectation, and a column
# in capitals is text to put into the policies.
ASKING: Final = frozenset({"case", "change", "replace", "now"})
# Expected of something else than one answer: of the loading, and of two answers beside each other.
OUTSIDE: Final = frozenset({"policies", "code", "digest"})
PROBES: Final = {
    "true": {"effect": "deny", "cause": "rule", "rules": "t.probe"},
    "false": {"effect": "allow", "cause": "-", "rules": "t.base"},
    "error": {"effect": "deny", "cause": "error", "rules": "t.probe"},
}


@dataclass(frozen=True, slots=True)
class Vector:
    """One question with its answer; ``files`` is what the engine loads."""

    name: str
    files: tuple[tuple[str, str], ...]
    base: str
    request: str
    now_us: int
    expected: dict[str, str]


@dataclass(slots=True)
class Part:
    """The fenced blocks that stand under one heading."""

    title: str
    files: dict[str, str] = field(default_factory=dict)
    request: Any = None
    change: Any = None
    rows: list[dict[str, str]] = field(default_factory=list)


# ---- Reading the Markdown --------------------------------------------------------


def parts_of(text: str) -> list[Part]:
    """The document split at its ``##`` headings; the first part is what all the others share."""
    parts = [Part("")]
    header: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("## "):
            parts.append(Part(line[3:].strip()))
        elif line.startswith("```"):
            add_block(parts[-1], line[3:].split(), block(lines))
        if not line.startswith("|"):
            header = []
        elif not header:
            header = cells(line)
        elif set(line) - set("|-: "):
            row = cells(line)
            assert len(row) == len(header), f"{len(row)} cells for {len(header)} columns: {line}"
            parts[-1].rows.append(dict(zip(header, row, strict=True)))
    return parts


def block(lines: Iterator[str]) -> str:
    found = []
    for line in lines:
        if line.startswith("```"):
            break
        found.append(line)
    return "\n".join(found) + "\n"


def add_block(part: Part, info: list[str], text: str) -> None:
    match info:
        case ["charter"]:
            part.files["section.charter" if part.title else "shared.charter"] = text
        case ["charter", name] | ["json", "file", name]:
            part.files[name] = text
        case ["json", "directory"]:
            part.files["people.directory.json"] = text
        case ["json", "request"]:
            part.request = json.loads(text)
        case ["json", "change"]:
            part.change = json.loads(text)
        case _:
            raise AssertionError(f"no such block: {info}")


def cells(line: str) -> list[str]:
    split = re.split(r"(?<!\\)\|", line.strip())[1:-1]
    return [uncode(cell.replace("\\|", "|").strip()) for cell in split]


def uncode(cell: str) -> str:
    inner = cell[1:-1]
    return inner if cell.startswith("`") and cell.endswith("`") and "`" not in inner else cell


def merged(base: Any, patch: Any) -> Any:
    """RFC 7396: null removes, objects merge, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def vectors_of(path: Path) -> Iterator[Vector]:
    shared, *sections = parts_of(path.read_text("utf-8"))
    for section in sections:
        base = section.request if section.request is not None else shared.request
        if section.change is not None:
            base = merged(base, section.change)
        files = shared.files | section.files
        for number, row in enumerate(section.rows, 1):
            label = row.get("case") or " ".join(v for k, v in row.items() if k.isupper())
            label = label or row.get("replace") or row.get("change") or "as asked"
            yield Vector(
                name=f"{path.stem}/{slug(section.title)}/{number:02}-{slug(label)}",
                files=tuple(sorted(filled(files, row).items())),
                base=asked(base, {}),
                request=asked(base, row),
                now_us=(at(row.get("now") or MONDAY) - EPOCH) // timedelta(microseconds=1),
                expected=expectations(row),
            )


def filled(files: Mapping[str, str], row: Mapping[str, str]) -> dict[str, str]:
    result = dict(files)
    for column, cell in row.items():
        if column.isupper():
            assert any(column in text for text in result.values()), f"nothing says {column}"
            result = {name: text.replace(column, cell) for name, text in result.items()}
    return result


def asked(base: Any, row: Mapping[str, str]) -> str:
    text = json.dumps(base, ensure_ascii=False)
    if row.get("change"):
        changed = json.dumps(merged(base, json.loads(row["change"])), ensure_ascii=False)
        assert changed != text, f"changes nothing: {row['change']}"
        text = changed
    for old, new in re.findall(r"`([^`]+)` → `([^`]*)`", row.get("replace", "")):
        assert text.count(old) == 1, f"{old} stands {text.count(old)} times in {text}"
        text = text.replace(old, re.sub(r"⟨(\d+) of (\w+)⟩", repeated, new))
    return text


def repeated(found: re.Match[str]) -> str:
    """``⟨3 of a⟩`` stands for ``aaa``, so that long values need not be written out."""
    return found[2] * int(found[1])


def expectations(row: Mapping[str, str]) -> dict[str, str]:
    result: dict[str, str] = {}
    for column, cell in row.items():
        if column.isupper() or column in ASKING or not cell:
            continue
        if column == "value":
            result |= PROBES[cell]
        else:
            assert column in SHOWN or column in OUTSIDE, f"no such column: {column}"
            result[column] = cell
    assert result, f"expects nothing: {row}"
    return result


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_.]+", "-", text.lower()).strip("-")[:48]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ---- An answer in the words of the tables ----------------------------------------


def listed(items: Any) -> str:
    return ", ".join(sorted(str(item).removeprefix("Team::") for item in items)) or "-"


def obliged(decision: Decision) -> str:
    return "; ".join(
        sorted(
            f"{one.name} {', '.join(sorted(one.value.removeprefix('Team::').split(', ')))}"
            for one in decision.obligations
        )
    )


def needs(items: Any) -> str:
    return listed(f"{need.count} of {need.group.removeprefix('Team::')}" for need in items)


def show(decision: Decision) -> str:
    assert decision.approval is not None
    return listed(
        f"{path}={'absent' if value is None else value}" for path, value in decision.approval.show
    )


def escalation(decision: Decision) -> Any:
    assert decision.approval is not None
    (only,) = decision.approval.escalations
    return only


def hours(seconds: int) -> str:
    return f"{seconds // 3600}h" if seconds % 3600 == 0 else f"{seconds // 60}m"


def route(decision: Decision) -> Any:
    assert decision.approval is not None, "no approval is asked for"
    return decision.approval


def risk(decision: Decision) -> Any:
    assert decision.risk is not None, "no risk was assessed"
    return decision.risk


SHOWN: Final[Mapping[str, Callable[[Decision], str]]] = {
    "effect": lambda d: d.effect.value.removeprefix("require_"),
    "cause": lambda d: d.cause.value if d.cause else "-",
    "rules": lambda d: listed(rule.rule for rule in d.rules),
    "because": lambda d: listed(rule.because for rule in d.rules),
    "next": lambda d: d.next_action.value,
    "obligations": obliged,
    "needs": lambda d: needs(route(d).needs),
    "routes": lambda d: listed(route(d).routes),
    "exclude": lambda d: listed(route(d).exclude),
    "decide": lambda d: hours(route(d).decide_within_s),
    "use": lambda d: hours(route(d).use_within_s),
    "confirm": lambda d: "yes" if route(d).confirm_user else "no",
    "show": show,
    "escalate": lambda d: f"{escalation(d).route} after {hours(escalation(d).after_s)}",
    "then needs": lambda d: needs(escalation(d).needs),
    "then decide": lambda d: hours(escalation(d).decide_within_s),
    "tier": lambda d: risk(d).tier,
    "points": lambda d: str(risk(d).points),
    "reasons": lambda d: listed(risk(d).reasons),
    "accountable": lambda d: d.attribution.accountable,
    "agent": lambda d: d.attribution.agent or "-",
    "chain": lambda d: ", ".join(d.attribution.chain),
    "owners": lambda d: listed(d.attribution.policy_owners),
}
SORTED: Final = frozenset(
    {"rules", "because", "needs", "then needs", "routes", "exclude", "reasons", "owners"}
)


def compare(vector: Vector, decision: Decision) -> None:
    found = differences(vector.expected, decision)
    if found:
        pytest.fail("\n".join([*found, vector.request]), pytrace=False)


def differences(expected: Mapping[str, str], decision: Decision) -> list[str]:
    return [
        f"{column}: expected {wanted}, got {got}"
        for column, wanted in expected.items()
        if column in SHOWN
        for got in [SHOWN[column](decision)]
        if not agrees(column, wanted, got, decision)
    ]


def agrees(column: str, wanted: str, got: str, decision: Decision) -> bool:
    if column == "rules" and (wanted.endswith(" …") or decision.cause is DenyCause.ERROR):
        named = {rule.rule for rule in decision.rules} | {rule.rule for rule in decision.errors}
        return set(wanted.removesuffix(" …").split(", ")) <= named
    if column == "obligations":
        # Whether the default level of the log is listed is not decided: only said levels count.
        said = set(got.split("; ")) - {""}
        want = set() if wanted == "-" else set(wanted.split("; "))
        return said == want or said - {"log full"} == want
    if column in SORTED:
        return got == listed(wanted.split(", "))
    if column == "show":
        return got == listed(wanted.split("; "))
    return wanted == got


# ---- The tests -------------------------------------------------------------------

PAGES: Final = sorted(FOLDER.glob("[a-z]*.md"))
VECTORS: Final = {vector.name: vector for path in PAGES for vector in vectors_of(path)}


class Clock:
    """The time that every engine reads; each test sets it before it asks."""

    now_us = 0

    def __call__(self) -> int:
        return self.now_us


CLOCK: Final = Clock()


@lru_cache(maxsize=32)
def engine_of(files: tuple[tuple[str, str], ...]) -> Engine:
    return Engine({name: text.encode() for name, text in files}, clock=CLOCK)


def loaded(vector: Vector) -> Engine:
    try:
        return engine_of(vector.files)
    except PolicyError as error:
        raise AssertionError(f"the policies do not load: {'; '.join(complaints(error))}") from error


def complaints(error: PolicyError) -> list[str]:
    diagnostics: Any = error.diagnostics
    return [f"{one.code.code} {one.message}" for one in diagnostics]


@pytest.mark.parametrize("name", VECTORS)
def test_engine(name: str) -> None:
    vector = VECTORS[name]
    if vector.expected.get("policies") == "refused":
        with pytest.raises(PolicyError) as refusal:
            engine_of(vector.files)
        said = complaints(refusal.value)
        wanted = tuple(vector.expected.get("code", "C").split("/"))
        assert any(one.startswith(wanted) for one in said), said
        return
    engine = loaded(vector)
    CLOCK.now_us = vector.now_us
    if vector.expected.get("effect") == "refused":
        with pytest.raises(RequestError):
            engine.decide(Request.from_json(vector.request))
    elif "effect" in vector.expected:
        decision = engine.decide(Request.from_json(vector.request))
        compare(vector, decision)
        if "digest" in vector.expected:
            base = engine.decide(Request.from_json(vector.base))
            same = decision.request_digest == base.request_digest
            assert ("same" if same else "other") == vector.expected["digest"]


def is_for_reference(vector: Vector) -> bool:
    """The reference interprets accepted questions; the door is the engine's alone."""
    return (
        vector.expected.get("effect", "refused") != "refused"
        and vector.expected.get("cause") != "invalid_request"
    )


@pytest.mark.parametrize("name", [name for name, one in VECTORS.items() if is_for_reference(one)])
def test_reference(name: str) -> None:
    vector = VECTORS[name]
    engine = loaded(vector)
    request = Request.from_json(vector.request)
    compare(vector, decide_by_reference(engine.checked, engine.directory, request, vector.now_us))


def test_the_corpus_was_found() -> None:
    read = [vector.name for path in PAGES for vector in vectors_of(path)]
    assert len(read) >= MINIMUM
    assert len(set(read)) == len(read), "two vectors have one name"


@pytest.mark.parametrize("column", SHOWN)
def test_a_wrong_expectation_is_noticed(column: str) -> None:
    """No column is read past: each is used, and a false answer in it is a difference."""
    name = next(name for name, one in VECTORS.items() if column in one.expected)
    vector = VECTORS[name]
    CLOCK.now_us = vector.now_us
    decision = loaded(vector).decide(Request.from_json(vector.request))
    assert differences(vector.expected, decision) == []
    assert differences(vector.expected | {column: "wrong"}, decision) != []
