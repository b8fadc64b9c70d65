// Starts `pdp lsp` and connects the editor to it; everything the editor then shows comes from there.

"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

function makeClient() {
  const [command, ...args] = workspace.getConfiguration("charter").get("command", ["pdp", "lsp"]);
  const server = { command, args, transport: TransportKind.stdio };
  return new LanguageClient("charter", "Charter", server, {
    documentSelector: [{ scheme: "file", language: "charter" }],
  });
}

async function start() {
  client = makeClient();
  try {
    await client.start();
  } catch (error) {
    client = undefined;
    window.showErrorMessage(
      "Charter: the language server did not start. Install it with " +
        "`pip install 'charter-pdp[lsp]'`, or say where it is in `charter.command`."
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  await running?.stop();
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
