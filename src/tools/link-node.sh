#!/bin/sh
# Makes node_modules/.bin/node, the Node that every npm script runs on, from the runtime package that npm installed.
# npm 11 makes this link itself. npm 9 and 10 do not: of the two packages that offer `node`, one is for another processor.
set -eu
cd "$(dirname "$0")/../.."
link=node_modules/.bin/node
[ -x "$link" ] && exit 0

if [ ! -d node_modules ]; then
    echo "patrol-unit: there is no node_modules: run npm ci first" >&2
    exit 1
fi

for runtime in node_modules/node-linux-*/bin/node; do
    # Only the package for this processor runs here.
    "$runtime" --version >/dev/null 2>&1 || continue
    # Several scripts may do this at once: each makes a link of its own and renames it.
    if mkdir -p node_modules/.bin && ln -s "../${runtime#node_modules/}" "$link.$$" && mv -f "$link.$$" "$link"; then exit 0; fi
    rm -f "$link.$$"
    echo "patrol-unit: $link cannot be made: run npm ci as a user who may write to node_modules" >&2
    exit 1
done

major=$(node --version 2>/dev/null | sed 's/^v//; s/\..*//')
[ "${major:-0}" -ge 24 ] && exit 0
echo "patrol-unit: no Node 24 was installed: run npm ci --include=optional on Linux x64 or arm64, or use a Node >= 24" >&2
exit 1
