"""``pdp serve``: options to settings, then the server until a signal. No decision logic."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, fail
from pdp.cli.policyfiles import read_policies, show_diagnostics
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.show import escaped
from pdp.lang.diagnostics import Diagnostic
from pdp.model import PolicyError
from pdp.service import config, server
from pdp.service.config import SettingError, Settings

Policies: TypeAlias = Annotated[
    Path | None, typer.Option(help="Directory with the policies. Left out: the starter bundle.")
]
LogDir: TypeAlias = Annotated[
    Path | None, typer.Option(help="Directory of the decision log. Must be given.")
]
LogMode: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="fsync|os", help="fsync (default): records survive a power cut; os: the process."
    ),
]
Grpc: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS",
        help="unix:PATH or loopback IP:PORT; may be repeated. Must be given.",
    ),
]
Metrics: TypeAlias = Annotated[
    str | None, typer.Option(metavar="IP:PORT", help="Where Prometheus metrics are served.")
]
# Numbers are read by the settings' own table, which names what is wrong with them.
Threads: TypeAlias = Annotated[
    str | None, typer.Option(metavar="N", help="Calls worked on at once.")
]
MaxConcurrent: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="N", help="Calls admitted at once; more are RESOURCE_EXHAUSTED."),
]
GraceS: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="SECONDS", help="Time for calls in flight after SIGTERM or SIGINT."),
]
Node: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="This server's name in the log.")
]
AcceptUnsigned: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--unsafe-accept-unsigned",
        help="Serve unsigned policies: whoever can write to their directory decides.",
    ),
]
AnyCaller: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--unsafe-any-caller",
        help="Answer whoever can connect, and believe whom they act for.",
    ),
]
ConfigFile: TypeAlias = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file (pdp.toml); flags win over it."),
]


def serve(
    *,
    policies: Policies = None,
    log_dir: LogDir = None,
    log_mode: LogMode = None,
    grpc: Grpc = None,
    metrics: Metrics = None,
    threads: Threads = None,
    max_concurrent: MaxConcurrent = None,
    grace_s: GraceS = None,
    node: Node = None,
    unsafe_accept_unsigned: AcceptUnsigned = False,
    unsafe_any_caller: AnyCaller = False,
    config_file: ConfigFile = None,
) -> None:
    """Answer decisions over gRPC until SIGTERM or SIGINT, every one of them recorded first."""
    given: dict[str, object] = {
        "policies": None if policies is None else str(policies),
        "log_dir": None if log_dir is None else str(log_dir),
        "log_mode": log_mode,
        "grpc": grpc or None,
        "metrics": metrics,
        "threads": threads,
        "max_concurrent": max_concurrent,
        "grace_s": grace_s,
        "node": node,
        # A flag that is not there leaves the word to the environment and the file.
        "unsafe_accept_unsigned": unsafe_accept_unsigned or None,
        "unsafe_any_caller": unsafe_any_caller or None,
    }
    try:
        settings = config.load(given, os.environ, Path.cwd(), config_file)
    except SettingError as error:
        fail(str(error), Exit.INVALID)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    raise typer.Exit(Exit.SUCCESS if _run(settings) else Exit.FAILURE)


def _run(settings: Settings) -> bool:
    # Every other expected error is named and given its exit code by the command as a whole.
    try:
        return server.run(settings, _say, _warn)
    except PolicyError as error:
        found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
        show_diagnostics(found, read_policies(settings.policies), Format.TEXT)
        fail(str(error), Exit.INVALID)
    except LogCorrupt as error:
        fail(str(error), Exit.INVALID)


def _say(line: str) -> None:
    sys.stdout.write(escaped(line) + "\n")
    sys.stdout.flush()


def _warn(line: str) -> None:
    sys.stderr.write(escaped(line) + "\n")
    sys.stderr.flush()
