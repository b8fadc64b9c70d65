"""The language server: LSP requests to the core and its answers back; no answer is made here.

A mistake of ours ends no session: it is logged by its place, and that one request stays empty.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from lsprotocol import types as lsp
from pygls import uris
from pygls.exceptions import FeatureRequestError, JsonRpcException
from pygls.lsp.server import LanguageServer

import pdp
from pdp.engine import places_of
from pdp.lang.codes import FILE_BYTES_MAX
from pdp.lang.formatter import format_source
from pdp.lang.source import Source
from pdp.lsp import replies
from pdp.lsp.answers import completion, hover, navigation, quickfixes, renaming
from pdp.lsp.folders import Folder
from pdp.lsp.positions import Lines
from pdp.lsp.replies import Replies
from pdp.lsp.session import Session
from pdp.lsp.workspace import Workspace
from pdp.model import PolicyError

# How long the author must pause before all files are checked again.
PAUSE_S: Final = 0.15
_LOG: Final = logging.getLogger("pdp.lsp")
_WATCHED: Final = ("**/*.charter", "**/*.json")

_Handler: TypeAlias = Callable[..., Any]


def serve() -> bool:
    """Speak LSP on standard input and output until the editor leaves.

    Whether it left as the protocol says: `shutdown`, then `exit`.
    """
    # The library's own log would repeat whole policy files; what matters is logged here.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    desk = Desk(_Server("charter", pdp.__version__, lsp.TextDocumentSyncKind.Full))
    desk.register()
    # Copies: the library closes its streams, and whoever called us may still want theirs.
    with os.fdopen(os.dup(0), "rb") as stdin, os.fdopen(os.dup(1), "wb") as stdout:
        desk.server.start_io(stdin, stdout)
    return desk.was_shut_down


class _Server(LanguageServer):
    def report_server_error(self, error: Exception, source: object) -> None:
        """What goes wrong outside of a request: a message that is no LSP, most likely."""
        if source is FeatureRequestError:
            return  # the answer says so already
        _LOG.error("the message could not be handled: %s (%s)", type(error).__name__, source)


def _safely(handler: _Handler) -> _Handler:
    """A handler that answers nothing instead of failing with a bug of ours."""

    @functools.wraps(handler)
    def safe(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except JsonRpcException:
            raise
        except Exception as bug:  # noqa: BLE001 - an editor must outlive any mistake of ours
            _LOG.error("%s broke off at %s", handler.__name__, places_of(bug))
            return None

    return safe


class Desk:
    """One editor's session at the server."""

    def __init__(self, server: LanguageServer) -> None:
        self.server = server
        self.session = Session()
        self.was_shut_down = False
        self._uris: dict[Path, str] = {}
        self._versions: dict[Path, int] = {}
        self._waiting: dict[Path, asyncio.TimerHandle] = {}
        self._problems: dict[Path, str] = {}

    def register(self) -> None:
        """Every request and notification that is answered."""
        options = {
            lsp.TEXT_DOCUMENT_COMPLETION: lsp.CompletionOptions(trigger_characters=["."]),
            lsp.TEXT_DOCUMENT_RENAME: lsp.RenameOptions(prepare_provider=True),
            lsp.TEXT_DOCUMENT_CODE_ACTION: lsp.CodeActionOptions(
                code_action_kinds=[lsp.CodeActionKind.QuickFix]
            ),
        }
        handlers: dict[str, _Handler] = {
            lsp.INITIALIZED: self.initialized,
            lsp.SHUTDOWN: self.shutdown,
            lsp.TEXT_DOCUMENT_DID_OPEN: self.opened,
            lsp.TEXT_DOCUMENT_DID_CHANGE: self.changed,
            lsp.TEXT_DOCUMENT_DID_SAVE: self.saved,
            lsp.TEXT_DOCUMENT_DID_CLOSE: self.closed,
            lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES: self.changed_on_disk,
            lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: self.folders_changed,
            lsp.TEXT_DOCUMENT_HOVER: self.hover,
            lsp.TEXT_DOCUMENT_COMPLETION: self.complete,
            lsp.TEXT_DOCUMENT_DEFINITION: self.definition,
            lsp.TEXT_DOCUMENT_REFERENCES: self.references,
            lsp.TEXT_DOCUMENT_PREPARE_RENAME: self.prepare_rename,
            lsp.TEXT_DOCUMENT_RENAME: self.rename,
            lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: self.outline,
            lsp.WORKSPACE_SYMBOL: self.symbols,
            lsp.TEXT_DOCUMENT_FORMATTING: self.format,
            lsp.TEXT_DOCUMENT_CODE_ACTION: self.actions,
        }
        for method, handler in handlers.items():
            self.server.feature(method, options.get(method))(_safely(handler))

    # ------------------------------------------------------------ the session

    def initialized(self, _: lsp.InitializedParams) -> None:
        self.folders_changed(None)
        workspace = self.server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        if watching is not None and watching.dynamic_registration:
            watchers = [lsp.FileSystemWatcher(pattern) for pattern in _WATCHED]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = lsp.Registration("watched-files", method, options)
            self.server.client_register_capability(lsp.RegistrationParams([registration]))

    def shutdown(self, *_: object) -> None:
        self.was_shut_down = True

    def folders_changed(self, _: lsp.DidChangeWorkspaceFoldersParams | None) -> None:
        workspace = self.server.workspace
        named = [folder.uri for folder in workspace.folders.values()]
        if not named and workspace.root_uri:
            named = [workspace.root_uri]
        self.session.open_folders(path for path in map(_path, named) if path is not None)

    def opened(self, params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        path = _path(document.uri)
        if path is not None:
            self._uris[path] = document.uri
            self._put(path, document.version, document.text, pause_s=0)

    def changed(self, params: lsp.DidChangeTextDocumentParams) -> None:
        path = _path(params.text_document.uri)
        if path is not None and params.content_changes:
            text = params.content_changes[-1].text
            self._put(path, params.text_document.version, text, pause_s=PAUSE_S)

    def _put(self, path: Path, version: int, text: str, *, pause_s: float) -> None:
        self._versions[path] = version
        folder = self.session.put(path, text)
        if folder is not None:
            self._check_soon(folder, pause_s)
        self._show_abandoned()

    def saved(self, params: lsp.DidSaveTextDocumentParams) -> None:
        self._reread([params.text_document.uri])

    def closed(self, params: lsp.DidCloseTextDocumentParams) -> None:
        path = _path(params.text_document.uri)
        if path is None:
            return
        folder = self.session.drop(path)
        if folder is not None:
            self._show(folder)
        self._show_abandoned()
        self._uris.pop(path, None)
        self._versions.pop(path, None)

    def changed_on_disk(self, params: lsp.DidChangeWatchedFilesParams) -> None:
        self._reread([change.uri for change in params.changes])

    def _reread(self, changed: list[str]) -> None:
        paths = [path for path in map(_path, changed) if path is not None]
        for folder in self.session.reread(paths):
            self._check_soon(folder, PAUSE_S)

    # ------------------------------------------------------------ diagnostics

    def _check_soon(self, folder: Folder, pause_s: float) -> None:
        """Check after a pause; another change starts the pause anew."""
        waiting = self._waiting.pop(folder.root, None)
        if waiting is not None:
            waiting.cancel()
        loop = asyncio.get_running_loop()
        self._waiting[folder.root] = loop.call_later(pause_s, _safely(self._show), folder)

    def _show(self, folder: Folder) -> None:
        """Publish what is new about each file, in whichever file of the bundle it is."""
        waiting = self._waiting.pop(folder.root, None)
        if waiting is not None:
            waiting.cancel()
        self._tell_problem(folder)
        news = self.session.news(folder)
        if not news:
            return
        answer = self._replies(folder, folder.last())
        for file, found in news.items():
            self.server.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(
                    uri=answer.uri(file),
                    diagnostics=[answer.diagnostic(diagnostic) for diagnostic in found],
                    version=self._versions.get(folder.root / file),
                )
            )

    def _show_abandoned(self) -> None:
        """Take back the complaints about folders that no open file belongs to any more."""
        for folder in self.session.abandoned():
            self._show(folder)

    def _tell_problem(self, folder: Folder) -> None:
        """A directory that cannot be read, once."""
        if folder.problem and self._problems.get(folder.root) != folder.problem:
            message = lsp.ShowMessageParams(lsp.MessageType.Warning, folder.problem)
            self.server.window_show_message(message)
        self._problems[folder.root] = folder.problem

    # ------------------------------------------------------------ requests

    def _replies(self, folder: Folder, workspace: Workspace) -> Replies:
        return Replies(workspace, folder.root, self._encoding, self._uris)

    @property
    def _encoding(self) -> str:
        encoding = self.server.server_capabilities.position_encoding
        return str(getattr(encoding, "value", encoding) or lsp.PositionEncodingKind.Utf16.value)

    def _at(
        self, document: lsp.TextDocumentIdentifier, position: lsp.Position
    ) -> tuple[Replies, str, int] | None:
        """The workspace of a document, checked; its name there and the offset; None outside."""
        found = self._find(document)
        if found is None:
            return None
        answer, file = found
        lines = answer.workspace.lines(file)
        return answer, file, lines.offset_at(position.line, position.character, self._encoding)

    def _find(self, document: lsp.TextDocumentIdentifier) -> tuple[Replies, str] | None:
        path = _path(document.uri)
        found = self.session.find(path) if path is not None else None
        if found is None:
            return None
        folder, file = found
        return self._replies(folder, folder.workspace()), file

    def hover(self, params: lsp.HoverParams) -> lsp.Hover | None:
        here = self._at(params.text_document, params.position)
        if here is None:
            return None
        answer, file, offset = here
        found = hover.hover(answer.workspace, file, offset)
        return answer.hover(file, found) if found is not None else None

    def complete(self, params: lsp.CompletionParams) -> lsp.CompletionList | None:
        path = _path(params.text_document.uri)
        found = self.session.find(path) if path is not None else None
        if found is None or path is None:
            return None
        folder, file = found
        text = self.session.text(path)
        lines = Lines.of(text)
        position = params.position
        offset = lines.offset_at(position.line, position.character, self._encoding)
        made = completion.complete(folder.last(), file, text, offset)
        where = lsp.Range(
            lsp.Position(*lines.position(made.start, self._encoding)),
            lsp.Position(*lines.position(made.end, self._encoding)),
        )
        return replies.completion_list(made, where)

    def definition(self, params: lsp.DefinitionParams) -> list[lsp.Location] | None:
        here = self._at(params.text_document, params.position)
        if here is None:
            return None
        answer, file, offset = here
        targets = navigation.definition(answer.workspace, file, offset)
        return [answer.location(target) for target in targets]

    def references(self, params: lsp.ReferenceParams) -> list[lsp.Location] | None:
        here = self._at(params.text_document, params.position)
        if here is None:
            return None
        answer, file, offset = here
        targets = navigation.references(
            answer.workspace, file, offset, with_declaration=params.context.include_declaration
        )
        return [answer.location(target) for target in targets]

    def prepare_rename(self, params: lsp.PrepareRenameParams) -> lsp.Range | None:
        here = self._at(params.text_document, params.position)
        if here is None:
            return None
        answer, file, offset = here
        found = renaming.renamable(answer.workspace, file, offset)
        return answer.range(file, *found) if found is not None else None

    def rename(self, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        here = self._at(params.text_document, params.position)
        if here is None:
            return None
        answer, file, offset = here
        try:
            edits = renaming.rename(answer.workspace, file, offset, params.new_name)
        except renaming.NotRenamed as error:
            raise JsonRpcException(str(error), lsp.LSPErrorCodes.RequestFailed.value) from None
        return answer.workspace_edit(edits)

    def outline(self, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol] | None:
        found = self._find(params.text_document)
        if found is None:
            return None
        answer, file = found
        return [answer.outline(entry) for entry in navigation.outline(answer.workspace, file)]

    def symbols(self, params: lsp.WorkspaceSymbolParams) -> list[lsp.WorkspaceSymbol]:
        found: list[lsp.WorkspaceSymbol] = []
        for folder in self.session.folders():
            answer = self._replies(folder, folder.workspace())
            found += map(answer.symbol, navigation.search(answer.workspace, params.query))
        return found

    def format(self, params: lsp.DocumentFormattingParams) -> list[lsp.TextEdit] | None:
        path = _path(params.text_document.uri)
        if path is None or self.session.find(path) is None:
            return None
        text = self.session.text(path)
        if len(text) > FILE_BYTES_MAX:
            return None
        try:
            formatted = format_source(Source(path.name, text))
        except PolicyError:
            return None  # the diagnostics say what is wrong
        if formatted == text:
            return []
        lines = Lines.of(text)
        end = lsp.Position(*lines.position(len(text), self._encoding))
        return [lsp.TextEdit(lsp.Range(lsp.Position(0, 0), end), formatted)]

    def actions(self, params: lsp.CodeActionParams) -> list[lsp.CodeAction] | None:
        found = self._find(params.text_document)
        if found is None:
            return None
        answer, file = found
        lines = answer.workspace.lines(file)
        start, end = (
            lines.offset_at(place.line, place.character, self._encoding)
            for place in (params.range.start, params.range.end)
        )
        return [answer.action(fix) for fix in quickfixes.fixes(answer.workspace, file, start, end)]


def _path(uri: str) -> Path | None:
    """The file that an address names; None for what is no file, such as an unsaved new one."""
    name = uris.to_fs_path(uri)
    return Path(os.path.normpath(name)) if name and os.path.isabs(name) else None  # noqa: PTH117
