"""`pdp set`: bundles that are loaded together, pinned and signed as one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeAlias

import typer

import pdp
from pdp.activation.assembling.sets import DeclaredSet, UnverifiedSet, build_set, unverified_set
from pdp.activation.building import unverified
from pdp.bundles.documents.truststore import Signers, Trust
from pdp.bundles.keys import PUBLIC_KEY_BYTES
from pdp.cli.bundle.showing import read_bundle, title, to_json, working
from pdp.cli.exit_codes import Exit
from pdp.cli.moments import moment_after, time_of_build
from pdp.cli.output import (
    Format,
    FormatOption,
    console,
    fail,
    help_and_exit,
    print_json,
    safe,
)
from pdp.cli.policyfiles import show_diagnostics
from pdp.cli.wholefiles import OutputOption, write_whole
from pdp.lang.diagnostics import Diagnostic
from pdp.model import BundleError, PolicyError

app = typer.Typer(help="Put bundles together that decide as one.", rich_markup_mode=None)

DirectoryOption: TypeAlias = Annotated[
    str,
    typer.Option("--directory", metavar="NAME", help="The directory bundle it decides with."),
]
DirectoryKeysOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--directory-key", metavar="ID=PUBLICHEX", help="Who signs it. May be repeated."),
]
ThresholdOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--directory-threshold", metavar="N", min=1, help="How many of them must sign it."
    ),
]


@app.callback(invoke_without_command=True)
def sets(context: typer.Context) -> None:
    """Put bundles together that decide as one."""
    if context.invoked_subcommand is None:
        help_and_exit(context)


@app.command("build")
def build(
    members: Annotated[
        list[str],
        typer.Argument(metavar="NAME=FILE...", help="Each bundle's name, and its signed file."),
    ],
    *,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The set's own name.")],
    audience: Annotated[
        str, typer.Option("--audience", metavar="NAME", help="The deployment that it is for.")
    ],
    revision: Annotated[
        int, typer.Option("--revision", metavar="N", min=1, help="Higher than every one before.")
    ],
    output: OutputOption,
    previous: Annotated[
        Path | None,
        typer.Option("--previous", metavar="FILE", help="The set file that this one follows."),
    ] = None,
    expires: Annotated[
        str,
        typer.Option(
            "--expires", metavar="SPAN|RFC3339", help="When it stops deciding, such as 90d."
        ),
    ] = "90d",
    created: Annotated[
        str,
        typer.Option(
            "--created", metavar="RFC3339", help="When it is made; else SOURCE_DATE_EPOCH, or now."
        ),
    ] = "",
    directory: DirectoryOption = "",
    directory_keys: DirectoryKeysOption = None,
    threshold: ThresholdOption = 1,
    form: FormatOption = Format.TEXT,
) -> None:
    """Put bundles together, pinned by digest, to be signed.

    Exit 3 if they do not go together.
    """
    made = time_of_build(created)
    what = DeclaredSet(
        name=name,
        audience=audience,
        revision=revision,
        created=made,
        expires=moment_after(expires, made, "--expires"),
        minimum_engine=pdp.__version__,
        tzdata=metadata.version("tzdata"),
        previous=None if previous is None else _unverified(previous).digest,
        directory=_directory(directory, directory_keys or [], threshold, audience),
    )
    data = _built(_members(members), what)
    write_whole(output, data)
    found = unverified_set(data)
    if form is Format.JSON:
        print_json({"file": str(output), **to_json(found)})
        return
    out, shown = console(), safe(str(output))
    out.print(f"[green]ok[/]: {shown}: {title(found)}")
    out.print(f"digest {found.digest}")
    out.print(f"next: `pdp bundle sign {shown} --key KEYFILE`")


# ---------------------------------------------------------------- reading


def _members(pairs: list[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for pair in pairs:
        name, _, file = pair.partition("=")
        if not name or not file or name in found:
            fail(f"`{pair}`: expected NAME=FILE, each name once", Exit.INVALID)
        data = read_bundle(Path(file))
        try:
            said = unverified(data).manifest.name
        except BundleError as error:
            fail(f"`{file}`: {error}", Exit.INVALID)
        if said != name:
            fail(f"`{file}`: expected the bundle `{name}`, and it is `{said}`", Exit.INVALID)
        found[name] = data
    return found


def _built(members: Mapping[str, bytes], what: DeclaredSet) -> bytes:
    try:
        with working("checking that they go together"):
            return build_set(list(members.values()), what)
    except PolicyError as error:
        found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
        show_diagnostics(found, {}, Format.TEXT)
        fail(f"the bundles do not go together: {error}", Exit.INVALID)


def _unverified(path: Path) -> UnverifiedSet:
    try:
        return unverified_set(read_bundle(path))
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def _directory(name: str, keys: list[str], threshold: int, audience: str) -> Trust | None:
    if not name:
        if keys:
            fail("`--directory-key` needs `--directory NAME`", Exit.INVALID)
        return None
    if not threshold <= len(keys):
        fail(f"`--directory-threshold {threshold}` of {len(keys)} keys cannot sign", Exit.INVALID)
    signers: dict[str, bytes] = {}
    for key in keys:
        key_id, _, public = key.partition("=")
        try:
            raw = bytes.fromhex(public)
        except ValueError:
            raw = b""
        if not key_id or key_id in signers or len(raw) != PUBLIC_KEY_BYTES:
            fail(f"`--directory-key {key}`: expected ID=PUBLICHEX, each id once", Exit.INVALID)
        signers[key_id] = raw
    held = Signers(MappingProxyType(signers), threshold)
    return Trust(name, audience, held, None, (), may_be_guard=False)
