import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";

const Lock = z.object({
  packages: z.record(z.string(), z.object({ hasInstallScript: z.boolean().optional() })),
});
const Manifest = z.object({ allowScripts: z.record(z.string(), z.boolean()) });
const read = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));

test("of each package with an install script it is decided whether that runs", () => {
  const { packages } = Lock.parse(read("package-lock.json"));
  const { allowScripts } = Manifest.parse(read("package.json"));
  const withScripts = Object.entries(packages).flatMap(([path, { hasInstallScript }]) =>
    hasInstallScript === true && path !== "" ? [path.slice(path.lastIndexOf("node_modules/") + 13)] : [],
  );
  expect(withScripts.length).toBeGreaterThan(0);
  expect(Object.keys(allowScripts)).toEqual(expect.arrayContaining(withScripts));
  expect(Object.keys(allowScripts).filter((name) => allowScripts[name])).toEqual(["esbuild", "socketcan"]);
});
