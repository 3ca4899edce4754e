import { describe, expect, test } from "vitest";
import type { CountedPresses } from "../../../src/domain/memory.ts";
import type { EpisodeOnDisk, What } from "../facts.ts";
import { Checker } from "../invariants.ts";
import type { Invariant } from "./invariant.ts";

/** What was observed, second by second. */
export type History = readonly (readonly [seconds: number, ...what: What[]])[];
/** An invariant, what happens, and the history of it. */
export type Case = readonly [invariant: string, name: string, history: History];

/** The first violation of these invariants by a history; undefined if there is none. */
export const check = (invariants: readonly Invariant[], history: History) => {
  const checker = new Checker(invariants);
  for (const [seconds, ...whats] of history) {
    for (const what of whats) checker.see({ ...what, at: seconds * 1000 });
  }
  return checker.violation;
};

/** Each invariant accepts its sound histories and rejects its violating ones; each has both. */
export const testHistories = (
  invariants: readonly Invariant[],
  sound: readonly Case[],
  violating: readonly Case[],
): void => {
  const called = (name: string) => invariants.filter((one) => one.name === name);
  describe("an invariant holds", () => {
    test.each(sound)("%s: %s", (invariant, _name, history) => {
      expect(check(called(invariant), history)).toBeUndefined();
    });
  });
  describe("an invariant is violated", () => {
    test.each(violating)("%s: %s", (invariant, _name, history) => {
      expect(check(called(invariant), history)).toMatchObject({ invariant });
    });
  });
  test("every invariant has a sound and a violating history", () => {
    const names = new Set(invariants.map(({ name }) => name));
    expect(new Set(sound.map(([name]) => name))).toEqual(names);
    expect(new Set(violating.map(([name]) => name))).toEqual(names);
  });
};

export const E = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
export const second: What = { what: "second" };
export const end: What = { what: "end", pending: 0 };
export const running: What = { what: "unit", running: true };
export const sound: What = { what: "line", sound: true };
export const broker = (healthy: boolean, name = "a"): What => ({
  what: "broker",
  broker: name,
  healthy,
  reachable: healthy,
});
export const up: readonly What[] = [running, sound, broker(true)];
export const press = (number = 1, kept = true): What => ({ what: "press", press: `b#${number}`, kept });
export const handed = (ageKnown: boolean): What => ({ what: "handed", press: "b#1", ageKnown });
export const arrived = (presses: number, episode = E): What => ({
  what: "episode",
  episode,
  test: false,
  presses,
  state: "active",
});
export const dropped = (presses: number): What => ({ what: "dropped", episode: E, presses });
/** The end of an episode, as dispatch got it. */
export const over = (presses: number): What => Object.assign(arrived(presses), { state: "cleared" });
export const released = (heldMs: number, number = 1): What => ({
  what: "released",
  press: `b#${number}`,
  heldMs,
});
export const held = (heldMs: number): What => Object.assign(arrived(1), { heldMs });
export const disk = (
  episodes: Partial<EpisodeOnDisk>[],
  damaged = false,
  counted: Partial<CountedPresses> = {},
): What => ({
  what: "durable",
  damaged,
  presses: [{ board: "b", below: 0, numbers: [], ...counted }],
  episodes: episodes.map((one) => ({ id: E, test: false, state: "active", dark: false, ...one })),
});
export const confirmed: What = { what: "confirmed", press: "b#1" };
export const lamp = (pattern: string): What => ({ what: "lamp", lamp: pattern });
export const acked = (stage: string, episode = E, ackAt = "", aheadMs = 0): What => ({
  what: "acked",
  episode,
  stage,
  broker: "a",
  ackAt,
  aheadMs,
});
export const puback = (code: number, topic = "event", connection = 1): What => ({
  what: "puback",
  broker: "a",
  connection,
  topic,
  code,
});
export const pingresp: What = { what: "pingresp", broker: "a", connection: 1 };
export const sent = (code: number): What => ({ ...puback(code, `emergency/${E}`), episode: E }) as What;
const said = (topic: string): What => ({
  what: "published",
  broker: "a",
  connection: 1,
  topic: `patrol/v1/zrenjanin/zr-117/${topic}`,
  behind: 0,
  bytes: 0,
  waitMs: 0,
  largestMs: 0,
});
export const farewell = said("state");
export const birth = { ...farewell, birth: { store: "s", boot: 1, connection: 1 } } as What;
/** `on`: the connection that it is published on. */
export const bornAs = (boot: number, connection: number, on: number, store = "s"): What =>
  ({ ...said("state"), connection: on, birth: { store, boot, connection } }) as What;
export const event = said("event");
export const readOnly: What = { what: "disk", writable: false };
export const stopped: What = { what: "unit", running: false };
export const MADE_UP = 2 ** 41;
export const published = (waitMs: number, largestMs: number): What => ({
  what: "published",
  broker: "a",
  connection: 1,
  topic: `emergency/${E}`,
  episode: E,
  behind: 3,
  bytes: 20_000,
  waitMs,
  largestMs,
});
export const connected = (
  name = "a",
  connection = 1,
  { receiveMaximum = 100, maximumPacketSize = 10_000 } = {},
): What => ({ what: "connected", broker: name, connection, receiveMaximum, maximumPacketSize });
export const disconnected = (by: "unit" | "broker" | "link", connection = 1): What => ({
  what: "disconnected",
  broker: "a",
  connection,
  by,
});
export const copy = (present: boolean): What => ({ what: "retained", broker: "a", episode: E, present });
export const report = (seq: number, store = "s"): What => ({ what: "arrived", store, seq, kind: "event" });
/** Neither place of the vital file can be read. */
export const forgotten: What = { what: "durable", damaged: true, episodes: [], presses: [] };
/** Put on the wire, and on its way for a while. */
export const onTheWay = (seq: number): What => ({
  what: "published",
  broker: "a",
  connection: 1,
  topic: "patrol/v1/zrenjanin/zr-117/event",
  report: { store: "s", seq },
  behind: 0,
  bytes: 0,
  waitMs: 0,
  largestMs: 0,
});
export const gap = (from: number, to: number, kept: readonly number[] = []): What => ({
  what: "declared",
  store: "s",
  from,
  to,
  kept,
});
export const powerOff = (ignition: "on" | "off" | "unknown", emergencies: number): What => ({
  what: "power-off",
  ignition,
  emergencies,
});

export const reply = (ok: boolean): What => ({ what: "reply", id: "c1", ok });
