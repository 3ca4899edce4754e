import { BOARD_FIRMWARE } from "../../../src/domain/panic.ts";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { openFiles } from "../../../src/bundle/files.ts";
import { openReport } from "../../../src/bundle/signed-report.ts";
import { Store } from "../../../src/bundle/store.ts";
import { textOf } from "../../../src/commissioning/saying.ts";
import { ENGLISH } from "../../../src/commissioning/words/english.ts";
import { Snapshot } from "../../../src/domain/snapshot.ts";
import { createLog } from "../../../src/runtime/log.ts";
import { rootAt, type Root } from "../../../src/settings/root.ts";
import { lockList } from "../../../src/unit/commissioning/list-lock.ts";
import { PageList, type PageListOptions } from "../../../src/unit/commissioning/page-list.ts";
import { Authority } from "../../cli/authority.ts";
import { FULL } from "../../commissioning/car.ts";
import { SimulatedTime } from "../../simulation/time.ts";
import { aSnapshot } from "../../status/a-snapshot.ts";

let authority: Authority;
beforeAll(() => {
  authority = new Authority();
  authority.sign(authority.request("car", "zrenjanin/zr-117"), "car");
});
afterAll(() => authority[Symbol.dispose]());

/** A car in order, whose buttons nobody has pressed. */
const sound = (more: Partial<Snapshot> = {}): Snapshot =>
  aSnapshot({
    store: "k3v9q0ab",
    config: "0".repeat(64),
    position: { lat: 45, lon: 20, accuracyM: 3, satellites: 9 },
    panicBoard: { connected: true, firmware: BOARD_FIRMWARE, loops: { dash: "normal" } },
    ...more,
  });

let time: SimulatedTime;
let root: Root;
let open: PageList;
/** What the list did to the unit. */
let orders: string[];
let shown: Snapshot;
beforeEach(() => {
  time = new SimulatedTime(0);
  root = rootAt(mkdtempSync(join(tmpdir(), "page-list-")));
  orders = [];
  shown = sound();
  open = listOf();
});
afterEach(async () => {
  await open[Symbol.asyncDispose]();
  rmSync(root.dir, { recursive: true, force: true });
});

const place = () => {
  const files = openFiles(root.dir);
  return { root, files, store: new Store(root, files) };
};
const listOf = (more: Partial<PageListOptions> = {}): PageList =>
  new PageList({
    time,
    log: createLog(() => undefined),
    place: place(),
    identity: { cert: authority.at("car.pem"), key: authority.at("car.key") },
    config: "0".repeat(64),
    // What a status decides at once, a fix of a minute, and a button.
    fitted: () => ({ ...FULL, signals: undefined, buttons: ["dash"], brokers: ["mqtts://a:8883"] }),
    snapshot: () => Promise.resolve(shown),
    tryBroker: (url) => Promise.resolve((orders.push(`try ${url}`), { says: "MQTT 5" })),
    arm: () => Promise.resolve(void orders.push("arm")),
    disarm: () => Promise.resolve(void orders.push("disarm")),
    accept: () => Promise.resolve(void orders.push("accept")),
    ...more,
  });
const begin = (list = open) => list.begin({ technician: "M. Petrović" });
const wait = (ms: number) => time.run(time.mono() + ms);
const kept = (): string[] =>
  readdirSync(join(root.dir, "commissioning"))
    .filter((name) => name.endsWith(".jws"))
    .toSorted();
const stepOf = (id: string) => open.shown()?.steps.find((step) => step.id === id);
const skip = (id: string) => open.step({ action: "skip", id, reason: "a bench" }, true);
const skipAll = (...ids: string[]) => {
  for (const id of ids) expect(skip(id)).toBeUndefined();
};
const overSoon = () =>
  vi.waitFor(async () => {
    await wait(500);
    expect(open.shown()?.over).toBeDefined();
  });

test("a list that is worked through ends by itself, with a signed report that is kept and told to dispatch", async () => {
  expect(await begin()).toBeUndefined();
  await wait(1_000);
  expect(stepOf("broker:mqtts://a:8883")).toMatchObject({ state: "pass", figures: { says: "MQTT 5" } });
  expect(stepOf("fix")).toMatchObject({ state: "waiting", says: [{ code: "fix-good", values: [1, 60] }] });
  skipAll("certificate", "button:dash");
  await wait(62_000);
  await overSoon();
  expect(open.shown()).toMatchObject({
    technician: "M. Petrović",
    over: { result: "incomplete", report: 1 },
    who: "nobody",
    now: [{ code: "over" }],
  });
  expect(open.shown()?.leftS).toBeUndefined();
  expect(orders).toEqual(["try mqtts://a:8883", "accept"]);
  const opened = await openReport(readFileSync(join(root.dir, "commissioning/0001.jws"), "utf8"));
  expect(opened).toMatchObject({ report: { result: "incomplete", technician: "M. Petrović", boot: 7 } });
});

test("what is shown is in the schema of the snapshot, at each stage", async () => {
  const read = () => {
    const served: unknown = JSON.parse(JSON.stringify(sound({ commissioning: open.shown() })));
    expect(Snapshot.parse(served)).toEqual(served);
  };
  await begin();
  read();
  await wait(1_000);
  read();
  open.step({ action: "end" }, true);
  await overSoon();
  read();
});

test("the list says what is to be done, for whom, and how long it is still open", async () => {
  await begin();
  await wait(1_000);
  const list = open.shown();
  expect(list).toMatchObject({ who: "person", ready: "button:dash", leftS: 3_599 });
  expect(textOf(list?.now ?? [], ENGLISH)).toBe("go to dash; say when you are ready to press it");
});

describe("a second list", () => {
  test("cannot be begun while one is open; when that was left, it can at once", async () => {
    await begin();
    expect(await begin()).toMatchObject({ status: 409, code: "open" });
    expect(open.leave()).toBeUndefined();
    const second = begin();
    await wait(1_000);
    expect(await second).toBeUndefined();
    expect(kept()).toEqual([]);
  });

  test("cannot be begun twice at once", async () => {
    const both = await Promise.all([begin(), begin()]);
    expect(both).toEqual([undefined, expect.objectContaining({ code: "open" })]);
  });

  test("cannot be begun while one is open on the command line", async () => {
    using _command = await lockList(place(), time);
    expect(await begin()).toMatchObject({ status: 409, code: "elsewhere" });
    expect(open.shown()).toBeUndefined();
  });

  test("cannot be begun on the command line while one is open here; afterwards it can", async () => {
    await begin();
    expect(await lockList(place(), time)).toBeUndefined();
    open.step({ action: "end" }, true);
    await overSoon();
    using lock = await vi.waitFor(async () => {
      const free = await lockList(place(), time);
      expect(free).toBeDefined();
      return free;
    });
    expect(lock).toBeDefined();
  });

  test("replaces the result of the one before", async () => {
    await begin();
    open.step({ action: "end" }, true);
    await overSoon();
    await vi.waitFor(async () => expect(await begin()).toBeUndefined());
    expect(open.shown()?.over).toBeUndefined();
  });
});

test.each([
  ["without a certificate", {}, /this unit has no certificate/],
  ["with a key of another certificate", { key: "other.key" }, /belongs to another key/],
  ["with a certificate that cannot be read", { cert: "none.pem" }, /none\.pem/],
] as const)("a unit %s cannot begin a list, and says why", async (_, files, words) => {
  authority.request("other", "zrenjanin/zr-118");
  const whole: Record<string, string> =
    Object.keys(files).length === 0 ? {} : { cert: "car.pem", key: "car.key", ...files };
  const identity = Object.fromEntries(
    Object.entries(whole).map(([name, file]) => [name, authority.at(file)]),
  );
  open = listOf({ identity });
  expect(await begin()).toMatchObject({
    status: 409,
    code: "no-identity",
    reason: expect.stringMatching(words) as string,
  });
});

describe("an order", () => {
  test("of a list that is not open is refused", () => {
    expect(open.step({ action: "end" }, true)).toMatchObject({ status: 404, code: "no-list" });
    expect(open.leave()).toMatchObject({ status: 404, code: "no-list" });
  });

  test.each([
    ["nothing", undefined],
    ["an unknown action", { action: "pass", id: "fix" }],
    ["no reason", { action: "skip", id: "fix" }],
    ["an empty reason", { action: "skip", id: "fix", reason: "  " }],
    ["a reason that is too long", { action: "skip", id: "fix", reason: "x".repeat(501) }],
    ["control characters", { action: "skip", id: "fix", reason: "a\u001B[2J" }],
    ["more than it may have", { action: "ready", id: "fix", force: true }],
  ])("with %s is refused", async (_, order) => {
    await begin();
    expect(open.step(order, true)).toMatchObject({ status: 400 });
  });

  test("for an unknown step is refused", async () => {
    await begin();
    expect(skip("button:trunk")).toMatchObject({ status: 404, reason: "there is no step button:trunk" });
    expect(open.step({ action: "ready", id: "button:trunk" }, true)).toMatchObject({ status: 404 });
  });

  test("to skip a step that has passed is refused; one that has failed can be skipped", async () => {
    shown = sound({ panicBoard: { connected: true, degraded: true, loops: {} } });
    await begin();
    await wait(1_000);
    expect(skip("clock")).toMatchObject({ status: 409 });
    expect(stepOf("firmware")).toMatchObject({ state: "fail" });
    skipAll("firmware");
    expect(stepOf("firmware")).toMatchObject({
      state: "not-fitted",
      cause: "skipped",
      says: [{ code: "words", values: ["a bench"] }],
    });
  });
});

describe("a drill", () => {
  const ready = (local = true) => open.step({ action: "ready", id: "button:dash" }, local);

  test("is armed when somebody on this machine says that he is ready, and never by itself", async () => {
    await begin();
    await wait(5_000);
    expect(orders).not.toContain("arm");
    expect(ready()).toBeUndefined();
    expect(orders).toContain("arm");
    shown = sound({ emergency: { drillArmed: true, lamp: "idle", episodes: [] } });
    await wait(1_000);
    expect(open.shown()).toMatchObject({ who: "person", now: [{ code: "press", values: ["dash"] }] });
  });

  test("is not armed for somebody on another machine", async () => {
    await begin();
    await wait(1_000);
    expect(ready(false)).toMatchObject({ status: 403, code: "not-local" });
    expect(orders).not.toContain("arm");
  });

  test("is not armed before the unit was seen, and not twice", async () => {
    const first = Promise.withResolvers<Snapshot>();
    open = listOf({ snapshot: () => first.promise });
    await begin();
    expect(ready()).toMatchObject({ status: 409 });
    first.resolve(sound());
    await wait(1_000);
    expect(ready()).toBeUndefined();
    expect(ready()).toMatchObject({ status: 409 });
    expect(orders.filter((order) => order === "arm")).toHaveLength(1);
  });

  test("is not armed while another one is, and the order says so", async () => {
    shown = sound({ emergency: { drillArmed: true, lamp: "idle", episodes: [] } });
    await begin();
    await wait(1_000);
    expect(ready()).toMatchObject({ status: 409, reason: expect.stringMatching(/armed already/) as string });
  });

  test.each([
    ["the list is left", () => void open.leave()],
    ["the service stops", () => void open[Symbol.asyncDispose]()],
    ["the list is ended", () => void open.step({ action: "end" }, true)],
    ["its button is skipped", () => void skip("button:dash")],
  ])("that is armed is disarmed when %s", async (_, end) => {
    await begin();
    await wait(1_000);
    ready();
    end();
    await wait(1_000);
    expect(orders).toContain("disarm");
  });
});

test("a list that nobody works through ends after its hour, with what was reached", async () => {
  await begin();
  await wait(3_599_000);
  expect(open.shown()?.over).toBeUndefined();
  await wait(2_000);
  await overSoon();
  expect(open.shown()?.over).toEqual({ result: "failed", report: 1 });
  expect(textOf(stepOf("button:dash")?.says ?? [], ENGLISH)).toBe("the time is up: dash was not pressed");
  expect(stepOf("clock")).toMatchObject({ state: "pass" });
});

test("a list that is ended has a report with what was reached", async () => {
  await begin();
  await wait(1_000);
  open.step({ action: "end" }, true);
  await overSoon();
  expect(open.shown()?.over).toEqual({ result: "failed", report: 1 });
  expect(textOf(stepOf("fix")?.says ?? [], ENGLISH)).toBe(
    "ended by the technician: the fix has been good for 1 s of 60 s",
  );
});

test.each([
  ["is left", () => Promise.resolve(open.leave())],
  ["is open when the service stops", () => open[Symbol.asyncDispose]()],
])("a list that %s has no report", async (_, end) => {
  await begin();
  await wait(1_000);
  const ended = end();
  await wait(2_000);
  await ended;
  using _free = await vi.waitFor(async () => {
    const lock = await lockList(place(), time);
    expect(lock).toBeDefined();
    return lock;
  });
  expect(kept()).toEqual([]);
  expect(orders).not.toContain("accept");
});

test("the result is shown for an hour, or until somebody closes it", async () => {
  await begin();
  open.step({ action: "end" }, true);
  await overSoon();
  await wait(3_590_000);
  expect(open.shown()?.over).toBeDefined();
  await wait(20_000);
  expect(open.shown()).toBeUndefined();
  expect(open.leave()).toMatchObject({ code: "no-list" });
});

describe("what goes wrong is said", () => {
  const end = async () => {
    await begin();
    await wait(1_000);
    open.step({ action: "end" }, true);
    await overSoon();
    return open.shown()?.over;
  };

  test("if dispatch is not told, though the report is kept", async () => {
    open = listOf({ accept: () => Promise.resolve("the disk is full") });
    expect(await end()).toEqual({
      result: "failed",
      report: 1,
      fault: "dispatch is not told: the disk is full",
    });
    expect(kept()).toEqual(["0001.jws"]);
  });

  test("if the report cannot be kept", async () => {
    const files = openFiles(root.dir);
    const full = {
      ...files,
      list: files.list.bind(files),
      write: () => Promise.reject(new Error("no space")),
    };
    open = listOf({
      place: { ...place(), files: Object.assign(Object.create(files) as typeof files, full) },
    });
    expect(await end()).toEqual({ fault: "no space" });
    expect(orders).not.toContain("accept");
  });

  test("if the unit cannot be seen for a moment; if it is longer, the list is over", async () => {
    let isThere = true;
    open = listOf({
      snapshot: () => (isThere ? Promise.resolve(shown) : Promise.reject(new Error("no snapshot"))),
    });
    await begin();
    await wait(1_000);
    isThere = false;
    await wait(29_000);
    expect(stepOf("fix")).toMatchObject({ says: [{ code: "words", values: ["no snapshot"] }] });
    isThere = true;
    await wait(2_000);
    expect(stepOf("fix")).toMatchObject({ says: [{ code: "fix-good" }] });
    isThere = false;
    await wait(31_000);
    await overSoon();
    expect(open.shown()?.over).toEqual({ fault: "no snapshot" });
  });

  test("if there is no place for reports", async () => {
    writeFileSync(join(root.dir, "commissioning"), "");
    expect(await begin()).toMatchObject({ status: 409, code: "failed" });
  });
});
