"""Checked policies ready to decide: immutable, shared by threads without locks. Reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pdp.eval.binding.binder import Binder
from pdp.eval.compiling.places import Places
from pdp.eval.facts import BoundRequest, Directory, described
from pdp.eval.judging.index import candidates
from pdp.eval.judging.judge import Judges
from pdp.eval.reading.decoder import Decoders
from pdp.lang.checked import CheckedPolicies
from pdp.lang.source import Source
from pdp.model import BundleIdentity, Decision, Entity
from pdp.request import Request
from pdp.slices import Sliced, finished

NO_BUNDLE: Final = BundleIdentity("", "", "")


class PolicySet:
    """Everything one version of the policies decides with. Safe from many threads.

    ``directory`` is what the bundle vouches for. Made by ``build``; never changed.
    """

    __slots__ = ("_binder", "_decoders", "_judges", "checked", "directory", "places")

    def __init__(
        self,
        checked: CheckedPolicies,
        directory: Directory,
        decoders: Decoders,
        judges: Judges,
        places: Places,
    ) -> None:
        self.checked: Final = checked
        self.places: Final = places
        self._decoders: Final = decoders
        self._judges: Final = judges
        self._binder: Final = Binder(
            checked.schema, directory, decoders, judges.of, judges.refusing()
        )
        self.directory: Final = directory

    @classmethod
    def build(
        cls,
        checked: CheckedPolicies,
        directory: Mapping[str, Entity],
        sources: Mapping[str, Source],
        bundle: BundleIdentity = NO_BUNDLE,
        *,
        is_indexed: bool = True,
    ) -> PolicySet:
        """``directory`` by uid; ``sources`` by the file names that spans use.

        ``bundle`` goes into every answer. Without ``is_indexed`` no rule is left out before it is
        judged: for tests, as the answers are the same. Raises RequestError when a directory entry
        does not fit the schema.
        """
        return finished(cls.building(checked, directory, sources, bundle, is_indexed=is_indexed))

    @classmethod
    def building(  # noqa: PLR0913 - as build, and whom to take code from
        cls,
        checked: CheckedPolicies,
        directory: Mapping[str, Entity],
        sources: Mapping[str, Source],
        bundle: BundleIdentity,
        before: PolicySet | None = None,
        *,
        is_indexed: bool = True,
    ) -> Sliced[PolicySet]:
        """As ``build``, in slices.

        What ``before`` compiled is taken over where it would be compiled to the same again.
        """
        decoders = Decoders(checked.schema)
        yield
        places = Places(sources)
        if before is not None and _compiles_alike(before.checked, checked):
            places.inherit(before.places)
        by_target = yield from candidates(checked)
        judges = Judges(checked, places, bundle, by_target, is_indexed=is_indexed)
        known = yield from described(directory, checked.schema, decoders)
        people = Directory(directory, checked.schema, decoders, known)
        return cls(checked, people, decoders, judges, places)

    def with_fixtures(self, entities: Iterable[Entity]) -> PolicySet:
        """The same rules with ``entities`` on top of the directory, for tests beside policies."""
        directory = self.directory.overlay(entities)
        return PolicySet(self.checked, directory, self._decoders, self._judges, self.places)

    def bind(self, request: Request) -> BoundRequest:
        """The request, typed. Raises RequestError for what is refused before any rule is read."""
        return self._binder.bind(request)

    def decide(self, bound: BoundRequest, now_us: int) -> Decision:
        """The answer at ``now_us``, microseconds since 1970, to what ``bind`` returned.

        Unknown facts are part of the answer. Anything raised is a bug, and the caller's to contain.
        """
        return bound.judge.decide(bound, lambda: now_us)


def _compiles_alike(before: CheckedPolicies, after: CheckedPolicies) -> bool:
    """Whether a rule of both would be compiled to the same: all that rules can refer to is equal.

    Equal spans, too: then the files that declare these things were not changed.
    """
    return (before.schema, before.groups, before.routes, before.risk) == (
        after.schema,
        after.groups,
        after.routes,
        after.risk,
    )


__all__ = ["NO_BUNDLE", "PolicySet"]
