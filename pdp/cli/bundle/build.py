"""`pdp bundle build`: a policy directory to a bundle file that waits for signatures."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

import pdp
from pdp.activation.building import (
    FAIL_UNDER_DEFAULT,
    Declared,
    UnverifiedBundle,
    build,
    check_follows,
    unverified,
)
from pdp.activation.release import PROGRAM_FILE
from pdp.bundles.flatfile import MAGIC
from pdp.cli.bundle.showing import (
    read_bundle,
    title,
    to_json,
    unverified_or_exit,
    working,
)
from pdp.cli.exit_codes import Exit
from pdp.cli.moments import moment_after, time_of_build
from pdp.cli.output import Format, FormatOption, console, counted, fail, print_json, safe
from pdp.cli.policyfiles import PolicyPath, read_policies, root_of, show_diagnostics
from pdp.cli.wholefiles import OutputOption, write_whole
from pdp.lang.diagnostics import Diagnostic
from pdp.lang.packing.compact import unpack
from pdp.model import BundleError, PolicyError

_NOT_LOADED: Final = "unknown-bundle"


RevisionOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--revision",
        metavar="N",
        min=1,
        show_default=False,
        help="Higher than every one before; else that of `--previous` and 1.",
    ),
]
CreatedOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--created", metavar="RFC3339", help="When it is made; else SOURCE_DATE_EPOCH, or now."
    ),
]
WithOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--with",
        metavar="FILE",
        help="A bundle that it imports, or the directory bundle; not packed. Repeatable.",
    ),
]
FloorOption: TypeAlias = Annotated[
    float,
    typer.Option(
        "--fail-under",
        metavar="PERCENT",
        min=0,
        max=100,
        help="How much of the rules tests must show, as `pdp test --coverage` counts.",
    ),
]


def build_bundle(
    path: PolicyPath,
    *,
    output: OutputOption,
    audience: Annotated[
        str,
        typer.Option("--audience", metavar="NAME", help="The deployment that it is for."),
    ],
    revision: RevisionOption = None,
    previous: Annotated[
        Path | None,
        typer.Option("--previous", metavar="FILE", help="The bundle file that this one follows."),
    ] = None,
    expires: Annotated[
        str,
        typer.Option(
            "--expires", metavar="SPAN|RFC3339", help="When it stops deciding, such as 90d."
        ),
    ] = "90d",
    created: CreatedOption = "",
    name: Annotated[
        str,
        typer.Option(
            "--name", metavar="NAME", help="Its name, if the policies have several bundle lines."
        ),
    ] = "",
    beside: WithOption = None,
    fail_under: FloorOption = FAIL_UNDER_DEFAULT,
    form: FormatOption = Format.TEXT,
) -> None:
    """Check, test and pack policies into a bundle file, to be signed.

    Built again with the same `--created` it has the same bytes. Exit 3 if there is any mistake,
    a test fails or is missing.
    """
    _check_is_free(output)
    before = None if previous is None else unverified_or_exit(read_bundle(previous), previous)
    made = time_of_build(created)
    what = Declared(
        audience=audience,
        revision=_revision(revision, before),
        created=made,
        expires=moment_after(expires, made, "--expires"),
        minimum_engine=pdp.__version__,
        tzdata=metadata.version("tzdata"),
        previous=None if before is None else before.digest,
        name=name,
    )
    others = [unverified_or_exit(read_bundle(file), file) for file in beside or []]
    data = _built(path, what, fail_under, others, form)
    bundle = unverified(data)
    if before is not None:
        check_follows(bundle.manifest, before.manifest)
    write_whole(output, data)
    _say(bundle, output, form)


def _built(
    path: Path,
    what: Declared,
    fail_under: float,
    others: Sequence[UnverifiedBundle],
    form: Format,
) -> bytes:
    files = read_policies(path)
    try:
        with working("checking and testing"):
            return build(files, what, fail_under, others)
    except PolicyError as error:
        found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
        show_diagnostics(found, files, form, root_of(path))
        if form is Format.TEXT and any(item.code.name == _NOT_LOADED for item in found):
            console(stderr=True).print("help: give the files of imported bundles with `--with`")
        raise typer.Exit(Exit.INVALID) from None


def _revision(revision: int | None, before: UnverifiedBundle | None) -> int:
    if revision is not None:
        return revision
    if before is None:
        fail(
            "give `--revision 1` for the first bundle, or name the last with `--previous`",
            Exit.INVALID,
        )
    return before.manifest.revision + 1


def _check_is_free(output: Path) -> None:
    """Signatures that people gave are not lost by a second run."""
    try:
        with output.open("rb") as file:
            is_bundle = file.read(len(MAGIC)) == MAGIC
    except OSError:
        return  # nothing there, or nothing that can be read: writing will tell
    if not is_bundle:
        fail(f"`{output}` exists and is no bundle; name another file", Exit.INVALID)
    try:
        signatures = unverified(read_bundle(output)).envelope.signatures
    except BundleError:
        return
    if signatures:
        fail(f"`{output}` is signed; name a new file", Exit.INVALID)


def _say(bundle: UnverifiedBundle, output: Path, form: Format) -> None:
    program = bundle.files.get(PROGRAM_FILE)
    checked = None if program is None else unpack(program)
    if form is Format.JSON:
        counts = {"rules": len(checked.rules), "tests": len(checked.tests)} if checked else {}
        print_json({"file": str(output), **to_json(bundle), **counts})
        return
    out, shown = console(), safe(str(output))
    counts_text = (
        "a part of a set: it imports others"
        if checked is None
        else f"{counted(len(checked.rules), 'rule')}, {counted(len(checked.tests), 'test')} passed"
    )
    out.print(f"[green]ok[/]: {shown}: {title(bundle)}, {counts_text}")
    out.print(f"digest {bundle.digest}")
    out.print(f"next: `pdp describe` to read it, then `pdp bundle sign {shown} --key KEYFILE`")
