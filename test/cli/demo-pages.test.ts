import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectPages } from "../../src/cli/demo/web.ts";

test("without one of its pages the demo says how to build them, and how to do without", () => {
  const root = mkdtempSync(join(tmpdir(), "demo-pages-"));
  try {
    for (const page of ["demo", "status", "console"]) {
      const missing = expect.objectContaining({
        exit: 69,
        message:
          "the demo's pages are not built: `npm run pages` builds them; --terminal shows the demo without them",
      });
      expect(() => expectPages((name) => join(root, name))).toThrow(missing);
      mkdirSync(join(root, page));
      writeFileSync(join(root, page, "index.html"), "");
    }
    expectPages((name) => join(root, name));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
