// Starts `pdp lsp` and connects the editor to it; everything the editor then shows comes from there.

"use strict";

const { commands, window, workspace } = require("vscode");
const { CloseAction, ErrorAction, LanguageClient } = require("vscode-languageclient/node");

const RESTARTS_MAX = 4;

let client;

function makeClient() {
  const [command, ...args] = workspace.getConfiguration("charter").get("command", ["pdp", "lsp"]);
  let restarts = 0;
  let made;
  // A server that has never answered is not tried again: it would fail the same way, several times.
  const closed = () => {
    const mayRestart = made.initializeResult !== undefined && restarts < RESTARTS_MAX;
    restarts += 1;
    return mayRestart
      ? { action: CloseAction.Restart, handled: true }
      : {
          action: CloseAction.DoNotRestart,
          message: "the language server keeps ending: see the output, then restart it by command",
          handled: made.initializeResult === undefined,
        };
  };
  // No `transport`: naming one makes the client add a `--stdio` that is not in the setting. Pipes
  // are what it uses anyway.
  made = new LanguageClient("charter", "Charter", { command, args }, {
    documentSelector: [{ scheme: "file", language: "charter" }],
    errorHandler: { error: () => ({ action: ErrorAction.Continue }), closed },
    initializationFailedHandler: () => false,
  });
  return made;
}

async function start() {
  client = makeClient();
  try {
    await client.start();
  } catch {
    client = undefined;
    window.showErrorMessage(
      "Charter: the language server did not start. Install it with " +
        "`pip install 'charter-pdp[lsp]'`, or say where it is in `charter.command`. What it said " +
        "is in the output named Charter."
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  try {
    await running?.stop();
  } catch {
    // One that is already gone cannot be stopped, and need not be.
  }
}

async function activate(context) {
  context.subscriptions.push(
    commands.registerCommand("charter.restart", async () => {
      await stop();
      await start();
    }),
    workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("charter.command")) {
        commands.executeCommand("charter.restart");
      }
    })
  );
  await start();
}

module.exports = { activate, deactivate: stop };
