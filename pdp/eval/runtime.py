"""What compiled policies call while they run. No policy and no generated code may enter it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Final, NoReturn, Protocol, TypeAlias

from msgspec import UNSET

from pdp.eval.facts import BoundRequest, Facts, attribute_name

UNKNOWN_ENTITY: Final = "unknown_entity"
ABSENT: Final = "absent"

# The place of an error whose position nobody will ask for: the fast form is then decided again.
NO_PLACE: Final = -1


class EvalError(Exception):
    """A fact is unknown. ``kind`` is unknown_entity or absent; ``place`` indexes the form's spans.

    Never leaves the policy set: it becomes a RuleError in the decision.
    """

    def __init__(self, kind: str, place: int) -> None:
        super().__init__(kind)
        self.kind: Final = kind
        self.place: Final = place


Truth: TypeAlias = "bool | EvalError"


# ---------------------------------------------------------------- facts


class _Unknown:
    """The attributes or ancestors of an entity that nothing describes: any look raises."""

    __slots__ = ()

    def __getattr__(self, name: str) -> NoReturn:
        raise EvalError(UNKNOWN_ENTITY, NO_PLACE)

    def __contains__(self, uid: object) -> NoReturn:
        raise EvalError(UNKNOWN_ENTITY, NO_PLACE)


class _OpenAncestors:
    """Ancestors of which some are known: what is not among them raises."""

    __slots__ = ("_known",)

    def __init__(self, known: frozenset[str]) -> None:
        self._known: Final = known

    def __contains__(self, uid: object) -> bool:
        if uid in self._known:
            return True
        raise EvalError(UNKNOWN_ENTITY, NO_PLACE)


UNKNOWN: Final = _Unknown()


def ancestors(facts: Facts | None) -> Container[str]:
    """The ancestors of an entity as a container that raises EvalError where it cannot tell."""
    if facts is None:
        return UNKNOWN
    return _OpenAncestors(facts.ancestors) if facts.is_open else facts.ancestors


def attributes(bound: BoundRequest, uid: str, place: int) -> Any:
    """The attribute record of the entity ``uid``. Raises EvalError when it is unknown."""
    facts = bound.lookup(uid)
    if facts is None:
        raise EvalError(UNKNOWN_ENTITY, place)
    return facts.attributes


def below(bound: BoundRequest, uid: str, ancestor: str, place: int) -> bool:
    """Whether ``uid`` is ``ancestor`` or below it. Raises EvalError when that cannot be told."""
    facts = bound.lookup(uid)
    if facts is None:
        raise EvalError(UNKNOWN_ENTITY, place)
    if ancestor in facts.ancestors:
        return True
    if facts.is_open:
        raise EvalError(UNKNOWN_ENTITY, place)
    return False


def present(value: Any, place: int) -> Any:
    """``value``, unless it is absent. Raises EvalError."""
    if value is UNSET or value is None:
        raise EvalError(ABSENT, place)
    return value


def absent(place: int) -> NoReturn:
    """For what the action or type at hand does not declare. Raises EvalError."""
    raise EvalError(ABSENT, place)


def record_of(value: Mapping[str, Any], names: Iterable[str]) -> SimpleNamespace:
    """A constant record in the shape of a bound one: ``names`` are all its fields."""
    return SimpleNamespace(**{attribute_name(name): value.get(name, UNSET) for name in names})


def risk(tier: int) -> SimpleNamespace:
    """The root ``risk`` as a record."""
    return record_of({"tier": tier}, ("tier",))


# ---------------------------------------------------------------- three-valued logic


def settle(thunk: Callable[..., Truth], *arguments: Any) -> Truth:
    """What ``thunk`` answers; an EvalError it raises is its answer too."""
    try:
        return thunk(*arguments)
    except EvalError as error:
        # Kept as a value: without its traceback it holds no frames, and so no request.
        return error.with_traceback(None)


def decided(truth: Truth) -> bool:
    """``truth`` where a plain bool is needed. Raises the EvalError that it may be."""
    if isinstance(truth, EvalError):
        raise truth
    return truth


def all_true(truths: Iterable[Truth]) -> Truth:
    """False if any is false, else the first error, else true."""
    first: EvalError | None = None
    for truth in truths:
        if truth is False:
            return False
        if isinstance(truth, EvalError) and first is None:
            first = truth
    return True if first is None else first


def any_true(truths: Iterable[Truth]) -> Truth:
    """True if any is true, else the first error, else false."""
    first: EvalError | None = None
    for truth in truths:
        if truth is True:
            return True
        if isinstance(truth, EvalError) and first is None:
            first = truth
    return False if first is None else first


def k_and(*thunks: Callable[[], Truth]) -> Truth:
    return all_true(settle(thunk) for thunk in thunks)


def k_or(*thunks: Callable[[], Truth]) -> Truth:
    return any_true(settle(thunk) for thunk in thunks)


def k_not(thunk: Callable[[], Truth]) -> Truth:
    truth = settle(thunk)
    return truth if isinstance(truth, EvalError) else not truth


def k_every(members: Iterable[Any], body: Callable[[Any], Truth]) -> Truth:
    return all_true(settle(body, member) for member in members)


def k_some(members: Iterable[Any], body: Callable[[Any], Truth]) -> Truth:
    return any_true(settle(body, member) for member in members)


# ---------------------------------------------------------------- matchers


def like(subject: str, prefix: str, middles: tuple[str, ...], suffix: str) -> bool:
    """Whether ``subject`` is ``prefix``, ``middles`` in order, ``suffix``, with anything between.

    The leftmost place for each middle leaves the most room for the next, so nothing is tried twice.
    """
    if not subject.startswith(prefix) or not subject.endswith(suffix):
        return False
    start = len(prefix)
    end = len(subject) - len(suffix)
    for middle in middles:
        found = subject.find(middle, start, end)
        if found < 0:
            return False
        start = found + len(middle)
    return start <= end


def begins(subject: tuple[Any, ...], prefix: tuple[tuple[Any, ...], ...]) -> bool:
    """Whether ``subject`` starts with one alternative of each position of ``prefix``."""
    return len(subject) >= len(prefix) and all(
        item in alternatives for item, alternatives in zip(subject, prefix, strict=False)
    )


class Pattern(Protocol):
    """A compiled RE2 pattern."""

    def fullmatch(self, text: str) -> object | None:
        """A match of the whole text, or None."""


def matches(subject: str, pattern: Pattern) -> bool:
    """Whether ``pattern`` matches the whole of ``subject``."""
    return pattern.fullmatch(subject) is not None


def in_network(address: int, network: tuple[int, int]) -> bool:
    """Whether ``address`` lies between the ends of ``network``, both included."""
    return network[0] <= address <= network[1]


def in_networks(address: int, networks: Iterable[tuple[int, int]]) -> bool:
    """Whether ``address`` lies in some network."""
    return any(first <= address <= last for first, last in networks)


def in_ranges(address: int, firsts: tuple[int, ...], lasts: tuple[int, ...]) -> bool:
    """As ``in_networks``, of rising ranges that do not overlap: one is enough to look at."""
    place = bisect_right(firsts, address)
    return place > 0 and address <= lasts[place - 1]


def in_scaled(item: int, members: Collection[int], factor: int) -> bool:
    """Whether ``item`` equals a member times ``factor``, without rounding."""
    quotient, rest = divmod(item, factor)
    return rest == 0 and quotient in members


__all__ = [
    "ABSENT", "NO_PLACE", "UNKNOWN", "UNKNOWN_ENTITY", "EvalError", "Pattern", "Truth", "absent",
    "all_true", "ancestors", "any_true", "attributes", "begins", "below", "decided", "in_network",
    "in_networks", "in_ranges", "in_scaled", "k_and", "k_every", "k_not", "k_or", "k_some", "like",
    "matches", "present", "record_of", "risk", "settle",
]  # fmt: skip
