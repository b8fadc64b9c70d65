"""Which bundle a file belongs to when several are loaded, and whose data file a name means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from pdp.lang.checked import Const, InCollection
from pdp.lang.checker import check

LINE: Final = 'bundle {} {{ version "1" language 1 owner "{}" contact "c" governs {} }}\n'
PAY: Final[dict[str, str | bytes]] = {
    "acme.pay/main.charter": LINE.format("acme.pay", "pay-team", "pay")
    + "entity User person\naction pay.now reversible risk low\n",
    "acme.pay/rules/pay.charter": (
        'policy p "P" { owner "pay-team" contact "c" reason "r" rule all: allow User to pay.now }\n'
    ),
}
SHIP: Final[dict[str, str | bytes]] = {
    "acme.ship/main.charter": LINE.format("acme.ship", "ship-team", "ship")
    + "import acme.pay\naction ship.now reversible risk low { n: int }\n",
    "acme.ship/rules/ship.charter": (
        'policy s "S" { owner "ship-team" contact "c" reason "r"'
        " rule all: allow User to ship.now when args.n in few }\n"
        'data few: set<int>[0..9] from "few.json"\n'
    ),
    "acme.ship/few.json": b"[1, 2]",
}


def encoded(files: Mapping[str, str | bytes]) -> dict[str, bytes]:
    return {name: data.encode() if isinstance(data, str) else data for name, data in files.items()}


def codes(files: Mapping[str, str | bytes]) -> list[str]:
    return sorted(found.code.code for found in check(encoded(files))[1] if found.is_error)


def test_a_bundle_line_serves_its_folder() -> None:
    assert codes({**PAY, **SHIP}) == []


def test_each_file_is_its_folders_bundles_and_of_nobody_else() -> None:
    files = {**PAY, **SHIP}
    stray = 'policy x "X" { owner "o" contact "c" reason "r" rule all: deny User to pay.now }\n'
    # Shipping does not govern paying, wherever below its folder that stands.
    assert codes({**files, "acme.ship/deep/below/x.charter": stray}) == ["C0212"]
    assert codes({**files, "acme.pay/deep/below/x.charter": stray}) == []


@pytest.mark.parametrize(
    "name", ["x.charter", "acme.other/x.charter", "acme.pay.charter", "acme.payments/x.charter"]
)
def test_a_file_outside_of_all_folders_is_nobodys(name: str) -> None:
    assert codes({**PAY, **SHIP, name: "enum E { X }\n"}) == ["C0220"]


def test_two_lines_in_a_folder_serve_their_own_files_alone() -> None:
    third = LINE.format("acme.third", "o", "third")
    assert "C0220" in codes({**PAY, **SHIP, "acme.pay/third.charter": third})


def test_a_line_at_the_top_serves_its_own_file_alone() -> None:
    top = LINE.format("acme.third", "o", "third")
    assert codes({**PAY, **SHIP, "third.charter": top}) == []
    assert codes({**PAY, **SHIP, "third.charter": top, "x.charter": ""}) == ["C0220"]


def test_one_line_serves_everything_wherever_it_stands() -> None:
    assert codes({**PAY, "x.charter": "enum E { X }\n", "other/y.charter": "enum F { Y }\n"}) == []


def test_a_data_file_is_looked_for_in_the_bundles_own_folder_first() -> None:
    others = {"few.json": b"[7]", "acme.pay/few.json": b"[8]"}
    checked, _ = check(encoded({**PAY, **SHIP, **others}))
    assert checked is not None
    [when] = [rule.when for rule in checked.rules if rule.name == "s.all"]
    assert isinstance(when, InCollection)
    assert isinstance(when.collection, Const)
    assert when.collection.value == (1, 2)


def test_a_data_file_at_the_top_is_found_as_before() -> None:
    at_top = {name: data for name, data in SHIP.items() if not name.endswith(".json")}
    assert codes({**PAY, **at_top}) == ["C0214"]
    assert codes({**PAY, **at_top, "few.json": b"[1]"}) == []
