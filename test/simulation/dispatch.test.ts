import { expect, test } from "vitest";
import type { EmergencyUpdate, WireReport } from "../../src/domain/report.ts";
import { Broker, FULL_LIMITS } from "./broker.ts";
import { Dispatch, twoDesks } from "./dispatch.ts";
import type { What } from "./facts.ts";
import { Ledger } from "./ledger.ts";
import { createDice } from "./random.ts";
import { SimulatedTime } from "./time.ts";

const ROOT = "patrol/v1/zrenjanin/zr-117";
const EPISODE = "01ARZ3NDEKTSV4RRFFQ69G5FAV";

const emergency = (seq: number, data: Partial<EmergencyUpdate["data"]> = {}): WireReport => ({
  v: 1,
  unit: "zrenjanin/zr-117",
  store: "k3v9q0ab",
  boot: 1,
  seq,
  kind: "emergency",
  at: "2026-11-22T08:58:23.120Z",
  clock: "gnss",
  mono: 1_000,
  live: true,
  data: { episode: EPISODE, state: "active", test: false, button: "dash", presses: 1, attempt: 1, ...data },
});

const openHarness = () => {
  const time = new SimulatedTime(Date.UTC(2026, 10, 22));
  const facts: What[] = [];
  const observe = (what: What) => void facts.push(what);
  const brokers = ["a", "b"].map((name) => new Broker(name, FULL_LIMITS, time, observe));
  const dispatch = new Dispatch({ time, dice: createDice(1), observe, brokers, root: ROOT, records: false });
  const acks: string[] = [];
  for (const broker of brokers) {
    broker.listen({
      filter: "+/+/+/+/emergency/+/ack",
      receive: ({ payload }) => void acks.push(`${broker.name}: ${payload.toString()}`),
    });
  }
  const press = (report: WireReport) =>
    brokers[0]!.publish(`${ROOT}/emergency/${EPISODE}`, Buffer.from(JSON.stringify(report)), {});
  return { time, facts, brokers, dispatch, acks, press };
};

test("an emergency is answered stage by stage", async () => {
  const h = openHarness();
  h.press(emergency(1));
  await h.time.run(60_000);
  expect(h.acks.map((ack) => /"stage":"(\w+)"/.exec(ack)?.[1])).toEqual(["received", "accepted", "cleared"]);
  expect(h.facts.filter(({ what }) => what === "acked")).toHaveLength(3);
});

test("a sloppy dispatch answers late, twice, elsewhere or with nonsense, and in the end it answers", async () => {
  const h = openHarness();
  Object.assign(h.dispatch.manners, {
    neverAnswers: 0.5,
    answersTwice: 1,
    answersElsewhere: 0.5,
    talksNonsense: 1,
  });
  for (let seq = 1; seq <= 50; seq++) {
    h.press(emergency(1, { attempt: seq }));
    await h.time.run(h.time.mono() + 5_000);
  }
  const stages = h.acks.map((ack) => /"stage":"(received|accepted|cleared)"/.exec(ack)?.[1]);
  expect(new Set(stages)).toEqual(new Set(["received", "accepted", "cleared", undefined]));
  expect(new Set(h.acks.map((ack) => ack[0]))).toEqual(new Set(["a", "b"]));
});

test("with two desks each operator answers what comes to that broker, whatever the other has said", async () => {
  const h = openHarness();
  Object.assign(h.dispatch.manners, twoDesks());
  const payload = Buffer.from(JSON.stringify(emergency(1)));
  for (const broker of h.brokers) broker.publish(`${ROOT}/emergency/${EPISODE}`, payload, {});
  await h.time.run(55_000);
  const stages = (name: string) =>
    h.acks.filter((ack) => ack.startsWith(name)).map((ack) => /"stage":"(\w+)"/.exec(ack)?.[1]);
  for (const name of ["a", "b"])
    expect(stages(name).slice(0, 3)).toEqual(["received", "accepted", "cleared"]);
});

test("where dispatch has left, nobody listens; it gets what is retained when it returns", () => {
  const h = openHarness();
  const broker = h.brokers[0]!;
  h.dispatch.leave(broker);
  const payload = Buffer.from(JSON.stringify(emergency(1)));
  expect(broker.publish(`${ROOT}/emergency/${EPISODE}`, payload, { retain: true })).toBe(false);
  expect(h.dispatch.ledger.size).toBe(0);
  h.dispatch.arrive(broker);
  expect(h.dispatch.ledger.size).toBe(1);
});

test("what is not of the contract is noted", () => {
  const h = openHarness();
  h.brokers[0]!.publish(`${ROOT}/event`, Buffer.from('{"v":2}'), {});
  h.brokers[0]!.publish(`${ROOT}/history`, Buffer.from("no gzip"), {});
  expect(h.facts.filter(({ what }) => what === "unreadable")).toHaveLength(2);
});

const ledgerOf = (...reports: readonly WireReport[]): readonly What[] => {
  const facts: What[] = [];
  const ledger = new Ledger((what) => void facts.push(what));
  for (const report of reports) ledger.add(report);
  return facts;
};

test("a repeat differs in `live`, `attempt`, a corrected time and what was left out, and in nothing else", () => {
  const first = emergency(1, { shortened: ["track"] });
  const repeats: WireReport[] = [
    { ...first, live: false },
    emergency(1, { attempt: 2, shortened: ["track"] }),
    emergency(1, { track: [{ lat: 1 }] }),
  ];
  expect(ledgerOf(first, ...repeats).filter(({ what }) => what === "reused")).toEqual([]);
  const unset: WireReport = { ...first, clock: "unset", at: "2000-01-01T00:00:00.000Z" };
  expect(ledgerOf(unset, first).filter(({ what }) => what === "reused")).toEqual([]);
  const corrected: WireReport = { ...first, clock: "ntp", at: "2026-11-22T08:58:24.120Z" };
  expect(ledgerOf(first, corrected).filter(({ what }) => what === "reused")).toEqual([]);
});

test.each<[string, WireReport]>([
  ["another boot", { ...emergency(1), boot: 2 }],
  ["another age", { ...emergency(1), mono: 1 }],
  ["another state", emergency(1, { state: "received" })],
  ["other presses", emergency(1, { presses: 2 })],
])("the same number with %s is a number used twice", (_name, other) => {
  expect(ledgerOf(emergency(1), other).at(-1)).toMatchObject({ what: "reused", seq: 1 });
});

test("a fuller copy replaces a shortened one and is held against what follows", () => {
  const facts = ledgerOf(
    emergency(1, { shortened: ["track"] }),
    emergency(1, { track: [{ lat: 1 }] }),
    emergency(1, { track: [{ lat: 2 }] }),
  );
  expect(facts.at(-1)).toMatchObject({ what: "reused" });
});
