"""Who answers for a request, and what is known to be above what: from directory and request."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace

from pdp.eval.binding import described
from pdp.eval.binding.binder import Binder
from pdp.eval.binding.described import Describing
from pdp.eval.binding.frames import Frame
from pdp.eval.facts import BoundRequest, Facts, ancestors_of
from pdp.model import Entity
from pdp.request import Request
from tests.eval import shop
from tests.eval.shop import REFUND

BINDER: Final = shop.binder()
ORDER: Final = Entity("Order", "o-1", '{"customer":"bob","total":1}')
ANN: Final = Entity("User", "ann")
BOT: Final = Entity("Bot", "b1")


def bind(request: Request, binder: Binder = BINDER) -> BoundRequest:
    return binder.bind(request)


def acting(*chain: Entity) -> Request:
    return replace(REFUND, principal=chain[0], on_behalf_of=chain[1:])


def third(*entities: Entity, request: Request = REFUND) -> Request:
    return replace(request, entities=entities)


# ---------------------------------------------------------------- who answers for it

SCRIPT: Final = Entity("Script", "s", '{"owner":"ann"}')
# chain, then agent, user, accountable, unattributed
ATTRIBUTIONS: Final = {
    "agent for a person": ((BOT, ANN), "Bot::b1", "User::ann", "User::ann", False),
    "person alone": ((ANN,), None, "User::ann", "User::ann", False),
    "agent alone, owned": ((BOT,), "Bot::b1", None, "User::ann", False),
    "agent alone, owner gone": ((Entity("Bot", "stray"),), "Bot::stray", None, "", True),
    "agent alone, unknown": ((Entity("Bot", "new"),), "Bot::new", None, "", True),
    "unknown agent for a person": (
        (Entity("Bot", "new"), ANN), "Bot::new", "User::ann", "User::ann", True),
    "agent for an unknown person": (
        (BOT, Entity("User", "new")), "Bot::b1", "User::new", "User::new", True),
    "unknown agent in the middle": (
        (BOT, Entity("Bot", "new"), ANN), "Bot::b1", "User::ann", "User::ann", True),
    "script alone, owned": ((SCRIPT,), "Script::s", None, "User::ann", False),
    "script alone, owner gone": (
        (replace(SCRIPT, attributes='{"owner":"gone"}'),), "Script::s", None, "", True),
    "script alone, no owner": (
        (replace(SCRIPT, attributes="{}"),), "Script::s", None, "", True),
    "script alone, bare": ((Entity("Script", "s"),), "Script::s", None, "", True),
    "script for a guest": (
        (Entity("Script", "s"), Entity("Guest", "g")), "Script::s", "Guest::g", "Guest::g", False),
    "macro alone, owned by a guest": (
        (Entity("Macro", "m", '{"owner":"g"}'),), "Macro::m", None, "Guest::g", False),
    "two agents, the first owned": ((BOT, SCRIPT), "Bot::b1", None, "User::ann", False),
    "two agents, the second owned": (
        (Entity("Script", "x", "{}"), BOT), "Script::x", None, "", True),
    "person for an agent": ((ANN, BOT), "Bot::b1", None, "", True),
    "person in the middle": ((BOT, ANN, SCRIPT), "Bot::b1", None, "User::ann", False),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_attribution(name: str) -> None:
    assert_attributed(name, BINDER)


def assert_attributed(name: str, binder: Binder) -> None:
    chain, *expected = ATTRIBUTIONS[name]
    bound = bind(acting(*chain), binder)
    assert [bound.agent, bound.user, bound.accountable, bound.unattributed] == expected


def test_an_owner_described_elsewhere_in_the_request_counts() -> None:
    bound = bind(third(SCRIPT, request=acting(Entity("Script", "s"))))
    assert bound.accountable == "User::ann"


# ---------------------------------------------------------------- ancestors


def facts(request: Request, uid: str, binder: Binder = BINDER) -> Facts:
    found = bind(request, binder).lookup(uid)
    assert found is not None
    return found


def closure(request: Request, uid: str, binder: Binder = BINDER) -> tuple[set[str], bool]:
    found = facts(request, uid, binder)
    return set(found.ancestors), found.is_open


def in_order(*groups: str) -> Request:
    return replace(REFUND, resource=replace(ORDER, groups=groups))


SHOP: Final = Entity("Shop", "north", "{}", ("Region::eu",))


def test_without_groups_only_itself() -> None:
    assert closure(in_order(), "Order::o-1") == ({"Order::o-1"}, False)


def test_groups_of_the_directory_are_followed() -> None:
    found = closure(in_order("Team::support"), "Order::o-1")
    assert found == ({"Order::o-1", "Team::support", "Team::all"}, False)


def test_an_unknown_group_that_has_parents_leaves_it_open() -> None:
    assert closure(in_order("Shop::north"), "Order::o-1") == ({"Order::o-1", "Shop::north"}, True)
    assert closure(in_order("Team::new"), "Order::o-1") == ({"Order::o-1", "Team::new"}, True)


def test_an_unknown_group_without_parents_does_not() -> None:
    request = third(Entity("Shop", "s", "{}", ("Region::eu",)))
    assert closure(request, "Shop::s") == ({"Shop::s", "Region::eu"}, False)


def test_groups_described_in_the_request_are_followed() -> None:
    found = closure(third(SHOP, request=in_order("Shop::north")), "Order::o-1")
    assert found == ({"Order::o-1", "Shop::north", "Region::eu"}, False)


def test_cycles_in_a_request_end() -> None:
    loop = (
        Entity("Folder", "a", "{}", ("Folder::b",)),
        Entity("Folder", "b", "{}", ("Folder::c", "Folder::b")),
        Entity("Folder", "c", "{}", ("Folder::a",)),
    )
    expected = ({"Folder::a", "Folder::b", "Folder::c"}, False)
    for uid in ("Folder::a", "Folder::b", "Folder::c"):
        assert closure(third(*loop), uid) == expected
    lasso = third(*loop[:2], Entity("Folder", "d", "{}", ("Folder::a",)))
    assert closure(lasso, "Folder::d") == ({f"Folder::{x}" for x in "abcd"}, True)


def test_the_directory_is_asked_first() -> None:
    binder = shop.binder((Entity("Shop", "north", "{}", ("Region::us",)),))
    request = third(SHOP, request=in_order("Shop::north"))
    assert closure(request, "Order::o-1", binder)[0] == {"Order::o-1", "Shop::north", "Region::us"}
    assert bind(request, binder).entities.keys() == {"Order::o-1"}
    assert closure(request, "Shop::north", binder) == ({"Shop::north", "Region::us"}, False)


def test_a_request_completes_what_the_directory_leaves_open() -> None:
    binder = shop.binder((Entity("Script", "s", "{}", ("Folder::a", "Team::all")),))
    above = {"Script::s", "Folder::a", "Team::all"}
    assert closure(REFUND, "Script::s", binder) == (above, True)
    folder = Entity("Folder", "a", "{}", ("Folder::b",))
    assert closure(third(folder), "Script::s", binder) == (above | {"Folder::b"}, True)
    root = Entity("Folder", "b", "{}")
    assert closure(third(folder, root), "Script::s", binder) == (above | {"Folder::b"}, False)
    assert closure(third(root), "Script::s", binder) == (above, True)
    # Nothing is kept from one request to the next.
    assert closure(REFUND, "Script::s", binder) == (above, True)


# ---------------------------------------------------------------- sabotage


_FRAME: Final = Binder._frame  # noqa: SLF001 - the seam


def blind_to_the_directory(self: Binder, request: Request) -> Frame:
    return _FRAME(self, request)._replace(directory_at=())


@pytest.mark.parametrize(
    ("place", "seam", "broken", "caught"),
    [
        (Binder, "_frame", blind_to_the_directory, "unknown agent in the middle"),
        (Binder, "_owner", lambda *_: "", "agent alone, owned"),
        (Binder, "_owner", lambda *_: "User::ann", "agent alone, owner gone"),
        (Describing, "facts", lambda *_: {}, "script alone, owned"),
    ],
)
def test_sabotage(
    monkeypatch: pytest.MonkeyPatch, place: type, seam: str, broken: object, caught: str
) -> None:
    monkeypatch.setattr(place, seam, broken)
    with pytest.raises(AssertionError):
        assert_attributed(caught, shop.binder())


def test_sabotage_closed_whatever_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(described, "ancestors_of", lambda *a: (ancestors_of(*a)[0], False))
    with pytest.raises(AssertionError):
        test_an_unknown_group_that_has_parents_leaves_it_open()
