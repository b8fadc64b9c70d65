"""The stop orders of a server: given, taken back, and kept through restarts. Decides nothing.

Whatever goes wrong, an order stays: it denies before it is durable, and until its end is durable.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from pdp._proto import log_pb2
from pdp.decisionlog import reader, record
from pdp.decisionlog.errors import LogCorrupt, LogError
from pdp.decisionlog.record import Kind
from pdp.decisionlog.writer import Writer
from pdp.overruling import orders as order_rules
from pdp.overruling.orders import ORDERS_MAX, InForce, OrderError, StopKind, StopOrder
from pdp.service import identity
from pdp.service.status import Refused, Status
from pdp.service.stopping.orderfile import orders_from_bytes, orders_to_bytes
from pdp.service.stopping.statedir import StateCorrupt, StateDirectory, StateUnusable

FILE_NAME: Final = "stops.json"
# Records in one write, far below what a batch of the log may hold.
_BATCH_MAX: Final = 1_000


class Stops:
    """All orders of one server; every method may be called from any thread.

    ``in_force`` is what decisions look at: None while there is no order at all.
    """

    def __init__(
        self,
        log: Writer,
        directory: StateDirectory | None,
        clock_ns: Callable[[], int],
        entropy: Callable[[int], bytes],
        engine_version: str,
    ) -> None:
        """Without a ``directory`` the log alone keeps them."""
        self.in_force: InForce | None = None
        self._orders: dict[str, StopOrder] = {}
        self._log = log
        self._directory = directory
        self._clock_ns = clock_ns
        self._entropy = entropy
        self._engine_version = engine_version
        # Orders take effect under the first, at once; files and log are written under the second.
        self._changing = threading.Lock()
        self._writing = threading.Lock()
        self._owed: list[bytes] = []
        self._is_file_owed = False

    @property
    def orders(self) -> tuple[StopOrder, ...]:
        """The orders in force, oldest first."""
        return tuple(self._orders.values())

    def restore(self, log_dir: Path) -> None:
        """Take up what the file or the log says is in force; a lost file lifts nothing.

        Writes nothing: ``keep`` does. Raises StateCorrupt, StateUnusable, LogError.
        """
        logged = _logged(log_dir)
        kept = {order.order_id: order for order in self._read()}
        found = kept | {name: order for name, (order, is_over) in logged.items() if not is_over}
        self._put(sorted(found.values(), key=lambda order: (order.time_unix_ns, order.order_id)))
        with self._writing:
            self._is_file_owed = found.keys() != kept.keys()
            unlogged = [order for name, order in found.items() if logged.get(name, (0, True))[1]]
            self._owed += [self._given(order) for order in unlogged]

    def keep(self) -> None:
        """Make durable what is not. Raises StateUnusable, LogError; all of it is in force."""
        with self._writing:
            self._settle()

    def stop(self, kind: StopKind, target: str, who: str, why: str) -> StopOrder:
        """Deny from now on; returns once that is durable.

        Raises OrderError; Refused if it could not be made durable, and then it denies all the same.
        """
        now_ns = self._clock_ns()
        order_id = identity.decision_id(now_ns, self._entropy(identity.ENTROPY_BYTES))
        order = StopOrder(order_id, kind, target, who, why, now_ns)
        order_rules.check_order(order)
        with self._changing:
            if len(self._orders) >= ORDERS_MAX:
                raise Refused(
                    Status.RESOURCE_EXHAUSTED,
                    "too_many_orders",
                    f"{ORDERS_MAX} orders are in force; resume some, or stop what they have in"
                    " common",
                )
            self._put([*self._orders.values(), order])
        with self._writing:
            self._is_file_owed = True
            self._owed.append(self._given(order))
            try:
                self._settle()
            except (StateUnusable, LogError):
                raise Refused(
                    Status.UNAVAILABLE,
                    "stop_not_durable",
                    f"the stop is in force as `{order_id}`, but could not be made durable yet: it"
                    " may end with this server; see to its disk",
                ) from None
        return order

    def resume(self, order_id: str, who: str, why: str) -> StopOrder:
        """Take an order back, once that is durable.

        Raises OrderError; Refused if it could not be made durable, and then it goes on denying.
        """
        for field, text in (("order_id", order_id), ("who", who), ("why", why)):
            order_rules.check_words(field, text)
        with self._writing:
            order = self._orders.get(order_id)
            if order is None:
                raise OrderError("order_id", f"no order `{order_id}` is in force")
            try:
                self._end(order, who, why)
            except (StateUnusable, LogError):
                # What was written of its end, if anything, is written over by saying it again.
                self._is_file_owed = True
                self._owed.append(self._given(order))
                raise Refused(
                    Status.UNAVAILABLE,
                    "resume_not_durable",
                    f"the order `{order_id}` goes on, as its end could not be made durable; see to"
                    " the server's disk and resume it again",
                ) from None
            with self._changing:
                self._put([one for one in self._orders.values() if one is not order])
        return order

    def settle(self) -> bool:
        """As ``keep``, about once a second: whether all is durable."""
        try:
            self.keep()
        except (StateUnusable, LogError):
            return False
        return True

    # ---------------------------------------------------------------- durable

    def _end(self, order: StopOrder, who: str, why: str) -> None:
        self._settle()
        self._write([one for one in self.orders if one is not order])
        payload = record.stop_order_record(
            time_unix_ns=self._clock_ns(),
            order=order_rules.order_to_proto(order),
            engine_version=self._engine_version,
            resumed=(who, why),
        )
        self._log.append(Kind.STOP_ORDER, payload)

    def _settle(self) -> None:
        """With the lock for writing held: the file and the log, whatever becomes of the other.

        Raises StateUnusable, LogError.
        """
        trouble: StateUnusable | None = None
        if self._is_file_owed:
            try:
                self._write(self.orders)
                self._is_file_owed = False
            except StateUnusable as error:
                trouble = error
        while self._owed:
            part = self._owed[:_BATCH_MAX]
            self._log.append_many([(Kind.STOP_ORDER, payload) for payload in part])
            del self._owed[: len(part)]
        if trouble is not None:
            raise trouble

    def _write(self, orders: Sequence[StopOrder]) -> None:
        if self._directory is not None:
            self._directory.write(FILE_NAME, orders_to_bytes(orders))

    def _read(self) -> tuple[StopOrder, ...]:
        data = None if self._directory is None else self._directory.read(FILE_NAME)
        if data is None or self._directory is None:
            return ()
        try:
            return orders_from_bytes(data)
        except ValueError as error:
            raise StateCorrupt(self._directory.path / FILE_NAME, str(error)) from None

    def _given(self, order: StopOrder) -> bytes:
        return record.stop_order_record(
            time_unix_ns=self._clock_ns(),
            order=order_rules.order_to_proto(order),
            engine_version=self._engine_version,
        )

    def _put(self, orders: Sequence[StopOrder]) -> None:
        self._orders = {order.order_id: order for order in orders}
        self.in_force = InForce(orders) if orders else None


def _logged(log_dir: Path) -> dict[str, tuple[StopOrder, bool]]:
    """Every order of the log by its id, and whether it was taken back. Raises LogError."""
    found: dict[str, tuple[StopOrder, bool]] = {}
    for item in reader.records(log_dir):
        if item.kind is not Kind.STOP_ORDER:
            continue
        try:
            message = record.parse(item.kind, item.payload)
            assert isinstance(message, log_pb2.StopOrderRecord)
            order = order_rules.order_from_proto(message.order)
        except (ValueError, OrderError):
            what = "it holds no stop order that this version knows"
            raise LogCorrupt(item.segment, item.offset, item.seq, what) from None
        found[order.order_id] = (order, message.is_resumed)
    return found
