"""`pdp lsp` where its library is missing, and every other command without it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from pdp.cli.exit_codes import Exit
from pdp.cli.main import main


def test_a_missing_library_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit) as left:
        main(["lsp"])
    assert left.value.code == Exit.FAILURE
    said = capsys.readouterr().err
    assert "pip install 'charter-pdp[lsp]'" in said


def test_other_commands_do_not_load_it() -> None:
    code = (
        "import sys, pdp.cli.main;"
        "sys.exit(any(m.startswith(('pygls', 'lsprotocol', 'pdp.lsp')) for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
