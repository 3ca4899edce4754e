import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createAirbagWatch } from "../src/airbag.ts";
import { openTestOutbox } from "./outbox/open-outbox.ts";

test("an airbag opens an emergency when it fires, not again while it stays fired, nor after a restart", async () => {
  const path = mkdtempSync(join(tmpdir(), "airbag-"));
  const open = () => openTestOutbox(path);
  let opened = 0;
  {
    await using outbox = await open();
    const watch = createAirbagWatch(outbox, () => opened++);
    for (const deployed of [false, true, false, true, true, true]) watch("Front", deployed);
    expect(opened).toBe(1);
    watch("Side", true);
    watch("Side", true);
    expect(opened).toBe(2);
  }
  {
    await using outbox = await open();
    const watch = createAirbagWatch(outbox, () => opened++);
    for (let n = 0; n < 5; n++) watch("Front", n % 2 === 0); // a bit that flickers in a wreck
    expect(opened).toBe(2);
    for (let n = 0; n < 100; n++) watch("Front", false); // repaired
    for (let n = 0; n < 2; n++) watch("Front", true);
    expect(opened).toBe(3);
  }
  rmSync(path, { recursive: true });
});
