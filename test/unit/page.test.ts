import { describe, expect, test } from "vitest";
import { Snapshot } from "../../src/domain/snapshot.ts";
import { openWorld } from "./whole-unit.ts";

const PRESS = { board: "1a2b3c4d", number: 1, loop: 0, count: 1, ageMs: 0 };

const opened = async (extra = "", dispatch = "") => {
  const world = openWorld();
  const life = await world.start(extra, false, "zr-117", dispatch);
  await world.wait(5_000);
  const shown = () => world.settle(life.page.status());
  return { world, ...life, shown };
};

describe("what the page is shown", () => {
  test("is all in the schema: nothing is left out when it is read", async () => {
    const { board, world, shown } = await opened();
    board.press(PRESS);
    await world.wait(70_000);
    const served: unknown = JSON.parse(JSON.stringify(await shown()));
    expect(Snapshot.parse(served)).toEqual(served);
  });

  test("has no password and no PIN, and no key", async () => {
    const { shown, page } = await opened(
      'status: { listen: "127.0.0.1:8080", pin: "the-pin-4711" }',
      "username: the-user, password: the-password, cert: /etc/the-certificate.pem, key: /etc/the-key.pem",
    );
    const text = JSON.stringify([await shown(), page.lamp()]);
    for (const secret of ["the-pin-4711", "the-password", "the-user", "the-key"])
      expect(text).not.toContain(secret);
  });

  test("goes with a drill: armed, lamp, episode and legs", async () => {
    const { world, page, board, shown } = await opened();
    const lamps: string[] = [];
    page.lampChanged(() => lamps.push(page.lamp().lamp));
    page.drill();
    expect((await shown()).emergency).toMatchObject({ drillArmed: true, drillLeftS: 60, lamp: "idle" });
    board.press(PRESS);
    await world.wait(2_000);
    const { emergency } = await shown();
    expect(lamps.slice(-2)).toEqual(["stored", "sent"]);
    expect(emergency).toMatchObject({
      drillArmed: false,
      lamp: "sent",
      lampDrill: true,
      counts: { real: 0, drills: 1, presses: 1 },
      episodes: [{ test: true, state: "active", button: "dash", presses: 1 }],
    });
    expect(Object.keys(emergency.episodes[0]!.legs)).toEqual(["stored", "sent"]);
    expect(page.lamp()).toMatchObject({ lamp: "sent", drill: true, t: world.time.host() });
  });

  test("names each broker with its state and its last round trip, or why it cannot be reached", async () => {
    const { world, shown } = await opened();
    const [first, second] = world.brokers.map(({ url }) => url);
    expect((await shown()).link.brokers).toMatchObject([
      { url: first, state: "connected", rttMs: expect.any(Number), rttAgeS: expect.any(Number) },
      { url: second, state: "standby" },
    ]);
    for (const { broker } of world.brokers) broker.faults.down = true;
    world.brokers[0]!.broker.restart({ sessions: false, retained: false });
    await world.wait(30_000);
    const { link } = await shown();
    expect(link.broker).toBeUndefined();
    expect(link.brokers?.map(({ fault }) => fault)).toEqual(["refused", "refused"]);
    expect(link.brokers?.map(({ state }) => state)).toContain("connecting");
  });

  test("remembers what waited and what happened", async () => {
    const { world, shown } = await opened();
    await world.wait(60_000);
    const { outbox, trail, events, mono } = await shown();
    expect(outbox.lanes).toEqual({ emergency: 0, event: 0, telemetry: outbox.records });
    expect(outbox).toMatchObject({ disk: "open", store: expect.stringMatching(/^[0-9a-z]{8}$/) });
    expect(outbox.history?.records.length).toBe(7);
    expect(outbox.history?.connected.at(-1)).toBe(1);
    expect(trail?.lat).toEqual(Array.from({ length: 14 }, () => null));
    expect(events?.[0]).toMatchObject({ type: "boot", monoS: 0 });
    expect(mono).toBeGreaterThan(64_000);
  });

  test("comes even if the disk does not answer", async () => {
    const { world, shown } = await opened();
    await world.wait(60_000);
    world.disk.fault = { kind: "slow", factor: 1e9 };
    const before = world.time.mono();
    const { outbox } = await shown();
    expect(world.time.mono() - before).toBeLessThanOrEqual(500);
    expect(outbox.records).toBeGreaterThanOrEqual(0);
    await shown();
    expect(world.time.mono() - before).toBeLessThanOrEqual(1_000);
  });

  test("says what is installed, read once in five seconds", async () => {
    let reads = 0;
    const installed = () => Promise.resolve({ version: 4, previous: ++reads, signer: "workshop" });
    const world = openWorld();
    const { page } = await world.start("", false, "zr-117", "", undefined, { installed });
    const shown = async () => (await world.settle(page.status())).installed;
    expect(await shown()).toEqual({ version: 4, previous: 1, signer: "workshop" });
    expect(await shown()).toMatchObject({ previous: 1 });
    await world.wait(5_000);
    expect(await shown()).toMatchObject({ previous: 2 });
  });
});

describe("the commissioning list of a unit without a root", () => {
  test("is not begun, with the reason", async () => {
    const { world, page } = await opened();
    expect(await world.settle(page.list.begin({ technician: "M. Petrović" }))).toMatchObject({
      status: 409,
      code: "no-root",
    });
    expect(page.list.step({ action: "end" }, true)).toMatchObject({ status: 404, code: "no-list" });
    expect(page.list.leave()).toMatchObject({ status: 404, code: "no-list" });
    expect(await page.list.page(1)).toBeUndefined();
  });

  test.each([
    ["no body", undefined],
    ["no name", { tryPowerOff: true }],
    ["an empty name", { technician: "  " }],
    ["a name that is too long", { technician: "x".repeat(81) }],
    ["control characters", { technician: "a\u001B[2J" }],
    ["more than it may have", { technician: "M. Petrović", root: "/" }],
  ])("refuses an order with %s", async (_, order) => {
    const { world, page } = await opened();
    expect(await world.settle(page.list.begin(order))).toMatchObject({ status: 400 });
  });
});
