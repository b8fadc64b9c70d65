"""The join of requirements is a join, and people are matched to needs. No policies, no service."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from pdp.approvals.requirement import fillable, join
from pdp.model import ApprovalRequirement, Need

_names = st.sampled_from(["a", "b", "c"])
_needs = st.builds(Need, _names, st.sampled_from(["", "x == 1"]), st.integers(1, 3))
_requirements = st.builds(
    ApprovalRequirement,
    routes=st.lists(_names, min_size=1, max_size=3).map(tuple),
    needs=st.lists(_needs, max_size=3).map(tuple),
    exclude=st.lists(_names, max_size=3).map(tuple),
    decide_within_s=st.integers(1, 5),
    use_within_s=st.integers(1, 5),
    show=st.lists(st.tuples(_names, st.sampled_from([None, "1", "2"])), max_size=3).map(tuple),
)


def _requirement(*needs: Need, **changes: object) -> ApprovalRequirement:
    parts = {
        "routes": ("r",),
        "needs": needs,
        "exclude": ("requester",),
        "decide_within_s": 86_400,
        "use_within_s": 3_600,
    }
    return ApprovalRequirement(**{**parts, **changes})  # type: ignore[arg-type]


def test_nothing_joins_to_nothing():
    assert join([]) is None


def test_same_key_takes_the_larger_count_and_different_keys_both_stand():
    joined = join(
        [
            _requirement(Need("Team::b", "", 1), Need("Team::a", "x", 2)),
            _requirement(Need("Team::a", "x", 1), Need("Team::a", "", 1)),
        ]
    )
    assert joined is not None
    assert joined.needs == (
        Need("Team::a", "", 1),
        Need("Team::a", "x", 2),
        Need("Team::b", "", 1),
    )


def test_the_shorter_clock_wins_and_the_rest_is_united():
    joined = join(
        [
            _requirement(routes=("s",), decide_within_s=10, show=(("args.b", "1"),)),
            _requirement(exclude=("owner",), use_within_s=5, show=(("args.a", None),)),
        ]
    )
    assert joined == ApprovalRequirement(
        routes=("r", "s"),
        needs=(),
        exclude=("owner", "requester"),
        decide_within_s=10,
        use_within_s=5,
        show=(("args.a", None), ("args.b", "1")),
    )


@given(_requirements, _requirements)
def test_join_is_commutative(a: ApprovalRequirement, b: ApprovalRequirement):
    assert join([a, b]) == join([b, a])


@given(_requirements, _requirements, _requirements)
def test_join_is_associative(
    a: ApprovalRequirement, b: ApprovalRequirement, c: ApprovalRequirement
):
    left, right = join([a, b]), join([b, c])
    assert left is not None
    assert right is not None
    assert join([left, c]) == join([a, right]) == join([a, b, c])


@given(_requirements)
def test_join_is_idempotent(a: ApprovalRequirement):
    once = join([a])
    assert once is not None
    assert join([a, a]) == join([once, once]) == join([once]) == once


@given(_requirements, _requirements)
def test_the_join_is_as_strict_as_each_part(a: ApprovalRequirement, b: ApprovalRequirement):
    joined = join([a, b])
    assert joined is not None
    counts = {(need.group, need.where): need.count for need in joined.needs}
    for part in (a, b):
        assert all(counts[need.group, need.where] >= need.count for need in part.needs)
        assert set(part.exclude) <= set(joined.exclude)
        assert joined.decide_within_s <= part.decide_within_s
        assert joined.use_within_s <= part.use_within_s


def _fills(needs: list[Need], people: dict[str, set[str]]) -> bool:
    return fillable(needs, lambda need: people[need.group])


def test_one_person_fills_one_need():
    needs = [Need("a", "", 1), Need("b", "", 1)]
    assert not _fills(needs, {"a": {"ann"}, "b": {"ann"}})
    assert _fills(needs, {"a": {"ann"}, "b": {"ann", "bob"}})


def test_a_count_asks_for_distinct_people():
    assert not _fills([Need("a", "", 2)], {"a": {"ann"}})
    assert _fills([Need("a", "", 2)], {"a": {"ann", "bob"}})


def test_earlier_choices_are_moved_along_a_path():
    people = {"a": {"ann", "bob"}, "b": {"ann", "cat"}, "c": {"ann"}}
    needs = [Need("a", "", 1), Need("b", "", 1), Need("c", "", 1)]
    for order in permutations(needs):
        assert _fills(list(order), people)


def test_no_needs_are_filled():
    assert _fills([], {})


def _by_trying(places: list[set[str]], seated: frozenset[str] = frozenset()) -> bool:
    return not places or any(
        _by_trying(places[1:], seated | {person}) for person in places[0] - seated
    )


@given(
    st.lists(
        st.tuples(st.integers(1, 2), st.sets(st.sampled_from("vwxyz"), max_size=4)), max_size=4
    )
)
def test_matching_agrees_with_trying_every_seating(asked: list[tuple[int, set[str]]]):
    needs = [Need(str(index), "", count) for index, (count, _) in enumerate(asked)]
    places = [people for count, people in asked for _ in range(count)]
    assert fillable(needs, lambda need: asked[int(need.group)][1]) == _by_trying(places)
