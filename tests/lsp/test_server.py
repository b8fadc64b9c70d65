"""A real server process with a real session: every feature over the wire, as an editor uses it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Final

import pytest

from tests.lsp.editor import Editor, Message, Refused, apply_edits

STARTER: Final = Path(str(resources.files("pdp.authoring"))) / "starter"
REFUNDS: Final = "refunds.charter"
TESTS: Final = "refunds_tests.charter"


@pytest.fixture(name="running", scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """One server for the tests of this file; it must survive all of them, and leave in order."""
    editor = Editor(tmp_path_factory.mktemp("open") / "policies")
    try:
        editor.root.mkdir()
        editor.start()
        yield editor
        assert editor.stop() == 0
        assert editor.errors() == ""
    finally:
        editor.kill()


@pytest.fixture(name="editor")
def _editor(running: Editor) -> Iterator[Editor]:
    """The server with a fresh copy of the starter bundle, and nothing open."""
    shutil.rmtree(running.root)
    shutil.copytree(STARTER, running.root)
    yield running
    for name in list(running.texts):
        running.close(name)
    running.wait(lambda: not any(running.diagnostics.values()))


def codes(editor: Editor, name: str) -> list[str]:
    return [found["code"] for found in editor.diagnostics.get(name, [])]


def test_diagnostics_come_and_go_in_every_file(editor: Editor) -> None:
    editor.open(REFUNDS)
    editor.replace(REFUNDS, "to order.refund", "to order.refnd")
    editor.wait(lambda: codes(editor, REFUNDS))
    [found] = [d for d in editor.diagnostics[REFUNDS] if d["code"] == "C0202"]
    assert editor.underlined(REFUNDS, found) == "order.refnd"
    assert found["severity"] == 1
    assert found["source"] == "charter"
    assert "help: did you mean `order.refund`?" in found["message"]
    assert found["codeDescription"]["href"].startswith("file://")

    # A file that is not open is wrong because of what is typed in another one, and right again.
    editor.change(REFUNDS, editor.texts[REFUNDS].replace("order.refnd", "order.refund"))
    editor.replace(REFUNDS, "rule disputed:", "rule in_dispute:")
    editor.wait(lambda: codes(editor, TESTS) == ["C0208"] and codes(editor, REFUNDS) == [])
    editor.replace(REFUNDS, "rule in_dispute:", "rule disputed:")
    editor.wait(lambda: codes(editor, TESTS) == [])


def test_related_places_are_told(editor: Editor) -> None:
    editor.open(REFUNDS)
    editor.replace(REFUNDS, "rule disputed:", "rule support_reads:")
    editor.wait(lambda: "C0210" in codes(editor, REFUNDS))
    [found] = [d for d in editor.diagnostics[REFUNDS] if d["code"] == "C0210"]
    [related] = found["relatedInformation"]
    assert related["message"] == "first declared here"
    assert editor.name(related["location"]["uri"]) == REFUNDS
    assert related["location"]["range"]["start"]["line"] < found["range"]["start"]["line"]


def test_hover(editor: Editor) -> None:
    editor.open(REFUNDS)
    rule = editor.request("textDocument/hover", editor.place(REFUNDS, "more_than_paid"))
    text = rule["contents"]["value"]
    assert "payments@acme.example" in text
    tests = (editor.root / TESTS).read_text().split("\n")
    line = next(n for n, words in enumerate(tests, 1) if "by refunds.more_than_paid" in words)
    assert f"refunds\\_tests.charter:{line}." in text
    group = editor.request("textDocument/hover", editor.place(REFUNDS, "finance_leads\n", 2))
    assert "2 User, 0 Agent" in group["contents"]["value"]
    keyword = editor.request("textDocument/hover", editor.place(REFUNDS, 'because "', 2))
    assert "What the person or the agent is told" in keyword["contents"]["value"]
    nothing = editor.request("textDocument/hover", editor.place(REFUNDS, "# Refunds", 4))
    assert nothing is None


def test_completion_while_typing(editor: Editor) -> None:
    editor.open(REFUNDS)
    editor.replace(REFUNDS, "when resource.disputed", "when resource.")
    place = editor.place(REFUNDS, "when resource.\n", len("when resource."))
    fields = editor.request("textDocument/completion", place)
    assert {item["label"] for item in fields["items"]} == {"currency", "disputed", "total"}
    editor.replace(REFUNDS, "to order.read on", "to order. on")
    place = editor.place(REFUNDS, "to order. on", len("to order."))
    [read] = [
        item
        for item in editor.request("textDocument/completion", place)["items"]
        if item["label"] == "order.read"
    ]
    repaired = apply_edits(editor.texts[REFUNDS], [read["textEdit"]])
    assert "to order.read on Order" in repaired


def test_definition_and_references(editor: Editor) -> None:
    editor.open(REFUNDS)
    editor.open("schema.charter")
    [action] = editor.request(
        "textDocument/definition", editor.place(REFUNDS, "order.refund on Order", 3)
    )
    assert editor.name(action["uri"]) == "schema.charter"
    assert editor.underlined("schema.charter", action) == "order.refund"
    place = editor.place(REFUNDS, "more_than_paid")
    found = editor.request(
        "textDocument/references", {**place, "context": {"includeDeclaration": True}}
    )
    assert [editor.name(location["uri"]) for location in found] == [REFUNDS, TESTS]
    uses = editor.request(
        "textDocument/references", {**place, "context": {"includeDeclaration": False}}
    )
    assert [editor.name(location["uri"]) for location in uses] == [TESTS]


def test_rename_changes_all_files_or_none(editor: Editor) -> None:
    editor.open(REFUNDS)
    place = editor.place(REFUNDS, "support_team =")
    prepared = editor.request("textDocument/prepareRename", place)
    assert editor.underlined(REFUNDS, {"range": prepared}) == "support_team"
    for name, why in (("finance_leads", "is taken"), ("args", "reserved"), ("Team", "not a name")):
        with pytest.raises(Refused, match=why):
            editor.request("textDocument/rename", {**place, "newName": name})
    edit = editor.request("textDocument/rename", {**place, "newName": "helpers"})
    editor.apply(edit)
    assert "support_team" not in editor.texts[REFUNDS]
    rule = editor.place(REFUNDS, "disputed:")
    edit = editor.request("textDocument/rename", {**rule, "newName": "in_dispute"})
    assert {editor.name(uri) for uri in edit["changes"]} == {REFUNDS, TESTS}


def test_outline_symbols_and_format(editor: Editor) -> None:
    editor.open(REFUNDS)
    document = {"textDocument": {"uri": editor.uri(REFUNDS)}}
    outline = editor.request("textDocument/documentSymbol", document)
    [policy] = [entry for entry in outline if entry["name"] == "refunds"]
    assert [rule["name"] for rule in policy["children"]][:2] == ["support_reads", "support_refunds"]
    [symbol] = editor.request("workspace/symbol", {"query": "refunds.disp"})
    assert symbol["name"] == "refunds.disputed"
    options = {"options": {"tabSize": 4, "insertSpaces": True}}
    editor.replace(REFUNDS, "need 1 of finance_leads", "need   1 of finance_leads")
    edits = editor.request("textDocument/formatting", {**document, **options})
    assert apply_edits(editor.texts[REFUNDS], edits) == (editor.root / REFUNDS).read_text()
    editor.replace(REFUNDS, "need   1 of finance_leads", "need of")
    assert editor.request("textDocument/formatting", {**document, **options}) is None


def differ(editor: Editor, before: list[Message]) -> bool:
    return editor.diagnostics[REFUNDS] != before


def test_a_code_action_puts_it_right(editor: Editor) -> None:
    editor.open(REFUNDS)
    editor.replace(REFUNDS, "args.amount > 100.00", "args.amount > 100 && resource.disputd")
    editor.wait(lambda: {"C0101", "C0204"} <= set(codes(editor, REFUNDS)))
    for _ in range(3):
        found = editor.diagnostics[REFUNDS]
        if not found:
            break
        action = editor.request(
            "textDocument/codeAction",
            {
                "textDocument": {"uri": editor.uri(REFUNDS)},
                "range": found[0]["range"],
                "context": {"diagnostics": found[:1]},
            },
        )[0]
        assert action["kind"] == "quickfix"
        assert action["diagnostics"][0]["code"] == found[0]["code"]
        editor.apply(action["edit"])
        editor.wait(partial(differ, editor, found))
    assert codes(editor, REFUNDS) == []
    assert "args.amount > 100.00 and resource.disputed" in editor.texts[REFUNDS]


def test_files_changed_elsewhere_are_read_again(editor: Editor) -> None:
    editor.open(REFUNDS)
    editor.wait(lambda: editor.requests)
    assert editor.requests[0]["method"] == "client/registerCapability"
    schema = editor.root / "schema.charter"
    schema.write_text(schema.read_text().replace("disputed: bool", "contested: bool"))
    changes = {"changes": [{"uri": schema.as_uri(), "type": 2}]}
    editor.notify("workspace/didChangeWatchedFiles", changes)
    editor.wait(lambda: "C0204" in codes(editor, REFUNDS) and codes(editor, TESTS))
    shutil.copy(STARTER / "schema.charter", schema)
    editor.notify("workspace/didChangeWatchedFiles", changes)
    editor.wait(lambda: not codes(editor, REFUNDS) and not codes(editor, TESTS))


def test_closing_the_last_file_takes_the_complaints_away(editor: Editor) -> None:
    editor.open(REFUNDS)
    editor.replace(REFUNDS, "rule disputed:", "rule other:")
    editor.wait(lambda: codes(editor, TESTS))
    editor.close(REFUNDS)
    editor.wait(lambda: not codes(editor, TESTS))
    assert codes(editor, REFUNDS) == []


def test_units_are_those_agreed_on(editor: Editor) -> None:
    editor.open(REFUNDS)
    text = editor.texts[REFUNDS].replace(
        'because "A refund is above', 'because "\U0001f600 é" when x because "A refund is above'
    )
    editor.change(REFUNDS, text)
    editor.wait(lambda: codes(editor, REFUNDS))
    assert editor.underlined(REFUNDS, editor.diagnostics[REFUNDS][0]) == "when"


def test_a_file_outside_a_bundle_gets_empty_answers(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "x.charter").write_text("policy p {}\n")
    told = dict(editor.diagnostics)
    addresses = ((tmp_path / "x.charter").as_uri(), "untitled:Untitled-1", "git:/x.charter?a")
    for address in addresses:
        document = {"uri": address, "languageId": "charter", "version": 1, "text": "policy p"}
        editor.notify("textDocument/didOpen", {"textDocument": document})
        place = {"textDocument": {"uri": address}, "position": {"line": 0, "character": 3}}
        for method, more in (
            ("hover", {}),
            ("completion", {}),
            ("definition", {}),
            ("references", {"context": {"includeDeclaration": True}}),
            ("prepareRename", {}),
            ("rename", {"newName": "x"}),
            ("documentSymbol", {}),
            ("formatting", {"options": {"tabSize": 4, "insertSpaces": True}}),
        ):
            assert editor.request(f"textDocument/{method}", {**place, **more}) is None, method
        editor.notify("textDocument/didClose", {"textDocument": {"uri": address}})
    assert editor.request("workspace/symbol", {"query": ""}) == []
    assert editor.diagnostics == told


def test_exit_without_shutdown_is_a_failure(tmp_path: Path) -> None:
    editor = Editor(tmp_path)
    try:
        editor.start()
        editor.notify("exit", None)
        assert editor.ended() == 1
    finally:
        editor.kill()


def test_neither_nonsense_nor_the_end_of_the_editor_leaves_it_hanging(tmp_path: Path) -> None:
    shutil.copytree(STARTER, tmp_path, dirs_exist_ok=True)
    editor = Editor(tmp_path)
    try:
        editor.start()
        editor.send_bytes(b"Content-Length: 9\r\n\r\nnot json!")
        editor.send_bytes(b"Content-Length: 2\r\n\r\n{}")
        editor.notify("textDocument/didChange", {"wrong": 1})
        with pytest.raises(Refused):
            editor.request("no/such", {})
        editor.open(REFUNDS)
        assert editor.request("textDocument/hover", editor.place(REFUNDS, "support_team"))
        editor.close_pipe()
        assert editor.ended() == 1
        assert "could not be handled" in editor.errors()
        assert "Traceback" not in editor.errors()
    finally:
        editor.kill()
