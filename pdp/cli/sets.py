"""`pdp set`: bundles that are loaded together, pinned and signed as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeAlias

import typer

import pdp
from pdp.activation.assembling.sets import DeclaredSet, UnverifiedSet, build_set, unverified_set
from pdp.activation.assembling.signing import sign
from pdp.activation.building import unverified
from pdp.bundles.documents.fields import time_to_text
from pdp.bundles.documents.truststore import Signers, Trust
from pdp.bundles.keys import PUBLIC_KEY_BYTES
from pdp.cli.bundle.showing import BundleFile, print_lines, read_bundle, row, working
from pdp.cli.exit_codes import Exit
from pdp.cli.moments import moment_after, time_of_build
from pdp.cli.output import (
    Format,
    FormatOption,
    console,
    counted,
    fail,
    help_and_exit,
    print_json,
    safe,
)
from pdp.cli.policyfiles import show_diagnostics
from pdp.cli.signing import AsOption, KeyOption, YesOption, ask, check_can_ask, id_for, read_key
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
        print_json({"file": str(output), **_to_json(found)})
        return
    out, shown = console(), safe(str(output))
    out.print(f"[green]ok[/]: {shown}: {_title(found)}")
    out.print(f"digest {found.digest}")
    out.print(f"next: `pdp set sign {shown} --key KEYFILE`")


@app.command("sign")
def sign_set(
    path: BundleFile,
    key_file: KeyOption,
    name: AsOption = "",
    *,
    yes: YesOption = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """Add your signature, after showing what you sign.

    The program is rebuilt from the members' policies first, and must be the same. Exit 3 if it is
    not, or if this key has signed already.
    """
    key = read_key(key_file)
    key_id = id_for(key, name)
    found = _unverified(path)
    check_can_ask(yes=yes)
    if form is Format.TEXT:
        print_lines(_lines(found))
    ask(f"sign this as `{safe(key_id)}`?", yes=yes)
    with working("rebuilding the program from the policies"):
        data = sign(read_bundle(path), key, key_id)
    write_whole(path, data)
    signed = unverified_set(data)
    if form is Format.JSON:
        print_json({"file": str(path), "signed_as": key_id, **_to_json(signed)})
        return
    console().print(f"[green]ok[/]: {safe(str(path))}: {_title(signed)}")


@app.command("inspect", short_help="Show what a set file says of itself, and who signed it.")
def inspect(path: BundleFile, form: FormatOption = Format.TEXT) -> None:
    """Show what a set file says of itself, and who claims to have signed it.

    Nothing is accepted by this.
    """
    found = _unverified(path)
    if form is Format.JSON:
        print_json({"verified": False, **_to_json(found)})
        return
    print_lines(_lines(found))


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


# ---------------------------------------------------------------- showing


def _title(found: UnverifiedSet) -> str:
    head = found.composition.head
    bundles = counted(len(found.members), "bundle")
    return f"{safe(head.name)} revision {head.revision} for {safe(head.audience)}, {bundles}"


def _lines(found: UnverifiedSet) -> Iterator[str]:
    head, directory = found.composition.head, found.composition.directory
    yield row("set", f"[bold]{safe(head.name)}[/]")
    yield row("audience", f"[bold]{safe(head.audience)}[/]")
    yield row("revision", f"[bold]{head.revision}[/]")
    yield row("digest", found.digest)
    yield row("previous", head.previous or "none")
    yield row("created", time_to_text(head.created))
    yield row("expires", time_to_text(head.expires))
    for member in found.members:
        manifest = member.manifest
        yield row("bundle", f"[bold]{safe(manifest.name)}[/] revision {manifest.revision}")
        yield f"  {member.digest}"
        yield f"  governs {safe(', '.join(manifest.governs))}"
        yield f"  owners {safe(', '.join(manifest.owners))}"
    if directory is not None:
        ids = ", ".join(sorted(directory.signers.keys))
        signers = f"{directory.signers.threshold} of {safe(ids)} sign"
        yield row("directory", f"[bold]{safe(directory.name)}[/], {signers}")
    signed = [one.key_id for one in found.envelope.signatures]
    yield row("signatures", f"{safe(', '.join(signed))}, not checked" if signed else "none")


def _to_json(found: UnverifiedSet) -> dict[str, object]:
    head, directory = found.composition.head, found.composition.directory
    return {
        "name": head.name,
        "audience": head.audience,
        "revision": head.revision,
        "digest": found.digest,
        "previous": head.previous,
        "created": time_to_text(head.created),
        "expires": time_to_text(head.expires),
        "bundles": [
            {"name": one.name, "revision": one.revision, "digest": one.digest}
            for one in found.composition.bundles
        ],
        "directory": None
        if directory is None
        else {
            "name": directory.name,
            "threshold": directory.signers.threshold,
            "keys": sorted(directory.signers.keys),
        },
        "signatures": [one.key_id for one in found.envelope.signatures],
    }
