"""The command `pdp`: registers one file per command and maps every way out to an exit code."""

from __future__ import annotations

import io
import os
import re
import sys
from itertools import pairwise
from typing import Final

import typer
from typer import TyperException

import pdp
from pdp.cli import (
    check,
    decide,
    demo,
    describe,
    directory,
    explain,
    fmt,
    init,
    keys,
    log,
    logexport,
    logquery,
    lsp,
    resume,
    schema,
    serve,
    sets,
    status,
    stop,
    test,
    trust,
)
from pdp.cli.bundle.app import app as bundle_app
from pdp.cli.exit_codes import Exit
from pdp.cli.output import Stopped, console, help_and_exit, print_json_line, safe
from pdp.model import BundleError, PdpError, PolicyError, RequestError

app = typer.Typer(
    name="pdp",
    help="A policy decision point for AI agents: check, test, serve and prove decisions.",
    epilog="Exit codes: 0 allow or success, 1 failure, 2 deny and nothing else, 3 invalid input"
    " or usage, 4 require approval.",
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("check")(check.check)
app.command("describe")(describe.describe)
app.command("explain")(explain.explain)
app.command("fmt")(fmt.fmt)
app.command("test")(test.run_tests)
app.command("decide")(decide.decide)
app.command("serve", short_help="Answer decisions over gRPC, each recorded first.")(serve.serve)
app.command("status", short_help="Show what decides at a server.")(status.status)
app.command("stop", short_help="Deny at once whatever somebody or something is in.")(stop.stop)
app.command("resume", short_help="Take a stop order back.")(resume.resume)
app.command("demo", short_help="Serve, ask as agents do, verify the log.")(demo.demo)
app.command("init")(init.init)
app.command("lsp", short_help="Serve an editor (LSP) on standard input and output.")(lsp.lsp)
app.add_typer(bundle_app, name="bundle")
app.add_typer(directory.app, name="directory")
app.add_typer(keys.app, name="keys")
app.add_typer(log.app, name="log")
log.app.command("query")(logquery.query)
log.app.command("export")(logexport.export)
app.add_typer(schema.app, name="schema")
app.add_typer(trust.app, name="trust")
app.add_typer(sets.app, name="set")

_STDERR_NUMBER: Final = 2
# The library's words for a usage mistake, and ours.
_OUR_WORDS: Final = (
    (re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)"), r"unexpected `\1`"),
    (re.compile(r"No such option: (\S+)"), r"no such option `\1`"),
    (re.compile(r" \(Possible options: (.*)\)"), r"; did you mean `\1`?"),
    (re.compile(r"\. Did you mean "), r"; did you mean "),
    (re.compile(r": Value error, "), r": "),
    (re.compile(r": Input should be a valid integer.*"), r": expected a whole number"),
    (re.compile(r": Input should be greater than or equal to "), r": expected at least "),
    (re.compile(r": Input should be less than or equal to "), r": expected at most "),
    (re.compile(r"'([^']*)'"), r"`\1`"),
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """A policy decision point for AI agents: check, test, serve and prove decisions."""
    if version:
        sys.stdout.write(f"pdp {pdp.__version__}\n")
        raise typer.Exit(Exit.SUCCESS)
    if context.invoked_subcommand is None:
        help_and_exit(context)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with a code of ``Exit``; 2 means deny and nothing else."""
    _open_streams()
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    as_json = _wants_json(arguments)
    try:
        code = _attempt(arguments, as_json=as_json)
        # A failure to write has an exit code here; at the interpreter's end it has none of ours.
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough; nobody is left to tell.
        _discard_output()
        return Exit.FAILURE
    except OSError as error:
        what = error.strerror or "the system refused"
        if error.filename is not None:
            return _say(f"`{error.filename}`: {what}", Exit.FAILURE, as_json=as_json)
        # Most likely it is the output itself that cannot be written.
        _discard_output()
        return _say(what, Exit.FAILURE, as_json=False)
    return code


def _attempt(arguments: list[str], *, as_json: bool) -> int:
    """Run the command; what can be expected to go wrong is said, and has its code."""
    try:
        return _invoke(arguments)
    except TyperException as error:
        return _usage(error, as_json=as_json)
    except Stopped as error:
        return _say(str(error), error.code, as_json=as_json)
    except RequestError as error:
        message = f"invalid request: {_complaint(error)}"
        return _say(message, Exit.INVALID, as_json=as_json, field=error.field)
    except (PolicyError, BundleError) as error:
        return _say(str(error), Exit.INVALID, as_json=as_json)
    except PdpError as error:
        return _say(str(error), Exit.FAILURE, as_json=as_json)


def _invoke(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="pdp", standalone_mode=False)
    except typer.Abort:
        return Exit.FAILURE
    return code if isinstance(code, int) else Exit.SUCCESS


def _wants_json(arguments: list[str]) -> bool:
    """Whether complaints are asked for as JSON, too; also of arguments that cannot be parsed."""
    return "--format=json" in arguments or ("--format", "json") in pairwise(arguments)


def _usage(error: TyperException, *, as_json: bool) -> int:
    """A usage mistake, in our words."""
    message = error.format_message().removesuffix(".")
    for pattern, ours in _OUR_WORDS:
        message = pattern.sub(ours, message)
    path = getattr(getattr(error, "ctx", None), "command_path", "pdp")
    _say(message[:1].lower() + message[1:], Exit.INVALID, as_json=as_json)
    console(stderr=True).print(f"help: `{path} --help`", markup=False)
    return Exit.INVALID


def _complaint(error: RequestError) -> str:
    """A sentence: many a message is what is wrong with a field, or with the request as a whole."""
    message = str(error)
    if message.startswith(("is ", "has ", "holds ")):
        return f"`{error.field}` {message}" if error.field else f"it {message}"
    return f"`{error.field}`: {message}" if error.field else message


def _say(message: str, code: Exit, *, as_json: bool, field: str = "") -> int:
    """A complaint for people on standard error; with ``--format json`` also for programs."""
    if as_json:
        print_json_line({"error": {"message": message, "field": field}})
    console(stderr=True).print(f"[bold red]error[/]: {safe(message)}")
    return code


def _open_streams() -> None:
    """Make the three standard streams usable, whatever state they were inherited in."""
    # A closed one would otherwise be given to the next file opened, which may be the log.
    while (number := os.open(os.devnull, os.O_RDWR)) <= _STDERR_NUMBER:
        pass
    os.close(number)
    if sys.__stdin__ is None:
        sys.stdin = os.fdopen(0, encoding="utf-8")
    if sys.__stdout__ is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    if sys.__stderr__ is None:
        sys.stderr = os.fdopen(_STDERR_NUMBER, "w", encoding="utf-8")
    if isinstance(sys.stdout, io.TextIOWrapper):
        # An encoding that lacks a character must not end a command halfway.
        sys.stdout.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Let what is still buffered go nowhere, so that the interpreter's end does not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    main()
