"""The one composition: files → sources → checked policies → policy set → decision; no sockets."""

from __future__ import annotations

import datetime
import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.bundles import manifest
from pdp.bundles.sources.directory import read_policy_directory
from pdp.eval import invariants, policytest, reference
from pdp.eval.directory import read_directory, reading_directory
from pdp.eval.facts import BoundRequest
from pdp.eval.policyset import PolicySet
from pdp.explanation import Explanation
from pdp.lang import complaints
from pdp.lang.checked import CheckedPolicies, PolicyTest
from pdp.lang.checker import Reader, check, read_sources
from pdp.lang.diagnostics import Diagnostic, sort_key
from pdp.lang.lints.inspection import inspect_directory
from pdp.lang.packing import compact as packing
from pdp.lang.parser import parse
from pdp.lang.source import Source
from pdp.model import (
    Attribution,
    BundleError,
    BundleIdentity,
    Decision,
    DenyCause,
    Effect,
    Entity,
    PolicyError,
    Reasons,
)
from pdp.request import Request, check_limits
from pdp.slices import Sliced, finished

NS_PER_US: Final = 1_000
_FRAMES_SHOWN: Final = 5
_LOG: Final = logging.getLogger("pdp.engine")
DIRECTORY_SUFFIX: Final = ".directory.json"


@dataclass(frozen=True, slots=True)
class CheckedFiles:
    """Files as checked: ``policies`` is None when a diagnostic is an error."""

    policies: CheckedPolicies | None
    directory: Mapping[str, Entity]
    diagnostics: tuple[Diagnostic, ...]


def clock_us() -> int:
    """Microseconds since 1970 by the system clock."""
    return time.time_ns() // NS_PER_US


def check_files(
    files: Mapping[str, bytes], today: datetime.date | None = None, read: Reader = parse
) -> CheckedFiles:
    """Check policies and directory files together; every mistake of all files, sorted.

    ``today`` is for warnings about dates that have passed; without it there are none.
    """
    checked, found = check(files, today, read)
    if checked is None:
        return CheckedFiles(None, {}, found)
    described = {name: data for name, data in files.items() if name.endswith(DIRECTORY_SUFFIX)}
    directory, problems = read_directory(described, checked.schema)
    diagnostics = list(found)
    for problem in problems:
        file, _, text = problem.partition(": ")
        diagnostics.append(complaints.bad_directory(file, text))
    for group in checked.groups:
        in_directory = checked.schema.entities[group.uid.partition("::")[0]].is_directory
        if in_directory and group.uid not in directory and not problems:
            diagnostics.append(complaints.group_not_in_directory(group.span, group.name, group.uid))
    if not problems:
        diagnostics += inspect_directory(checked, directory)
    ordered = tuple(sorted(diagnostics, key=sort_key))
    if any(diagnostic.is_error for diagnostic in ordered):
        return CheckedFiles(None, directory, ordered)
    return CheckedFiles(checked, directory, ordered)


@dataclass(frozen=True, slots=True)
class SignedAs:
    """What people signed policies as: the name and revision of their manifest."""

    name: str
    revision: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """Files that check, with all that deciding by them takes; made by ``loading`` alone."""

    hashes: tuple[tuple[str, str], ...]
    found: CheckedFiles
    checked: CheckedPolicies
    sources: Mapping[str, Source]
    identity: BundleIdentity
    policies: PolicySet


def loading(
    files: Mapping[str, bytes],
    *,
    compact: bytes | None = None,
    signed: SignedAs | None = None,
    before: Engine | None = None,
) -> Sliced[Loaded]:
    """What an engine is made of, in slices: so that a server can go on answering meanwhile.

    As the constructor of Engine, but for the checking of policy text, which is one long slice. What
    ``before`` compiled is taken over where nothing changed.
    """
    if compact is None:
        found = check_files(files)
    else:
        found = yield from _unpacked(compact, files)
    checked = found.policies
    if checked is None:
        errors = sum(diagnostic.is_error for diagnostic in found.diagnostics)
        plural = "" if errors == 1 else "s"
        raise PolicyError(f"{errors} error{plural} in the policies", found.diagnostics)
    hashes = manifest.file_hashes(files)
    sources = read_sources(files)
    yield
    identity = BundleIdentity(
        checked.bundle.name if signed is None else signed.name,
        checked.bundle.version,
        manifest.directory_digest(hashes),
        signed=signed is not None,
        revision=0 if signed is None else signed.revision,
    )
    policies = yield from PolicySet.building(
        checked, found.directory, sources, identity, before.policies if before else None
    )
    return Loaded(hashes, found, checked, sources, identity, policies)


class Engine:
    """An immutable policy set with its identity; ``decide`` is safe to call from many threads.

    ``files`` are (name, hex SHA-256) of everything that decides; ``warnings`` what the checker
    found worth saying. The clock is the PDP's: callers never bring their own time.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        *,
        compact: bytes | None = None,
        clock: Callable[[], int] = clock_us,
        signed: SignedAs | None = None,
        loaded: Loaded | None = None,
    ) -> None:
        """Raise PolicyError, with every diagnostic, unless the files check.

        ``compact`` is what ``compact()`` of an engine of these very files gave: then nothing is
        read or checked again, and there are no warnings. That it is of these files is for the
        caller to know, as is that they were ``signed``. ``loaded`` is what ``loading`` gave for all
        of these; left out, it is done here.
        """
        parts = loaded or finished(loading(files, compact=compact, signed=signed))
        self.files: Final = parts.hashes
        self.checked: Final = parts.checked
        self.directory: Final = parts.found.directory
        self.warnings: Final = parts.found.diagnostics
        self.bundle: Final = parts.identity
        self.policies: Final = parts.policies
        self._clock: Final = clock
        self._sources: Final = parts.sources

    @classmethod
    def from_directory(
        cls,
        directory: str | Path,
        *,
        unsafe_accept_unsigned: bool = False,
        clock: Callable[[], int] = clock_us,
    ) -> Engine:
        """Development mode: sources from a directory, unsigned.

        Raises BundleError without the unsafe option or without usable files, PolicyError (with
        ``diagnostics``) when the policies do not check.
        """
        if not unsafe_accept_unsigned:
            raise BundleError(
                "policies from a directory are unsigned; accept that for development with"
                " unsafe_accept_unsigned=True (--unsafe-accept-unsigned)"
            )
        return cls(read_policy_directory(Path(directory)), clock=clock)

    def compact(self) -> bytes:
        """The checked policies as data, from which another engine starts without reading them."""
        return packing.pack(self.checked)

    def bind(self, request: Request) -> BoundRequest:
        """Decode and type a request once. Raises RequestError when it is refused."""
        check_limits(request)
        return self.policies.bind(request)

    def decide(self, request: Request | BoundRequest, now_us: int | None = None) -> Decision:
        """The answer, never less strict than the policies say.

        ``now_us`` is for those who look at the clock themselves, as they note the time:
        microseconds since 1970.
        Raises RequestError for a request that is refused. A bug, or running out of stack or memory,
        is a deny with cause ``error`` that tells nothing of it.
        """
        bound = request if type(request) is BoundRequest else self.bind(request)
        try:
            return bound.judge.decide(bound, self._clock if now_us is None else lambda: now_us)
        except Exception as bug:  # noqa: BLE001 - whatever went wrong inside, the answer is no
            _LOG.error("a decision broke off at %s", places_of(bug))
            return _failed(bound, self.bundle)

    def explain(self, request: Request, now_us: int | None = None) -> Explanation:
        """The answer and what it followed from: rules, points, and who could approve.

        ``now_us`` asks about another time than the clock's: microseconds since 1970. Nothing here
        may be enforced, and it takes much longer than ``decide``. Raises RequestError as ``decide``
        does; a bug is raised too.
        """
        bound = self.bind(request)
        at_us = self._clock() if now_us is None else now_us
        decision = self.policies.decide(bound, at_us)
        if bound.invalid is not None:
            return Explanation(decision, at_us)
        return reference.explain(
            self.checked, self.directory, request, at_us, decision, self._sources
        )

    def why_not(self, request: Request, rule: str) -> str:
        """Why ``policy.rule`` is a candidate for nobody in the chain; empty if it is for someone.

        Also says so, with a did-you-mean, if there is no such rule.
        """
        return reference.not_candidate(self.checked, request, rule)

    def run_tests(self) -> tuple[policytest.TestResult, ...]:
        """The tests beside the policies, each against its own fixtures and clock."""
        return tuple(policytest.run(self.checked, self.policies))

    def run_each(self, tests: Iterable[PolicyTest]) -> Iterator[policytest.TestResult]:
        """Some of the tests beside the policies, one at a time."""
        return policytest.run(self.checked, self.policies, tests)

    def try_invariants(self, seed: int, count: int) -> tuple[invariants.InvariantResult, ...]:
        """Every claim against ``count`` requests made up for it; the same for the same seed."""
        return invariants.run(self.checked, self.policies, self.directory, seed, count)


def _unpacked(compact: bytes, files: Mapping[str, bytes]) -> Sliced[CheckedFiles]:
    """What the files were checked to, from their compact form, and the directory."""
    checked = yield from packing.unpacking(compact)
    described = {name: data for name, data in files.items() if name.endswith(DIRECTORY_SUFFIX)}
    directory, problems = yield from reading_directory(described, checked.schema)
    if problems:
        raise PolicyError(f"the directory does not fit the compact form: {problems[0]}")
    return CheckedFiles(checked, directory, ())


def places_of(bug: BaseException) -> str:
    """Where an exception came from, innermost first, without its text: that may hold values."""
    frames = traceback.extract_tb(bug.__traceback__)[-_FRAMES_SHOWN:]
    return " <- ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames))


def _failed(bound: BoundRequest, bundle: BundleIdentity) -> Decision:
    """The answer when evaluation itself broke. Every JSON text is hidden: redaction is unknown."""
    return Decision(
        Effect.DENY,
        DenyCause.ERROR,
        attribution=Attribution(bound.accountable, bound.agent or "", bound.chain),
        bundle=bundle,
        reasons=Reasons(
            for_model="Denied: the decision could not be made.",
            for_person="Denied: the policy decision point could not decide. Tell its operator.",
            for_auditor="cause error: evaluation broke off",
        ),
        request_digest=bound.digest,
        hidden_paths=("*",),
    )
