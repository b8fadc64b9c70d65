"""What is to decide: files that are trusted together, and what was signed of them. Data only."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

# A file of this name in a bundle is the checked program in its compact form, made from the others.
PROGRAM_FILE: Final = "program.compact"

PartKind: TypeAlias = Literal["bundle", "set", "directory"]


@dataclass(frozen=True, slots=True)
class Part:
    """One signed document: ``digest`` is its manifest's, times are aware.

    ``fresh_until`` is when its freshness statement expires, None without one.
    """

    kind: PartKind
    name: str
    revision: int
    digest: str
    signers: tuple[str, ...]
    expires: datetime.datetime
    fresh_until: datetime.datetime | None = None

    @property
    def valid_until(self) -> datetime.datetime:
        """From this moment it may not decide."""
        return self.expires if self.fresh_until is None else min(self.expires, self.fresh_until)


@dataclass(frozen=True, slots=True)
class Release:
    """``files`` by name are all that decides, without the program; ``program`` is its compact form.

    ``parts`` begin with what was asked for: the bundle, or the set. Empty: nobody signed anything.
    """

    files: Mapping[str, bytes]
    program: bytes | None
    parts: tuple[Part, ...]

    @property
    def valid_until(self) -> datetime.datetime | None:
        """The earliest moment from which a part may not decide; None when nothing is signed."""
        return min((part.valid_until for part in self.parts), default=None)
