#!/bin/sh
# Installs and builds the optional library for SocketCAN. npm leaves it out if npm's own Node is older than 22 or if there
# is no compiler. This npm runs on the pinned Node.
set -eu
for tool in make c++ python3; do
    command -v "$tool" >/dev/null 2>&1 && continue
    echo "patrol-unit: the library for SocketCAN is compiled here, and $tool is missing: apt install build-essential python3" >&2
    exit 1
done
cd "$(dirname "$0")/../.."
own=node_modules/.socketcan
mkdir -p "$own"
# npm 12 runs install scripts of listed packages only.
echo '{ "private": true, "allowScripts": { "socketcan": true } }' > "$own/package.json"
npm install --no-save --no-package-lock --ignore-scripts=false --prefix "$own" socketcan@4.2.4
rm -rf node_modules/socketcan
ln -s ".socketcan/node_modules/socketcan" node_modules/socketcan
