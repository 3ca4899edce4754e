import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fillBacklog } from "./backlog.ts";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { openCentre, type Centre } from "./centre.ts";
import { openDispatch } from "./dispatch.ts";
import { freePort, startMosquitto } from "./mosquitto.ts";
import { openRelay } from "./relay.ts";

let broker: Centre["broker"];
let dispatch: Centre["dispatch"];
let stack: Centre["stack"];

beforeEach(async () => {
  ({ broker, dispatch, stack } = await openCentre());
});
afterEach(() => stack.disposeAsync());

const brokersOf = (...ports: number[]) =>
  `{ brokers: [${ports.map((port) => `"mqtt://127.0.0.1:${port}"`).join(", ")}], allowPlaintext: true }`;
const car = (options = {}, ports = [broker.port]): Car =>
  stack.use(openCar(brokersOf(...ports), { board: true, ...options }));
const lampIs = (there: Car, lamp: string) =>
  waitFor(`the lamp to show ${lamp}`, () => there.lamps.at(-1) === lamp);
const PRESS_MS = 200;
/** The next press must not begin before. */
const RELEASED_MS = 400;
/** A few messages of history, of a thousand records and more each, are on their way: in the sockets, or at the broker. */
const MOST_ON_THE_WAY = 10_000;
const episodes = () => new Set(dispatch.emergencies().map(({ episode }) => episode));
const last = () => dispatch.newestEmergency()!;

describe("a press", () => {
  test("goes to the broker, is received, accepted and cleared, and the lamp follows", async () => {
    const unit = car();
    await unit.start();
    await unit.listens();
    for (let n = 0; n < 30; n++) await unit.line.write(epoch(n));
    await lampIs(unit, "idle");
    await waitFor("the link", () => dispatch.states.length > 0);
    unit.press(1);
    await waitFor("the emergency", () => episodes().size === 1);
    const { episode } = last();
    expect(last()).toMatchObject({ state: "active", test: false, button: "boot", presses: 1, attempt: 1 });
    expect(last().position).toMatchObject({ trusted: true, lat: expect.any(Number) });
    expect(last().track!.length).toBeGreaterThan(0);
    await lampIs(unit, "sent");
    await dispatch.ack(episode, "received");
    await lampIs(unit, "received");
    // Positions each second while it is open, whatever the policy would say.
    for (let n = 30; n < 60; n++) await unit.line.write(epoch(n));
    await dispatch.ack(episode, "accepted");
    await lampIs(unit, "accepted");
    unit.press(0);
    await waitFor("the further press", () => last().presses === 2);
    // An episode that ends while its first button is held has no `heldMs`: this one is quicker than the press.
    await waitFor("the release", () => last().heldMs !== undefined);
    await dispatch.ack(episode, "cleared");
    await lampIs(unit, "idle");
    await waitFor("the end", () => dispatch.removed.size === 1);
    // By number: one that had no PUBACK when the next was made comes again, as history.
    const stages = dispatch.reports
      .toSorted((a, b) => a.seq - b.seq)
      .flatMap((one) => (one.kind === "emergency" ? [`${one.data.state} ${one.data.presses}`] : []));
    // The release of the first press is a report of its own, before or after the first acknowledgement.
    expect(stages.filter((stage, n) => stage !== stages[n - 1])).toEqual([
      "active 1",
      "received 1",
      "accepted 1",
      "accepted 2",
      "cleared 2",
    ]);
    expect(
      dispatch
        .emergencies()
        .filter(({ state }) => state !== "active")
        .every(({ by }) => by === "operator 7"),
    ).toBe(true);
    const held = dispatch.emergencies().flatMap(({ heldMs }) => heldMs ?? []);
    expect(new Set(held).size).toBe(1);
    expect(Math.abs(held[0]! - PRESS_MS)).toBeLessThanOrEqual(10);
    const order = unit.lamps.slice(unit.lamps.indexOf("idle"));
    expect(order.filter((lamp) => lamp !== "stored")).toEqual([
      "idle",
      "latched",
      "sent",
      "received",
      "accepted",
      "idle",
    ]);
    await waitFor("the ledger", () => dispatch.missing().length === 0);
    // Whoever comes later finds no emergency on the broker.
    const late = await connectAsync(broker.url);
    const retained: string[] = [];
    late.on("message", (topic) => retained.push(topic));
    await late.subscribeAsync("patrol/v1/+/+/emergency/#");
    await sleep(300);
    await late.endAsync();
    expect(retained).toEqual([]);
  });

  test("while the unit is down is delivered when it starts", async () => {
    const unit = car();
    await unit.start();
    await lampIs(unit, "idle");
    await unit.stop("SIGKILL");
    unit.press();
    await sleep(700);
    await unit.start();
    await waitFor("the emergency", () => episodes().size === 1);
    expect(last().pressedAt).toBeDefined();
    expect(Date.now() - Date.parse(last().pressedAt!)).toBeGreaterThan(700);
    await lampIs(unit, "sent");
  });

  test("while the process stands still is reported with the time at which it was made", async () => {
    const unit = car();
    await unit.start();
    await lampIs(unit, "idle");
    await unit.listens();
    const driving = setInterval(() => void unit.line.write(epoch(0, Date.now())), 500);
    stack.defer(() => clearInterval(driving));
    await waitFor("the time", () => dispatch.reports.some(({ clock }) => clock === "gnss"));
    // The board's clock is learned from two of its heartbeats.
    await sleep(2_500);
    unit.kill("SIGSTOP");
    await sleep(4_000);
    const pressedAt = Date.now();
    unit.press();
    await sleep(4_000);
    const wentOnAt = Date.now();
    unit.kill("SIGCONT");
    await waitFor("the emergency", () => episodes().size === 1);
    await sleep(1_500);
    const offMs = Date.parse(last().pressedAt!) - pressedAt;
    expect(offMs).toBeGreaterThan(-1_300);
    expect(offMs).toBeLessThan(700);
    const reports = dispatch.reports.filter(({ kind, data }) => kind === "emergency" && data.presses === 1);
    for (const { at } of reports) expect(Date.parse(at) - wentOnAt).toBeGreaterThan(-500);
    expect(dispatch.events("fault")).toEqual([]);
  }, 40_000);

  test("with the broker away is stored, sent when it is back, and repeated until received", async () => {
    const unit = car();
    await broker.stop();
    await unit.start();
    await lampIs(unit, "idle");
    unit.press();
    await lampIs(unit, "stored");
    await sleep(500);
    await broker.start();
    await lampIs(unit, "sent");
    await waitFor("the repeats", () => dispatch.emergencies().some(({ attempt }) => attempt === 3), 30_000);
    await dispatch.ack(last().episode, "received");
    await lampIs(unit, "received");
    await waitFor("its report", () => last().state === "received");
    const said = dispatch.emergencies().length;
    await sleep(6_000);
    expect(dispatch.emergencies()).toHaveLength(said);
    const active = dispatch.reports.filter((r) => r.kind === "emergency" && r.data.state === "active");
    // A repeat keeps its number; a change, the release, is a new report.
    const reports = active.map(({ seq, data }) => `${seq} ${"heldMs" in data ? "released" : "pressed"}`);
    expect([...new Set(reports)].map((one) => one.split(" ")[1])).toEqual(["pressed", "released"]);
    expect(episodes().size).toBe(1);
  }, 60_000);

  test("is repeated round the brokers, answered from any, and left on none", async () => {
    const second = stack.use(await startMosquitto());
    await second.start();
    const there = stack.use(await openDispatch(second.url));
    const unit = car({}, [broker.port, second.port]);
    await unit.start();
    await waitFor("the link", () => dispatch.states.length > 0);
    unit.press();
    await waitFor("the press at the first", () => dispatch.emergencies().length > 0);
    await waitFor("the repeat at the second", () => there.emergencies().length > 0);
    expect(there.emergencies()[0]).toMatchObject({ attempt: 2, episode: last().episode });
    await waitFor("the next at the first", () => last().attempt === 3);
    expect(dispatch.reports.every((r) => r.kind !== "emergency" || r.live)).toBe(true);
    await there.ack(last().episode, "received");
    await lampIs(unit, "received");
    await dispatch.ack(last().episode, "accepted");
    await lampIs(unit, "accepted");
    await waitFor("both to know", () => there.emergencies().at(-1)!.state === "accepted");
    await dispatch.ack(last().episode, "cleared");
    await waitFor("the end at both", () => dispatch.removed.size === 1 && there.removed.size === 1);
    expect(there.emergencies().at(-1)!.state).toBe("cleared");
    // The link was never given up for it.
    expect(unit.log.filter(({ msg }) => msg.startsWith("connected"))).toHaveLength(1);
  }, 60_000);

  test("is heard by the second broker when the first has fallen silent", async () => {
    const second = stack.use(await startMosquitto());
    await second.start();
    const there = stack.use(await openDispatch(second.url));
    const unit = car({}, [broker.port, second.port]);
    await unit.start();
    await waitFor("the link", () => dispatch.states.length > 0);
    await lampIs(unit, "idle");
    broker.freeze();
    unit.press();
    await waitFor("the press at the second", () => there.emergencies().length > 0, 15_000);
    await lampIs(unit, "sent");
    await there.ack(there.emergencies()[0]!.episode, "accepted");
    await lampIs(unit, "accepted");
    broker.thaw();
    await waitFor("the first to know", () => dispatch.emergencies().at(-1)?.state === "accepted");
  }, 60_000);

  test("under a backlog of 100,000 records overtakes all but those on their way", async () => {
    const relay = stack.use(await openRelay(broker.port));
    const unit = car({}, [relay.port]);
    await fillBacklog(unit, 100_000);
    await unit.start();
    await waitFor("the drain", () => dispatch.positions().length > 0);
    // The link stands still until the press is stored: what is sent after that does not depend on the machine.
    relay.stall(true);
    unit.press();
    await waitFor("the press to be stored", () => unit.lamps.includes("stored"));
    const drained = dispatch.positions().length;
    const begun = performance.now();
    relay.stall(false);
    await waitFor("the press", () => episodes().size === 1);
    const tookMs = performance.now() - begun;
    const first = dispatch.reports.findIndex(({ kind }) => kind === "emergency");
    const ahead = dispatch.reports.slice(0, first).filter(({ kind }) => kind === "position").length - drained;
    process.stdout.write(
      `press under a backlog: at dispatch after ${tookMs.toFixed(0)} ms, behind ${ahead} records that were on their way\n`,
    );
    expect(drained).toBeLessThan(100_000);
    expect(ahead).toBeLessThan(MOST_ON_THE_WAY);
    await waitFor("the whole backlog", () => dispatch.positions().length === 100_000, 60_000);
    await waitFor("the ledger", () => dispatch.missing().length === 0);
  }, 120_000);

  test("and SIGKILL at random moments, 100 rounds: 100 episodes, none twice", async () => {
    const unit = car({ program: "dist/patrol-unit.mjs" });
    await unit.start();
    await lampIs(unit, "idle");
    for (let round = 1; round <= 100; round++) {
      unit.press(round % 2);
      await sleep(Math.random() * 120);
      await unit.stop("SIGKILL");
      await unit.start();
      await waitFor(`the episode of round ${round}`, () => episodes().size === round);
      // The last message may be an end that an earlier round had sent before it was killed.
      await dispatch.ack([...episodes()].at(-1)!, "cleared");
      await waitFor(`the end of round ${round}`, () => dispatch.removed.size === round);
    }
    expect(episodes().size).toBe(100);
    for (const episode of episodes()) {
      const presses = dispatch.emergencies().filter((e) => e.episode === episode);
      expect(Math.max(...presses.map((e) => e.presses))).toBe(1);
    }
    await waitFor("the ledger", () => dispatch.missing().length === 0);
  }, 400_000);
});

describe("an open episode", () => {
  test("goes on after a power cut, and hears what dispatch said meanwhile", async () => {
    const unit = car();
    await unit.start();
    await lampIs(unit, "idle");
    unit.press();
    await lampIs(unit, "sent");
    const { episode } = last();
    await unit.stop("SIGKILL");
    await dispatch.ack(episode, "accepted");
    await unit.start();
    await lampIs(unit, "accepted");
    await waitFor("its report", () => last().state === "accepted");
    expect(last().episode).toBe(episode);
    unit.press();
    await waitFor("the further press", () => last().presses === 2);
    expect(episodes().size).toBe(1);
  });

  test("is told no nonsense: foreign, unreadable and huge acknowledgements change nothing", async () => {
    const unit = car();
    await unit.start();
    await lampIs(unit, "idle");
    unit.press();
    await lampIs(unit, "sent");
    const { episode } = last();
    await dispatch.ack("01K0000000000000000000000A", "cleared");
    await dispatch.say(`emergency/${episode}/ack`, "not json");
    await dispatch.say(`emergency/${episode}/ack`, JSON.stringify({ stage: "done" }));
    await dispatch.say(
      `emergency/${episode}/ack`,
      JSON.stringify({ stage: "cleared", by: "x".repeat(100_000) }),
    );
    await dispatch.ack(episode, "accepted");
    await dispatch.ack(episode, "received");
    await lampIs(unit, "accepted");
    await sleep(300);
    expect(unit.lamps.at(-1)).toBe("accepted");
    const states = dispatch.emergencies().map(({ state }) => state);
    expect(states.filter((state, n) => state !== states[n - 1])).toEqual(["active", "accepted"]);
  });
});

describe("the board", () => {
  test("unplugged, cut and mended is told to dispatch within ten seconds", async () => {
    const unit = car();
    await unit.start();
    await lampIs(unit, "idle");
    const told = (type: string, part: string) =>
      dispatch.events(type).some(({ data }) => "part" in data && data.part === part);
    const within = async (what: string, done: () => boolean) => {
      const begun = performance.now();
      await waitFor(what, done, 10_000);
      return performance.now() - begun;
    };
    unit.panic.board.wire(1, "cut");
    await within("the cut", () => told("fault", "panic-loop"));
    await lampIs(unit, "fault");
    unit.panic.board.wire(1, "whole");
    await within("the mending", () => told("recovered", "panic-loop"));
    // Broken, then mended while nobody is there to see it: that is told when the board is back.
    unit.panic.board.wire(0, "cut");
    await lampIs(unit, "fault");
    unit.panic.unplug();
    unit.panic.board.wire(0, "whole");
    await within("the unplugging", () => told("fault", "panic-board"));
    unit.panic.plug();
    await within("the replugging", () => told("recovered", "panic-board"));
    await lampIs(unit, "idle");
    unit.press();
    await waitFor("the press", () => episodes().size === 1);
    expect(episodes().size).toBe(1);
  });
});

describe("a drill", () => {
  const drill = (unit: Car) => {
    let output = "";
    const { promise, resolve } = Promise.withResolvers<number | null>();
    const child = execFile(
      process.execPath,
      ["src/main.ts", "drill", "--config", unit.config],
      (error, stdout) => {
        output = stdout;
        resolve(error ? child.exitCode : 0);
      },
    );
    child.stdout!.on("data", (text) => (output += String(text)));
    return { done: promise, output: () => output };
  };

  test("takes the same path, marked as a test, and prints the time of each leg", async () => {
    const unit = car({ statusPort: await freePort() });
    await unit.start();
    await lampIs(unit, "idle");
    await waitFor("the link", () => dispatch.states.length > 0);
    const command = drill(unit);
    await waitFor("the drill", () => command.output().includes("Press a button"));
    unit.press();
    await waitFor("the press", () => episodes().size === 1);
    expect(last().test).toBe(true);
    await sleep(RELEASED_MS);
    // A press in earnest, while the drill is open, is an emergency of its own.
    unit.press();
    await waitFor("the emergency", () => episodes().size === 2);
    expect(last().test).toBe(false);
    const drilled = dispatch.emergencies().find((e) => e.test)!.episode;
    await dispatch.ack(drilled, "received");
    await dispatch.ack(drilled, "accepted");
    expect(await command.done).toBe(0);
    expect(command.output()).toMatch(
      /stored +[\d.]+ ms.*\nsent +[\d.]+ ms.*\nreceived +[\d.]+ ms.*\naccepted +[\d.]+ ms/,
    );
  });

  test("ordered by dispatch: once, and refused when it has expired or cannot be read", async () => {
    const unit = car();
    await unit.start();
    await unit.listens();
    for (let n = 0; n < 3; n++) await unit.line.write(epoch(n, Date.now()));
    await lampIs(unit, "idle");
    const order = (id: string, kind: string, inMs: number) =>
      dispatch.say(
        "command",
        JSON.stringify({ id, kind, expiresAt: new Date(Date.now() + inMs).toISOString() }),
      );
    const outcomes = () =>
      dispatch.events("command").map(({ data }) => data as unknown as { id?: string; ok: boolean });
    await waitFor("a fix", () => dispatch.positions().length > 0);
    await order("late", "drill", -10_000);
    await order("odd", "fly", 60_000);
    await dispatch.say("command", "{");
    await waitFor("the refusals", () => outcomes().length === 3);
    expect(outcomes().every(({ ok }) => !ok)).toBe(true);
    unit.press();
    await waitFor("the emergency", () => episodes().size === 1);
    expect(last().test).toBe(false);
    await dispatch.ack(last().episode, "cleared");
    await sleep(RELEASED_MS);
    await order("one", "drill", 60_000);
    await order("one", "drill", 60_000);
    await waitFor("the order", () => outcomes().some(({ id }) => id === "one"));
    unit.press();
    await waitFor("the drill", () => episodes().size === 2);
    expect(last().test).toBe(true);
    await order("last", "ping", 60_000);
    await waitFor("what came after the repeated order", () => outcomes().some(({ id }) => id === "last"));
    expect(outcomes().filter(({ id }) => id === "one")).toHaveLength(1);
  });
});
