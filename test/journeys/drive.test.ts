import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createNmeaDecoder } from "../../src/decode/nmea/decoder.ts";
import type { Fix } from "../../src/domain/fix.ts";
import { readRecording } from "../../src/sources/recording.ts";
import { missed, recordingsFolder } from "../recordings/field-data.ts";
import { epoch, epochOf, openCar, waitFor, type Car } from "./car.ts";
import { openCentre, type Centre } from "./centre.ts";
import { openRelay } from "./relay.ts";

let broker: Centre["broker"];
let dispatch: Centre["dispatch"];
let stack: Centre["stack"];

beforeEach(async () => {
  ({ broker, dispatch, stack } = await openCentre());
});
afterEach(() => stack.disposeAsync());

const car = (port = broker.port, extra = "keepaliveS: 2"): Car =>
  stack.use(openCar(`{ brokers: ["mqtt://127.0.0.1:${port}"], allowPlaintext: true, ${extra} }`));

/** Epochs from..to at a pace; returns when the line has taken them. */
const feed = async (line: Car["line"], from: number, to: number, everyMs: number): Promise<void> => {
  for (let n = from; n < to; n++) {
    await line.write(epoch(n));
    if (everyMs > 0) await sleep(everyMs);
  }
};
const arrived = () => new Set(dispatch.positions().map((p) => epochOf(p.data as { lat: number })));
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const whole = (to: number) => () => numbers(0, to).every((n) => arrived().has(n));
const balanced = () => dispatch.missing().length === 0;

/** No position that was not fed, each number one report, the ledger without a hole. */
const expectTrue = (to: number) => {
  for (const n of arrived()) expect(n).toBeGreaterThanOrEqual(0);
  for (const n of arrived()) expect(n).toBeLessThan(to);
  expect(dispatch.missing()).toEqual([]);
};

const folder = recordingsFolder("nmea");
if (!folder) missed(1, "the drives' recordings");

test.runIf(folder)(
  "a recorded drive through a pty arrives complete and in order",
  { timeout: 60_000 },
  async () => {
    const bytes = readRecording(`${folder}/drives/munich_car.nmea.gz`);
    const fixes: Fix[] = [];
    const decoder = createNmeaDecoder((fix) => fixes.push(fix));
    decoder.push(bytes);
    decoder.end();
    const unit = car();
    await unit.start();
    await unit.listens();
    for (let i = 0; i < bytes.length; i += 2000) await unit.line.write(bytes.subarray(i, i + 2000));
    // A pty that goes takes with it what was not read yet. The last epoch ends with the line.
    await waitFor("all but the last", () => dispatch.positions().length >= fixes.length - 1, 40_000);
    await sleep(1000);
    unit.line[Symbol.dispose]();
    await waitFor("the drive", () => dispatch.positions().length >= fixes.length && balanced(), 40_000);
    expect(dispatch.positions().map((p) => p.at)).toEqual(fixes.map((fix) => new Date(fix.at).toISOString()));
    expect(dispatch.positions().map((p) => p.data)).toMatchObject(
      fixes.map(({ lat, lon }) => ({ lat, lon })),
    );
    expect(await unit.stop()).toBe(0);
    await waitFor("the farewell", () => dispatch.states.at(-1)?.state === "offline");
    expect(dispatch.states.map((s) => s.state)).toEqual(["online", "offline"]);
    expect(dispatch.states[1]).toMatchObject({ reason: "SIGTERM" });
  },
);

describe("every number is delivered or declared", () => {
  test("while the broker is stopped for a while", { timeout: 60_000 }, async () => {
    const unit = car();
    await unit.start();
    await unit.listens();
    await feed(unit.line, 0, 30, 20);
    await broker.stop();
    await feed(unit.line, 30, 130, 20);
    await broker.start();
    await feed(unit.line, 130, 200, 20);
    await feed(unit.line, 200, 201, 0);
    await waitFor("all positions", whole(200), 40_000);
    await waitFor("the ledger", balanced);
    expectTrue(201);
    expect(
      dispatch
        .events("fault")
        .some((e) => e.kind === "event" && e.data.type === "fault" && e.data.part === "link"),
    ).toBe(true);
    expect(dispatch.events("recovered").length).toBeGreaterThan(0);
    // The newest goes first, live; the backlog follows as history, in order.
    const late = dispatch.reports.filter((r) => r.kind === "position" && !r.live).map((r) => r.seq);
    expect(late.length).toBeGreaterThan(50);
    expect(late).toEqual(late.toSorted((a, b) => a - b));
  });

  test("when the broker stops answering for longer than the keepalive", { timeout: 90_000 }, async () => {
    const unit = car();
    await unit.start();
    await unit.listens();
    await feed(unit.line, 0, 20, 20);
    broker.freeze();
    await feed(unit.line, 20, 170, 40);
    broker.thaw();
    await feed(unit.line, 170, 201, 20);
    await waitFor("all positions", whole(200), 60_000);
    await waitFor("the ledger", balanced);
    expectTrue(201);
    expect(unit.log.some((line) => line.fault === "stalled" || line.fault === "timeout")).toBe(true);
  });

  test("when a relay swallows everything and then resets", { timeout: 90_000 }, async () => {
    using relay = await openRelay(broker.port);
    const unit = car(relay.port);
    await unit.start();
    await unit.listens();
    await feed(unit.line, 0, 20, 20);
    relay.swallow(true);
    await feed(unit.line, 20, 70, 20);
    relay.reset();
    relay.swallow(false);
    await feed(unit.line, 70, 201, 20);
    await waitFor("all positions", whole(200), 60_000);
    await waitFor("the ledger", balanced);
    expectTrue(201);
  });

  test("when the unit is killed 20 times under load", { timeout: 120_000 }, async () => {
    const unit = car();
    let n = 0;
    for (let round = 0; round < 20; round++) {
      await unit.start();
      const death = performance.now() + 150 + Math.random() * 500;
      while (performance.now() < death) {
        await feed(unit.line, n, n + 1, 5);
        n++;
      }
      await unit.stop("SIGKILL");
    }
    await unit.start();
    await unit.listens();
    await feed(unit.line, n, n + 20, 10);
    n += 20;
    await waitFor("the last position", () => arrived().has(n - 2), 30_000);
    await waitFor("the ledger", balanced);
    expectTrue(n);
    // A unit that was killed at once has reported nothing.
    expect(new Set(dispatch.reports.map((r) => r.boot)).size).toBeGreaterThan(14);
    // One number, one report: nothing is ever numbered twice.
    const bySeq = new Map<number, string>();
    for (const r of dispatch.reports) {
      const said = JSON.stringify([r.kind, r.boot, r.mono]);
      expect(bySeq.get(r.seq) ?? said).toBe(said);
      bySeq.set(r.seq, said);
    }
    const declared = dispatch.events("gap").length;
    process.stdout.write(
      `killed 20 times: ${arrived().size} of ${n} epochs fed arrived (fed to dead units included), ${declared} gaps declared\n`,
    );
  });

  test(
    "when the unit is killed with the broker away, nothing it had is lost",
    { timeout: 60_000 },
    async () => {
      await broker.stop();
      const unit = car();
      await unit.start();
      await unit.listens();
      await feed(unit.line, 0, 100, 10);
      await sleep(300);
      await unit.stop("SIGKILL");
      await broker.start();
      await waitFor("dispatch to be back", () => dispatch.connected());
      await unit.start();
      await waitFor("what was read before the kill", whole(99), 30_000);
      await waitFor("the ledger", balanced);
      expectTrue(100);
    },
  );

  test("when the tty vanishes and returns", { timeout: 60_000 }, async () => {
    const unit = car();
    await unit.start();
    await unit.listens();
    await feed(unit.line, 0, 50, 10);
    await waitFor("the first positions", () => arrived().size > 40);
    unit.line[Symbol.dispose]();
    await waitFor("the fault", () => dispatch.events("fault").length > 0);
    await sleep(500);
    unit.plug();
    await unit.listens();
    await feed(unit.line, 50, 100, 10);
    await waitFor("the rest", () => arrived().has(98), 30_000);
    await waitFor("the recovery", () => dispatch.events("recovered").length > 0);
    await waitFor("the ledger", balanced);
    expectTrue(100);
    expect(whole(99)()).toBe(true);
    // It hangs up, and is not there until it returns.
    const warnings = unit.log.filter((line) => line.part === "gps" && line.level === "warn");
    expect(warnings.map(({ fault }) => fault)).toEqual(["unplugged", "absent"]);
  });
});
