import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { openDispatch, type Dispatch } from "./dispatch.ts";
import { startMosquitto, type Mosquitto } from "./mosquitto.ts";

/** Debian's libfaketime, which shows the service another wall clock; its steady clock stays true. */
const LIBRARY = ["x86_64", "aarch64"]
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find(existsSync);
const NEAR_MS = 2_500;

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

/** A wall clock for the service that can be set. */
const wallClock = () => {
  const folder = mkdtempSync(join(tmpdir(), "clock-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "time");
  const set = (to: string) => writeFileSync(file, `${to}\n`);
  return {
    set,
    env: {
      LD_PRELOAD: LIBRARY ?? "",
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      TZ: "UTC",
    },
  };
};
const YEAR_1970 = "@1970-01-01 00:01:00";

const openBench = async (
  board: boolean,
): Promise<{ car: Car; dispatch: Dispatch; broker: Mosquitto; clock: ReturnType<typeof wallClock> }> => {
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  const clock = wallClock();
  clock.set(YEAR_1970);
  const car = stack.use(
    openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, { board, env: clock.env }),
  );
  return { car, dispatch, broker, clock };
};
/** Ten fixes of now, ten a second. */
const drive = async (car: Car): Promise<void> => {
  await car.listens();
  for (let n = 0; n < 10; n++) {
    // oxlint-disable-next-line no-await-in-loop -- a receiver speaks in order
    await car.line.write(epoch(n, Date.now() - n * 100));
    // oxlint-disable-next-line no-await-in-loop
    await sleep(100);
  }
};

describe.skipIf(LIBRARY === undefined)("a clock in 1970", () => {
  test("what waited for the link is put right by the first fix, before it is sent", async () => {
    const { car, dispatch, broker } = await openBench(false);
    await broker.stop();
    const startedAt = Date.now();
    await car.start();
    await sleep(1_000);
    await drive(car);
    await broker.start();
    await waitFor("the boot event", () => dispatch.events("boot").length > 0);
    await waitFor("the positions", () => dispatch.positions().length >= 9);
    const boot = dispatch.events("boot")[0]!;
    expect(boot.clock).toBe("gnss");
    expect(Math.abs(Date.parse(boot.at) - startedAt)).toBeLessThan(NEAR_MS);
    for (const report of dispatch.reports) {
      expect(report.clock, JSON.stringify(report)).toBe("gnss");
      expect(Math.abs(Date.parse(report.at) - Date.now())).toBeLessThan(60_000);
    }
    expect(dispatch.missing()).toEqual([]);
  });

  test("what was sent without a time can be put right by the `clock` event", async () => {
    const { car, dispatch } = await openBench(false);
    const startedAt = Date.now();
    await car.start();
    await waitFor("the boot event", () => dispatch.events("boot").length > 0);
    const boot = dispatch.events("boot")[0]!;
    expect(boot.clock).toBe("unset");
    expect(boot.at.startsWith("1970-")).toBe(true);
    await drive(car);
    await waitFor("the clock event", () => dispatch.events("clock").length > 0);
    const { data } = dispatch.events("clock")[0]!;
    const said = data as unknown as { boot: number; mono: number; at: string };
    expect(said.boot).toBe(boot.boot);
    expect(Math.abs(Date.parse(said.at) - said.mono + boot.mono - startedAt)).toBeLessThan(NEAR_MS);
  });

  test("an emergency under a clock that jumps a day on and two back: one episode, in order, repeated as often as it should", async () => {
    const { car, dispatch, clock } = await openBench(true);
    await car.start();
    await waitFor("the board", () => car.lamps.at(-1) === "idle");
    const pressedAt = Date.now();
    car.press();
    await waitFor("the emergency", () => dispatch.emergencies().length > 0);
    clock.set("@1970-01-02 00:02:00");
    await sleep(3_000);
    clock.set("@1969-12-31 00:02:00");
    await drive(car);
    // The release of the press is a report of its own, which is repeated then.
    const released = () => dispatch.emergencies().filter(({ heldMs }) => heldMs !== undefined);
    await waitFor("the repeats", () => released().length >= 3, 20_000);
    const elapsedS = (Date.now() - pressedAt) / 1000;
    const emergencies = dispatch.emergencies();
    expect(new Set(emergencies.map(({ episode }) => episode)).size).toBe(1);
    expect(released().map(({ attempt }) => attempt)).toEqual(released().map((_, n) => n + 1));
    expect(released().length).toBeLessThanOrEqual(Math.floor(elapsedS / 5) + 1);
    const seqs = dispatch.reports.filter(({ kind }) => kind !== "emergency").map(({ seq }) => seq);
    expect(new Set(seqs).size).toBe(seqs.length);
    const { episode } = emergencies[0]!;
    await dispatch.ack(episode, "received");
    await waitFor("the lamp", () => car.lamps.includes("received"));
    const received = dispatch.emergencies().at(-1)!;
    expect(Math.abs(Date.parse(received.pressedAt!) - pressedAt)).toBeLessThan(NEAR_MS);
  }, 60_000);
});
