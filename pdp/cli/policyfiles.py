"""The policies a command works on: a directory or one file, and how their mistakes are shown."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeAlias

import typer

from pdp.bundles.sources.directory import read_policy_directory
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, console, fail, place, print_json
from pdp.engine import CheckedFiles, Engine, check_files
from pdp.lang.checker import POLICY_SUFFIX, read_sources
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.presenting.render import render_text, to_json
from pdp.lang.source import Span
from pdp.model import BundleError, PolicyError

PolicyPath: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="PATH", help="The directory of a bundle, or one .charter file that is a bundle."
    ),
]

_MISSING_BUNDLE: Final = "missing-bundle"


def root_of(path: Path) -> Path:
    """The directory that names in diagnostics start from."""
    return path.parent if path.is_file() else path


def read_policies(path: Path) -> dict[str, bytes]:
    """The files below a directory, or one policy file with the data files beside it."""
    try:
        is_there, is_directory = path.exists(), path.is_dir()
    except OSError as error:
        raise BundleError(f"`{path}` cannot be read: {error.strerror}") from None
    if not is_there:
        raise BundleError(f"`{path}` does not exist; name the folder with your .charter files")
    if is_directory:
        return read_policy_directory(path)
    if path.suffix != POLICY_SUFFIX:
        raise BundleError(f"`{path}` is not a {POLICY_SUFFIX} file or a directory of them")
    beside = read_policy_directory(path.parent)
    return {
        name: data
        for name, data in beside.items()
        if name == path.name or not name.endswith(POLICY_SUFFIX)
    }


def checked_or_exit(path: Path, form: Format, today: datetime.date | None = None) -> CheckedFiles:
    """The checked files; whatever was found is shown, and an error leaves with INVALID."""
    files = read_policies(path)
    found = check_files(files, today)
    if found.policies is None:
        _exit_with(found.diagnostics, files, path, form)
    show_diagnostics(found.diagnostics, files, form, root_of(path))
    return found


def engine_or_exit(path: Path, form: Format) -> Engine:
    """The policies ready to decide; with a mistake, show all of them and leave with INVALID."""
    files = read_policies(path)
    try:
        return Engine(files)
    except PolicyError as error:
        found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
        _exit_with(found, files, path, form)


def show_diagnostics(
    diagnostics: Sequence[Diagnostic],
    files: Mapping[str, bytes],
    form: Format,
    root: Path = Path(),
) -> None:
    """Every diagnostic: text for people on standard error, JSON on standard output.

    In text a file is named as it can be opened from here, in JSON by its name below ``root``.
    """
    if form is Format.JSON:
        print_json({"diagnostics": to_json(diagnostics)})
        return
    if diagnostics:
        sources = {place(root, name): source for name, source in read_sources(files).items()}
        found = [_placed(diagnostic, root) for diagnostic in diagnostics]
        colour = console(stderr=True).color_system is not None
        sys.stderr.write(render_text(found, sources, colour=colour))


def _exit_with(
    found: Sequence[Diagnostic], files: Mapping[str, bytes], path: Path, form: Format
) -> NoReturn:
    if path.is_file() and any(item.code.name == _MISSING_BUNDLE for item in found):
        _refuse_part(path)
    show_diagnostics(found, files, form, root_of(path))
    raise typer.Exit(Exit.INVALID)


def _refuse_part(path: Path) -> None:
    """A file of a bundle makes no sense alone: everything it names is declared in the others."""
    beside = [name for name in read_policy_directory(path.parent) if name.endswith(POLICY_SUFFIX)]
    if len(beside) > 1:
        fail(
            f"`{path}` is one of the files of a bundle; give their directory, `{path.parent}`",
            Exit.INVALID,
        )


def _placed(diagnostic: Diagnostic, root: Path) -> Diagnostic:
    def placed(span: Span) -> Span:
        return replace(span, file=place(root, span.file))

    related = tuple((placed(span), note) for span, note in diagnostic.related)
    return replace(diagnostic, span=placed(diagnostic.span), related=related)
