"""A program packed and unpacked is the same program and decides the same; damage is an error."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from pdp.eval.policyset import PolicySet
from pdp.lang.checked import CheckedPolicies
from pdp.lang.packing import compact
from pdp.lang.packing.compact import PackedRules, heads_of, pack, unpack
from pdp.model import PolicyError
from pdp.request import Request
from tests.properties.differential import built, checked_of
from tests.properties.generate import Program, program, requests


def made(seed: int) -> tuple[Program, CheckedPolicies]:
    generated = program(Random(seed), size=1 + seed % 3)
    return generated, checked_of(generated)


@pytest.mark.parametrize("seed", range(20))
def test_what_comes_back_is_the_same_program(seed: int) -> None:
    _, checked = made(seed)
    data = pack(checked)
    back = unpack(data)
    assert isinstance(back.rules, PackedRules)
    assert tuple(back.rules) == tuple(checked.rules)
    assert list(heads_of(back.rules)) == list(heads_of(checked.rules))
    for field in checked.__struct_fields__:
        if field != "rules":
            assert getattr(back, field) == getattr(checked, field), field
    assert pack(back) == data
    assert pack(made(seed)[1]) == data


@pytest.mark.parametrize("seed", range(20, 30))
def test_it_decides_the_same(seed: int) -> None:
    generated, checked = made(seed)
    policies = built(generated, checked)
    packed = PolicySet.build(unpack(pack(checked)), generated.directory, {})
    asked = [item for item in requests(generated, Random(seed), 60) if not item.spoiled]
    assert asked
    for item in asked:
        request = Request.from_json(item.body)
        here, there = policies.bind(request), packed.bind(request)
        assert policies.decide(here, item.now_us) == packed.decide(there, item.now_us)


def test_rules_are_read_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    _, checked = made(3)
    data = pack(checked)
    asked: list[bytes] = []
    honest: Any = msgspec.msgpack.decode

    def decode(packed: bytes, **options: object) -> object:
        asked.append(packed)
        return honest(packed, **options)

    monkeypatch.setattr(msgspec.msgpack, "decode", decode)
    back = unpack(data)
    PolicySet.build(back, {}, {})
    assert not any(bytes(packed) in _rules_of(checked) for packed in asked)
    before = len(asked)
    assert back.rules[1] == checked.rules[1]
    assert len(asked) == before + 1
    assert list(back.rules[:2]) == list(checked.rules[:2])


def _rules_of(checked: CheckedPolicies) -> set[bytes]:
    writer = compact._Writer()  # noqa: SLF001 - how a rule is packed is nobody else's business
    return {msgspec.msgpack.encode(writer.value(rule)) for rule in checked.rules}


def test_damage_is_never_a_traceback() -> None:
    data = pack(made(5)[1])
    rng = Random(1)
    refused = 0
    for _ in range(2_000):
        broken = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        try:
            list(
                unpack(bytes(broken[: rng.choice((len(broken), rng.randrange(len(broken))))])).rules
            )
        except PolicyError:
            refused += 1
    assert refused > 1_000


@pytest.mark.parametrize(
    "data",
    [b"", b"\x90", b"\xc0", msgspec.msgpack.encode(["other", 2, [], [], [], [], [], [], b"", b""]),
     msgspec.msgpack.encode(["charter-compact", 1, [], [], [], [], [], [], b"", b""])],
)  # fmt: skip
def test_what_this_version_did_not_make_is_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="build the bundle again"):
        unpack(data)


def test_sabotage_one_set_of_actions_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compact._Writer, "actions", lambda *_: 0)  # noqa: SLF001 - the seam
    with pytest.raises((AssertionError, PolicyError)):
        _come_back_all()


def _come_back_all() -> None:
    for seed in range(20):
        test_what_comes_back_is_the_same_program(seed)
