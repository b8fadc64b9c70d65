"""What is checked again when one file changes, and by which day."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Final

import pytest

from pdp.lang.parser import parse
from pdp.lang.source import Source
from pdp.lsp.folders import Folder
from pdp.lsp.workspace import Parsed, open_workspace
from tests.lsp.desk import REFUNDS, SHOP, shop, starter

REASON: Final = 'reason "because"\n    rule small'


def test_only_what_changed_is_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = starter()
    parsed: list[str] = []

    def counting(source: Source) -> Parsed:
        parsed.append(source.name)
        return parse(source)

    monkeypatch.setattr("pdp.lsp.workspace.parse", counting)
    files = dict(before.files)
    files[REFUNDS] += b"\n# one more line\n"
    changed = open_workspace(files, before)
    assert parsed == [REFUNDS]
    assert changed.found.diagnostics == before.found.diagnostics
    assert open_workspace(files).index == changed.index


def test_dates_that_have_passed_are_told() -> None:
    dated = SHOP.replace(REASON, REASON.replace("\n", " review_by 2026-03-01\n"))
    files = {**shop().files, "shop.charter": dated.encode()}
    on_the_day = open_workspace(files, None, datetime.date(2026, 3, 1))
    after = open_workspace(files, None, datetime.date(2026, 3, 2))
    assert "C0306" not in {d.code.code for d in on_the_day.found.diagnostics}
    assert "C0306" in {d.code.code for d in after.found.diagnostics}


def test_an_editor_knows_the_day(tmp_path: Path) -> None:
    dated = SHOP.replace(REASON, REASON.replace("\n", " review_by 2026-01-01\n"))
    (tmp_path / "shop.charter").write_text(dated)
    folder = Folder(tmp_path)
    folder.read()
    assert "C0306" in {d.code.code for d in folder.workspace().diagnostics("shop.charter")}
