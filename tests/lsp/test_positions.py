"""Offsets to an editor's positions and back, in every unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdp.lang.source import Span
from pdp.lsp.positions import UTF_8, UTF_16, UTF_32, Lines

TEXTS = st.text(alphabet=st.sampled_from("ab é\U0001f600\n\r\x0b\u2028"), max_size=40)


@given(TEXTS, st.data(), st.sampled_from([UTF_8, UTF_16, UTF_32]))
def test_a_position_leads_back_to_its_offset(text: str, data: st.DataObject, unit: str) -> None:
    lines = Lines.of(text)
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] == "\r\n" or text[:offset].endswith("\r"):
        return  # between the two halves of a line break there is no position
    if offset < len(text) and text[offset] in "\r\n":
        assert lines.offset_at(*lines.position(offset, unit), unit) <= offset
        return
    assert lines.offset_at(*lines.position(offset, unit), unit) == offset


@given(TEXTS, st.integers(-2, 60), st.integers(-2, 60), st.sampled_from([UTF_8, UTF_16, UTF_32]))
def test_no_position_leads_outside(text: str, line: int, character: int, unit: str) -> None:
    assert 0 <= Lines.of(text).offset_at(line, character, unit) <= len(text)


@given(TEXTS, st.data())
def test_a_place_leads_back_to_its_offset(text: str, data: st.DataObject) -> None:
    lines = Lines.of(text)
    offset = data.draw(st.integers(0, len(text)))
    assert lines.offset(*lines.place(offset)) == offset


@pytest.mark.parametrize(("unit", "character"), [(UTF_8, 7), (UTF_16, 4), (UTF_32, 3)])
def test_units(unit: str, character: int) -> None:
    lines = Lines.of("x\né\U0001f600bc")
    assert lines.position(5, unit) == (1, character)
    assert lines.offset_at(1, character, unit) == 5


def test_line_breaks_differ() -> None:
    lines = Lines.of("a\rb\r\nc")
    assert lines.place(5) == (2, 1)
    assert lines.position(5, UTF_16) == (2, 0)
    assert lines.range(Span("x", 1, 3, 1, 4)) == (2, 3)
