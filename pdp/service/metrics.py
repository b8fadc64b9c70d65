"""What a server counts, for Prometheus, in a registry of its own. Nothing here decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from pdp.model import BundleIdentity, Decision, PdpError
from pdp.service.addresses import TcpAddress
from pdp.service.status import Status

# Seconds: from a decision in memory to one that waited for a slow disk.
_BUCKETS: Final = (
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
)  # fmt: skip


class MetricsError(PdpError):
    """The metrics port cannot be opened."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table: the name as scraped, what it counts, and by what."""

    name: str
    text: str
    labels: tuple[str, ...] = ()


DECISIONS: Final = Metric(
    "pdp_decisions_total", "Answers given, by effect and cause.", ("effect", "cause")
)
REFUSALS: Final = Metric(
    "pdp_refusals_total", "Calls ended without an answer, by status and cause.", ("status", "cause")
)
CALL_SECONDS: Final = Metric(
    "pdp_call_seconds", "From the request's bytes to the answer's, the log included.", ("rpc",)
)
LOG_RECORDS: Final = Metric("pdp_log_records_total", "Records made durable.")
LOG_BATCHES: Final = Metric("pdp_log_batches_total", "Writes that made records durable.")
LOG_FAILURES: Final = Metric("pdp_log_failures_total", "Calls unanswered because the log failed.")
AUDIT_UNAVAILABLE: Final = Metric(
    "pdp_audit_unavailable", "1 while the log cannot be written, and so nothing is answered."
)
BUNDLE: Final = Metric(
    "pdp_bundle_info", "1 for the bundle that decides.", ("name", "version", "digest", "signed")
)
TABLE: Final = (
    DECISIONS, REFUSALS, CALL_SECONDS, LOG_RECORDS, LOG_BATCHES, LOG_FAILURES, AUDIT_UNAVAILABLE,
    BUNDLE,
)  # fmt: skip


class Metrics:
    """The counters of one server. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._decisions = self._counter(DECISIONS)
        self._refusals = self._counter(REFUSALS)
        self._seconds = Histogram(
            CALL_SECONDS.name,
            CALL_SECONDS.text,
            CALL_SECONDS.labels,
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._failures = self._counter(LOG_FAILURES)
        self._records = self._counter(LOG_RECORDS)
        self._bundle = self._gauge(BUNDLE)

    def decided(self, decision: Decision) -> None:
        """One answer whose record is durable."""
        cause = decision.cause.value if decision.cause is not None else ""
        self._decisions.labels(decision.effect.value, cause).inc()

    def refused(self, status: Status, cause: str, count: int = 1) -> None:
        """Calls that ended without an answer."""
        self._refusals.labels(status.name, cause).inc(count)

    def called(self, rpc: str, elapsed_s: float) -> None:
        """One call from bytes to bytes."""
        self._seconds.labels(rpc).observe(elapsed_s)

    def log_failed(self) -> None:
        """One call that could not be recorded."""
        self._failures.inc()

    def log_wrote(self, records: int) -> None:
        """Records made durable."""
        self._records.inc(records)

    def watch_log(self, available: Callable[[], bool], batches: Callable[[], int]) -> None:
        """Ask at each scrape whether records can be written, and how many writes there were."""
        self._gauge(AUDIT_UNAVAILABLE).set_function(lambda: 0.0 if available() else 1.0)
        self.registry.register(_Asked(LOG_BATCHES, batches))

    def bundle_active(self, bundle: BundleIdentity) -> None:
        """From now on this bundle decides."""
        self._bundle.clear()
        signed = "true" if bundle.signed else "false"
        self._bundle.labels(bundle.name, bundle.version, bundle.digest, signed).set(1)

    def _counter(self, row: Metric) -> Counter:
        # The library adds the suffix again.
        name = row.name.removesuffix("_total")
        return Counter(name, row.text, row.labels, registry=self.registry)

    def _gauge(self, row: Metric) -> Gauge:
        return Gauge(row.name, row.text, row.labels, registry=self.registry)


class _Asked(Collector):
    """A counter kept elsewhere, read at each scrape."""

    def __init__(self, row: Metric, count: Callable[[], int]) -> None:
        self._row = row
        self._count = count

    def collect(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(self._row.name, self._row.text, value=self._count())


class MetricsDoor:
    """Serves a registry over HTTP until closed."""

    def __init__(self, metrics: Metrics, address: TcpAddress) -> None:
        """Raises MetricsError if the port is taken."""
        try:
            self._server, self._thread = start_http_server(
                address.port, addr=address.host, registry=metrics.registry
            )
        except OSError as error:
            raise MetricsError(
                f"cannot serve metrics on `{address}`: {error.strerror}; choose another port"
            ) from None
        self.address = TcpAddress(address.host, self._server.server_port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
