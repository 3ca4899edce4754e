import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fillBacklog } from "./backlog.ts";
import { openCar, waitFor } from "./car.ts";
import { openCentre, type Centre } from "./centre.ts";

let centre: Centre;
beforeEach(async () => {
  centre = await openCentre();
});
afterEach(() => centre.stack.disposeAsync());

/**
 * The largest time from the unit's first words about the episode to its report at dispatch. A report that
 * waits for its first repeat comes after 5 s. How long a process takes to load is not part of it.
 */
const SOON_MS = 2_000;
/** Enough for several tables, so that a repair has something to read. */
const BACKLOG = 30_000;

const isManifest = (name: string): boolean => name.startsWith("MANIFEST-");
const isTable = (name: string): boolean => /\.(?:ldb|sst)$/.test(name);
const damaged = (folder: string, name: (one: string) => boolean, damage: (file: string) => void): void => {
  const files = readdirSync(folder).filter(name);
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) damage(join(folder, file));
};
const remove = (file: string): void => rmSync(file);
const garble = (file: string): void => writeFileSync(file, "no LevelDB file");

describe("an emergency that is open in a damaged store is at dispatch at once after the start", () => {
  test.each([
    ["a store that is whole", false, () => undefined],
    ["the list of tables is gone", true, (store: string) => damaged(store, isManifest, remove)],
    ["the list of tables is unreadable", true, (store: string) => damaged(store, isManifest, garble)],
    ["the tables are unreadable", true, (store: string) => damaged(store, isTable, garble)],
  ] as const)(
    "%s",
    async (name, isRepaired, damage) => {
      const { broker, dispatch, stack } = centre;
      const car = stack.use(openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, { board: true }));
      await fillBacklog(car, BACKLOG);
      // The press is stored and never sent: nothing but the disk knows of it after the cut.
      await broker.stop();
      await car.start();
      await waitFor("the board", () => car.lamps.length > 0 && car.lamps.at(-1) !== "no-host");
      car.press();
      await waitFor("the press to be stored", () => car.lamps.at(-1) === "stored");
      await car.stop("SIGKILL");
      expect(dispatch.emergencies()).toEqual([]);
      damage(join(car.folder, "outbox"));
      await broker.start();
      await waitFor("dispatch", () => dispatch.connected());

      const before = car.log.length;
      await car.start();
      await waitFor("the emergency", () => dispatch.emergencies().length > 0);
      expect(dispatch.emergencies()[0]).toMatchObject({ state: "active", button: "dash", presses: 1 });
      const report = dispatch.reports.find(({ kind }) => kind === "emergency")!;
      const known = car.log.slice(before).find(({ msg }) => msg.includes("continues after the restart"))!;
      const tookMs = dispatch.cameAt.get(report.seq)! - Date.parse(known.time);
      process.stdout.write(`${name}: the emergency is at dispatch after ${tookMs.toFixed(0)} ms\n`);
      expect(tookMs).toBeLessThan(SOON_MS);
      const repaired = () =>
        dispatch.events("fault").some(({ data }) => "code" in data && data.code === "repaired");
      if (isRepaired) await waitFor("the report of the repair", repaired);
      await waitFor("the ledger", () => dispatch.missing().length === 0);
      expect(repaired()).toBe(isRepaired);
    },
    60_000,
  );
});
