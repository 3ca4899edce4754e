#!/bin/sh
# Installs what npm left out because its own Node is too old: the parts of the build and test tools that are compiled for
# this processor, such as rolldown's and oxlint's. The tools run on the pinned Node, and so does this npm.
set -eu
cd "$(dirname "$0")/../.."
# Without the packages for builds and tests nothing is missing.
[ -d node_modules/rolldown ] || exit 0
for compiled in node_modules/@rolldown/binding-*; do
    [ -d "$compiled" ] && exit 0
done
PATH="$PWD/node_modules/.bin:$PATH" npm install --no-save --no-audit --no-fund --ignore-scripts --loglevel=error >/dev/null ||
    echo "patrol-unit: the tools for builds and tests are not complete: run npm ci again, with Node 22.12 or newer" >&2
# npm 9 has removed the link to the pinned Node.
exec src/tools/link-node.sh
