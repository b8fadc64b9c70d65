"""Checked policies ready to decide: immutable, shared by threads without locks. Reads no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pdp.eval.binding.binder import Binder
from pdp.eval.compiling.places import Places
from pdp.eval.facts import BoundRequest, Directory
from pdp.eval.judging.judge import Judges
from pdp.eval.reading.decoder import Decoders
from pdp.lang.checked import CheckedPolicies
from pdp.lang.source import Source
from pdp.model import BundleIdentity, Decision, Entity
from pdp.request import Request

NO_BUNDLE: Final = BundleIdentity("", "", "")


class PolicySet:
    """Everything one version of the policies decides with. Safe from many threads.

    ``directory`` is what the bundle vouches for. Made by ``build``; never changed.
    """

    __slots__ = ("_binder", "_checked", "_decoders", "_judges", "directory")

    def __init__(
        self, checked: CheckedPolicies, directory: Directory, decoders: Decoders, judges: Judges
    ) -> None:
        self._checked: Final = checked
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
        decoders = Decoders(checked.schema)
        judges = Judges(checked, Places(sources), bundle, is_indexed=is_indexed)
        return cls(checked, Directory(directory, checked.schema, decoders), decoders, judges)

    def with_fixtures(self, entities: Iterable[Entity]) -> PolicySet:
        """The same rules with ``entities`` on top of the directory, for tests beside policies."""
        directory = self.directory.overlay(entities)
        return PolicySet(self._checked, directory, self._decoders, self._judges)

    def bind(self, request: Request) -> BoundRequest:
        """The request, typed. Raises RequestError for what is refused before any rule is read."""
        return self._binder.bind(request)

    def decide(self, bound: BoundRequest, now_us: int) -> Decision:
        """The answer at ``now_us``, microseconds since 1970, to what ``bind`` returned.

        Unknown facts are part of the answer. Anything raised is a bug, and the caller's to contain.
        """
        return bound.judge.decide(bound, lambda: now_us)


__all__ = ["NO_BUNDLE", "PolicySet"]
