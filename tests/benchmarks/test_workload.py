"""The workload that engines are measured on: the same for the same seed, and worth measuring."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.peers.charter import Charter
from benchmarks.peers.handwritten import HandWritten
from benchmarks.peers.workload import HOT, SPREAD, Shape, workload

SHAPES = pytest.mark.parametrize("shape", Shape)


@SHAPES
def test_the_same_seed_gives_the_same_workload_and_another_seed_another(shape: Shape) -> None:
    work = workload(shape, 100)
    assert work == workload(shape, 100)
    assert work.rules != workload(shape, 100, seed=8).rules
    assert work.asks != workload(shape, 100, seed=8).asks


@SHAPES
@pytest.mark.parametrize("size", [10, 100, 1_000])
def test_there_are_as_many_rules_as_asked_for_and_their_names_differ(
    shape: Shape, size: int
) -> None:
    work = workload(shape, size)
    assert len(work.rules) == len({rule.name for rule in work.rules}) == size
    assert len(work.asks) == SPREAD
    assert HOT < SPREAD


def test_agent_actions_lie_over_half_as_many_pairs_with_one_to_three_rules_each() -> None:
    work = workload(Shape.ACTIONS, 1_000)
    counts = Counter((rule.action, rule.resource_type) for rule in work.rules)
    assert counts.keys() == set(work.targets)
    assert len(counts) == 500
    assert set(counts.values()) == {1, 2, 3}


def test_the_tenant_shape_has_one_action_and_a_tenant_in_every_rule() -> None:
    work = workload(Shape.TENANT, 1_000)
    assert len({(rule.action, rule.resource_type) for rule in work.rules}) == 1
    assert len({rule.tenant for rule in work.rules}) == 500
    assert None not in {rule.tenant for rule in work.rules}


def test_wildcard_rules_name_no_action() -> None:
    assert {rule.action for rule in workload(Shape.WILDCARD, 100).rules} == {None}


@SHAPES
def test_every_kind_of_answer_occurs(shape: Shape) -> None:
    work = workload(shape, 100)
    hand = HandWritten(work)
    kinds: Counter[tuple[str, int]] = Counter()
    for ask in work.asks:
        effect, rules, _ = hand.decide(hand.bind(ask, 1))
        kinds[effect, min(len(rules), 2)] += 1
    assert kinds["allow", 1] > 100
    assert kinds["allow", 2] > 20
    assert kinds["deny", 0] > 20
    assert kinds["deny", 1] > 20


@SHAPES
@pytest.mark.parametrize("chain", [1, 2])
def test_the_function_and_the_engine_and_the_reference_agree(shape: Shape, chain: int) -> None:
    work = workload(shape, 40)
    ours, hand = Charter(work), HandWritten(work)
    for ask in work.asks[:200]:
        answer = hand.decide(hand.bind(ask, chain))
        assert ours.answer(ours.decide(ours.bind(ask, chain))) == answer
        assert ours.reference(ask, chain) == answer


@SHAPES
def test_an_agent_without_an_allow_of_its_own_is_denied(shape: Shape) -> None:
    """The second member of the chain is judged too; else the two settings would be one."""
    work = workload(shape, 100)
    hand = HandWritten(work)
    alone = [hand.decide(hand.bind(ask, 1)) for ask in work.asks]
    together = [hand.decide(hand.bind(ask, 2)) for ask in work.asks]
    turned = sum(one != two for one, two in zip(alone, together, strict=True))
    # Wildcard rules read nothing of the principal, so every member is judged alike.
    assert (turned > 20) is (shape is not Shape.WILDCARD)
