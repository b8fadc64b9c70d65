"""`pdp directory`: who there is, from other systems' lists to a directory bundle."""

from __future__ import annotations

import enum
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final, NoReturn, TypeAlias

import typer

import pdp
from pdp.activation.assembling.directories import build_directory
from pdp.activation.building import Declared, unverified
from pdp.authoring.people import fromcsv, fromldif, fromscim
from pdp.authoring.people.roster import (
    INPUT_BYTES_MAX,
    Roster,
    RosterError,
    Wanted,
    roster_to_bytes,
)
from pdp.bundles.composing import DIRECTORY_SUFFIX
from pdp.bundles.flatfile import MAGIC
from pdp.canonical import CanonicalError, parse_object
from pdp.cli.bundle.showing import title
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
from pdp.cli.policyfiles import checked_or_exit
from pdp.cli.wholefiles import OutputOption, read_whole, write_whole
from pdp.eval.directory import read_directory
from pdp.lang.types import CollT, FieldT, Prim, Schema, Type

_PROBLEMS_SHOWN: Final = 20

app = typer.Typer(help="Make directories of people, agents and groups.", rich_markup_mode=None)


class Source(enum.StrEnum):
    """What a list comes as."""

    CSV = "csv"
    LDIF = "ldif"
    SCIM = "scim"


_USUAL_ID: Final = {
    Source.CSV: "id",
    Source.LDIF: fromldif.ID_DEFAULT,
    Source.SCIM: fromscim.ID_DEFAULT,
}

SchemaOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--schema", metavar="DIR", help="Policies whose types the entities must fit."),
]


@app.callback(invoke_without_command=True)
def directory(context: typer.Context) -> None:
    """Make directories of people, agents and groups."""
    if context.invoked_subcommand is None:
        help_and_exit(context)


@app.command("import", short_help="Turn a CSV, LDIF or SCIM list into a directory file.")
def import_people(
    source: Annotated[Source, typer.Argument(metavar="csv|ldif|scim", help="What it comes as.")],
    path: Annotated[str, typer.Argument(metavar="FILE", help="The list, or - for stdin.")],
    *,
    type_: Annotated[str, typer.Option("--type", metavar="TYPE", help="What the people are.")],
    id_: Annotated[
        str,
        typer.Option(
            "--id", metavar="COLUMN", help="What names them; else `id`, `uid` or `userName`."
        ),
    ] = "",
    attributes: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute",
            metavar="NAME=COLUMN",
            help="An attribute, and where its value stands. May be repeated.",
        ),
    ] = None,
    groups: Annotated[
        str,
        typer.Option(
            "--groups",
            metavar="COLUMN",
            help="CSV: where group ids stand, with ; between them. LDIF: else `memberOf`.",
        ),
    ] = "",
    group_type: Annotated[
        str, typer.Option("--group-type", metavar="TYPE", help="What the groups are.")
    ] = "",
    object_class: Annotated[
        str,
        typer.Option("--class", metavar="NAME", help="LDIF: only entries of this objectClass."),
    ] = "",
    schema: SchemaOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write here; else to stdout."),
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Turn a list of people into a directory file, sorted and always the same.

    Nothing is repaired: exit 3, and no file, if there is a row that cannot be used.
    """
    if groups and not group_type:
        fail("`--groups` needs `--group-type`, such as `--group-type Team`", Exit.INVALID)
    known = None if schema is None else _schema(schema)
    fields = {} if known is None else _fields(known, type_)
    wanted = Wanted(
        type=type_,
        id=id_ or _USUAL_ID[source],
        attributes=_named(attributes or []),
        group_type=group_type,
        bools=_typed(fields, "bool"),
        ints=_typed(fields, "int"),
        lists=frozenset(name for name, field in fields.items() if isinstance(field.type, CollT)),
    )
    try:
        roster = _roster(source, _read(path), wanted, groups, object_class)
        data = roster_to_bytes(roster)
    except RosterError as error:
        _fail_with(error.problems, path)
    if known is not None:
        name = "people.directory.json" if output is None else output.name
        _check_fits(name, data, known)
    if output is not None:
        write_whole(output, data)
    _say(roster, data, output, form)


@app.command("show", short_help="Show who stands in a directory, and in which group.")
def show_directory(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="A directory file, or a directory bundle.")
    ],
    form: FormatOption = Format.TEXT,
) -> None:
    """Show who stands in a directory: how many of each type, and each group's members."""
    data = read_whole(path, INPUT_BYTES_MAX)
    files = {path.name: data}
    if data.startswith(MAGIC):
        files = dict(unverified(data).files)
    types, members = _counts(files, path)
    if form is Format.JSON:
        print_json({"types": dict(types), "groups": {uid: members[uid] for uid in sorted(members)}})
        return
    out = console()
    for type_, count in sorted(types.items()):
        out.print(f"[bold]{safe(type_)}[/] {count:,}")
    for uid in sorted(members):
        out.print(f"  {safe(uid)}  [dim]{safe(', '.join(members[uid]))}[/]")


@app.command("build", short_help="Pack directory files into a bundle, to be signed.")
def build_bundle(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="The files, *.directory.json.")
    ],
    *,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The name of the directory bundle.")
    ],
    audience: Annotated[
        str, typer.Option("--audience", metavar="NAME", help="The deployment that it is for.")
    ],
    revision: Annotated[
        int, typer.Option("--revision", metavar="N", min=1, help="Higher than every one before.")
    ],
    output: OutputOption,
    expires: Annotated[
        str,
        typer.Option(
            "--expires", metavar="SPAN|RFC3339", help="When it stops counting, such as 7d."
        ),
    ] = "7d",
    created: Annotated[
        str,
        typer.Option(
            "--created", metavar="RFC3339", help="When it is made; else SOURCE_DATE_EPOCH, or now."
        ),
    ] = "",
    schema: SchemaOption = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Pack directory files into a directory bundle, to be signed with `pdp bundle sign`."""
    files = {path.name: read_whole(path, INPUT_BYTES_MAX) for path in paths}
    if len(files) != len(paths):
        fail("two files have the same name; rename one", Exit.INVALID)
    for file, data in files.items():
        _check_is_directory_file(file, data)
    if schema is not None:
        known = _schema(schema)
        _, problems = read_directory(files, known)
        if problems:
            _fail_with(problems, output.name)
    made = time_of_build(created)
    what = Declared(
        audience=audience,
        revision=revision,
        created=made,
        expires=moment_after(expires, made, "--expires"),
        minimum_engine=pdp.__version__,
        tzdata=metadata.version("tzdata"),
        name=name,
    )
    data = build_directory(files, what)
    write_whole(output, data)
    bundle = unverified(data)
    if form is Format.JSON:
        print_json({"file": str(output), "name": name, "digest": bundle.digest})
        return
    out, shown = console(), safe(str(output))
    out.print(f"[green]ok[/]: {shown}: {title(bundle)}")
    out.print(f"digest {bundle.digest}")
    out.print(f"next: `pdp bundle sign {shown} --key KEYFILE`")


# ---------------------------------------------------------------- reading


def _read(path: str) -> bytes:
    if path == "-":
        return sys.stdin.buffer.read(INPUT_BYTES_MAX + 1)
    return read_whole(Path(path), INPUT_BYTES_MAX)


def _roster(source: Source, data: bytes, wanted: Wanted, groups: str, class_: str) -> Roster:
    if len(data) > INPUT_BYTES_MAX:
        raise RosterError([f"it is larger than {INPUT_BYTES_MAX} bytes"])
    match source:
        case Source.CSV:
            return fromcsv.roster_from_csv(data, wanted, groups)
        case Source.LDIF:
            column = groups or fromldif.GROUPS_DEFAULT
            return fromldif.roster_from_ldif(data, wanted, column, class_)
        case Source.SCIM:
            return fromscim.roster_from_scim(data, wanted)


def _named(pairs: list[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for pair in pairs:
        name, _, column = pair.partition("=")
        if not name or not column or name in named:
            fail(f"`--attribute {pair}`: expected NAME=COLUMN, each name once", Exit.INVALID)
        named[name] = column
    return named


def _fields(schema: Schema, type_: str) -> dict[str, FieldT]:
    definition = schema.entities.get(type_)
    if definition is None:
        fail(f"`--type {type_}`: the schema has no such type", Exit.INVALID)
    return {field.wire: field for field in definition.fields}


def _typed(fields: Mapping[str, FieldT], name: str) -> frozenset[str]:
    return frozenset(wire for wire, field in fields.items() if _item(field.type) == Prim(name))


def _item(type_: Type) -> Type:
    return type_.item if isinstance(type_, CollT) else type_


def _schema(path: Path) -> Schema:
    found = checked_or_exit(path, Format.TEXT)
    assert found.policies is not None, "what does not check has left already"
    return found.policies.schema


def _check_fits(name: str, data: bytes, schema: Schema) -> None:
    _, problems = read_directory({name: data}, schema)
    if problems:
        _fail_with(problems, name)


def _check_is_directory_file(name: str, data: bytes) -> None:
    if not name.endswith(DIRECTORY_SUFFIX):
        fail(f"`{name}`: expected a name that ends in `{DIRECTORY_SUFFIX}`", Exit.INVALID)
    try:
        parse_object(data.decode())
    except UnicodeDecodeError:
        fail(f"`{name}` is not UTF-8 text", Exit.INVALID)
    except CanonicalError as error:
        fail(f"`{name}` is not strict JSON: {error}", Exit.INVALID)


def _counts(files: Mapping[str, bytes], path: Path) -> tuple[Counter[str], dict[str, list[str]]]:
    """Entities of each type, and who is directly in each group."""
    types: Counter[str] = Counter()
    members: dict[str, list[str]] = {}
    for name in sorted(files):
        _check_is_directory_file(name, files[name])
        for type_, entities in parse_object(files[name].decode()).items():
            if not isinstance(entities, dict):
                fail(f"`{path}`: `{type_}`: expected an object of entities by id", Exit.INVALID)
            types[type_] += len(entities)
            for id_, entry in entities.items():
                groups = entry.get("groups") if isinstance(entry, dict) else None
                for group in groups if isinstance(groups, list) else []:
                    members.setdefault(str(group), []).append(f"{type_}::{id_}")
    return types, members


# ---------------------------------------------------------------- saying what came of it


def _fail_with(problems: Sequence[str], path: str) -> NoReturn:
    out = console(stderr=True)
    for problem in problems[:_PROBLEMS_SHOWN]:
        out.print(f"[red]not usable[/]: {safe(problem)}")
    count = len(problems)
    fail(f"`{path}`: {counted(count, 'problem')}; nothing was written", Exit.INVALID)


def _say(roster: Roster, data: bytes, output: Path | None, form: Format) -> None:
    types = Counter(type_ for type_, _ in roster.entities)
    if form is Format.JSON:
        text = data.decode() if output is None else ""
        print_json(
            {
                "types": dict(sorted(types.items())),
                "left_out": roster.left_out,
                "output": "" if output is None else str(output),
                "text": text,
            }
        )
        return
    if output is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    err = console(stderr=True)
    for line in roster.left_out:
        err.print(f"[yellow]left out[/]: {safe(line)}")
    told = ", ".join(f"{count:,} {safe(type_)}" for type_, count in sorted(types.items()))
    err.print(f"[green]ok[/]: {told}")
