import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NO_STATE } from "../../src/bundle/trial.ts";
import { ResultLamp } from "../../src/cli/lib/result-lamp.ts";
import { openRoot } from "../../src/cli/lib/root.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lamp-"));
  mkdirSync(join(dir, "inbox"));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** A lamp on a clock of its own, and what it has shown: the sign and its milliseconds. */
const openLamp = () => {
  const clock = { ms: 0 };
  const open = openRoot(dir);
  const lamp = new ResultLamp(open, { mono: () => clock.ms });
  const shown: (readonly [string, number])[] = [];
  const unit = { showResult: (sign: string, ms: number) => void shown.push([sign, ms]) };
  return { clock, lamp, shown, unit, store: open.store };
};
const takenBack = (version: number): void =>
  writeFileSync(
    join(dir, "inbox/RESULT-zr-117.txt"),
    `REFUSED: zrenjanin/zr-117\r\na.patrol: version ${version} for *, signed by hq, was taken back: it crashed\r\n`,
  );

test("a result is shown for a minute, on the next unit for the rest of it, and then no more", () => {
  const { clock, lamp, shown, unit } = openLamp();
  lamp.showOn(unit);
  lamp.set("done");
  lamp.showOn(unit);
  clock.ms = 20_000;
  lamp.showOn(unit);
  clock.ms = 60_000;
  lamp.showOn(unit);
  expect(shown).toEqual([
    ["done", 60_000],
    ["done", 40_000],
  ]);
});

test("a service that begins by going back, after crashes, refuses the stick's version", async () => {
  const { lamp, shown, unit, store } = openLamp();
  await store.writeState({ ...NO_STATE, failed: [4, 8] });
  takenBack(8);
  await lamp.began({ version: 7, back: "the service crashed 3 times with it" });
  lamp.showOn(unit);
  expect(shown).toEqual([["refused", 60_000]]);
});

test.each([
  ["that came from dispatch has no result", undefined],
  ["is not the one of the result", 4],
])("a version that was taken back and %s shows nothing", async (_, version) => {
  const { lamp, shown, unit, store } = openLamp();
  await store.writeState({ ...NO_STATE, failed: [8] });
  if (version !== undefined) takenBack(version);
  await lamp.began({ version: 8, back: undefined });
  await lamp.began({ version: 7, back: undefined });
  lamp.showOn(unit);
  expect(shown).toEqual([]);
});

test("a service that begins with the same version as before, or a higher one, shows nothing of an older result", async () => {
  const { lamp, shown, unit, store } = openLamp();
  await store.writeState({ ...NO_STATE, failed: [6] });
  takenBack(6);
  for (const version of [7, 7, 8]) await lamp.began({ version, back: undefined });
  lamp.showOn(unit);
  expect(shown).toEqual([]);
});
