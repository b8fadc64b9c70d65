"""New requests out of parts of others: much cheaper than new ones, and as good as them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from pdp.request import Request


def mixed(rng: Random, given: Sequence[Request]) -> Request:
    """Who asks, what, about what and where, each from some request of ``given``.

    All of these must describe an entity in the same words, if at all.
    """
    asking, base, around, caller = rng.choices(given, k=4)
    return Request(
        principal=asking.principal,
        on_behalf_of=asking.on_behalf_of,
        action=base.action,
        args=base.args,
        resource=base.resource,
        context=around.context,
        tool=around.tool,
        entities=around.entities,
        supported_obligations=caller.supported_obligations,
        grants=caller.grants,
    )


__all__ = ["mixed"]
