"""`pdp keys`: the keys that people sign bundles with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from pdp.bundles.keys import (
    generate,
    key_id_of,
    private_key_from_pem,
    private_key_to_pem,
    public_bytes,
)
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, FormatOption, console, fail, help_and_exit, print_json, safe
from pdp.model import BundleError

_KEY_FILE_BYTES_MAX: Final = 65_536

app = typer.Typer(help="Make and show the keys that sign bundles.", rich_markup_mode=None)

KeyPath: TypeAlias = Annotated[
    Path, typer.Argument(metavar="FILE", help="The file of the private key.")
]


@app.callback(invoke_without_command=True)
def keys(context: typer.Context) -> None:
    """Make and show the keys that sign bundles."""
    if context.invoked_subcommand is None:
        help_and_exit(context)


@app.command("generate")
def generate_key(path: KeyPath, form: FormatOption = Format.TEXT) -> None:
    """Make an Ed25519 key in a new file that only you can read.

    The file is not encrypted: keep it where nobody else gets to. Exit 3 if it exists.
    """
    key = generate()
    _write(path, private_key_to_pem(key))
    _show(public_bytes(key), form)


@app.command("public")
def public_key(path: KeyPath, form: FormatOption = Format.TEXT) -> None:
    """Show the public half of a key, as a trust store takes it.

    Exit 3 for what is no Ed25519 key.
    """
    try:
        key = private_key_from_pem(_read(path))
    except BundleError as error:
        fail(f"`{path}`: {error}", Exit.INVALID)
    _show(public_bytes(key), form)


def _write(path: Path, data: bytes) -> None:
    """A key that is there may sign something: it is never overwritten."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        fail(f"`{path}` exists; name a new file", Exit.INVALID)
    except OSError as error:
        fail(f"`{path}` cannot be written: {error.strerror}", Exit.FAILURE)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_KEY_FILE_BYTES_MAX)
    except OSError as error:
        fail(f"`{path}` cannot be read: {error.strerror}", Exit.INVALID)


def _show(public: bytes, form: Format) -> None:
    key_id = key_id_of(public)
    if form is Format.JSON:
        print_json({"id": key_id, "public": public.hex()})
        return
    out = console()
    out.print(f"id      {safe(key_id)}")
    out.print(f"public  {public.hex()}")
