import { describe, expect, test } from "vitest";
import type { Incoming } from "../../src/dispatch/port.ts";
import type { CommandMessage } from "../../src/domain/messages.ts";
import type { EventData } from "../../src/domain/report.ts";
import type { Instant } from "../../src/domain/time.ts";
import { createRoutes } from "../../src/domain/wire.ts";
import { openOutbox } from "../../src/outbox/outbox.ts";
import { createLog } from "../../src/runtime/log.ts";
import { CommandPart } from "../../src/unit/commands.ts";
import { LifeTime } from "../simulation/life.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { createDice } from "../simulation/random.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { openWorld } from "./whole-unit.ts";

const NOW = Date.UTC(2026, 10, 24, 22);
const ROOT = "patrol/v1/zrenjanin/zr-117";
const routes = createRoutes("patrol/v1", "zrenjanin/zr-117");

const command = (
  id: string,
  extra: Partial<Incoming> = {},
  kind = "ping",
  expiresAt = NOW + 60_000,
): Incoming => ({
  topic: routes.command,
  payload: Buffer.from(JSON.stringify({ id, kind, expiresAt: new Date(expiresAt).toISOString() })),
  ...extra,
});

/** A unit's commands on a disk that outlives it. */
class Life {
  readonly time: SimulatedTime;
  readonly disk;
  readonly random = createDice(1).random;
  instant: Instant = { at: NOW, clock: "gnss" };
  connected = true;
  ran: string[] = [];
  replies: (readonly [topic: string, reply: unknown])[] = [];
  events: EventData[] = [];
  #outbox: AsyncDisposable | undefined;
  #process: LifeTime | undefined;

  constructor() {
    this.time = new SimulatedTime(NOW);
    this.disk = createSimulatedDisk({ time: this.time, random: this.random });
  }

  /** Runs simulated time until the promise has settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const end = () => (over = true);
    promise.then(end, end);
    await this.time.run(this.time.mono() + 60_000, () => over);
    return promise;
  }

  async start() {
    const { disk, random } = this;
    const time = new LifeTime(this.time);
    this.#process = time;
    const clock = {
      mono: () => Math.floor(time.lastedMs),
      now: () => this.instant,
      when: () => this.instant,
    };
    const on = { stored: () => undefined, fault: () => undefined, news: () => undefined };
    const outbox = await this.settle(
      openOutbox({
        disk,
        unit: "zrenjanin/zr-117",
        clock,
        time,
        random,
        maxBytes: 1e9,
        lingerMs: () => 0,
        on,
      }),
    );
    this.#outbox = outbox;
    const kinds: Record<string, (asked: CommandMessage) => string | undefined> = {
      ping: ({ id }) => {
        this.ran.push(id);
        return undefined;
      },
      fussy: () => "movingS: expected a number",
      broken: () => {
        throw new Error("not today");
      },
    };
    const part = new CommandPart({
      outbox,
      clock,
      time,
      log: createLog(() => undefined),
      routes,
      event: (data) => this.events.push(data),
      reply: ({ topic, correlationData }, payload) => {
        this.replies.push([`${topic}${correlationData?.toString() ?? ""}`, JSON.parse(payload.toString())]);
      },
      connected: () => this.connected,
      kinds,
    });
    return { part, outbox };
  }

  async stop(): Promise<void> {
    await this.settle(Promise.resolve(this.#outbox![Symbol.asyncDispose]()));
    this.ran = [];
    this.replies = [];
    this.events = [];
  }

  /** The power goes: nothing is written any more. */
  cut(): void {
    this.#process?.kill();
    this.disk.cut();
    this.ran = [];
    this.replies = [];
    this.events = [];
  }
}

test("a command runs once and is answered each time, also after a restart", async () => {
  const life = new Life();
  const { part } = await life.start();
  await life.settle(part.receive(command("1")));
  await life.settle(
    part.receive(command("1", { responseTopic: "here", correlationData: Buffer.from("#7") })),
  );
  expect(life.ran).toEqual(["1"]);
  expect(life.replies).toEqual([
    [`${ROOT}/reply`, { id: "1", ok: true }],
    ["here#7", { id: "1", ok: true }],
  ]);
  expect(life.events).toEqual([{ type: "command", kind: "ping", id: "1", ok: true }]);
  await life.stop();
  const again = await life.start();
  await life.settle(again.part.receive(command("1")));
  expect(life.ran).toEqual([]);
  expect(life.events).toEqual([]);
  expect(life.replies).toEqual([[`${ROOT}/reply`, { id: "1", ok: true }]]);
});

test("a command that is not UTF-8 is refused: its id could become that of another one", async () => {
  const life = new Life();
  const { part } = await life.start();
  for (const byte of [0xff, 0xfe]) {
    const payload = Buffer.from(command("p#").payload.toString("latin1").replace("#", "\0"), "latin1");
    payload[payload.indexOf(0)] = byte;
    await life.settle(part.receive(command("", { payload })));
  }
  expect(life.ran).toEqual([]);
  const error = "it is not a command: it is not JSON in UTF-8, or it is too long";
  const refused = [`${ROOT}/reply`, { id: "", ok: false, error }];
  expect(life.replies).toEqual([refused, refused]);
  expect(life.events).toEqual([
    { type: "command", ok: false, error },
    { type: "command", ok: false, error },
  ]);
});

test("a command is on disk before it is answered: a power cut right after does not run it again", async () => {
  const life = new Life();
  const { part } = await life.start();
  const done = part.receive(command("1"));
  expect(life.ran).toEqual(["1"]);
  expect(life.replies).toEqual([]);
  await life.settle(done);
  expect(life.replies).toHaveLength(1);
  life.cut();
  const again = await life.start();
  await life.settle(again.part.receive(command("1")));
  expect(life.ran).toEqual([]);
});

test("what comes before the time is known waits, over a restart, for the time and for a connection", async () => {
  const life = new Life();
  life.instant = { at: 0, clock: "unset" };
  const { part } = await life.start();
  await life.settle(
    part.receive(command("1", { responseTopic: "here", correlationData: Buffer.from("#8") })),
  );
  await life.settle(part.receive(command("2", {}, "ping", NOW - 1)));
  part.tick();
  await life.time.run(life.time.mono() + 1_000);
  expect([life.ran, life.replies]).toEqual([[], []]);
  life.cut();

  const again = await life.start();
  life.instant = { at: NOW, clock: "gnss" };
  life.connected = false;
  again.part.tick();
  await life.time.run(life.time.mono() + 1_000);
  expect(life.ran).toEqual([]);
  life.connected = true;
  for (let n = 0; n < 3; n++) again.part.tick();
  await life.time.run(life.time.mono() + 1_000);
  expect(life.ran).toEqual(["1"]);
  expect(life.replies).toEqual([
    ["here#8", { id: "1", ok: true }],
    [`${ROOT}/reply`, { id: "2", ok: false, error: `it expired at ${new Date(NOW - 1).toISOString()}` }],
  ]);
  expect(again.outbox.memory.commands.held).toEqual([]);
});

test("of those that waited each is kept until it has its answer", async () => {
  const life = new Life();
  life.instant = { at: 0, clock: "unset" };
  const { part, outbox } = await life.start();
  for (const id of ["1", "2", "3"]) await life.settle(part.receive(command(id)));
  life.instant = { at: NOW, clock: "gnss" };
  part.tick();
  expect(outbox.memory.commands.held).toHaveLength(2);
  life.cut();
  const again = await life.start();
  again.part.tick();
  await life.time.run(life.time.mono() + 1_000);
  expect(life.ran).toEqual(["1", "2", "3"]);
  expect(life.replies).toHaveLength(3);
});

test("hostile payloads are refused with a reason and reported as events; nothing runs", async () => {
  const life = new Life();
  const { part } = await life.start();
  const payloads = [
    "",
    "{",
    "[]",
    "null",
    '{"id":"x"}',
    '{"id":"x","kind":"ping","expiresAt":"soon"}',
    `{"id":"big","kind":"ping","expiresAt":"${new Date(NOW + 1).toISOString()}","pad":"${"x".repeat(20_000)}"}`,
    `{"id":"${"x".repeat(1_000_000)}"}`,
    "[".repeat(9_000),
  ];
  for (const payload of payloads)
    await life.settle(part.receive({ topic: routes.command, payload: Buffer.from(payload) }));
  await life.settle(part.receive({ topic: routes.command, payload: Buffer.from([0xff, 0xfe, 0x00]) }));
  await life.settle(part.receive(command("u", {}, "constructor")));
  await life.settle(part.receive(command("f", {}, "fussy")));
  await life.settle(part.receive(command("late", {}, "ping", NOW - 1)));
  expect(life.ran).toEqual([]);
  expect(life.replies).toHaveLength(payloads.length + 4);
  expect(life.events).toHaveLength(payloads.length + 4);
  expect(life.events.every((event) => event.type === "command" && event["ok"] === false)).toBe(true);
  expect(life.replies.at(-2)).toEqual([
    `${ROOT}/reply`,
    { id: "f", ok: false, error: "movingS: expected a number" },
  ]);
});

test("a command that throws is answered and not run again: it does not come back for ever", async () => {
  const life = new Life();
  const { part } = await life.start();
  await life.settle(part.receive(command("b", {}, "broken")));
  await life.settle(part.receive(command("b", {}, "broken")));
  const reply = [`${ROOT}/reply`, { id: "b", ok: false, error: "it failed: not today" }];
  expect(life.replies).toEqual([reply, reply]);
  expect(life.events).toHaveLength(1);
});

test("a disk that refuses or hangs does not keep the answer: PUBACKs wait behind it", async () => {
  const life = new Life();
  const { part } = await life.start();
  life.disk.fault = { kind: "refuses" };
  await life.settle(part.receive(command("1")));
  expect(life.replies).toHaveLength(1);
  life.disk.fault = { kind: "slow", factor: 1e6 };
  const began = life.time.mono();
  await life.settle(part.receive(command("2")));
  expect(life.time.mono() - began).toBeLessThan(1_100);
  expect(life.replies).toHaveLength(2);
});

test("an answer to a topic of the unit's own tree goes to its reply topic", async () => {
  const life = new Life();
  const { part } = await life.start();
  for (const responseTopic of [`${ROOT}/state`, "a/+/b", "fine/here"])
    await life.settle(part.receive(command(responseTopic, { responseTopic })));
  expect(life.replies.map(([topic]) => topic)).toEqual([`${ROOT}/reply`, `${ROOT}/reply`, "fine/here"]);
});

describe("a restart", () => {
  type World = ReturnType<typeof openWorld>;
  const NOT_MADE = "a restart is not made: its command cannot be stored";

  const ask = (world: World): void => {
    const expiresAt = new Date(world.time.host() + 3_600_000).toISOString();
    const payload = Buffer.from(JSON.stringify({ id: "r1", kind: "restart", expiresAt }));
    world.brokers[0]!.broker.publish(`${ROOT}/command`, payload, {});
  };
  const start = async (world: World) => {
    const { unit, process } = await world.start();
    const restarts: string[] = [];
    void unit.restart.then((why) => restarts.push(why));
    await world.wait(3_000);
    return { process, restarts };
  };

  test("is made once, after its answer", async () => {
    const world = openWorld([{}]);
    const { restarts } = await start(world);
    ask(world);
    await world.wait(10_000, () => restarts.length > 0);
    expect(restarts).toEqual(["asked by dispatch"]);
    const replies = world.heard.filter(({ topic }) => topic.endsWith("/reply"));
    expect(replies.map(({ report }) => report)).toEqual([{ id: "r1", ok: true }]);
  });

  test("is made when its id is on disk: the power goes right then, and the next boot does not restart", async () => {
    const world = openWorld([{}]);
    const first = await start(world);
    // A write takes seconds.
    world.disk.fault = { kind: "slow", factor: 500 };
    ask(world);
    await world.wait(30_000, () => first.restarts.length > 0);
    expect(first.restarts).toHaveLength(1);
    first.process.kill();
    world.network.processGone(true);
    world.disk.fault = undefined;
    world.disk.cut();
    const second = await start(world);
    await world.wait(60_000);
    expect(second.restarts).toEqual([]);
  });

  test.each([
    ["refuses", { kind: "refuses" }],
    ["does not answer", { kind: "slow", factor: 1e9 }],
  ] as const)("is not made when the disk %s, and the log says so", async (_, fault) => {
    const world = openWorld([{}]);
    const { restarts } = await start(world);
    world.disk.fault = fault;
    ask(world);
    await world.wait(120_000);
    expect(restarts).toEqual([]);
    const lines = world.logs.filter(({ msg }) => msg === NOT_MADE);
    expect(lines).toEqual([{ level: "error", msg: NOT_MADE, cause: expect.any(String) }]);
  });
});

test("answers that are dropped because the broker does not take them are reported, and what became of each command too", async () => {
  const world = openWorld([{}]);
  const { broker } = world.brokers[0]!;
  await world.start();
  await world.wait(5_000);
  broker.faults.slowMs = 20_000;
  const expiresAt = new Date(world.time.host() + 600_000).toISOString();
  for (let n = 0; n < 400; n++)
    broker.publish(routes.command, Buffer.from(JSON.stringify({ id: `c${n}`, kind: "ping", expiresAt })), {});
  await world.wait(15_000);
  broker.faults.slowMs = 0;
  await world.wait(300_000);
  const ids = world.events().flatMap(({ type, id }) => (type === "command" ? [id] : []));
  expect(new Set(ids).size).toBe(400);
  expect(world.events().filter(({ code }) => code === "answers-dropped").length).toBeGreaterThan(0);
});
