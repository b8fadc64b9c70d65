"""Writes docs/errors.md, the page of every diagnostic code, from the catalogue. Decides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pdp.lang.presenting.everycode import EVERY_CODE
from pdp.lang.presenting.explain import page

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "errors.md"

if __name__ == "__main__":
    PAGE.write_text(page(EVERY_CODE), encoding="utf-8", newline="\n")
