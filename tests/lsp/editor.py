"""An editor without a screen: runs `pdp lsp`, speaks JSON-RPC over its pipes, keeps what is said.

It knows the protocol only, and nothing of the server's code.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

# A ceiling against hanging; nothing is measured.
WAIT_S: Final = 20.0
Message: TypeAlias = "dict[str, Any]"
_CAPABILITIES: Final = {
    "general": {"positionEncodings": ["utf-16"]},
    "workspace": {"didChangeWatchedFiles": {"dynamicRegistration": True}},
    "textDocument": {"publishDiagnostics": {"relatedInformation": True}},
}


class Refused(Exception):
    """The server answered a request with an error."""


@dataclass
class Editor:
    """One session. ``said`` are all messages in order, each with who sent it."""

    root: Path
    said: list[tuple[str, Message]] = field(default_factory=list)
    diagnostics: dict[str, list[Message]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    requests: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pdp.cli.main", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )
        self._messages: queue.Queue[Message | None] = queue.Queue()
        self._errors: list[bytes] = []
        self._threads = [
            threading.Thread(target=self._read_messages, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._number = 0
        self._versions: dict[str, int] = {}

    # ------------------------------------------------------------ the wire

    def _read_messages(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            name, _, value = header.decode("ascii").partition(":")
            if name.lower() != "content-length":
                continue
            while stream.readline().strip():
                pass  # the headers end with an empty line
            self._messages.put(json.loads(stream.read(int(value))))
        self._messages.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        self._errors.extend(self._process.stderr)

    def send_bytes(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _send(self, message: Message) -> None:
        self.said.append(("editor", message))
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def _receive(self) -> Message:
        message = self._messages.get(timeout=WAIT_S)
        assert message is not None, f"the server ended: {self.errors()}"
        self.said.append(("server", message))
        if message.get("method") == "textDocument/publishDiagnostics":
            params = message["params"]
            self.diagnostics[self.name(params["uri"])] = params["diagnostics"]
        elif "method" in message and "id" in message:
            self.requests.append(message)
            self._send({"id": message["id"], "result": None})
        return message

    def request(self, method: str, params: object) -> Any:
        """The result; Refused with the message of an error."""
        self._number += 1
        number = self._number
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise Refused(message["error"]["message"])
                return message["result"]

    def notify(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def wait(self, happened: Callable[[], object]) -> None:
        """Read messages until something is so."""
        while not happened():
            self._receive()

    def errors(self) -> str:
        """What the server wrote on standard error so far."""
        return b"".join(self._errors).decode()

    # ------------------------------------------------------------ the session

    def start(self, capabilities: object = _CAPABILITIES) -> Any:
        folder = {"uri": self.root.as_uri(), "name": "policies"}
        params = {
            "processId": os.getpid(),
            "rootUri": self.root.as_uri(),
            "workspaceFolders": [folder],
            "capabilities": capabilities,
        }
        result = self.request("initialize", params)
        self.notify("initialized", {})
        return result["capabilities"]

    def stop(self) -> int:
        """Shut down and exit, as the protocol says; the exit code."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end of the process; its exit code."""
        assert self._process.stdin is not None
        code = self._process.wait(WAIT_S)
        for thread in self._threads:
            thread.join(WAIT_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        return code

    def close_pipe(self) -> None:
        """As an editor that died."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def kill(self) -> None:
        """For the end of a test that failed."""
        if self._process.poll() is None:
            self._process.kill()
            self.ended()

    # ------------------------------------------------------------ files

    def uri(self, name: str) -> str:
        return (self.root / name).as_uri()

    def name(self, uri: str) -> str:
        prefix = self.root.as_uri() + "/"
        return uri.removeprefix(prefix)

    def open(self, name: str, text: str | None = None) -> None:
        content = (self.root / name).read_text() if text is None else text
        self.texts[name], self._versions[name] = content, 1
        document = {"uri": self.uri(name), "languageId": "charter", "version": 1, "text": content}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def change(self, name: str, text: str) -> None:
        self.texts[name] = text
        self._versions[name] += 1
        document = {"uri": self.uri(name), "version": self._versions[name]}
        self.notify(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]}
        )

    def replace(self, name: str, old: str, new: str) -> None:
        """Type: change one part of a file."""
        assert old in self.texts[name]
        self.change(name, self.texts[name].replace(old, new, 1))

    def close(self, name: str) -> None:
        self.texts.pop(name, None)
        self.notify("textDocument/didClose", {"textDocument": {"uri": self.uri(name)}})

    def place(self, name: str, words: str, plus: int = 0) -> Message:
        """Document and position of the first occurrence of some words, ``plus`` characters on."""
        text = self.texts[name]
        before = text[: text.index(words) + plus]
        line = before.count("\n")
        character = len(before.rpartition("\n")[2].encode("utf-16-le")) // 2
        position = {"line": line, "character": character}
        return {"textDocument": {"uri": self.uri(name)}, "position": position}

    def underlined(self, name: str, found: Message) -> str:
        """The words in the range of a diagnostic, an edit or a location."""
        lines = self.texts[name].split("\n")
        start, end = found["range"]["start"], found["range"]["end"]
        if start["line"] != end["line"]:
            return "\n".join(lines[start["line"] : end["line"] + 1])
        units = lines[start["line"]].encode("utf-16-le")
        return units[2 * start["character"] : 2 * end["character"]].decode("utf-16-le")

    def apply(self, edit: Message) -> None:
        """Do a workspace edit, in open files and on disk alike, as an editor does."""
        for uri, edits in edit["changes"].items():
            name = self.name(uri)
            text = self.texts.get(name) or (self.root / name).read_text()
            changed = apply_edits(text, edits)
            if name in self.texts:
                self.change(name, changed)
            else:
                (self.root / name).write_text(changed)


def apply_edits(text: str, edits: Sequence[Message]) -> str:
    """Text edits of the protocol, from the last to the first; ASCII lines only."""

    def offset(position: Message) -> int:
        lines = text.split("\n")
        return sum(len(line) + 1 for line in lines[: position["line"]]) + position["character"]

    places = [(offset(e["range"]["start"]), offset(e["range"]["end"]), e["newText"]) for e in edits]
    for start, end, new in sorted(places, key=lambda place: place[0], reverse=True):
        text = text[:start] + new + text[end:]
    return text
