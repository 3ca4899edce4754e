import { expect, test } from "vitest";
import { WireReport } from "../../src/domain/report.ts";
import { addRange, complement, hasNumber, type Runs } from "../../src/domain/runs.ts";
import { readMessage } from "../../src/wire/read.ts";
import { openWorld } from "./whole-unit.ts";

const RECEIPT = "patrol/v1/zrenjanin/zr-117/receipt";

const openHeard = async (dispatch: string) => {
  const world = openWorld([{}]);
  const { unit, page } = await world.start("", false, "zr-117", dispatch);
  await world.wait(20_000);
  const boot = world.heard.find(
    ({ report }) => (report["data"] as { type?: string })?.type === "boot",
  )!.report;
  const say = async (
    upTo: number,
    missing: [number, number][] = [],
    at = world.time.host(),
  ): Promise<void> => {
    const receipt = { store: boot["store"], upTo, missing, by: "db", at: new Date(at).toISOString() };
    world.brokers[0]!.broker.publish(RECEIPT, Buffer.from(JSON.stringify(receipt)), { retain: true });
    await world.wait(1_000);
  };
  return { world, unit, page, say, seq: Number(boot["seq"]) };
};

test("with custody broker a configuration has proved itself once the birth is acknowledged", async () => {
  const { unit } = await openHeard("custody: broker");
  expect([unit.reached(), unit.proven()]).toEqual([true, true]);
});

test("with custody dispatch it has once a receipt covers the boot event", async () => {
  const { unit, say, seq } = await openHeard("custody: dispatch");
  expect([unit.reached(), unit.proven()]).toEqual([true, false]);
  await say(seq, [[seq, seq]]);
  expect(unit.proven()).toBe(false);
  await say(seq);
  expect(unit.proven()).toBe(true);
});

type Heard = Awaited<ReturnType<typeof openHeard>>;

const gapsOf = ({ world }: Heard) =>
  world.events().filter((data) => data["type"] === "gap" && data["reason"] === "broker");

test.each(["custody: auto", "custody: broker"])(
  "what dispatch lacks, and the unit has deleted, is declared once the acknowledgement is 30 s old (%s)",
  async (dispatch) => {
    const heard = await openHeard(dispatch);
    const { world, say, seq } = heard;
    await world.wait(40_000);
    world.brokers[0]!.broker.publish(
      "patrol/v1/zrenjanin/zr-117/command",
      Buffer.from(
        JSON.stringify({ id: "c1", kind: "ping", expiresAt: new Date(world.time.host() + 60_000) }),
      ),
      { retain: false },
    );
    await world.wait(1_000);
    const last = Math.max(...world.heard.map(({ report }) => Number(report["seq"] ?? 0)));
    expect(last).toBeGreaterThan(seq);
    await say(last, [[last, last]]);
    await world.wait(20_000);
    expect(gapsOf(heard)).toEqual([]);
    await world.wait(60_000);
    expect(gapsOf(heard)).toEqual([{ type: "gap", from: last, to: last, count: 1, reason: "broker" }]);
    // The recorder is behind: it has not stored the gap yet. It may be sent again, and declares nothing new.
    await say(last, [[last, last]]);
    await world.wait(600_000);
    const gaps = world.heard.filter(
      ({ report }) => (report["data"] as { reason?: string } | undefined)?.reason === "broker",
    );
    expect(new Set(gaps.map(({ report }) => report["seq"])).size).toBe(1);
    expect(gaps.length).toBeGreaterThan(1);
  },
);

test("the newest receipt is remembered once a minute, and at the stop", async () => {
  const { world, unit, say, seq } = await openHeard("");
  const writes = (): number => world.disk.places.filter(Boolean).length;
  expect(writes()).toBeGreaterThan(0);
  const generations = (): string => world.disk.places.map((place) => place?.toString("latin1") ?? "").join();
  await say(seq);
  await world.wait(2_000);
  const before = generations();
  for (let n = 0; n < 5; n++) await say(seq);
  expect(generations()).toBe(before);
  await world.settle(Promise.resolve(unit[Symbol.asyncDispose]()));
  expect(generations()).toContain('"upTo"');
});

/** A recorder at the first broker, which answers 0x10 once it is gone. The second broker has a listener. */
const openRecorded = async (brokers: number, dispatch = "") => {
  const world = openWorld(
    Array.from({ length: brokers }, () => ({})),
    [false, true],
  );
  const first = world.brokers[0]!.broker;
  const got = new Map<number, WireReport>();
  const listen = () =>
    first.listen({
      filter: "patrol/v1/#",
      receive({ topic, payload }) {
        const message = readMessage(topic, payload);
        for (const value of message.kind === "json" ? message.values : []) {
          const report = WireReport.safeParse(value).data;
          if (report) got.set(report.seq, report);
        }
      },
    });
  const listener = listen();
  const say = () => {
    const [newest] = [...got.values()];
    const receipt = { store: newest!["store"], upTo: Math.max(...got.keys()), missing: [], by: "db" };
    const at = new Date(world.time.host()).toISOString();
    first.publish(RECEIPT, Buffer.from(JSON.stringify({ ...receipt, at })), { retain: true });
  };
  const life = await world.start("", false, "zr-117", dispatch);
  await world.wait(20_000);
  say();
  await world.wait(5_000);
  /** Numbers up to the highest that are neither stored nor declared. */
  const lost = (): number[] => {
    for (const { report } of world.heard) {
      const read = WireReport.safeParse(report).data;
      if (read) got.set(read.seq, read);
    }
    const declared: Runs = [];
    for (const gap of got.values()) {
      if (gap.kind !== "event" || gap.data.type !== "gap") continue;
      for (const [from, to] of complement(
        (gap.data.kept ?? []).map((n): [number, number] => [n, n]),
        gap.data.from,
        gap.data.to,
      ))
        addRange(declared, from, to);
    }
    const top = Math.max(...got.keys());
    return Array.from({ length: top }, (_, n) => n + 1).filter((n) => !got.has(n) && !hasNumber(declared, n));
  };
  return { world, life, say, lost, listen, leave: () => listener[Symbol.dispose]() };
};

const press = (world: ReturnType<typeof openWorld>, { board }: Awaited<ReturnType<typeof world.start>>) => {
  board.hello("0badcafe", 1);
  board.press({ board: "0badcafe", number: 1, loop: 0, count: 1, ageMs: 0 });
};

test.each([1, 2])(
  "a retained receipt of the night before makes no 0x10 a delivery; %i brokers",
  async (brokers) => {
    const { world, life, say, leave } = await openRecorded(brokers);
    await world.settle(Promise.resolve(life.unit[Symbol.asyncDispose]()));
    await world.wait(1_000);
    // It covers the last report, which came when the unit had gone.
    say();
    leave();
    await world.wait(12 * 3_600_000);
    const next = await world.start();
    await world.wait(30_000);
    expect(await world.settle(next.page.status())).toHaveProperty(
      "link.custody.receiptAgeS",
      expect.toSatisfy((age) => Number(age) > 12 * 3_600),
    );
    const [lamps, pressedAt] = [world.lamps.length, world.time.mono()];
    press(world, next);
    await world.wait(10_000);
    const arrived = world.heard.find(({ topic }) => topic.includes("/emergency/"));
    expect(arrived === undefined ? undefined : arrived.at - pressedAt < 2_000).toBe(
      brokers === 1 ? undefined : true,
    );
    expect(world.lamps.slice(lamps)).toEqual(brokers === 1 ? ["stored"] : ["stored", "sent"]);
  },
);

test.each([
  ["", 26],
  ["custody: broker", 1],
])(
  "a recorder that dies takes no number with it, when its receipts are given up (%s)",
  async (dispatch, hours) => {
    const { world, leave, listen, lost } = await openRecorded(1, dispatch);
    leave();
    await world.wait(900_000);
    for (let n = 0; n < hours; n++) await world.wait(3_600_000);
    listen();
    await world.wait(600_000);
    expect(lost()).toEqual([]);
  },
  60_000,
);
