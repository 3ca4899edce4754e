import { describe, expect, test } from "vitest";
import { WireReport } from "../../src/domain/report.ts";
import { addRange, complement, size, type Runs } from "../../src/domain/runs.ts";
import type { Broker } from "../simulation/broker.ts";
import { openWorld } from "./whole-unit.ts";

const RECEIPT = "patrol/v1/zrenjanin/zr-117/receipt";
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What a 3.1.1 broker with a forgotten rule acknowledges and drops. */
const TELEMETRY = /\/(position|vehicle|health|history)$/;

const dropsTelemetry = (broker: Broker): void => {
  broker.faults.drops = (topic) => TELEMETRY.test(topic);
};

/** A unit that has a recorder at all of its brokers. */
const openRecorded = async (brokers: number, dispatch: string) => {
  const world = openWorld(Array.from({ length: brokers }, () => ({})));
  const recorder = { away: false };
  const life = await world.start("report: { standingS: 60 }", false, "zr-117", dispatch);
  const have: Runs = [];
  let store = "";
  let seen = 0;
  const record = (): void => {
    const before = seen;
    for (; seen < world.heard.length; seen++) {
      const report = WireReport.safeParse(world.heard[seen]!.report).data;
      if (!report) continue;
      ({ store = "" } = report);
      addRange(have, report.seq, report.seq);
      if (report.kind !== "event" || report.data.type !== "gap") continue;
      const kept = (report.data.kept ?? []).map((n): [number, number] => [n, n]);
      for (const [from, to] of complement(kept, report.data.from, report.data.to)) addRange(have, from, to);
    }
    const upTo = have.at(-1)?.[1];
    if (seen === before || upTo === undefined) return;
    const missing = complement(have, 1, upTo).slice(0, 100);
    const receipt = { store, upTo, missing, by: "db", at: new Date(world.time.host()).toISOString() };
    for (const { broker } of world.brokers)
      broker.publish(RECEIPT, Buffer.from(JSON.stringify(receipt)), { retain: true });
  };
  /** `halfHour`: called each half hour. */
  const pass = async (ms: number, halfHour: () => void = () => undefined): Promise<void> => {
    for (let t = 0; t < ms; t += 10_000) {
      if (t % (30 * MINUTE_MS) === 0) halfHour();
      await world.wait(10_000);
      if (!recorder.away) record();
    }
  };
  await pass(5 * MINUTE_MS);
  const lacking = (): number => size(complement(have, 1, have.at(-1)![1]));
  const newest = (): number => have.at(-1)![1];
  const status = () => world.settle(life.page.status());
  const faults = async (): Promise<(string | undefined)[]> => {
    const { faults: all } = await status();
    return all.filter(({ part }) => part === "custody").map(({ code, where }) => `${code} ${where}`);
  };
  const connections = (): number => world.logs.filter(({ msg }) => msg === "connected to dispatch").length;
  return { world, life, recorder, pass, lacking, newest, status, faults, connections };
};

type Recorded = Awaited<ReturnType<typeof openRecorded>>;

/** A fault begins or ends each half hour: events, which a broker that drops telemetry delivers. */
const withEvents = ({ life }: Recorded): (() => void) => {
  let faulty = false;
  return () => {
    faulty = !faulty;
    if (faulty) life.board.fault("absent", "the board is gone");
    else life.board.recovered("the board is back");
  };
};

describe.each(["custody: dispatch", "custody: auto"])("with %s", (dispatch) => {
  test("a broker that acknowledges and drops everything is left, and everything arrives by the next one", async () => {
    const recorded = await openRecorded(2, dispatch);
    const before = recorded.newest();
    recorded.world.brokers[0]!.broker.faults.lies = true;
    await recorded.pass(HOUR_MS);
    expect(recorded.newest()).toBeGreaterThan(before + 50);
    expect(recorded.lacking()).toBe(0);
    expect(await recorded.status()).toHaveProperty("link.broker", recorded.world.brokers[1]!.url);
    expect(await recorded.faults()).toEqual([]);
    const named = recorded.world.logs.filter(({ fault }) => fault === "unconfirmed");
    expect(named).toHaveLength(1);
    expect(named[0]!["msg"]).toContain(recorded.world.brokers[0]!.url);
  }, 60_000);

  test("a broker that drops only telemetry is left, and everything arrives by the next one", async () => {
    const recorded = await openRecorded(2, dispatch);
    dropsTelemetry(recorded.world.brokers[0]!.broker);
    await recorded.pass(2 * HOUR_MS, withEvents(recorded));
    expect(recorded.lacking()).toBe(0);
    expect(await recorded.status()).toHaveProperty("link.broker", recorded.world.brokers[1]!.url);
    expect(await recorded.faults()).toEqual([]);
    expect(recorded.connections()).toBe(2);
  }, 60_000);
});

test("what was sent again in vain is offered at once to the next broker", async () => {
  const recorded = await openRecorded(2, "custody: dispatch");
  const { world, pass } = recorded;
  dropsTelemetry(world.brokers[0]!.broker);
  const moved = () => recorded.connections() === 2;
  for (let n = 0; n < 60 && !moved(); n++) await pass(MINUTE_MS, withEvents(recorded));
  expect(moved()).toBe(true);
  // The last ones were acknowledged less than 30 s before, and are sent after a minute.
  await pass(2 * MINUTE_MS);
  expect(recorded.lacking()).toBe(0);
}, 60_000);

test("the link returns to the next broker, not to the one that drops, when its connection is lost", async () => {
  const { world, pass, status, connections } = await openRecorded(2, "custody: dispatch");
  const [first, second] = world.brokers;
  first!.broker.faults.lies = true;
  await pass(HOUR_MS);
  world.network.reset(second!.route);
  await pass(MINUTE_MS);
  expect(connections()).toBe(3);
  expect(await status()).toHaveProperty("link.broker", second!.url);
}, 60_000);

test("a single broker that drops is kept and named as a fault until what it dropped has arrived", async () => {
  const { world, pass, faults, connections, lacking } = await openRecorded(1, "custody: dispatch");
  const { broker, url } = world.brokers[0]!;
  broker.faults.lies = true;
  await pass(HOUR_MS);
  expect(await faults()).toEqual([`unconfirmed ${url}`]);
  expect(world.logs.filter(({ fault }) => fault === "unconfirmed")).toHaveLength(1);
  broker.faults.lies = false;
  await pass(HOUR_MS);
  expect(await faults()).toEqual([]);
  expect([connections(), lacking()]).toEqual([1, 0]);
}, 60_000);

test("a broker that drops is not left while an emergency is open", async () => {
  const { world, life, pass, faults, connections } = await openRecorded(2, "custody: dispatch");
  life.board.hello("0badcafe", 1);
  life.board.press({ board: "0badcafe", number: 1, loop: 0, count: 1, ageMs: 0 });
  await pass(MINUTE_MS);
  dropsTelemetry(world.brokers[0]!.broker);
  await pass(HOUR_MS);
  expect(await faults()).toEqual([`unconfirmed ${world.brokers[0]!.url}`]);
  expect(connections()).toBe(1);
}, 60_000);

test("a broker that drops is left seldom while the other one cannot be reached", async () => {
  const { world, pass, connections, lacking } = await openRecorded(2, "custody: dispatch");
  const [first, second] = world.brokers;
  second!.broker.faults.down = true;
  first!.broker.faults.lies = true;
  await pass(6 * HOUR_MS);
  expect(connections() - 1).toBeGreaterThan(2);
  expect(connections() - 1).toBeLessThanOrEqual(9);
  second!.broker.faults.down = false;
  await pass(2 * HOUR_MS);
  expect(lacking()).toBe(0);
}, 60_000);

test("a recorder that is away for 12 hours loses nothing, and the link seldom moves between honest brokers", async () => {
  const recorded = await openRecorded(2, "custody: dispatch");
  const { recorder, pass, connections, lacking, newest, faults } = recorded;
  recorder.away = true;
  await pass(12 * HOUR_MS);
  // After 10, 20, 40 minutes, then each hour.
  expect(connections() - 1).toBeGreaterThan(2);
  expect(connections() - 1).toBeLessThanOrEqual(15);
  const before = newest();
  recorder.away = false;
  await pass(HOUR_MS);
  expect(newest()).toBeGreaterThan(before + 500);
  expect(lacking()).toBe(0);
  expect(await faults()).toEqual([]);
}, 120_000);

test("with a recorder that stores everything the link never moves", async () => {
  const recorded = await openRecorded(2, "custody: dispatch");
  await recorded.pass(12 * HOUR_MS, withEvents(recorded));
  expect(recorded.connections()).toBe(1);
  expect(recorded.world.logs.filter(({ fault }) => fault === "unconfirmed")).toEqual([]);
}, 120_000);

test("a broker is not blamed by a unit that was started without a disk: it looks at no receipt", async () => {
  const world = openWorld([{}, {}]);
  const first = await world.start("report: { standingS: 60 }", false, "zr-117", "custody: dispatch");
  await world.wait(5 * MINUTE_MS);
  first.process.kill();
  world.network.processGone(true);
  world.disk.cut();
  world.disk.fault = { kind: "read-only" };
  const second = await world.start("report: { standingS: 60 }", false, "zr-117", "custody: dispatch");
  const before = world.logs.filter(({ msg }) => msg === "connected to dispatch").length;
  await world.wait(HOUR_MS);
  const { faults } = await world.settle(second.page.status());
  expect(faults.filter(({ code }) => code === "unconfirmed")).toEqual([]);
  expect(world.logs.filter(({ msg }) => msg === "connected to dispatch")).toHaveLength(before + 1);
});
