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
from pdp.service.stopping.statedir import StateCorrupt

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
LogKey: TypeAlias = Annotated[
    Path | None, typer.Option(help="The key that signs the log's checkpoints (PEM, mode 0600).")
]
Anchor: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="-|PATH|URL",
        help="Where checkpoints go; may be repeated. Left out: standard output.",
    ),
]
Grpc: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ADDRESS",
        help="unix:PATH or loopback IP:PORT; may be repeated. Must be given.",
    ),
]
Bundle: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|URI", help="The signed bundle or set: a file, https://, s3://, oci://."
    ),
]
BundleName: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Its name, as the trust store has it.")
]
TrustStore: TypeAlias = Annotated[
    Path | None, typer.Option(help="Whose signatures count; `pdp trust new` makes one.")
]
Freshness: TypeAlias = Annotated[
    str | None, typer.Option(metavar="PATH|URI", help="Where statements of freshness come from.")
]
RequireFreshness: TypeAlias = Annotated[
    bool, typer.Option("--require-freshness", help="Nothing decides without such a statement.")
]
Directory: TypeAlias = Annotated[
    str | None, typer.Option(metavar="PATH|URI", help="The signed directory bundle: who there is.")
]
DirectoryName: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Its name, as set or trust store have it.")
]
DirectoryFreshness: TypeAlias = Annotated[
    str | None, typer.Option(metavar="PATH|URI", help="Statements of freshness about it.")
]
Shadow: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="PATH|URI", help="A signed bundle on trial; it answers nobody."),
]
MinimumRevision: TypeAlias = Annotated[
    str | None, typer.Option(metavar="N", help="No lower revision ever decides.")
]
PollS: TypeAlias = Annotated[
    str | None, typer.Option(metavar="SECONDS", help="Time between two looks at the sources.")
]
FetchTimeoutS: TypeAlias = Annotated[
    str | None, typer.Option(metavar="SECONDS", help="Time for one look at one source.")
]
SelfTestCases: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="N", help="Generated requests to agree on before a bundle decides."),
]
SourceCaFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="Certificates to trust for https:// (PEM).")
]
SourceCertificate: TypeAlias = Annotated[
    Path | None, typer.Option(help="Client certificate for https:// (PEM).")
]
SourceKey: TypeAlias = Annotated[
    Path | None, typer.Option(help="Key of the client certificate (PEM).")
]
SourceTokenFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="File with a bearer token for https://.")
]
Admin: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="unix:PATH", help="Where the operator's calls are served (mode 0600)."),
]
StateDir: TypeAlias = Annotated[
    Path | None, typer.Option(help="Where stop orders and bundles are remembered (mode 0700).")
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
    bundle: Bundle = None,
    bundle_name: BundleName = None,
    trust_store: TrustStore = None,
    freshness: Freshness = None,
    require_freshness: RequireFreshness = False,
    directory: Directory = None,
    directory_name: DirectoryName = None,
    directory_freshness: DirectoryFreshness = None,
    shadow: Shadow = None,
    minimum_revision: MinimumRevision = None,
    poll_s: PollS = None,
    fetch_timeout_s: FetchTimeoutS = None,
    self_test_cases: SelfTestCases = None,
    source_ca_file: SourceCaFile = None,
    source_certificate: SourceCertificate = None,
    source_key: SourceKey = None,
    source_token_file: SourceTokenFile = None,
    log_dir: LogDir = None,
    log_mode: LogMode = None,
    log_key: LogKey = None,
    anchor: Anchor = None,
    grpc: Grpc = None,
    admin: Admin = None,
    state_dir: StateDir = None,
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
    # Every parameter but the last is the setting of its name. A flag that is not there leaves the
    # word to the environment and the file.
    given = {name: _plain(value) for name, value in locals().items() if name != "config_file"}
    try:
        settings = config.load(given, os.environ, Path.cwd(), config_file)
    except SettingError as error:
        fail(str(error), Exit.INVALID)
    logging.basicConfig(format="%(levelname)s: %(message)s")
    raise typer.Exit(Exit.SUCCESS if _run(settings) else Exit.FAILURE)


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    return None if value is False or value == [] else value


def _run(settings: Settings) -> bool:
    # Every other expected error is named and given its exit code by the command as a whole.
    try:
        return server.run(settings, _say, _warn)
    except PolicyError as error:
        found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
        show_diagnostics(found, read_policies(settings.policies), Format.TEXT)
        fail(str(error), Exit.INVALID)
    except (LogCorrupt, StateCorrupt) as error:
        fail(str(error), Exit.INVALID)


def _say(line: str) -> None:
    sys.stdout.write(escaped(line) + "\n")
    sys.stdout.flush()


def _warn(line: str) -> None:
    sys.stderr.write(escaped(line) + "\n")
    sys.stderr.flush()
