"""`pdp check`: every mistake in a policy directory, and nothing else."""

from __future__ import annotations

from pdp.cli.output import Format, FormatOption, console, counted, safe
from pdp.cli.policyfiles import PolicyPath, checked_or_exit


def check(path: PolicyPath, form: FormatOption = Format.TEXT) -> None:
    """Check policies: syntax, names, types, ownership. Exit 3 if there is any mistake.

    A warning is shown, but is no mistake.
    """
    found = checked_or_exit(path, form)
    if form is Format.TEXT and found.policies is not None:
        policies = found.policies
        counts = (
            counted(len(policies.rules), "rule"),
            counted(len(policies.tests), "test"),
            counted(len(found.directory), "directory entry", "directory entries"),
        )
        console().print(
            f"[green]ok[/]: bundle {safe(policies.bundle.name)} {safe(policies.bundle.version)},"
            f" {', '.join(counts)}"
        )
