"""The command `pdp`: registers one file per command and maps every way out to an exit code."""

from __future__ import annotations

import sys

import typer
from typer.exceptions import TyperException

import pdp
from pdp.cli import check, decide, demo, log, serve, test
from pdp.cli.exit_codes import Exit
from pdp.cli.output import console, safe
from pdp.model import BundleError, PdpError, PolicyError, RequestError

app = typer.Typer(
    name="pdp",
    help="A policy decision point for AI agents: check, test, serve and prove decisions.",
    epilog="Exit codes: 0 allow or success, 1 failure, 2 deny, 3 invalid input or usage,"
    " 4 require approval.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("check")(check.check)
app.command("test")(test.run_tests)
app.command("decide")(decide.decide)
app.command("serve")(serve.serve)
app.command("demo")(demo.demo)
app.add_typer(log.app, name="log")


@app.callback(invoke_without_command=True)
def root(
    *,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Serve, check and prove policy decisions for AI agents."""
    if version:
        sys.stdout.write(f"pdp {pdp.__version__}\n")
        raise typer.Exit(Exit.SUCCESS)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with a code of ``Exit``; 2 means deny and nothing else."""
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    command = typer.main.get_command(app)
    try:
        code = command.main(args=arguments, prog_name="pdp", standalone_mode=False)
    except TyperException as error:
        return _usage(error)
    except typer.Abort:
        return Exit.FAILURE
    except RequestError as error:
        place = f"{error.field}: " if error.field else ""
        return _say(f"invalid request: {place}{error}", Exit.INVALID)
    except (PolicyError, BundleError) as error:
        return _say(str(error), Exit.INVALID)
    except PdpError as error:
        return _say(str(error), Exit.FAILURE)
    return code if isinstance(code, int) else Exit.SUCCESS


def _usage(error: TyperException) -> int:
    """A usage mistake, in our words; a bare `pdp` has already printed its help."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if message:
        console(stderr=True).print(f"[bold red]error[/]: {safe(message)}")
        console(stderr=True).print("help: `pdp --help`, or `pdp COMMAND --help`")
    return Exit.INVALID


def _say(message: str, code: Exit) -> int:
    console(stderr=True).print(f"[bold red]error[/]: {safe(message)}")
    return code


if __name__ == "__main__":
    main()
