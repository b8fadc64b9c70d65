"""``pdp serve``: options to settings, then the server until a signal. No decision logic."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from pdp.cli.exit_codes import Exit
from pdp.cli.output import Format, fail
from pdp.cli.policyfiles import read_policies, show_diagnostics
from pdp.decisionlog.errors import LogCorrupt
from pdp.decisionlog.show import escaped
from pdp.lang.diagnostics import Diagnostic
from pdp.model import PolicyError
from pdp.service import config, server
from pdp.service.config import SettingError


def serve(
    *,
    policies: Annotated[
        Path | None,
        typer.Option(help="Directory with the policies. Left out: the starter bundle."),
    ] = None,
    log_dir: Annotated[
        Path | None, typer.Option(help="Directory of the decision log. Must be given.")
    ] = None,
    log_mode: Annotated[
        str | None,
        typer.Option(help="fsync (default): records survive a power cut; os: the process only."),
    ] = None,
    grpc: Annotated[
        list[str] | None,
        typer.Option(help="unix:PATH or loopback IP:PORT; may be repeated. Must be given."),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Loopback IP:PORT for Prometheus metrics.")
    ] = None,
    threads: Annotated[
        str | None, typer.Option(metavar="N", help="Calls worked on at once.")
    ] = None,
    max_concurrent: Annotated[
        str | None,
        typer.Option(metavar="N", help="Calls admitted at once; more are RESOURCE_EXHAUSTED."),
    ] = None,
    grace_s: Annotated[
        str | None,
        typer.Option(
            metavar="SECONDS", help="Seconds for calls in flight after SIGTERM or SIGINT."
        ),
    ] = None,
    node: Annotated[str | None, typer.Option(help="This server's name in the log.")] = None,
    unsafe_accept_unsigned: Annotated[
        bool,
        typer.Option(
            "--unsafe-accept-unsigned",
            help="Serve unsigned policies: whoever can write to their directory decides.",
        ),
    ] = False,
    unsafe_any_caller: Annotated[
        bool,
        typer.Option(
            "--unsafe-any-caller",
            help="Answer whoever can connect, and believe whom they act for.",
        ),
    ] = False,
    config_file: Annotated[
        Path | None,
        typer.Option("--config", help="Settings file (pdp.toml); flags win over it."),
    ] = None,
) -> None:
    """Answer decisions over gRPC until SIGTERM or SIGINT, every one of them recorded first."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
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
    try:
        clean = server.run(settings, _say, _warn)
    except PolicyError as error:
        found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
        show_diagnostics(found, read_policies(settings.policies), Format.TEXT)
        fail(str(error), Exit.INVALID)
    except LogCorrupt as error:
        fail(str(error), Exit.INVALID)
    # Every other expected error is named and given its exit code by the command as a whole.
    raise typer.Exit(Exit.SUCCESS if clean else Exit.FAILURE)


def _say(line: str) -> None:
    sys.stdout.write(escaped(line) + "\n")
    sys.stdout.flush()


def _warn(line: str) -> None:
    sys.stderr.write(escaped(line) + "\n")
    sys.stderr.flush()
