import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What the simulator needs of the tree. */
const NEEDED = ["src", "test", "firmware-bridge", "config", "package.json"];

/** A copy of this tree that the simulator runs in, for changes that are never made to the tree itself. */
export type Tree = Disposable & { readonly path: string };

export const copyTree = (): Tree => {
  const path = mkdtempSync(join(tmpdir(), "patrol-tree-"));
  for (const part of NEEDED) cpSync(part, join(path, part), { recursive: true });
  symlinkSync(join(process.cwd(), "node_modules"), join(path, "node_modules"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
};
