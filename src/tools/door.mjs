#!/usr/bin/env node
// The first file of the bundle: plain JavaScript, because an older Node cannot even parse the rest of it.
if (Number(process.versions.node.split(".")[0]) < 24) {
  process.stderr.write(
    `patrol-unit needs Node 24 and this is ${process.version}: start it with node_modules/.bin/node, which npm ci installs\n`,
  );
  process.exitCode = 1;
} else {
  // Before the rest is compiled, so that it is compiled once.
  process.getBuiltinModule("node:module").enableCompileCache();
  await import("./unit.mjs");
}
