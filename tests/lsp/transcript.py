"""A session of an editor as text, for `docs/editors.md`: every message, long texts cut short.

`python -m tests.lsp.transcript` writes it into the page; a test compares.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.lsp.desk import REFUNDS, STARTER, TESTS
from tests.lsp.editor import Editor, Message

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "editors.md"
BEGIN: Final = "<!-- session: written by `python -m tests.lsp.transcript` -->\n"
END: Final = "<!-- end of the session -->\n"
_TEXT_CHARS_MAX: Final = 72
_LIST_MAX: Final = 3
_COLUMNS: Final = 116
_DIAGNOSTICS: Final = "textDocument/publishDiagnostics"
_ORDER: Final = ("id", "method", "params", "result", "error")
_EXPLANATION: Final = re.compile(r"file://[^\"]*/explanations\.md#L\d+")
_SHOWN: Final = frozenset(
    ("hoverProvider", "completionProvider", "definitionProvider", "referencesProvider")
)


def session() -> str:
    """What an editor and the server say to each other, on a copy of the starter bundle."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch).resolve() / "policies"
        shutil.copytree(STARTER, root)
        editor = Editor(root)
        try:
            return "".join(_parts(editor))
        finally:
            editor.kill()


def _parts(editor: Editor) -> Iterator[str]:
    told = 0

    def said(title: str) -> str:
        nonlocal told
        messages, told = editor.said[told:], len(editor.said)
        # Diagnostics come when they come; here they come last.
        messages.sort(key=lambda message: message[1].get("method") == _DIAGNOSTICS)
        shown = "\n".join(_message(editor, *message) for message in messages)
        return f"{title}\n\n```json\n{shown}\n```\n\n"

    editor.start({"general": {"positionEncodings": ["utf-16"]}})
    yield said("The editor starts `pdp lsp` and says hello.")
    editor.open(REFUNDS)
    editor.replace(REFUNDS, "to order.refund on", "to order.refnd on")
    editor.wait(lambda: editor.diagnostics.get(REFUNDS))
    yield said("A file is opened and a name is mistyped. The complaint arrives, with its place.")
    [found] = editor.diagnostics[REFUNDS]
    document = {"textDocument": {"uri": editor.uri(REFUNDS)}}
    actions = editor.request(
        "textDocument/codeAction",
        {**document, "range": found["range"], "context": {"diagnostics": []}},
    )
    editor.apply(actions[0]["edit"])
    editor.wait(lambda: not editor.diagnostics[REFUNDS])
    yield said("The editor asks for a quick fix and applies it. The complaint is taken back.")
    editor.request("textDocument/hover", editor.place(REFUNDS, "finance_lead for"))
    yield said("The pointer rests on a route.")
    editor.replace(REFUNDS, "when resource.disputed", "when resource.")
    place = editor.place(REFUNDS, "when resource.\n", len("when resource."))
    editor.request("textDocument/completion", place)
    editor.wait(lambda: editor.diagnostics[REFUNDS])
    yield said("An attribute is being typed; the rule does not even parse.")
    editor.replace(REFUNDS, "when resource.\n", "when resource.disputed\n")
    editor.wait(lambda: not editor.diagnostics[REFUNDS])
    rule = editor.place(REFUNDS, "disputed:")
    edit = editor.request("textDocument/rename", {**rule, "newName": "in_dispute"})
    assert {editor.name(uri) for uri in edit["changes"]} == {REFUNDS, TESTS}
    yield said("A rule is renamed, in its policy and in the test that expects it.")
    assert editor.stop() == 0
    yield said("The editor leaves. The exit code is 0.")


def _message(editor: Editor, sender: str, message: Message) -> str:
    arrow = "→" if sender == "editor" else "←"
    shown = {key: message[key] for key in _ORDER if key in message}
    # Addresses first: where a line breaks must not depend on where the files are.
    text = json.dumps(shown).replace(editor.root.as_uri(), "file:///policies")
    text = _EXPLANATION.sub("file:///…/explanations.md", text)
    return f"{arrow} {_written(_short(json.loads(text)), 2)}"


def _written(value: Any, indent: int) -> str:
    """JSON, broken where a line would be too long."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= _COLUMNS or not isinstance(value, dict | list) or not value:
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [f'"{key}": {_written(item, indent + 2)}' for key, item in value.items()]
        return "{\n" + ",\n".join(inner + part for part in parts) + "\n" + " " * indent + "}"
    parts = [_written(item, indent + 2) for item in value]
    return "[\n" + ",\n".join(inner + part for part in parts) + "\n" + " " * indent + "]"


def _short(value: Any) -> Any:
    match value:
        case {"capabilities": dict() as capabilities, "serverInfo": _}:
            kept = {key: capabilities[key] for key in sorted(_SHOWN & capabilities.keys())}
            return {"capabilities": {**kept, "…": "…"}}
        case {"processId": _}:
            return {**_short({k: v for k, v in value.items() if k != "processId"})}
        case {"text": str() as text} if len(text) > _TEXT_CHARS_MAX:
            return {**value, "text": f"… {text.count(chr(10))} lines …"}
        case dict():
            return {key: _short(inner) for key, inner in value.items()}
        case list() if len(value) > _LIST_MAX:
            return [*map(_short, value[:_LIST_MAX]), "…"]
        case list():
            return list(map(_short, value))
        case _:
            return value


def page_with(text: str, transcript: str) -> str:
    """The page with a transcript in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{transcript}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page_with(PAGE.read_text("utf-8"), session()), "utf-8")
