#!/bin/sh
# Packs the extension, installs it in a real VS Code workbench (code-server) and looks at it there;
# nothing that it fetches or writes stays, and the policies it edits are a copy.
#
#     editors/check-in-vscode.sh [PDP]
#
# PDP is the command with the language server: `pdp` from the PATH unless given. Ends 0 if all was
# seen, 1 if not. Needs Node 20 with its headers, a C++ compiler, Python 3, Chromium (CHROMIUM names
# it) and the npm registry; takes some minutes.
set -eu

editors=$(cd "$(dirname "$0")" && pwd)
pdp=$(command -v "${1:-pdp}") || { echo "no \`${1:-pdp}\`: say where pdp is" >&2; exit 1; }
pdp=$(cd "$(dirname "$pdp")" && pwd)/$(basename "$pdp")
chromium=$(command -v "${CHROMIUM:-chromium}") || { echo "no Chromium: set CHROMIUM" >&2; exit 1; }

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

fetch() {
    npm install --ignore-scripts --omit=dev --no-audit --no-fund --silent "$@"
}

# Node's own headers, where they are, instead of a download from elsewhere.
prefix=$(dirname "$(dirname "$(node -p process.execPath)")")
[ ! -f "$prefix/include/node/node.h" ] || export npm_config_nodedir="$prefix"

# Without install scripts: some of them fetch programs that are not needed here. The server does not
# start without the one library that is built.
mkdir "$tmp/tools" && cd "$tmp/tools"
fetch --prefix . code-server@4.100.3 playwright-core@1.65.1 @vscode/vsce@3
npm rebuild --silent argon2
cd node_modules/code-server/lib/vscode
fetch
ln -s node_modules node_modules.asar

cp -R "$editors/vscode" "$tmp/extension"
cd "$tmp/extension"
fetch
"$tmp/tools/node_modules/.bin/vsce" package --allow-missing-repository --skip-license \
    --out "$tmp/charter.vsix" >"$tmp/vsce.log" 2>&1 || { cat "$tmp/vsce.log" >&2; exit 1; }

cp -R "$editors/../policies" "$tmp/policies"
cp "$editors/check-in-vscode.js" "$tmp/tools/check.js"
cd "$tmp"
CHROMIUM=$chromium PDP=$pdp HOME=$tmp node tools/check.js "$tmp"
