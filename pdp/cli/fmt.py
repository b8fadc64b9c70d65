"""`pdp fmt`: policy files in the one style of Charter; a file is replaced whole or not at all."""

from __future__ import annotations

import difflib
import gc
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from pdp.bundles.sources.directory import FILE_BYTES_MAX, read_policy_directory
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, FormatOption, console, counted, fail, place, print_json, safe
from pdp.decisionlog.show import escaped
from pdp.lang.checker import POLICY_SUFFIX
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.formatter import NotParsed, format_source
from pdp.lang.parser import decode
from pdp.lang.presenting.render import render_text, to_json
from pdp.lang.source import Source
from pdp.model import BundleError

_STDIN: Final = "-"
_NO_NEWLINE: Final = "\n\\ No newline at end of file\n"


@dataclass(frozen=True, slots=True)
class _File:
    """A policy file as read; ``path`` is None for standard input."""

    name: str
    path: Path | None
    data: bytes


@dataclass(frozen=True, slots=True)
class _Result:
    """``text`` is the file in the style, or None with the ``diagnostics`` that say why not."""

    file: _File
    source: Source | None
    text: str | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def status(self) -> str:
        if self.text is None:
            return "invalid"
        return "unchanged" if self.text.encode() == self.file.data else "changed"

    def diff(self) -> str:
        """The change as a unified diff, or ''."""
        if self.text is None or self.source is None:
            return ""
        name = escaped(self.file.name)
        before, after = (
            self.source.text.splitlines(keepends=True),
            self.text.splitlines(keepends=True),
        )
        lines = difflib.unified_diff(before, after, name, name)
        return "".join(line if line.endswith("\n") else line + _NO_NEWLINE for line in lines)


def fmt(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Policy directories or .charter files; - alone reads standard input"
            " and writes standard output.",
            metavar="PATH",
        ),
    ],
    form: FormatOption = Format.TEXT,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Write nothing; print the changes.")] = False,
) -> None:
    """Format policies: one style, no options. Exit 3 for files with syntax errors."""
    with _collector_paused():
        results = [_formatted(file) for file in _read(paths)]
    if not check and not diff:
        for result in results:
            if result.status == "changed" and result.file.path is not None:
                _replace(result.file.path, result)
    if form is Format.JSON:
        _print_json(results, with_diff=diff)
    else:
        _print_text(results, check=check, diff=diff)
    statuses = {result.status for result in results}
    if "invalid" in statuses:
        raise typer.Exit(Exit.INVALID)
    raise typer.Exit(Exit.FAILURE if check and "changed" in statuses else Exit.SUCCESS)


def _formatted(file: _File) -> _Result:
    source, diagnostics = decode(file.name, file.data)
    if source is None:
        return _Result(file, None, None, diagnostics)
    try:
        return _Result(file, source, format_source(source))
    except NotParsed as error:
        return _Result(file, source, None, error.found)


# ---------------------------------------------------------------- reading and writing


def _read(paths: Sequence[str]) -> list[_File]:
    """Each file once, in the order named; below a directory, by name."""
    if _STDIN in paths:
        if len(paths) > 1:
            raise typer.BadParameter("`-` stands alone: it reads standard input")
        return [_File("stdin", None, sys.stdin.buffer.read(FILE_BYTES_MAX + 1))]
    files: dict[Path, _File] = {}
    for named in paths:
        for file in _read_below(Path(named)):
            assert file.path is not None
            files.setdefault(file.path.resolve(), file)
    return list(files.values())


def _read_below(path: Path) -> Iterator[_File]:
    if path.is_dir():
        for name, data in read_policy_directory(path).items():
            if name.endswith(POLICY_SUFFIX):
                yield _File(place(path, name), path / name, data)
        return
    if not path.exists():
        raise BundleError(f"`{path}` does not exist; name a folder or a {POLICY_SUFFIX} file")
    if path.suffix != POLICY_SUFFIX:
        raise BundleError(f"`{path}` is not a {POLICY_SUFFIX} file or a directory of them")
    try:
        with path.open("rb") as file:
            yield _File(path.as_posix(), path, file.read(FILE_BYTES_MAX + 1))
    except OSError as error:
        raise BundleError(f"`{path}` cannot be read: {error.strerror}") from None


def _replace(path: Path, result: _Result) -> None:
    """The new text in place of the old one, with its mode, unless somebody else was faster."""
    assert result.text is not None
    target = path.resolve()  # a link stays a link
    try:
        if target.read_bytes() != result.file.data:
            fail(f"`{path}` was changed while it was formatted; run it again", Exit.FAILURE)
        mode = stat.S_IMODE(target.stat().st_mode)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(result.text.encode())
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        fail(f"`{path}` cannot be written: {error.strerror}", Exit.FAILURE)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Trees of many thousand rules hold no cycles, and looking for some doubles the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


# ---------------------------------------------------------------- saying


def _print_text(results: Sequence[_Result], *, check: bool, diff: bool) -> None:
    """The text or the changes on standard output; what they mean, for files, beside it."""
    diagnostics = [found for result in results for found in result.diagnostics]
    if diagnostics:
        sources = {result.file.name: result.source for result in results if result.source}
        has_colour = console(stderr=True).color_system is not None
        sys.stderr.write(render_text(diagnostics, sources, colour=has_colour))
    if diff:
        _write_bytes("".join(result.diff() for result in results).encode())
    if any(result.file.path is None for result in results):
        if not check and not diff:
            for result in results:
                _write_bytes((result.text or "").encode())
        return
    _print_summary(results, is_dry=check or diff, stderr=diff)


def _print_summary(results: Sequence[_Result], *, is_dry: bool, stderr: bool) -> None:
    out = console(stderr=stderr)
    verb = "would change" if is_dry else "formatted"
    statuses = [result.status for result in results]
    for result in results:
        if result.status == "changed":
            out.print(f"[bold]{verb}[/] {safe(result.file.name)}")
    words = (
        ("changed", verb),
        ("unchanged", "already formatted"),
        ("invalid", "with syntax errors"),
    )
    counts = [(statuses.count(status), said) for status, said in words]
    out.print(", ".join(f"{counted(count, 'file')} {said}" for count, said in counts if count))


def _print_json(results: Sequence[_Result], *, with_diff: bool) -> None:
    files: list[dict[str, object]] = []
    for result in results:
        entry: dict[str, object] = {"file": result.file.name, "status": result.status}
        if with_diff:
            entry["diff"] = result.diff()
        if result.file.path is None:
            entry["text"] = result.text
        files.append(entry)
    diagnostics = [found for result in results for found in result.diagnostics]
    print_json({"files": files, "diagnostics": to_json(diagnostics)})


def _write_bytes(data: bytes) -> None:
    """As they are: the text of a policy is UTF-8 whatever the terminal speaks."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
