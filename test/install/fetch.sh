#!/bin/sh
# Fetches the Nodes and npms that a user's machine may have, for install.test.ts: 9.2.0 is the npm of Debian 12.
set -eu
cd "$(dirname "$0")/../.."
case "$(uname -m)" in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) echo "no Node of the registry runs on $(uname -m)" >&2; exit 1 ;;
esac
folder=node_modules/.other-nodes
mkdir -p "$folder"
echo '{ "private": true }' > "$folder/package.json"
npm install --no-save --no-package-lock --ignore-scripts --prefer-offline --prefix "$folder" \
    "node18@npm:node-linux-$arch@18.20.8" "node20@npm:node-linux-$arch@20.20.2" "node22@npm:node-linux-$arch@22.23.3" \
    npm9@npm:npm@9.2.0 npm10@npm:npm@10.9.9 npm11@npm:npm@11.21.2
