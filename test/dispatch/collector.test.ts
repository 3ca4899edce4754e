import { expect, test } from "vitest";
import { Collector } from "../../src/dispatch/collector.ts";
import { LinkError, type Incoming } from "../../src/dispatch/port.ts";
import { ROOT, openHarness } from "../simulation/network-bench.ts";

const BROKER = "mqtts://a:8883";

/** Messages have waited in the session at the broker; the link is at another one. */
const openVisit = async (...waiting: readonly Buffer[]) => {
  const h = openHarness();
  const first = await h.connect();
  first.subscribe([`${ROOT}/command`], () => undefined);
  await h.wait(1_000);
  first.end();
  await h.settle(first.closed);
  for (const payload of waiting) h.broker.send({ topic: `${ROOT}/command`, payload });
  const heard: Incoming[] = [];
  const collector = new Collector({
    connect: h.network.connect.bind(h.network),
    options: { clientId: "zrenjanin.zr-117", username: "zrenjanin/zr-117", keepaliveS: 20 },
    time: h.time,
    hears: () => ({
      async message(message) {
        heard.push(message);
      },
      accepted: () => undefined,
      oversize: () => undefined,
    }),
    sessions: { kept: [BROKER], keep: () => undefined },
    isTaken: () => false,
  });
  collector.entered("mqtts://b:8883");
  const look = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 250) {
      collector.look();
      // oxlint-disable-next-line no-await-in-loop
      await h.wait(250);
    }
  };
  return { ...h, collector, heard, look };
};

// Found by the simulation (seed 12789335): a large command over a slow link was on its way for 20 s, and each visit had
// ended after 5 s in which no message came.
test("what is large comes whole, however slow the link is", async () => {
  const visit = await openVisit(Buffer.alloc(600_000, "x"));
  visit.network.change(visit.route, { bytesPerS: 30_000 });
  await visit.look(32_000);
  expect(visit.heard.map(({ payload }) => payload.length)).toEqual([600_000]);
  expect(visit.broker.waitingSince).toBeUndefined();
  expect(visit.facts.filter(({ what }) => what === "connected")).toHaveLength(2);
});

test("over a link of 500 B/s, on which a connection takes longer than 10 s", async () => {
  const visit = await openVisit(Buffer.from("{}"));
  visit.network.change(visit.route, { bytesPerS: 500, latencyMs: 2_000 });
  await visit.look(60_000);
  expect(visit.heard).toHaveLength(1);
});

test("what a tunnel has held up comes with the same visit", async () => {
  const visit = await openVisit(Buffer.alloc(30_000, "x"), Buffer.from("{}"));
  visit.network.change(visit.route, { latencyMs: 300 });
  const accepted = () => visit.facts.filter(({ what }) => what === "connected").length === 2;
  // oxlint-disable-next-line no-await-in-loop
  while (!accepted()) await visit.look(250);
  visit.network.change(visit.route, { stalled: true, held: true });
  await visit.look(10_000);
  expect(visit.heard).toHaveLength(1);
  visit.network.change(visit.route, { stalled: false });
  await visit.look(20_000);
  expect(visit.heard).toHaveLength(2);
  expect(visit.broker.waitingSince).toBeUndefined();
});

test("a broker that answers nothing is left after a minute, and asked again", async () => {
  const visit = await openVisit(Buffer.from("{}"));
  await visit.look(6_000);
  const before = visit.facts.filter(({ what }) => what === "connected").length;
  visit.network.change(visit.route, { stalled: true, held: true });
  await visit.look(120_000);
  visit.network.change(visit.route, { stalled: false });
  await visit.look(120_000);
  const after = visit.facts.filter(({ what }) => what === "connected").length;
  expect(after).toBeGreaterThan(before);
  await visit.collector.stop();
  expect(visit.collector.left("mqtts://b:8883", new LinkError("lost", "lost"))).toBe(false);
});
