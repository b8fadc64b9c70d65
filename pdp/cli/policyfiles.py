"""The policies a command works on: a directory or one file, and how their mistakes are shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from pdp.bundles.source import read_policy_directory
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, console, print_json
from pdp.engine import CheckedFiles, check_files
from pdp.lang.checker import POLICY_SUFFIX, read_sources
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.render import render_text, to_json
from pdp.model import BundleError


def read_policies(path: Path) -> dict[str, bytes]:
    """The files below a directory, or one policy file with the data files beside it."""
    if not path.is_file():
        return read_policy_directory(path)
    if path.suffix != POLICY_SUFFIX:
        raise BundleError(f"`{path}` is not a {POLICY_SUFFIX} file or a directory of them")
    beside = read_policy_directory(path.parent)
    return {
        name: data
        for name, data in beside.items()
        if name == path.name or not name.endswith(POLICY_SUFFIX)
    }


def checked_or_exit(files: Mapping[str, bytes], form: Format) -> CheckedFiles:
    """The checked files; with a mistake, show all of them and leave with ``Exit.INVALID``."""
    found = check_files(files)
    if found.policies is None:
        show_diagnostics(found.diagnostics, files, form)
        raise typer.Exit(Exit.INVALID)
    return found


def show_diagnostics(
    diagnostics: Sequence[Diagnostic], files: Mapping[str, bytes], form: Format
) -> None:
    """Every diagnostic: text for people on standard error, JSON on standard output."""
    if form is Format.JSON:
        print_json({"diagnostics": to_json(diagnostics)})
        return
    if diagnostics:
        has_colour = console(stderr=True).color_system is not None
        sys.stderr.write(render_text(diagnostics, read_sources(files), colour=has_colour))
