import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { onThisMachine } from "../../src/cli/lib/ports.ts";
import { readDocument } from "../../src/settings/document.ts";
import { settingsOf } from "../../src/settings/load.ts";
import { startUnit, type Unit } from "../../src/unit/start.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "name-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Nobody listens on port 9: what a unit makes stays pending. */
const start = async (id: string): Promise<Unit> => {
  const text = `
unit: { directorate: zrenjanin, id: ${id} }
gps: { port: "tcp://127.0.0.1:9" }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:9"], allowPlaintext: true }
outbox: { path: ${join(folder, "outbox")} }
status: { listen: "127.0.0.1:0" }
`;
  const { settings } = settingsOf(readDocument(text, "car.yaml"));
  if (!settings) throw new Error("the settings of this test are not valid");
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  return startUnit(
    await onThisMachine({
      settings,
      config: "test",
      faults: [],
      log: silent,
      gps: () => (async function* () {})(),
      can: undefined,
      recorded: true,
    }),
  );
};

test("a unit cannot be renamed while reports of its old name are pending", async () => {
  const unit = await start("zr-117");
  await unit[Symbol.asyncDispose]();
  await expect(start("zr-118")).rejects.toThrow(/expected zrenjanin\/zr-117, found zrenjanin\/zr-118/);
  const again = await start("zr-117");
  await again[Symbol.asyncDispose]();
});
