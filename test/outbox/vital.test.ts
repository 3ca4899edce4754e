import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createNotes } from "../../src/outbox/notes.ts";
import { NO_VITAL, readVital, saveVital } from "../../src/outbox/vital.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "vital-"));
  path = join(folder, "outbox");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("is written to two places in turn, however many changes lie between: a write that is cut leaves the one before", async () => {
  const notes = createNotes(NO_VITAL, 1);
  for (let n = 1; n <= 20; n++) {
    notes.set("press", n);
    for (let more = 0; more < n % 3; more++) notes.set("episode", `${n} ${more}`);
    const vital = notes.next(64 * n);
    // oxlint-disable-next-line no-await-in-loop -- one write after another
    await saveVital(path, vital);
    notes.saved(vital.generation);
    // oxlint-disable-next-line no-await-in-loop
    expect((await readVital(path))?.notes).toMatchObject({ press: n });
    // As a cut in the middle of this write would leave it.
    const whole = readFileSync(`${path}.vital`);
    const torn = Buffer.from(whole);
    const place = (vital.generation % 2) * 128 * 1024;
    torn.fill(0xaa, place + 20, place + 60);
    writeFileSync(`${path}.vital`, torn);
    // oxlint-disable-next-line no-await-in-loop
    const left = await readVital(path);
    expect(left?.notes["press"]).toBe(n === 1 ? undefined : n - 1);
    writeFileSync(`${path}.vital`, whole);
  }
});

test("what is larger than its place is refused, and what was there stays", async () => {
  await saveVital(path, { ...NO_VITAL, generation: 1, notes: { a: 1 } });
  await expect(
    saveVital(path, { ...NO_VITAL, generation: 2, notes: { a: "x".repeat(140_000) } }),
  ).rejects.toThrow(/more than their place/);
  expect((await readVital(path))?.notes).toEqual({ a: 1 });
});
