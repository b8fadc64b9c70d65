"""Stop orders as the text of ``stops.json``: exactly this form, or an error. Reads no file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Final

from pdp.canonical import CanonicalError, Number, Tree, parse_object
from pdp.overruling.orders import TEXTS, OrderError, StopKind, StopOrder, check_order

FORMAT: Final = 1
_MEMBERS: Final = frozenset({*TEXTS, "kind", "time_unix_ns"})
_KINDS: Final = {kind.value: kind for kind in StopKind}
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_TIME_NS_MAX: Final = 2**63 - 1


def orders_to_bytes(orders: Iterable[StopOrder]) -> bytes:
    """The file that holds these orders."""
    listed = [{**asdict(order), "kind": order.kind.value} for order in orders]
    return json.dumps({"format": FORMAT, "orders": listed}, indent=1).encode() + b"\n"


def orders_from_bytes(data: bytes) -> tuple[StopOrder, ...]:
    """The orders in a file. Raises ValueError, saying in our words what is not as it must be."""
    try:
        members = parse_object(data.decode())
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except CanonicalError as error:
        raise ValueError(f"it is not strict JSON: {error}") from None
    if members.keys() != {"format", "orders"} or members["format"] != Number(FORMAT):
        raise ValueError(f"expected an object with `format` {FORMAT} and `orders`")
    listed = members["orders"]
    if not isinstance(listed, list):
        raise ValueError("`orders`: expected a list")
    orders = tuple(_order(at, tree) for at, tree in enumerate(listed))
    if len({order.order_id for order in orders}) < len(orders):
        raise ValueError("`orders`: two have the same `order_id`")
    return orders


def _order(at: int, tree: Tree) -> StopOrder:
    place = f"`orders[{at}]`"
    if not isinstance(tree, dict) or tree.keys() != _MEMBERS:
        raise ValueError(f"{place}: expected exactly {', '.join(sorted(_MEMBERS))}")
    kind, time_ns = tree["kind"], tree["time_unix_ns"]
    if isinstance(kind, Number) or not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(f"{place}: `kind`: expected one of {', '.join(_KINDS)}")
    is_whole = isinstance(time_ns, Number) and _WHOLE.fullmatch(time_ns)
    if not is_whole or int(str(time_ns)) > _TIME_NS_MAX:
        raise ValueError(f"{place}: `time_unix_ns`: expected nanoseconds since 1970")
    texts = {name: _text(place, name, tree[name]) for name in TEXTS}
    order = StopOrder(kind=_KINDS[kind], time_unix_ns=int(str(time_ns)), **texts)
    try:
        check_order(order)
    except OrderError as error:
        raise ValueError(f"{place}: `{error.field}`: {error}") from None
    return order


def _text(place: str, name: str, tree: Tree) -> str:
    if isinstance(tree, Number) or not isinstance(tree, str):
        raise ValueError(f"{place}: `{name}`: expected text")
    return tree
