import { describe, expect, test } from "vitest";
import { FULL_LIMITS } from "./broker.ts";
import { createFakeDisk } from "./fake/disk.ts";
import { startFakeUnit } from "./fake/unit.ts";
import { isHealthy } from "./health.ts";
import { LifeTime } from "./life.ts";
import { DROPPING_BROKER, FORGETFUL_BROKER, LYING_BROKER } from "./faults/network.ts";
import { ALL_FAULTS, Plan } from "./plan.ts";
import { simulate } from "./simulate.ts";
import { simulateSubject } from "./subject.ts";
import { SimulatedTime } from "./time.ts";
import { World } from "./world.ts";

const openWorld = (seed = 1) =>
  new World({ seed, start: startFakeUnit, createDisk: createFakeDisk, limits: FULL_LIMITS, trace: true });

describe("one seed decides everything", () => {
  test("the same seed gives the same trace, letter by letter", async () => {
    const [first, second] = [
      await simulateSubject({ seed: 7, hours: 0.1, settleMs: 0, trace: true }),
      await simulateSubject({ seed: 7, hours: 0.1, settleMs: 0, trace: true }),
    ];
    expect(first.trace.length).toBeGreaterThan(500);
    expect(second.trace.join("\n")).toBe(first.trace.join("\n"));
    expect(second.digest).toBe(first.digest);
  });

  test("ten seeds give ten traces", async () => {
    const digests = new Set<string>();
    for (let seed = 1; seed <= 10; seed++) {
      digests.add((await simulateSubject({ seed, hours: 0.02, settleMs: 0 })).digest);
    }
    expect(digests.size).toBe(10);
  });
});

describe("a world", () => {
  test("an hour of a unit without troubles violates nothing and takes seconds", async () => {
    const outcome = await simulate({
      seed: 1,
      start: startFakeUnit,
      createDisk: createFakeDisk,
      limits: FULL_LIMITS,
      hours: 1,
      faults: ALL_FAULTS.filter(({ kind }) => kind === "door"),
    });
    expect(outcome.violation).toBeUndefined();
    expect(outcome.simulatedMs).toBeGreaterThan(3_600_000);
  }, 20_000);

  test("a press goes all the way: board, disk, broker, dispatch, and back to the lamp", async () => {
    const world = openWorld();
    world.start();
    await world.run(5_000);
    world.board.press(0, 200);
    await world.run(60_000);
    const whats = world.trace.map((line) => JSON.parse(line) as { what: string; lamp?: string });
    const order = ["press", "durable", "confirmed", "published", "episode", "puback", "acked"];
    const at = order.map((what) => whats.findLastIndex((one) => one.what === what));
    expect(at).not.toContain(-1);
    const lamps = whats.flatMap((one) => (one.what === "lamp" ? [one.lamp] : []));
    expect(lamps).toEqual(["no-host", "idle", "latched", "stored", "sent", "received", "accepted", "idle"]);
    expect(world.checker.violation).toBeUndefined();
  });

  test("a unit that is killed says nothing more, and begins anew with what its disk kept", async () => {
    const world = openWorld();
    world.start();
    await world.run(10_000);
    world.kill(true);
    const before = world.trace.length;
    await world.run(30_000);
    const said = world.trace.slice(before).map((line) => JSON.parse(line) as { what: string });
    expect(said.filter(({ what }) => what === "published" || what === "durable")).toEqual([]);
    world.start();
    await world.run(10_000);
    expect(world.dispatch.states.at(-1)).toMatchObject({ state: "online", boot: 2 });
    expect(world.checker.violation).toBeUndefined();
  });

  test("a unit that hangs at its stop is killed after five seconds", async () => {
    const start = async () => ({
      pending: () => Promise.resolve(0),
      queues: () => [],
      drill: () => undefined,
      restart: new Promise<never>(() => undefined),
      [Symbol.asyncDispose]: () => new Promise<never>(() => undefined),
    });
    const world = new World({ seed: 1, start, createDisk: createFakeDisk });
    world.start();
    await world.run(1_000);
    void world.stop();
    await world.run(4_900);
    expect(world.running).toBe(true);
    await world.run(200);
    expect(world.running).toBe(false);
  });

  test("a start that fails is an exception", async () => {
    const start = () => Promise.reject(new Error("no"));
    const world = new World({ seed: 1, start, createDisk: createFakeDisk });
    world.start();
    await world.run(100);
    expect(world.checker.violation).toMatchObject({ invariant: "no-exception" });
  });
});

describe("faults", () => {
  test.each(
    [...ALL_FAULTS, LYING_BROKER, DROPPING_BROKER, FORGETFUL_BROKER].map(
      (fault) => [fault.kind, fault] as const,
    ),
  )("%s begins and ends, and leaves the world healthy", async (_kind, fault) => {
    const world = openWorld();
    world.start();
    await world.run(5_000);
    const plan = new Plan(world, [fault]);
    plan.begin();
    // Some are rare enough not to come at once.
    for (let i = 0; i < 20 && plan.counts.size === 0; i++) await world.run(60_000);
    plan.heal();
    expect([...plan.counts.keys()]).toEqual([fault.kind]);
    for (const route of world.network.routes.values()) {
      expect(isHealthy(route, world.dispatch.listens(route.broker))).toBe(true);
    }
    expect(world.running).toBe(true);
    expect([world.board.power, world.board.line.plugged, world.board.line.noise]).toEqual([true, true, 0]);
    expect([world.bus.speaks, world.bus.ignition, world.bus.crashed]).toEqual([true, "on", false]);
    expect(Object.values(world.gps.faults).every((value) => value === false || value === 0)).toBe(true);
  });

  test("two that overlap on one link leave it sound", () => {
    const world = openWorld();
    const begin = (kind: string) =>
      ALL_FAULTS.find((fault) => fault.kind === kind)!.begin(world, world.dice, "a")!;
    const coverage = begin("no coverage");
    const stall = begin("link stalls");
    coverage();
    stall();
    expect([...world.network.routes.values()].map(({ conditions }) => conditions.stalled)).toEqual([
      false,
      false,
    ]);
  });

  test("no two kinds have the same name", () => {
    expect(new Set(ALL_FAULTS.map(({ kind }) => kind)).size).toBe(ALL_FAULTS.length);
  });
});

test("the timers and ports of a life that is over do nothing", async () => {
  const time = new SimulatedTime(0);
  const life = new LifeTime(time);
  const seen: string[] = [];
  life.after(10, () => seen.push("after"));
  life.every(10, () => seen.push("every"));
  const ask = life.port(async (question: string) => {
    seen.push(question);
    return 1;
  });
  life.kill();
  life.soon(() => seen.push("soon"));
  let answered = false;
  void ask("asked").then(() => (answered = true));
  await time.run(100);
  expect([seen, answered]).toEqual([[], false]);
});
