"""The join of requirements is a join, and people are matched to needs. No policies, no service."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from pdp.approvals.requirement import escalated, fillable, join
from pdp.model import ApprovalRequirement, Escalation, Need

_names = st.sampled_from(["a", "b", "c"])
_needs = st.builds(Need, _names, st.sampled_from(["", "x == 1"]), st.integers(1, 3))
_escalations = st.builds(
    Escalation,
    after_s=st.integers(1, 2),
    route=_names,
    needs=st.lists(_needs, max_size=2).map(tuple),
    exclude=st.lists(_names, max_size=2).map(tuple),
    decide_within_s=st.integers(1, 5),
    use_within_s=st.integers(1, 5),
    confirm_user=st.booleans(),
)
_requirements = st.builds(
    ApprovalRequirement,
    routes=st.lists(_names, min_size=1, max_size=3).map(tuple),
    needs=st.lists(_needs, max_size=3).map(tuple),
    exclude=st.lists(_names, max_size=3).map(tuple),
    decide_within_s=st.integers(1, 5),
    use_within_s=st.integers(1, 5),
    show=st.lists(st.tuples(_names, st.sampled_from([None, "1", "2"])), max_size=3).map(tuple),
    confirm_user=st.booleans(),
    escalations=st.lists(_escalations, max_size=3).map(tuple),
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


# ---------------------------------------------------------------- confirmation and escalation


def test_one_confirmation_asked_is_asked():
    joined = join([_requirement(), _requirement(confirm_user=True)])
    assert joined is not None
    assert joined.confirm_user
    assert joined.needs == ()


def test_an_escalation_asks_for_all_that_was_asked_before_and_more():
    base = _requirement(Need("Team::a", "", 2), exclude=("requester",), use_within_s=600)
    route = _requirement(
        Need("Team::a", "", 1),
        Need("Team::b", "", 1),
        routes=("s",),
        exclude=("owner", "requester"),
        decide_within_s=172_800,
        confirm_user=True,
    )
    assert escalated(base, route, 3_600) == Escalation(
        after_s=3_600,
        route="s",
        needs=(Need("Team::a", "", 2), Need("Team::b", "", 1)),
        exclude=("owner", "requester"),
        decide_within_s=172_800,
        use_within_s=600,
        confirm_user=True,
    )


def test_escalations_are_united_and_joined_with_everything_required_before():
    step = escalated(_requirement(), _requirement(Need("Team::b", "", 1), routes=("s",)), 60)
    other = escalated(_requirement(), _requirement(Need("Team::b", "", 2), routes=("s",)), 60)
    later = escalated(_requirement(), _requirement(routes=("s",), decide_within_s=5), 90)
    joined = join(
        [
            _requirement(escalations=(step, later)),
            _requirement(Need("Team::a", "", 1), exclude=("owner",), use_within_s=9),
            _requirement(escalations=(other,), confirm_user=True),
        ]
    )
    assert joined is not None
    assert [(item.after_s, item.route) for item in joined.escalations] == [(60, "s"), (90, "s")]
    first, second = joined.escalations
    assert first.needs == (Need("Team::a", "", 1), Need("Team::b", "", 2))
    assert second.needs == (Need("Team::a", "", 1),)
    for item in joined.escalations:
        assert (item.exclude, item.use_within_s) == (("owner", "requester"), 9)
        assert item.confirm_user
    assert (first.decide_within_s, second.decide_within_s) == (86_400, 5)


@given(_requirements, _requirements)
def test_no_escalation_asks_less_than_what_was_required_before(
    a: ApprovalRequirement, b: ApprovalRequirement
):
    joined = join([a, b])
    assert joined is not None
    for step in joined.escalations:
        counts = {(need.group, need.where): need.count for need in step.needs}
        assert all(counts[need.group, need.where] >= need.count for need in joined.needs)
        assert set(step.exclude) >= set(joined.exclude)
        assert step.use_within_s <= joined.use_within_s
        assert step.confirm_user or not joined.confirm_user
