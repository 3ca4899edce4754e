import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "../../src/domain/version.ts";

/** The packages of a release, by their file names. */
export const PACKAGES = ["patrol-unit", "patrol-unit-recorder"].flatMap((name) =>
  ["amd64", "arm64"].map((architecture) => `${name}_${VERSION}_${architecture}.deb`),
);

export const sumOf = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");

/** The same package as a release of another version, as dpkg sees it. `change`: what is done to its program's folder. */
export const asVersion = (
  file: string,
  version: string,
  work: string,
  change: (program: string) => void = () => undefined,
): string => {
  const folder = join(work, version);
  const made = join(work, `patrol-unit_${version}_amd64.deb`);
  execFileSync("dpkg-deb", ["--raw-extract", file, folder]);
  const program = join(folder, "opt/patrol-unit", version);
  execFileSync("mv", [join(folder, "opt/patrol-unit", VERSION), program]);
  change(program);
  const scripts = ["control", "md5sums", "postinst", "postrm", "prerm"].map((name) =>
    join(folder, "DEBIAN", name),
  );
  execFileSync("sed", ["-i", `s/${VERSION.replaceAll(".", "\\.")}/${version}/g`, ...scripts]);
  execFileSync("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", folder, made], {
    stdio: "ignore",
  });
  return made;
};
