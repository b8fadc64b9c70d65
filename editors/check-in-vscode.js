// What check-in-vscode.sh looks for in the workbench; it only looks, and installs nothing but the
// extension: node check.js FOLDER.

"use strict";

const { execFileSync, spawn } = require("node:child_process");
const { once } = require("node:events");
const { mkdirSync, openSync, readFileSync, writeFileSync } = require("node:fs");
const { createInterface } = require("node:readline");
const { chromium } = require("playwright-core");

const PATIENCE_MS = 120_000;
const folder = process.argv[2];
const codeServer = [
  `${folder}/tools/node_modules/code-server/out/node/entry.js`,
  ...["--config", `${folder}/config.yaml`, "--user-data-dir", `${folder}/data`],
  ...["--extensions-dir", `${folder}/extensions`, "--bind-addr", "127.0.0.1:0", "--auth", "none"],
  ...["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"],
];

function installExtension() {
  // As in an editor that has been used before: it reads this list, and not what lies around.
  mkdirSync(`${folder}/extensions`, { recursive: true });
  writeFileSync(`${folder}/extensions/extensions.json`, "[]");
  mkdirSync(`${folder}/data/Machine`, { recursive: true });
  // Without sticky lines, which would lie over what is to be clicked.
  const settings = {
    "charter.command": [process.env.PDP, "lsp"],
    "editor.stickyScroll.enabled": false,
  };
  writeFileSync(`${folder}/data/Machine/settings.json`, JSON.stringify(settings));
  execFileSync("node", [...codeServer, "--install-extension", `${folder}/charter.vsix`], {
    stdio: "ignore",
  });
}

async function addressOf(server) {
  for await (const line of createInterface({ input: server.stdout })) {
    const found = /listening on (http:\S+)/.exec(line);
    if (found) {
      server.stdout.resume();
      return found[1];
    }
  }
  throw new Error("code-server ended before it listened");
}

async function openPayments(page, address) {
  await page.goto(`${address}?folder=${folder}/policies`);
  await page.locator('.explorer-folders-view [aria-label^="payments.charter"]').dblclick();
  await page.locator(".view-line", { hasText: "policy refunds" }).waitFor();
}

const word = (page, text) => page.locator(".view-line span span", { hasText: text }).first();

async function seeColours(page) {
  const plain = await word(page, /^:$/).getAttribute("class");
  for (const text of [/^rule$/, /^Agent$/, /^large_needs_finance$/]) {
    if ((await word(page, text).getAttribute("class")) === plain) {
      throw new Error(`no colour for ${text}`);
    }
  }
}

async function seeHover(page) {
  // The server may still be starting, and then there is nothing to show: ask again.
  for (let tries = 0; tries < 6; tries += 1) {
    await word(page, /^finance_lead$/).click();
    await page.keyboard.press("Control+K");
    await page.keyboard.press("Control+I");
    const shown = page.locator(".monaco-hover", { hasText: /1 person of\s+finance_leads/ });
    if (await shown.first().waitFor({ timeout: PATIENCE_MS / 6 }).then(() => true, () => false)) {
      await page.keyboard.press("Escape");
      return;
    }
  }
  throw new Error("no hover over `finance_lead`");
}

async function seeMistake(page) {
  // A letter amid the name, wherever the click lands in it.
  await word(page, /^finance_lead$/).click();
  await page.keyboard.type("x");
  await page.locator(".squiggly-error").first().waitFor();
  await page.locator('[id="status.problems"]').click();
  await page.locator(".markers-panel", { hasText: "did you mean `finance_lead`?" }).waitFor();
}

async function main() {
  const log = openSync(`${folder}/server.log`, "w");
  installExtension();
  const server = spawn("node", codeServer, { stdio: ["ignore", "pipe", log] });
  const options = { executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] };
  const browser = await chromium.launch(options);
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    await openPayments(page, await addressOf(server));
    for (const see of [seeColours, seeHover, seeMistake]) {
      await see(page);
      console.log(`${see.name}: seen`);
    }
  } finally {
    await browser.close();
    server.kill();
    await once(server, "exit");
  }
}

main().catch((error) => {
  console.error(readFileSync(`${folder}/server.log`, "utf8"));
  console.error(error.message);
  process.exit(1);
});
