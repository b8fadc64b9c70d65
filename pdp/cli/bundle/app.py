"""The commands of `pdp bundle`, one line each; each stands in a file of its own."""

from __future__ import annotations

import typer

from pdp.cli import status
from pdp.cli.bundle import build, diff, freshness, inspect, push, sign, verify
from pdp.cli.output import help_and_exit

app = typer.Typer(help="Build, sign and verify bundles of policies.", rich_markup_mode=None)
app.command("build")(build.build_bundle)
app.command("sign")(sign.sign_bundle)
app.command("verify")(verify.verify_bundle)
app.command("inspect")(inspect.inspect_bundle)
app.command("diff")(diff.diff_bundles)
app.command("freshness")(freshness.state_freshness)
app.command("push")(push.push_bundle)
app.command("status", short_help="As `pdp status`.")(status.status)


@app.callback(invoke_without_command=True)
def bundle(context: typer.Context) -> None:
    """Build, sign and verify bundles of policies."""
    if context.invoked_subcommand is None:
        help_and_exit(context)
