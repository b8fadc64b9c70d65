"""`pdp trust`: the stores that say whom to believe: made, shown, and rotated by those who sign."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from pdp.activation.building import with_signature
from pdp.bundles.documents.truststore import (
    PAYLOAD_TYPE,
    THRESHOLD_DEFAULT,
    Signers,
    Trust,
    TrustStore,
    rotated,
    store_from_bytes,
)
from pdp.bundles.documents.trustwriting import store_to_bytes, trust_to_tree
from pdp.bundles.envelope import BYTES_MAX, Envelope, decode, encode
from pdp.bundles.keys import key_id_of
from pdp.bundles.refusal import BundleRefused
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, FormatOption, console, fail, help_and_exit, print_json, safe
from pdp.cli.signing import (
    AsOption,
    KeyOption,
    YesOption,
    ask,
    check_can_ask,
    check_key_name,
    id_for,
    read_key,
)
from pdp.cli.wholefiles import OutputOption, read_whole, write_whole
from pdp.model import BundleError

_PUBLIC_HEX: Final = 64

app = typer.Typer(help="Say whose bundles to believe, and rotate keys.", rich_markup_mode=None)

StoreFile: TypeAlias = Annotated[Path, typer.Argument(metavar="STORE", help="The trust store.")]
NextFile: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="The next store, from `pdp trust rotate`.")
]
_KEY_METAVAR: Final = "[NAME=]PUBLIC"


@app.callback(invoke_without_command=True)
def trust(context: typer.Context) -> None:
    """Say whose bundles to believe, and rotate keys."""
    if context.invoked_subcommand is None:
        help_and_exit(context)


# ---------------------------------------------------------------- making and showing


@app.command("new")
def new_store(
    *,
    bundle: Annotated[
        str, typer.Option("--bundle", metavar="NAME", help="The bundle that is trusted.")
    ],
    audience: Annotated[
        str, typer.Option("--audience", metavar="NAME", help="The deployment it must be made for.")
    ],
    keys: Annotated[
        list[str],
        typer.Option(
            "--key",
            metavar=_KEY_METAVAR,
            help="A public key that may sign, as `pdp keys public` shows it. Repeatable.",
        ),
    ],
    output: OutputOption,
    governs: Annotated[
        list[str] | None,
        typer.Option(
            "--governs",
            metavar="PREFIX",
            help="The actions that it may govern. Repeatable.",
        ),
    ] = None,
    threshold: Annotated[
        int, typer.Option("--threshold", metavar="N", min=1, help="How many keys must sign.")
    ] = THRESHOLD_DEFAULT,
    freshness_keys: Annotated[
        list[str] | None,
        typer.Option(
            "--freshness-key",
            metavar=_KEY_METAVAR,
            help="A key for freshness statements, any one of them; else the signers'. Repeatable.",
        ),
    ] = None,
    is_guard: Annotated[
        bool, typer.Option("--guard", help="It may be a guard: deny and require beyond its reach.")
    ] = False,
    is_directory: Annotated[
        bool, typer.Option("--people", help="It is a directory bundle and governs nothing.")
    ] = False,
    extended: Annotated[
        Path | None,
        typer.Option("--extend", metavar="STORE", help="Add to the bundles of this store."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Make a trust store for a bundle, or add a bundle to one.

    Whoever puts the file in place decides whom the server believes.
    """
    _check_is_new(output)
    if bool(governs) == is_directory:
        fail("give `--governs PREFIX`, or `--people` for a directory bundle", Exit.INVALID)
    vouching = _keys(freshness_keys or [], "--freshness-key")
    added = Trust(
        name=bundle,
        audience=audience,
        signers=Signers(_keys(keys, "--key"), threshold),
        freshness=Signers(vouching, 1) if vouching else None,
        governs=tuple(sorted(set(governs or []))),
        may_be_guard=is_guard,
    )
    before = TrustStore(0, {}) if extended is None else _store(extended)
    if bundle in before.bundles:
        fail(f"`{extended}` trusts `{bundle}` already; rotate its keys", Exit.INVALID)
    store = TrustStore(before.version + 1, {**before.bundles, bundle: added})
    write_whole(output, store_to_bytes(store))
    _say(f"[green]ok[/]: {safe(str(output))}", store, form)


@app.command("show")
def show_store(path: StoreFile, form: FormatOption = Format.TEXT) -> None:
    """Show whom a trust store believes, or what a rotation proposes."""
    data = read_whole(path, BYTES_MAX)
    try:
        envelope = decode(data)
    except BundleRefused:
        _say("", _store(path), form)
        return
    _say(_proposal_title(envelope), _proposed(envelope, path), form)


# ---------------------------------------------------------------- rotating


@app.command("rotate")
def rotate_keys(
    old: StoreFile,
    *,
    output: OutputOption,
    bundle: Annotated[
        str, typer.Option("--bundle", metavar="NAME", help="Whose keys, if there are several.")
    ] = "",
    added: Annotated[
        list[str] | None,
        typer.Option("--add", metavar=_KEY_METAVAR, help="A key that may sign. Repeatable."),
    ] = None,
    removed: Annotated[
        list[str] | None,
        typer.Option("--remove", metavar="NAME", help="A key that no longer may. Repeatable."),
    ] = None,
    added_freshness: Annotated[
        list[str] | None,
        typer.Option(
            "--add-freshness", metavar=_KEY_METAVAR, help="A key for freshness. Repeatable."
        ),
    ] = None,
    removed_freshness: Annotated[
        list[str] | None,
        typer.Option("--remove-freshness", metavar="NAME", help="One that goes. Repeatable."),
    ] = None,
    threshold: Annotated[
        int | None,
        typer.Option("--threshold", metavar="N", min=1, help="How many must sign; else as before."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Propose the next store, with other keys, to be signed.

    It counts once enough of the old signers and enough of the new ones have signed it.
    """
    _check_is_new(output)
    store = _store(old)
    before = _chosen(store, bundle, old)
    keys = _changed(before.signers.keys, added or [], removed or [], "--add")
    after = replace(before, signers=Signers(keys, threshold or before.signers.threshold))
    if added_freshness or removed_freshness:
        known = before.freshness.keys if before.freshness else {}
        vouching = _changed(
            known, added_freshness or [], removed_freshness or [], "--add-freshness"
        )
        after = replace(after, freshness=Signers(vouching, 1) if vouching else None)
    if after == before:
        fail("nothing changes; give `--add`, `--remove` or `--threshold`", Exit.INVALID)
    following = TrustStore(store.version + 1, {**store.bundles, before.name: after})
    write_whole(output, encode(Envelope(PAYLOAD_TYPE, store_to_bytes(following), ())))
    _say(f"[green]ok[/]: {safe(str(output))}: a proposal, not signed yet", following, form)


@app.command("sign")
def sign_store(
    path: NextFile,
    *,
    key_file: KeyOption,
    name: AsOption = "",
    yes: YesOption = False,
    form: FormatOption = Format.TEXT,
) -> None:
    """Add your signature to the next store, after showing it."""
    key = read_key(key_file)
    key_id = id_for(key, name)
    envelope = _envelope(path)
    store = _proposed(envelope, path)
    check_can_ask(yes=yes)
    if form is Format.TEXT:
        _say("", store, form)
    ask(f"sign this as `{safe(key_id)}`?", yes=yes)
    signed = with_signature(envelope, key, key_id)
    write_whole(path, encode(signed))
    ids = [one.key_id for one in signed.signatures]
    if form is Format.JSON:
        print_json({"file": str(path), "signed_as": key_id, "signatures": ids})
        return
    console().print(f"[green]ok[/]: {safe(str(path))}: signed by {safe(', '.join(ids))}")


@app.command("check")
def check_rotation(
    old: StoreFile,
    path: NextFile,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the new store to this file."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Say whether the next store may follow the old one.

    Exit 3, with the cause, if it may not.
    """
    store, data = _store(old), read_whole(path, BYTES_MAX)
    try:
        new = rotated(store, data)
    except BundleRefused as refused:
        if form is Format.JSON:
            cause, message = refused.cause.value, str(refused)
            print_json({"accepted": False, "cause": cause, "message": message})
        console(stderr=True).print(
            f"[bold red]refused[/] ({refused.cause.value}): {safe(str(path))}: {safe(str(refused))}"
        )
        raise typer.Exit(Exit.INVALID) from None
    if output is not None:
        _check_is_new(output)
        write_whole(output, store_to_bytes(new))
    _say(f"[green]ok[/]: {safe(str(path))} follows {safe(str(old))}", new, form)


# ---------------------------------------------------------------- stores and keys


def _store(path: Path) -> TrustStore:
    try:
        return store_from_bytes(read_whole(path, BYTES_MAX))
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def _envelope(path: Path) -> Envelope:
    try:
        envelope = decode(read_whole(path, BYTES_MAX))
    except BundleError as error:
        fail(f"`{path}`: {error}; `pdp trust rotate` makes what is signed", Exit.INVALID)
    if envelope.payload_type != PAYLOAD_TYPE:
        fail(f"`{path}`: expected a proposal of `pdp trust rotate`", Exit.INVALID)
    return envelope


def _proposed(envelope: Envelope, path: Path) -> TrustStore:
    """What the envelope holds, to be looked at: nobody need have signed it."""
    try:
        return store_from_bytes(envelope.unverified_payload)
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)


def _proposal_title(envelope: Envelope) -> str:
    ids = [one.key_id for one in envelope.signatures]
    told = f"with signatures of {safe(', '.join(ids))}, not checked" if ids else "not signed yet"
    return f"[yellow]a proposal[/], {told}; `pdp trust check` says if it may follow a store"


def _check_is_new(output: Path) -> None:
    """A store that is in use, or signatures that were given, are not lost to a second run."""
    if output.exists():
        fail(f"`{output}` exists; name a new file", Exit.INVALID)


def _chosen(store: TrustStore, bundle: str, path: Path) -> Trust:
    if bundle:
        return store.trust_of(bundle)
    if len(store.bundles) > 1:
        names = ", ".join(f"`{name}`" for name in sorted(store.bundles))
        fail(f"`{path}` trusts several bundles, {names}; choose with `--bundle`", Exit.INVALID)
    return next(iter(store.bundles.values()))


def _keys(texts: Iterable[str], option: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for text in texts:
        key_id, public = _key(text, option)
        if key_id in found:
            fail(f"`{option}`: `{key_id}` is given twice", Exit.INVALID)
        found[key_id] = public
    return found


def _key(text: str, option: str) -> tuple[str, bytes]:
    """A key's id and its 32 bytes; without a name the id is made from the key."""
    name, _, digits = text.rpartition("=")
    if len(digits) != _PUBLIC_HEX or set(digits) - set("0123456789abcdef"):
        fail(
            f"`{option} {text}`: expected 64 lower-case hex digits, at most with a name before"
            " them (`ann=3b6a…`); `pdp keys public` shows them",
            Exit.INVALID,
        )
    public = bytes.fromhex(digits)
    if not name:
        return key_id_of(public), public
    check_key_name(name, option)
    return name, public


def _changed(
    known: Mapping[str, bytes], added: Iterable[str], removed: Iterable[str], option: str
) -> dict[str, bytes]:
    keys = dict(known)
    for name in removed:
        if name not in keys:
            there = ", ".join(f"`{key_id}`" for key_id in sorted(keys)) or "none"
            fail(f"there is no key `{name}`; there are {there}", Exit.INVALID)
        del keys[name]
    more = _keys(added, option)
    for name in more:
        if name in keys:
            fail(f"`{option}`: there is a key `{name}` already", Exit.INVALID)
    return {**keys, **more}


# ---------------------------------------------------------------- saying what a store holds


def _say(title: str, store: TrustStore, form: Format) -> None:
    if form is Format.JSON:
        entries = [trust_to_tree(store.bundles[name]) for name in sorted(store.bundles)]
        print_json({"version": store.version, "bundles": entries})
        return
    out = console()
    if title:
        out.print(title)
    out.print(f"[dim]version[/]    {store.version}")
    for name in sorted(store.bundles):
        for line in _trust_lines(store.bundles[name]):
            out.print(line)


def _trust_lines(found: Trust) -> Iterable[str]:
    yield f"[dim]bundle[/]     [bold]{safe(found.name)}[/]{', a guard' * found.may_be_guard}"
    yield f"[dim]audience[/]   {safe(found.audience)}"
    yield f"[dim]governs[/]    {safe(', '.join(found.governs)) or 'nothing'}"
    yield f"[dim]signers[/]    {found.signers.threshold} of {len(found.signers.keys)}"
    yield from _key_lines(found.signers)
    if found.freshness is None:
        yield "[dim]freshness[/]  by the signers"
        return
    yield f"[dim]freshness[/]  {found.freshness.threshold} of {len(found.freshness.keys)}"
    yield from _key_lines(found.freshness)


def _key_lines(signers: Signers) -> Iterable[str]:
    width = max(map(len, signers.keys))
    for key_id in sorted(signers.keys):
        yield f"  {safe(f'{key_id:<{width}}')}  {signers.keys[key_id].hex()}"
