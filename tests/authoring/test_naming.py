"""Names of tools, fields and values become Charter names, all different and always the same."""

from __future__ import annotations

import pytest

from pdp.authoring.naming import (
    ActionName,
    action_name,
    distinct_actions,
    field_names,
    is_secret_name,
    member_names,
    type_name,
    words,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("create-issue", "create issue"),
        ("create_issue", "create issue"),
        ("createIssue", "create issue"),
        ("CreateHTTPServer", "create http server"),
        ("pull_number2", "pull number2"),
        ("OAuth2Token", "o auth2 token"),
        ("2fa_code", "2fa code"),
        ("X-Api-Key", "x api key"),
        ("events.list", "events list"),
        ("Straße", "stra e"),
        ("été", "ete"),
        ("名前", ""),
        ("", ""),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert words(text) == expected.split()


@pytest.mark.parametrize(
    ("tool", "server", "text", "wire"),
    [
        ("github__create-issue", "", "github.create_issue", "github__create-issue"),
        ("mcp__github__create-issue", "", "github.create_issue", "mcp__github__create-issue"),
        ("create-issue", "github", "github.create_issue", "github__create-issue"),
        ("github_create_issue", "github", "github.create_issue", "github__github_create_issue"),
        ("github__create-issue", "github", "github.create_issue", "github__create-issue"),
        ("mcp__github__get", "github", "github.get", "mcp__github__get"),
        ("github", "github", "github.github", "github__github"),
        ("get", "Git-Hub.io", "git_hub_io.get", "Git-Hub.io__get"),
        ("calendar.events.list", "", "calendar.events_list", "calendar.events.list"),
        ("files/read", "", "files.read", "files/read"),
        ("createRefund", "", "mcp.create_refund", "createRefund"),
        ("mcp__thing", "", "mcp.thing", "mcp__thing"),
        ("any__thing", "", "any_server.thing", "any__thing"),
        ("2captcha__solve", "", "server_2captcha.solve", "2captcha__solve"),
        ("a__2", "", "a.tool_2", "a__2"),
        ("メモ", "", "mcp.tool", "メモ"),
        ("メモ__読む", "", "server.tool", "メモ__読む"),
        ("__", "", "server.tool", "__"),
    ],
)
def test_action_names(tool: str, server: str, text: str, wire: str) -> None:
    found = action_name(tool, server)
    assert (found.text, found.wire) == (text, wire)


def test_whose_wire_name_is_the_charter_name_keeps_it() -> None:
    names = [action_name(tool, "") for tool in ("a__b", "A.b", "a.b", "a/b", "a.b_2")]
    assert [name.text for name in distinct_actions(names)] == [
        "a.b_3",
        "a.b_4",
        "a.b",
        "a.b_5",
        "a.b_2",
    ]


def test_no_charter_name_is_the_wire_name_of_another_action() -> None:
    # Were the first called `x.y`, a request for `x.y` would mean two actions.
    names = [ActionName("x", "y", "x__y"), ActionName("z", "w", "x.y")]
    assert [name.text for name in distinct_actions(names)] == ["x.y_2", "z.w"]


@pytest.mark.parametrize(
    ("wires", "names"),
    [
        (["a-b", "a_b", "a b"], ["a_b_2", "a_b", "a_b_3"]),
        (["a-b", "a_b_2", "a_b"], ["a_b_3", "a_b_2", "a_b"]),
        (["In", "in", "X-Y", "camelCase"], ["in_2", "in", "x_y", "camelCase"]),
        (["1st", "値", "価"], ["field_1st", "field", "field_2"]),
        (["true", "agent", "rule"], ["true", "agent", "rule"]),
    ],
)
def test_field_names(wires: list[str], names: list[str]) -> None:
    assert field_names(wires) == dict(zip(wires, names, strict=True))


@pytest.mark.parametrize(
    ("wires", "names"),
    [
        (["open", "not-planned"], ["open", "not_planned"]),
        (["EU", "us-east-1"], ["EU", "us_east_1"]),
        (["true", "no", "in", "principal"], ["true_", "no_", "in_", "principal_"]),
        (["True", "TRUE", "true"], ["True", "TRUE", "true_"]),
        (["in-", "in_", "in"], ["in__2", "in_", "in__3"]),
        (["+1", "-1", "+x"], ["plus_1", "minus_1", "x"]),
        (["", "*", "1"], ["empty", "value", "value_1"]),
    ],
)
def test_member_names(wires: list[str], names: list[str]) -> None:
    assert member_names(wires) == dict(zip(wires, names, strict=True))


def test_many_of_one_name_are_numbered_quickly() -> None:
    wires = [chr(0x4E00 + number) for number in range(20_000)]
    assert field_names(wires)[wires[-1]] == "field_20000"


def test_type_names() -> None:
    assert type_name(["create", "issue", "state"]) == "CreateIssueState"
    assert type_name(["2fa"]) == "Type2fa"
    assert len(type_name(["word"] * 1_000)) == 80


@pytest.mark.parametrize(
    "name",
    "password db_password userPassword TOKEN access-token api_key apiKey X-API-Key client_secret"
    " privateKey credentials Authorization cvc tokens".split(),
)
def test_a_secret_by_its_name(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", "page_token nextPageToken syncToken key keyboard secretary tokenizer monkey api".split()
)
def test_no_secret_by_its_name(name: str) -> None:
    assert not is_secret_name(name)
