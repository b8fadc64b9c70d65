"""What is kept between requests is bounded, and changes no answer."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from pdp.eval.binding import binder as binder_module
from pdp.eval.reading import decoder as decoder_module
from pdp.eval.reading.decoder import Decoders
from pdp.model import Entity, RequestError
from tests.eval import shop
from tests.eval.shop import REFUND


def test_texts_are_read_once_and_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_module, "_TEXTS_KEPT_MAX", 3)
    decoders = Decoders(shop.SCHEMA)
    order = decoders.of_type("Order")
    for number in range(10):
        text = f'{{"customer":"bob","total":{number}}}'
        first = decoders.read_again(order, text)
        assert first == order.read_quickly(text)
        assert decoders.read_again(order, text) is first
    assert len(decoders._read) <= 3  # noqa: SLF001 - the bound is the point
    assert decoders.read_again(order, '{"customer":"bob"') is None
    long = f'{{"customer":"{"b" * 500}","total":1}}' + " " * 1_000
    assert decoders.read_again(order, long) is not decoders.read_again(order, long)


def test_few_frames_are_kept_and_the_others_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binder_module, "FRAMES_MAX", 1)
    binder = shop.binder()
    plain = binder.bind(REFUND)
    chained = replace(REFUND, principal=Entity("Bot", "b1"), on_behalf_of=(Entity("User", "ann"),))
    for _ in range(2):
        assert binder.bind(chained).chain_types == ("Bot", "User")
        assert binder.bind(REFUND).chain_types == plain.chain_types
    assert len(binder._frames) == 1  # noqa: SLF001 - the bound is the point


@pytest.mark.parametrize("times", [1, 3])
def test_a_known_frame_excuses_nothing(times: int) -> None:
    binder = shop.binder()
    for _ in range(times):
        binder.bind(REFUND)
    wrong_group = replace(REFUND, principal=replace(REFUND.principal, groups=("Nope::x",)))
    assert "unknown type `Nope`" in (binder.bind(wrong_group).invalid or "")
    with pytest.raises(RequestError, match="described by the directory only"):
        binder.bind(replace(REFUND, on_behalf_of=(Entity("User", "ann", "{}"),)))
    with pytest.raises(RequestError, match=r"expected|is missing"):
        binder.bind(replace(REFUND, args='{"amount":true}'))
