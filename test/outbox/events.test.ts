import { setImmediate as turn } from "node:timers/promises";
import { expect, describe, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { LANES } from "../../src/domain/pending.ts";
import type { Draft, EventData, Report } from "../../src/domain/report.ts";
import type { Clock } from "../../src/domain/time.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { createSimulatedDisk, type SimulatedDisk } from "../simulation/disk.ts";
import { LifeTime } from "../simulation/life.ts";
import { diskOf } from "../simulation/real/disk.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { openTestOutbox, type TestOptions } from "./open-outbox.ts";

const disk = (): SimulatedDisk => createSimulatedDisk({ time: systemTime, random: createRandom(3) });
const open = (of: SimulatedDisk, options: TestOptions = {}) =>
  openTestOutbox(of.path, { disk: of, ...options });

const event = (data: EventData): Draft => ({ kind: "event", data, at: 1, clock: "gnss" });
const fault = (n: number): Draft => event({ type: "fault", part: "gps", detail: String(n) });
const press: Draft = {
  kind: "emergency",
  data: { episode: EPISODE, state: "active", test: false, button: "dash", presses: 1, attempt: 1 },
  at: 1,
  clock: "gnss",
};

/** A clock that stands still between steps, in milliseconds. */
const steppedClock = () => {
  let mono = 0;
  const clock: Clock = {
    mono: () => mono,
    now: () => ({ at: mono, clock: "gnss" }),
    when: (at) => ({ at, clock: "gnss" }),
  };
  return { clock, pass: (ms: number) => void (mono += ms) };
};

const POSITION = { lat: 45, lon: 20, fix: "3d", reason: "emergency" } as const;

/** Everything that can be read, and the numbers that are declared. */
const accountOf = async (
  outbox: Outbox,
): Promise<{ reports: Map<number, Report>; declared: Set<number> }> => {
  const reports = new Map<number, Report>();
  for (const lane of LANES)
    for (let after = 0; ;) {
      const page = await outbox.read(lane, after, 5_000);
      for (const report of page.reports) reports.set(report.seq, report);
      if (page.cursor === after) break;
      after = page.cursor;
    }
  const declared = new Set<number>();
  for (const { kind, data } of reports.values()) {
    if (kind !== "event" || data.type !== "gap") continue;
    const kept = new Set(data.kept);
    for (let n = data.from; n <= data.to; n++) if (!kept.has(n)) declared.add(n);
  }
  return { reports, declared };
};
const ofType = (reports: Iterable<Report>, type: EventData["type"]): Report[] =>
  [...reports].filter(({ kind, data }) => kind === "event" && data.type === type);

const expectAccounted = async (outbox: Outbox): Promise<void> => {
  const { reports, declared } = await accountOf(outbox);
  const last = Math.max(...reports.keys());
  const wrong: number[] = [];
  for (let n = 1; n <= last; n++) if (reports.has(n) === declared.has(n)) wrong.push(n);
  expect(wrong, "lost without a gap, or declared and still there").toEqual([]);
};

describe("too many reports of an emergency", () => {
  test("on disk: the oldest go, declared, but for the first and the newest of each episode", async () => {
    const { clock, pass } = steppedClock();
    const of = disk();
    const pressed = (presses: number): Draft =>
      press.kind === "emergency" ? { ...press, data: { ...press.data, presses } } : press;
    {
      await using outbox = await open(of, { clock });
      outbox.remember(remembering(EPISODE));
      for (let n = 1; n <= 10_000; n++) {
        if (n % 4 === 0) outbox.append({ kind: "position", data: POSITION, at: n, clock: "gnss" });
        outbox.append(pressed(n));
        pass(250);
        // oxlint-disable-next-line no-await-in-loop -- as a loose wire makes them
        if (n % 40 === 0) await outbox.flush();
      }
    }
    await using outbox = await open(of);
    const { reports } = await accountOf(outbox);
    const presses = [...reports.values()].flatMap(({ kind, data }) =>
      kind === "emergency" ? [data.presses] : [],
    );
    expect(presses.length).toBeLessThan(5_000);
    expect([Math.min(...presses), Math.max(...presses)]).toEqual([1, 10_000]);
    await expectAccounted(outbox);
  }, 60_000);
});

describe("too many events", () => {
  test("on disk: the oldest of low value go, declared; emergencies, gaps and commands stay", async () => {
    const { clock, pass } = steppedClock();
    const of = disk();
    {
      await using outbox = await open(of, { clock });
      outbox.append(press);
      outbox.remember(remembering(EPISODE));
      for (let n = 0; n < 10; n++) outbox.append(event({ type: "command", id: String(n) }));
      for (let n = 0; n < 12_000; n++) {
        for (let full = outbox.pressure(); full; full = outbox.pressure()) await full;
        outbox.append(fault(n));
      }
      await outbox.flush();
      for (let n = 0; n < 40; n++) {
        pass(1_000);
        outbox.append(fault(12_000 + n));
        await outbox.flush();
      }
    }
    await using outbox = await open(of);
    const { reports } = await accountOf(outbox);
    const faults = ofType(reports.values(), "fault");
    expect(faults).toHaveLength(12_040 - 2_500);
    expect(faults[0]!.data).toMatchObject({ detail: "2500" });
    expect(ofType(reports.values(), "command")).toHaveLength(10);
    expect(reports.get(1)?.kind).toBe("emergency");
    await expectAccounted(outbox);
  }, 60_000);

  test("in memory, while the disk is full: the same, and all is accounted for once it has room", async () => {
    const of = disk();
    await using outbox = await open(of);
    outbox.append(press);
    await outbox.flush();
    of.fault = { kind: "full" };
    outbox.append(press);
    await expect(outbox.flush()).rejects.toThrow(/no space left/);
    expect(outbox.state.kind).toBe("reopening");
    for (let n = 0; n < 20_000; n++) {
      outbox.append(fault(n));
      // The vital file is written meanwhile: numbers must not wait for their lease.
      if (n % 200 === 0) await turn();
    }
    const { records } = await outbox.stats();
    expect(records).toBeLessThan(3_500);
    of.fault = undefined;
    await expect.poll(() => outbox.state.kind, { timeout: 10_000 }).toBe("open");
    await outbox.flush();
    const { reports } = await accountOf(outbox);
    expect([...reports.values()].filter(({ kind }) => kind === "emergency")).toHaveLength(2);
    await expectAccounted(outbox);
  }, 30_000);

  test("that lie too far apart to be declared together stay", async () => {
    let mono = 0;
    const clock: Clock = {
      mono: () => mono,
      now: () => ({ at: mono, clock: "unset" }),
      when: (at) => ({ at, clock: "unset" }),
    };
    const of = disk();
    await using outbox = await open(of, { clock });
    const position: Draft = {
      kind: "position",
      data: { lat: 45, lon: 20, fix: "3d", reason: "interval" },
      at: 1,
      clock: "unset",
    };
    // Between two events there is more than a gap can list.
    for (let n = 0; n < 40; n++) {
      outbox.append(fault(n));
      for (let more = 0; more < 600; more++) {
        for (let full = outbox.pressure(); full; full = outbox.pressure()) await full;
        outbox.append(position);
      }
    }
    await outbox.flush();
    mono += 10_000;
    outbox.append(fault(40));
    await outbox.flush();
    const { reports } = await accountOf(outbox);
    expect(ofType(reports.values(), "fault")).toHaveLength(41);
  }, 30_000);
});

describe("lives that end in a power cut", () => {
  test("never give a number twice, and account for all of them", async () => {
    const random = createRandom(11);
    const of = createSimulatedDisk({ time: systemTime, random });
    const used = new Map<number, string>();
    const stored = new Set<number>();
    let boot = 0;
    for (let life = 0; life < 25; life++) {
      const alive = new LifeTime(systemTime);
      const outbox = await open(of, { early: random() < 0.5, disk: diskOf(of, alive), time: alive });
      expect(outbox.boot).toBeGreaterThan(boot);
      ({ boot } = outbox);
      const turns = Math.floor(random() * 8);
      for (let n = 0; n < turns; n++) {
        outbox.remember(remembering(EPISODE));
        const report = random() < 0.5 ? outbox.append(fault(n)) : outbox.append({ ...press });
        const name = `${life} ${report.kind} ${report.mono} ${n}`;
        expect(used.get(report.seq), `number ${report.seq}`).toBeUndefined();
        used.set(report.seq, name);
        if (random() < 0.3) of.tear();
        if (random() < 0.5)
          await outbox.flush().then(
            () => stored.add(report.seq),
            () => undefined,
          );
        if (random() < 0.3) outbox.nextConnection();
      }
      alive.kill();
      of.cut();
    }
    await using outbox = await open(of);
    await outbox.flush();
    const { reports, declared } = await accountOf(outbox);
    for (const seq of stored) expect(reports.has(seq), `stored ${seq}`).toBe(true);
    for (const seq of used.keys()) expect(reports.has(seq) || declared.has(seq), `number ${seq}`).toBe(true);
    await expectAccounted(outbox);
  }, 60_000);
});
