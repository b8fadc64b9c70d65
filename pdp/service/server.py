"""One server from its settings: engine, log, handlers, doors, and their orderly end. No logic."""

from __future__ import annotations

import gc
import logging
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import metadata
from typing import Final

from pdp import __version__
from pdp.decisionlog import record
from pdp.decisionlog.appender import Durability, Setup
from pdp.decisionlog.errors import LogError
from pdp.decisionlog.proving import evidence
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.service.activating.clock import SteadyClock
from pdp.service.activating.history import latest_ns
from pdp.service.config import Settings
from pdp.service.evidence import logkey
from pdp.service.evidence.anchors import Anchoring
from pdp.service.evidence.logkey import LogKey
from pdp.service.grpcio import GrpcDoor
from pdp.service.handlers import Handlers, Surroundings
from pdp.service.metrics import Metrics, MetricsDoor
from pdp.service.operating.development import DirectorySupply
from pdp.service.operating.station import Station
from pdp.service.operating.supply import BundleSupply, Supply
from pdp.service.stopping.stops import Stops

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_TICK_S: Final = 1.0
_POLL_S: Final = 0.2
_AHEAD_WARNED_S: Final = 5
_LOG: Final = logging.getLogger("pdp.service")
_WARNINGS: Final = {
    "unsafe_accept_unsigned": "nobody signed the policies: whoever can write to their directory"
    " decides",
    "unsafe_any_caller": "whoever can connect is answered, and believed about whom they act for",
}


def run(settings: Settings, say: Callable[[str], None], warn: Callable[[str], None]) -> bool:
    """Serve until SIGTERM or SIGINT; whether it ended cleanly (False: the log failed for good).

    ``say`` gets one line when ready, ``warn`` one for each unsafe setting. A second signal ends the
    process at once, and so do calls that outlive their grace, once the log is closed. Must run in
    the main thread. Raises PolicyError, BundleError, KeyUnusable, LogError, DoorError,
    MetricsError, StateUnusable or StateCorrupt if it cannot start.
    """
    with _blocked_signals():
        door, clean = _served(settings, say, warn)
    if door.busy:
        # Python waits for every thread before it ends, and these had their time.
        os._exit(0 if clean else 1)
    return clean


def _served(
    settings: Settings, say: Callable[[str], None], warn: Callable[[str], None]
) -> tuple[GrpcDoor, bool]:
    with ExitStack() as stack:
        for name in settings.unsafe:
            warn(f"unsafe: {name} is on: {_WARNINGS[name]}")
        clock = SteadyClock()
        supply = _supply(settings, clock)
        stack.callback(supply.close)
        door = GrpcDoor(settings.grpc, settings.threads, settings.max_concurrent)
        stack.callback(door.close)
        station = Station(settings, __version__)
        stack.callback(station.close)
        metrics = Metrics()
        addresses = [str(address) for address in door.addresses]
        if settings.metrics is not None:
            metrics_door = MetricsDoor(metrics, settings.metrics)
            stack.callback(metrics_door.close)
            addresses.append(f"http://{metrics_door.address}/metrics")
        key = None if settings.log_key is None else logkey.read(settings.log_key)
        log = _opened_log(settings, key)
        stack.callback(log.close)
        _set_on(clock, settings, warn)
        around = _surroundings(clock)
        stops = station.stops(log, around)
        log.append_many(_first_records(settings, around, key))
        anchoring = Anchoring(log, settings.anchor)
        stops.keep()
        if stops.orders:
            warn(f"stop orders in force: {len(stops.orders)}; `pdp status` shows them")
        handlers = Handlers(None, log, metrics, around, stops, supply.watching)
        supply.begin(handlers, log, station.board, metrics)
        station.open(handlers, stops, log, around, supply.activate)
        door.open(handlers)
        # What is there now stays: looking for garbage in it would only take time.
        gc.collect()
        gc.freeze()
        supply.start()
        if key is not None:
            anchoring.start()
        with _ticking(door, handlers, stops):
            say(
                f"serving {' '.join(addresses)} {_bundle_line(handlers)}"
                f" log {settings.log_dir}{station.line}"
            )
            reason = _awaited(log)
        _second_signal_exits()
        door.drain(settings.grace_s)
        station.drain(settings.grace_s)
        supply.close()
        stops.settle()
        clean = _stopped(log, handlers, reason, around.clock_ns())
        anchoring.close()
        return door, clean


def _supply(settings: Settings, clock: SteadyClock) -> Supply:
    """Where the policies come from. Raises BundleError, PolicyError for a directory of them."""
    if settings.bundle is None:
        return DirectorySupply(settings.policies, clock, __version__)
    return BundleSupply(settings, clock, __version__, metadata.version("tzdata"))


def _set_on(clock: SteadyClock, settings: Settings, warn: Callable[[str], None]) -> None:
    """No time is before the newest record: else setting the clock back would revive a bundle."""
    latest_unix_ns = latest_ns(settings.log_dir)
    ahead_s = (latest_unix_ns - time.time_ns()) // 1_000_000_000
    if ahead_s > _AHEAD_WARNED_S:
        warn(
            f"the newest record of the log is {ahead_s} s ahead of this machine's clock: the time"
            " goes on from there; see to the clock"
        )
    clock.not_before(latest_unix_ns)


def _bundle_line(handlers: Handlers) -> str:
    if handlers.active is None:
        return "no bundle yet"
    bundle = handlers.active.engine.bundle
    return f"bundle {bundle.name} {bundle.version} {bundle.digest[:12]}"


def _opened_log(settings: Settings, key: LogKey | None) -> Writer:
    node = settings.node or platform.node()[:63] or "unnamed"
    return Writer.open(settings.log_dir, Setup(node, Durability(settings.log_mode), signer=key))


def _surroundings(clock: SteadyClock) -> Surroundings:
    return Surroundings(
        clock_ns=clock.now_ns,
        timer_ns=time.perf_counter_ns,
        entropy=os.urandom,
        engine_version=__version__,
        tzdata_version=metadata.version("tzdata"),
    )


def _first_records(
    settings: Settings, around: Surroundings, key: LogKey | None
) -> list[tuple[Kind, bytes]]:
    now_ns = around.clock_ns()
    digest = settings.digest()
    start = record.start_record(
        time_unix_ns=now_ns,
        node=settings.node or platform.node(),
        pid=os.getpid(),
        engine_version=around.engine_version,
        settings_digest=digest,
        unsafe=settings.unsafe,
    )
    in_force = record.settings_record(time_unix_ns=now_ns, digest=digest, settings=settings.pairs())
    first = [(Kind.START, start), (Kind.SETTINGS, in_force)]
    if key is not None:
        signs = evidence.key_change_record(
            time_unix_ns=now_ns,
            key_id=key.key_id,
            public=key.public,
            engine_version=around.engine_version,
        )
        first.append((Kind.KEY_CHANGE, signs))
    return first


def _stopped(log: Writer, handlers: Handlers, reason: str, now_ns: int) -> bool:
    """The last records. Without them the next start finds a run that did not stop cleanly."""
    handlers.summarise()
    try:
        log.append(Kind.STOP, record.stop_record(time_unix_ns=now_ns, reason=reason))
    except LogError as error:
        _LOG.error("no stop record: %s", error)
        return False
    return True


def _awaited(log: Writer) -> str:
    """Why to stop: the signal's name, or that the log failed for good."""
    while not log.failed:
        got = signal.sigtimedwait(_STOP_SIGNALS, _POLL_S)
        if got is not None:
            return signal.Signals(got.si_signo).name.lower()
    return "log_failed"


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Threads started inside leave the stop signals to ``sigtimedwait`` in the main thread."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _second_signal_exits() -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: os._exit(1))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)


@contextmanager
def _ticking(door: GrpcDoor, handlers: Handlers, stops: Stops) -> Iterator[None]:
    """About once a second: end silent calls, write what is owed, keep health honest."""
    done = threading.Event()

    def tick() -> None:
        while not done.wait(_TICK_S):
            try:
                door.hang_up()
                door.count_unanswered()
                door.set_serving(serving=handlers.summarise() and handlers.decides)
                stops.settle()
            except Exception as bug:  # noqa: BLE001 - the next tick may do better
                _LOG.error("internal error in a tick: %s", type(bug).__name__)

    thread = threading.Thread(target=tick, name="pdp-tick", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_TICK_S)
