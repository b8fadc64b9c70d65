"""What every command's ways out are: code, and what stands on which stream."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pdp.cli.exit_codes import Exit
from tests.cli.help_pages import commands
from tests.cli.world import World, alone

# line, code, words of the complaint on standard error ("" for none)
TABLE: Final = [
    ("", Exit.INVALID, "Usage: pdp [OPTIONS] COMMAND"),
    ("--help", Exit.SUCCESS, ""),
    ("--version", Exit.SUCCESS, ""),
    ("chek", Exit.INVALID, "error: no such command `chek`; did you mean `check`"),
    ("--bogus", Exit.INVALID, "error: no such option `--bogus`\n"),
    ("check", Exit.INVALID, "error: missing argument `PATH`\nhelp: `pdp check --help`\n"),
    ("check {policies}", Exit.SUCCESS, ""),
    ("check {warned}", Exit.SUCCESS, "warning[C0701 deny-without-because]"),
    ("check {single}", Exit.SUCCESS, ""),
    ("check {mistakes}", Exit.INVALID, "error[C0202 unknown-action]"),
    ("check {mistakes} --format json", Exit.INVALID, ""),
    ("check {part}", Exit.INVALID, "is one of the files of a bundle; give their directory, `"),
    ("check {gone}", Exit.INVALID, "does not exist; name the folder with your .charter files\n"),
    ("check {empty}", Exit.INVALID, "holds no .charter file"),
    ("check {other}", Exit.INVALID, "is not a .charter file or a directory of them\n"),
    ("check {unreadable}", Exit.INVALID, "`lost.charter` cannot be read: No such file"),
    (
        "check {policies} --format xml",
        Exit.INVALID,
        "error: invalid value for `--format`: `xml` is not one of `text`, `json`, `sarif`\n",
    ),
    ("check {policies} --formt json", Exit.INVALID, "`--formt`; did you mean `--format`?\n"),
    ("check {policies} more", Exit.INVALID, "error: unexpected `more`\n"),
    ("test {policies}", Exit.SUCCESS, ""),
    ("test {failing}", Exit.FAILURE, ""),
    ("test {alone}", Exit.FAILURE, 'holds no tests; add `test "…" { … }` beside the policies\n'),
    ("test {mistakes}", Exit.INVALID, "12 errors\n"),
    ("decide {allow} {unsafe}", Exit.SUCCESS, ""),
    ("decide {deny} {unsafe} --explain", Exit.DENY, ""),
    ("decide {no_allow} {unsafe}", Exit.DENY, ""),
    ("decide {unknown} {unsafe} --explain", Exit.DENY, ""),
    ("decide {approval} {unsafe} --explain", Exit.APPROVAL, ""),
    ("decide {deny} {unsafe} --explain-all", Exit.DENY, ""),
    ("decide {allow} {unsafe} --why-not refunds.large", Exit.SUCCESS, ""),
    ("decide {allow} {unsafe} --why-not refunds.larg", Exit.INVALID, "unknown rule `refunds.larg`"),
    ("decide {allow} {unsafe} --now 2026-01-01T00:00:00Z", Exit.INVALID, "add `--explain`\n"),
    (
        "decide {refused} {unsafe}",
        Exit.INVALID,
        "error: invalid request: `args.amount`: expected a decimal",
    ),
    (
        "decide {broken} {unsafe}",
        Exit.INVALID,
        "error: invalid request: not valid JSON from line 2, column 33 on\n",
    ),
    ("decide {gone} {unsafe}", Exit.INVALID, "cannot be read: No such file or directory\n"),
    ("decide {allow}", Exit.INVALID, "error: missing option `--policies`\n"),
    (
        "decide {allow} --policies {policies}",
        Exit.INVALID,
        "add `--unsafe-accept-unsigned` to use them in development\n",
    ),
    (
        "decide {allow} --policies {mistakes} --unsafe-accept-unsigned --format json",
        Exit.INVALID,
        "",
    ),
    ("keys", Exit.INVALID, "Usage: pdp keys [OPTIONS] COMMAND"),
    ("keys generate {other}", Exit.INVALID, "exists; name a new file\n"),
    ("keys public {gone}", Exit.INVALID, "cannot be read: No such file or directory\n"),
    ("log", Exit.INVALID, "Usage: pdp log [OPTIONS] COMMAND"),
    ("log verify {log}", Exit.SUCCESS, ""),
    ("log verify {damaged}", Exit.FAILURE, ""),
    ("log verify {gone}", Exit.FAILURE, "error: there is no decision log in `"),
    ("log verify {empty}", Exit.FAILURE, "error: there is no decision log in `"),
    ("log verify {nolog}", Exit.FAILURE, "cannot be read: Is a directory\n"),
    ("log show {nolog} 1", Exit.FAILURE, "cannot be read: Is a directory\n"),
    ("log tail {nolog}", Exit.FAILURE, "cannot be read: Is a directory\n"),
    ("log show {log} {id}", Exit.SUCCESS, ""),
    ("log show {log} 999", Exit.FAILURE, "; `pdp log tail` shows the newest\n"),
    ("log show {damaged} {id}", Exit.FAILURE, "error: the log is damaged in `0000000001.seg`"),
    # Nothing says what decided there.
    ("log replay {log}", Exit.FAILURE, ""),
    ("log replay {log} --from 2", Exit.SUCCESS, ""),
    ("log replay {empty}", Exit.FAILURE, "error: there is no decision log in `"),
    ("log replay {nolog}", Exit.FAILURE, "cannot be read: Is a directory\n"),
    ("log replay {log} --from soon", Exit.INVALID, "or a time such as 2026-03-02T10:00:00Z\n"),
    ("log tail {log}", Exit.SUCCESS, ""),
    ("log tail {log} -n some", Exit.INVALID, "`--count` / `-n`: expected a whole number\n"),
    ("log tail {log} -n -1", Exit.INVALID, "`--count` / `-n`: expected at least 0\n"),
    ("log query {log}", Exit.SUCCESS, ""),
    ("log query {log} --limit 0", Exit.INVALID, "`--limit`: expected at least 1\n"),
    ("log query {log} --decision maybe", Exit.INVALID, "expected one of allow, deny, require_appr"),
    ("log query {log} --cause fun", Exit.INVALID, "`--cause fun`: expected one of rule, error, "),
    ("log query {log} --person ann", Exit.INVALID, "write it as Type::id, such as User::ann\n"),
    ("log query {log} --rule small", Exit.INVALID, "write it as policy.rule, such as refunds."),
    ("log query {log} --since monday", Exit.INVALID, "write it like 2026-03-02T10:00:00Z, with a"),
    ("log query {log} --sql selec", Exit.INVALID, "error: the query cannot be run: Parser Error: "),
    ("log query {log} --sql x --limit 1", Exit.INVALID, "give `--sql` or filters: with `--sql`, "),
    ("log query {damaged}", Exit.FAILURE, "error: the log is damaged in `0000000001.seg`"),
    ("log query {gone}", Exit.FAILURE, "error: there is no decision log in `"),
    ("log query {nolog}", Exit.FAILURE, "cannot be read: Is a directory\n"),
    ("log export {log} {other}", Exit.INVALID, "exists; name a new file\n"),
    ("log export {damaged} {gone}", Exit.FAILURE, "error: the log is damaged in `0000000001.seg`"),
    ("log export {empty} {gone}", Exit.FAILURE, "error: there is no decision log in `"),
    ("log export {nolog} {gone}", Exit.FAILURE, "`: Is a directory\n"),
    ("serve", Exit.INVALID, "name a signed bundle, or give --unsafe-accept-unsigned"),
    ("status", Exit.INVALID, "with `--admin unix:PATH` or PDP_ADMIN\n"),
    ("status --admin unix:{gone}", Exit.FAILURE, "there is no such socket; start `pdp serve`"),
    ("stop agent Agent::bot", Exit.INVALID, "error: missing option `--why`\n"),
    ("stop agent Agent::bot --why w", Exit.INVALID, "with `--admin unix:PATH` or PDP_ADMIN\n"),
    ("resume o-1 --why w", Exit.INVALID, "with `--admin unix:PATH` or PDP_ADMIN\n"),
    ("bundle", Exit.INVALID, "Usage: pdp bundle [OPTIONS] COMMAND"),
    ("bundle build {mistakes} --audience a --revision 1 -o {gone}", Exit.INVALID, "error[C0202"),
    ("bundle build {policies} --audience a -o {gone}", Exit.INVALID, "give `--revision 1` for the"),
    ("bundle sign {gone} --key {other} --yes", Exit.INVALID, "is open to others (mode "),
    ("bundle verify {gone} --trust {other}", Exit.INVALID, "the trust store is not strict JSON"),
    ("bundle inspect {other}", Exit.INVALID, "`: not a bundle file"),
    ("bundle diff {policies} {gone}", Exit.INVALID, "cannot be read: No such file or directory\n"),
    ("bundle diff {policies} {policies}", Exit.SUCCESS, ""),
    ("bundle diff {policies} {failing} --exit-code", Exit.SUCCESS, ""),
    ("bundle freshness {gone} --key {gone} -o {gone} --for 1h", Exit.INVALID, "cannot be read: No"),
    ("directory", Exit.INVALID, "Usage: pdp directory [OPTIONS] COMMAND"),
    ("directory import csv {gone} --type User", Exit.INVALID, "cannot be read: No such file"),
    ("directory show {other}", Exit.INVALID, "expected a name that ends in `.directory.json`\n"),
    (
        "directory build {other} --name n --audience a --revision 1 -o {gone}",
        Exit.INVALID,
        "expected a name that ends in `.directory.json`\n",
    ),
    ("set", Exit.INVALID, "Usage: pdp set [OPTIONS] COMMAND"),
    (
        "set build a={gone} --name n --audience a --revision 1 -o {gone}",
        Exit.INVALID,
        "cannot be read: No such file or directory\n",
    ),
    ("trust", Exit.INVALID, "Usage: pdp trust [OPTIONS] COMMAND"),
    ("trust new --bundle b --audience a --key a=00 -o {gone}", Exit.INVALID, "give `--governs PRE"),
    ("trust show {gone}", Exit.INVALID, "cannot be read: No such file or directory\n"),
    ("trust rotate {gone} -o {gone}", Exit.INVALID, "cannot be read: No such file or directory\n"),
    ("trust sign {gone} --key {other}", Exit.INVALID, "is open to others (mode "),
    ("trust check {gone} {gone}", Exit.INVALID, "cannot be read: No such file or directory\n"),
    ("bundle status", Exit.INVALID, "with `--admin unix:PATH` or PDP_ADMIN\n"),
    ("bundle push {gone}", Exit.INVALID, "cannot be read: No such file or directory\n"),
    ("check {policies} --format sarif", Exit.SUCCESS, ""),
    ("check {policies} --today 2026-13-01", Exit.INVALID, "is not a calendar date; write it as `"),
    ("test {policies} -k nothing", Exit.FAILURE, "none of the 2 tests in `"),
    ("test {policies} --fail-under 100", Exit.FAILURE, ""),
    ("test {policies} --fail-under 101", Exit.INVALID, "`--fail-under`: "),
    ("explain", Exit.SUCCESS, ""),
    ("explain C0202", Exit.SUCCESS, ""),
    ("explain C0000", Exit.INVALID, "error: there is no code `C0000`; "),
    ("describe {policies}", Exit.SUCCESS, ""),
    ("describe {mistakes}", Exit.INVALID, "error[C0202 unknown-action]"),
    ("fmt {policies} --check", Exit.SUCCESS, ""),
    ("init {policies}", Exit.INVALID, "is not empty; name a new directory\n"),
    ("schema", Exit.INVALID, "Usage: pdp schema [OPTIONS] COMMAND"),
    ("schema from-mcp {gone}", Exit.INVALID, "cannot be read: No such file or directory\n"),
    ("lsp extra", Exit.INVALID, "error: unexpected `extra`\n"),
    ("demo extra", Exit.INVALID, "error: unexpected `extra`\n"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "code", "complaint"), TABLE, ids=[row[0] for row in TABLE])
def test_the_way_out(world: World, line: str, code: Exit, complaint: str) -> None:
    done = world.run(line)
    assert done.code == code, done
    assert complaint in done.err
    # Data on one stream, complaints on the other.
    assert bool(done.err) == bool(complaint), done.err
    assert bool(done.out) == (code is Exit.SUCCESS or not complaint), done.out


def test_the_table_has_every_command_and_every_code() -> None:
    """But for the interruption, which needs a signal."""
    lines = [f"{line} " for line, _, _ in TABLE]
    missing = [
        name for name in commands() if not any(line.startswith(f"{name} ") for line in lines)
    ]
    assert missing == []
    assert {code for _, code, _ in TABLE} == set(Exit) - {Exit.INTERRUPTED}


def test_two_is_a_deny_and_nothing_else(world: World) -> None:
    denied = [line for line, _, _ in TABLE if world.run(line).code == 2]
    assert denied
    assert all(world.run(line).out.startswith("deny (") for line in denied)


@pytest.mark.parametrize("line", ["", "check {mistakes} --format json", "decide {deny} {unsafe}"])
def test_a_process_of_its_own_says_the_same(world: World, line: str) -> None:
    assert alone(*world.arguments(line)) == world.run(line)


def test_a_request_from_standard_input(world: World) -> None:
    arguments = world.arguments("decide - {unsafe}")
    done = world.pdp(*arguments, stdin=Path(world.places["allow"]).read_bytes())
    assert done == world.run("decide {allow} {unsafe}")


def test_no_request_on_standard_input(world: World) -> None:
    done = world.pdp(*world.arguments("decide - {unsafe}"))
    assert (done.code, done.err) == (Exit.INVALID, "error: invalid request: it is empty\n")
