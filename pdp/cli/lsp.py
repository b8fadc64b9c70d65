"""`pdp lsp`: starts the language server for an editor; the server itself is loaded only then."""

from __future__ import annotations

import importlib
import importlib.util

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import fail

_LIBRARY = "pygls"
_SERVER = "pdp.lsp.server"


def lsp() -> None:
    """Serve editors on standard input and output (LSP); an editor starts it, not a person.

    How to set up an editor: docs/editors.md.
    """
    if importlib.util.find_spec(_LIBRARY) is None:
        fail("the language server needs pygls: `pip install 'charter-pdp[lsp]'`", Exit.FAILURE)
    # Loaded by name: everyone else's commands start without it, and run where it is not installed.
    is_orderly: bool = importlib.import_module(_SERVER).serve()
    raise typer.Exit(Exit.SUCCESS if is_orderly else Exit.FAILURE)
