"""The request digest: published vectors in Python and Node, the quick path, and what breaks it."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from pdp import canonical, digest
from pdp.model import Entity, RequestError, Session, ToolIdentity
from pdp.request import Request
from tests.eval.mangled import mangled

VECTORS: Final = Path(__file__).parent / "vectors" / "request_digest.json"
FILE: Final[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))
BY_NAME: Final = {vector["name"]: vector for vector in FILE["vectors"]}
NODE: Final = shutil.which("node")


def request(vector: dict[str, Any]) -> Request:
    principal, *on_behalf_of = [Entity(*member) for member in vector["chain"]]
    return Request(
        principal=principal,
        on_behalf_of=tuple(on_behalf_of),
        action=vector["action"],
        args=vector["args"],
        context=vector.get("context", "{}"),
        resource=None if vector["resource"] is None else Entity(*vector["resource"]),
        tool=None if vector["tool"] is None else ToolIdentity(**vector["tool"]),
        digest_salt=bytes.fromhex(vector["salt"]),
    )


def wrong() -> set[str]:
    """The names of vectors that the code under test does not agree with."""
    found = set()
    for vector in FILE["vectors"]:
        try:
            written = digest.canonical_args(vector["args"]).decode()
            binding = vector.get("binding", ())
            same = digest.request_digest(request(vector), binding) == vector["digest"]
            bound = digest.bound_context(vector.get("context", "{}"), binding).decode()
            same = same and bound == vector.get("bound_context", "{}")
        except RequestError:
            found.add(vector["name"])
        else:
            if not same or written != vector["canonical_args"]:
                found.add(vector["name"])
    for refused in FILE["refused"]:
        try:
            digest.canonical_args(refused["args"])
        except RequestError as error:
            if not error.field.startswith("args"):
                found.add(refused["name"])
        except ValueError:
            found.add(refused["name"])
        else:
            found.add(refused["name"])
    return found | wrong_contexts()


def wrong_contexts() -> set[str]:
    """The names of contexts that have no digest and are not refused, naming the place."""
    found = set()
    for refused in FILE["refused_context"]:
        try:
            digest.bound_context(refused["context"], ["x"])
        except RequestError as error:
            if not error.field.startswith("context"):
                found.add(refused["name"])
        except ValueError:
            found.add(refused["name"])
        else:
            found.add(refused["name"])
    return found


def test_vectors_hold() -> None:
    assert len(FILE["vectors"]) >= 25
    assert len(FILE["refused"]) >= 25
    assert wrong() == set()


def test_names_are_distinct() -> None:
    items = (*FILE["vectors"], *FILE["refused"], *FILE["refused_context"])
    names = [item["name"] for item in items]
    assert len(set(names)) == len(names)


def test_careful_form_holds_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest, "_quick", lambda _: None)
    assert wrong() == set()


def test_digests_differ_unless_meant_to_agree() -> None:
    by_meaning: dict[str, set[str]] = {}
    for vector in FILE["vectors"]:
        outside = {"name", "args", "context", "binding", "digest"}
        meaning = {key: vector[key] for key in vector if key not in outside}
        meaning.setdefault("bound_context", "{}")
        by_meaning.setdefault(json.dumps(meaning, sort_keys=True), set()).add(vector["digest"])
    assert all(len(digests) == 1 for digests in by_meaning.values())
    assert len({next(iter(digests)) for digests in by_meaning.values()}) == len(by_meaning)


def test_the_page_shows_the_first_vector() -> None:
    page = (Path(__file__).parents[1] / "docs" / "request-digest.md").read_text(encoding="utf-8")
    assert FILE["vectors"][0]["digest"] in page
    assert digest.TAG.decode() in page


def test_what_is_outside_changes_nothing() -> None:
    plain = request(BY_NAME["the example of the page"])
    told = replace(
        plain,
        principal=replace(plain.principal, attributes="{}", groups=("Team::a",)),
        context='{"x":1}',
        request_id="r",
        session=Session("s"),
        supported_obligations=("redact",),
        grants=(b"g",),
        entities=(Entity("User", "bob", "{}"),),
    )
    assert digest.request_digest(told) == digest.request_digest(plain)
    assert digest.request_digest(told, ["y"]) == digest.request_digest(plain)
    assert digest.request_digest(told, ["x"]) != digest.request_digest(plain)


# ---------------------------------------------------------------- Node


def node(vectors: Path) -> subprocess.CompletedProcess[str]:
    if NODE is None:
        pytest.skip("not on this machine: node, which runs the request digest vectors")
    command = [NODE, str(VECTORS.with_suffix(".mjs")), str(vectors)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_node_agrees() -> None:
    run = node(VECTORS)
    assert run.returncode == 0, run.stdout + run.stderr
    refusals = len(FILE["refused"]) + len(FILE["refused_context"])
    assert f"{len(FILE['vectors'])} vectors, {refusals} refusals" in run.stdout


def test_node_catches_a_changed_vector(tmp_path: Path) -> None:
    broken = json.loads(VECTORS.read_text(encoding="utf-8"))
    broken["vectors"][0]["args"] = broken["vectors"][0]["args"].replace("12.50", "12.51")
    broken["refused"][0]["args"] = "{}"
    path = tmp_path / "vectors.json"
    path.write_text(json.dumps(broken))
    run = node(path)
    assert run.returncode == 1
    assert "the example of the page: digest" in run.stdout
    assert "not JSON: not refused" in run.stdout


# ---------------------------------------------------------------- sabotage


SABOTAGE: Final = [
    ("_frame", lambda field: field, "type and id do not run together"),
    ("quick_canonical", str.encode, "trailing zeros do not matter"),
    ("_check_integers", lambda _tree: None, "an integer past 2^53-1"),
    ("bound_context", lambda _text, _binding: b"{}", "another value of a binding field"),
    ("sorted", list, "binding fields in any order, sorted by key"),
]


@pytest.mark.parametrize(("seam", "broken", "caught"), SABOTAGE)
def test_sabotage_of_the_digest(
    monkeypatch: pytest.MonkeyPatch, seam: str, broken: Any, caught: str
) -> None:
    monkeypatch.setattr(digest, seam, broken, raising=seam != "sorted")
    assert caught in wrong()


def surrogates_only(text: str, path: str, _chars_max: int = 0) -> None:
    if any("\ud800" <= unit <= "\udfff" for unit in text):
        raise canonical.CanonicalError("holds a lone surrogate", path)


# Keeps the last of equal keys, as parsers do that were not told otherwise.
KEEPS_LAST: Final = json.JSONDecoder(
    parse_float=canonical.Number, parse_int=canonical.Number, parse_constant=canonical.Number
)


@pytest.mark.parametrize(
    ("seam", "broken", "caught"),
    [
        ("normalised_number", str, "number 1.0 is number 1"),
        ("_DECODER", KEEPS_LAST, "a duplicate key, escaped"),
        ("_NUMBER", re.compile("[-0-9.eE]+"), "a fraction and an exponent"),
        ("check_text", surrogates_only, "text that is not NFC"),
        ("DEPTH_MAX", 99, "nested to depth 17"),
    ],
)
def test_sabotage_of_canonical_json(
    monkeypatch: pytest.MonkeyPatch, seam: str, broken: Any, caught: str
) -> None:
    monkeypatch.setattr(canonical, seam, broken)
    assert caught in wrong()


def test_frames_keep_fields_apart() -> None:
    first = Request(principal=Entity("A", "bc"), action="x")
    second = Request(principal=Entity("Ab", "c"), action="x")
    assert digest.request_digest(first) != digest.request_digest(second)
    frames = b"".join(
        len(field).to_bytes(4, "big") + field
        for field in (digest.TAG, b"1", b"A", b"bc", b"0", b"x", b"{}", b"{}", b"0", b"")
    )
    assert digest.request_digest(first) == hashlib.sha256(frames).hexdigest()


# ---------------------------------------------------------------- the quick path agrees


def careful(text: str) -> bytes | None:
    try:
        return digest.careful_canonical(text)
    except RequestError:
        return None


def differences(seed: int, count: int) -> list[str]:
    """Texts where the quick path answers and the definition answers otherwise."""
    chance = random.Random(seed)
    seeds = [vector["args"] for vector in FILE["vectors"]]
    seeds += [refused["args"] for refused in FILE["refused"]]
    found = []
    answered = 0
    for _ in range(count):
        text = mangled(chance.choice(seeds), chance)
        quick = digest.quick_canonical(text)
        if quick is not None:
            answered += 1
            if quick != careful(text):
                found.append(text)
    assert answered > count // 20
    return found


def test_quick_path_agrees_with_the_definition() -> None:
    assert differences(seed=1, count=20_000) == []


def test_quick_path_answers_usual_arguments() -> None:
    usual = '{"amount":12.50,"note":"späť","url":"a://b:1","at":"2026-03-02T10:00:00Z","l":[{}]}'
    assert digest.quick_canonical(usual) == careful(usual)


@pytest.mark.parametrize(
    ("seam", "broken", "caught"),
    [
        ("_INT_CHARS_SAFE", 99, '{"x":9007199254740992}'),
        ("_has_duplicate_key", lambda *_: False, '{"a":1,"a":1}'),
    ],
)
def test_sabotage_of_the_quick_path(
    monkeypatch: pytest.MonkeyPatch, seam: str, broken: Any, caught: str
) -> None:
    monkeypatch.setattr(digest, seam, broken)
    assert caught in differences(seed=1, count=20_000)
