import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A package of a version whose Node is a script, made by dpkg-deb. Returns its file in `folder`. */
export const packageIn = (
  folder: string,
  version: string,
  node = "#!/bin/sh\necho 1\n",
  inside = version,
): string => {
  const tree = join(folder, "tree");
  const program = join(tree, "opt/patrol-unit", inside);
  mkdirSync(join(program, "bin"), { recursive: true });
  mkdirSync(join(program, "dist"));
  mkdirSync(join(tree, "etc"));
  mkdirSync(join(tree, "DEBIAN"));
  writeFileSync(join(tree, "etc/passwd"), "nobody");
  writeFileSync(join(program, "bin/node"), node);
  chmodSync(join(program, "bin/node"), 0o755);
  writeFileSync(join(program, "dist/patrol-unit.mjs"), "");
  const control = `Package: patrol-unit\nVersion: ${version}\nArchitecture: amd64\nMaintainer: test <t@example.org>\nDescription: test\n`;
  writeFileSync(join(tree, "DEBIAN/control"), control);
  const file = join(folder, `patrol-unit_${version}_amd64.deb`);
  execFileSync("dpkg-deb", ["--root-owner-group", "--build", tree, file], { stdio: "ignore" });
  rmSync(tree, { recursive: true });
  return file;
};
