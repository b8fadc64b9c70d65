"""What is known of a running server, put here by whoever knows it. Finds out nothing itself."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from pdp._proto import admin_pb2 as pb
from pdp._proto import log_pb2
from pdp.model import BundleIdentity
from pdp.protoform import bundle_to_proto

# What a source is read for, such as bundle, and where it is, without credentials.
SourceKey: TypeAlias = tuple[str, str]

_NOBODY: Final = BundleIdentity("", "", "")


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source: ``read_unix_ns`` is 0 if it never was read to the end, ``trouble`` of the last.

    ``trouble`` is in our words, and empty when the last attempt did not fail.
    """

    read_unix_ns: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class RefusedState:
    """The last thing that was not accepted; see ``pdp.v1.RefusedBundle``."""

    time_unix_ns: int
    source: str
    cause: str
    message: str


@dataclass(frozen=True, slots=True)
class ShadowState:
    """The bundle on trial, and how many answers it would have changed to what."""

    bundle: BundleIdentity
    decisions: int = 0
    stricter: int = 0
    looser: int = 0
    asked: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything at one time; never changed, only replaced."""

    bundle: BundleIdentity = _NOBODY
    parts: tuple[log_pb2.SignedPart, ...] = ()
    activated_unix_ns: int = 0
    valid_until_unix_ns: int = 0
    sources: Mapping[SourceKey, SourceState] = field(default_factory=dict)
    refused: RefusedState | None = None
    shadow: ShadowState | None = None


class StatusBoard:
    """Every method may be called from any thread; what is shown is always of one moment."""

    def __init__(self, node: str, engine_version: str, unsafe: Sequence[str]) -> None:
        self._node = node
        self._engine_version = engine_version
        self._unsafe = tuple(unsafe)
        self._lock = threading.Lock()
        self._known = _Known()

    def activated(
        self,
        bundle: BundleIdentity,
        time_unix_ns: int,
        parts: Iterable[log_pb2.SignedPart] = (),
        valid_until_unix_ns: int = 0,
    ) -> None:
        """The bundle decides from now on, until it is no longer valid; 0: without an end."""
        with self._lock:
            self._known = replace(
                self._known,
                bundle=bundle,
                parts=tuple(parts),
                activated_unix_ns=time_unix_ns,
                valid_until_unix_ns=valid_until_unix_ns,
            )

    def renewed(self, parts: Iterable[log_pb2.SignedPart], valid_until_unix_ns: int) -> None:
        """The same decides, and is valid until another time: a freshness statement came."""
        with self._lock:
            self._known = replace(
                self._known, parts=tuple(parts), valid_until_unix_ns=valid_until_unix_ns
            )

    def refused(self, time_unix_ns: int, source: str, cause: str, message: str) -> None:
        """Something was offered and not accepted; what decided goes on deciding."""
        state = RefusedState(time_unix_ns, source, cause, message)
        with self._lock:
            self._known = replace(self._known, refused=state)

    def source_read(self, source: str, use: str, time_unix_ns: int) -> None:
        """A source was read to the end."""
        with self._lock:
            self._put_source((use, source), SourceState(time_unix_ns))

    def source_failed(self, source: str, use: str, trouble: str) -> None:
        """A source could not be read, and why; when it last was stays known."""
        with self._lock:
            known = self._known.sources.get((use, source), SourceState())
            self._put_source((use, source), replace(known, trouble=trouble))

    def shadowed(self, state: ShadowState | None) -> None:
        """How a bundle on trial does; None: there is none."""
        with self._lock:
            self._known = replace(self._known, shadow=state)

    def shown(
        self, now_unix_ns: int, trouble: str, stops: Iterable[log_pb2.StopOrder]
    ) -> pb.StatusResponse:
        """All of it, as of ``now_unix_ns``; ``trouble`` is why nothing is answered, or empty."""
        known = self._known
        if not trouble:
            trouble = _own_trouble(known, now_unix_ns)
        shown = pb.StatusResponse(
            is_serving=not trouble,
            trouble=trouble,
            bundle=bundle_to_proto(known.bundle),
            parts=known.parts,
            activated_unix_ns=known.activated_unix_ns,
            valid_until_unix_ns=known.valid_until_unix_ns,
            sources=[
                pb.SourceStatus(
                    source=source, use=use, read_unix_ns=state.read_unix_ns, trouble=state.trouble
                )
                for (use, source), state in sorted(known.sources.items())
            ],
            stops=stops,
            unsafe=self._unsafe,
            engine_version=self._engine_version,
            node=self._node,
            now_unix_ns=now_unix_ns,
        )
        if known.refused is not None:
            shown.refused.CopyFrom(_refused_to_proto(known.refused))
        if known.shadow is not None:
            shown.shadow.CopyFrom(_shadow_to_proto(known.shadow))
        return shown

    def _put_source(self, key: SourceKey, state: SourceState) -> None:
        self._known = replace(self._known, sources={**self._known.sources, key: state})


def _own_trouble(known: _Known, now_unix_ns: int) -> str:
    if known.bundle == _NOBODY:
        return "no bundle decides yet"
    if 0 < known.valid_until_unix_ns <= now_unix_ns:
        return "the bundle is no longer valid, so everything is denied"
    return ""


def _refused_to_proto(state: RefusedState) -> pb.RefusedBundle:
    return pb.RefusedBundle(
        time_unix_ns=state.time_unix_ns,
        source=state.source,
        cause=state.cause,
        message=state.message,
    )


def _shadow_to_proto(state: ShadowState) -> pb.ShadowStatus:
    return pb.ShadowStatus(
        bundle=bundle_to_proto(state.bundle),
        decisions=state.decisions,
        stricter=state.stricter,
        looser=state.looser,
        asked=state.asked,
    )
