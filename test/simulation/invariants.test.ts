import { describe, expect, test } from "vitest";
import type { CountedPresses } from "../../src/domain/memory.ts";
import type { EpisodeOnDisk, What } from "./facts.ts";
import { Checker, describeViolation, INVARIANTS } from "./invariants.ts";

type History = readonly (readonly [seconds: number, ...what: What[]])[];
type Case = readonly [invariant: string, name: string, history: History];

const check = (invariant: string, history: History) => {
  const checker = new Checker(INVARIANTS.filter(({ name }) => name === invariant));
  for (const [seconds, ...whats] of history) {
    for (const what of whats) checker.see({ ...what, at: seconds * 1000 });
  }
  return checker.violation;
};

const E = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const second: What = { what: "second" };
const end: What = { what: "end", pending: 0 };
const running: What = { what: "unit", running: true };
const sound: What = { what: "line", sound: true };
const broker = (healthy: boolean, name = "a"): What => ({
  what: "broker",
  broker: name,
  healthy,
  reachable: healthy,
});
const up: readonly What[] = [running, sound, broker(true)];
const press = (number = 1, kept = true): What => ({ what: "press", press: `b#${number}`, kept });
const handed = (ageKnown: boolean): What => ({ what: "handed", press: "b#1", ageKnown });
const arrived = (presses: number, episode = E): What => ({
  what: "episode",
  episode,
  test: false,
  presses,
  state: "active",
});
const disk = (
  episodes: Partial<EpisodeOnDisk>[],
  damaged = false,
  counted: Partial<CountedPresses> = {},
): What => ({
  what: "durable",
  damaged,
  presses: [{ board: "b", below: 0, numbers: [], ...counted }],
  episodes: episodes.map((one) => ({ id: E, test: false, state: "active", dark: false, ...one })),
});
const confirmed: What = { what: "confirmed", press: "b#1" };
const lamp = (pattern: string): What => ({ what: "lamp", lamp: pattern });
const acked = (stage: string, episode = E): What => ({ what: "acked", episode, stage, broker: "a" });
const puback = (code: number, topic = "event", connection = 1): What => ({
  what: "puback",
  broker: "a",
  connection,
  topic,
  code,
});
const sent = (code: number): What => ({ ...puback(code, `emergency/${E}`), episode: E }) as What;
const birth: What = {
  what: "published",
  broker: "a",
  connection: 1,
  topic: "patrol/v1/zrenjanin/zr-117/state",
  behind: 0,
  bytes: 0,
  waitMs: 0,
  largestMs: 0,
};
const readOnly: What = { what: "disk", writable: false };
const stopped: What = { what: "unit", running: false };
const MADE_UP = 2 ** 41;
const published = (waitMs: number, largestMs: number): What => ({
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
const connected = (name = "a", connection = 1, receiveMaximum = 100): What => ({
  what: "connected",
  broker: name,
  connection,
  receiveMaximum,
});
const disconnected = (by: "unit" | "broker" | "link", connection = 1): What => ({
  what: "disconnected",
  broker: "a",
  connection,
  by,
});
const copy = (present: boolean): What => ({ what: "retained", broker: "a", episode: E, present });
const report = (seq: number): What => ({ what: "arrived", store: "s", seq, kind: "event" });
const gap = (from: number, to: number, kept: readonly number[] = []): What => ({
  what: "declared",
  store: "s",
  from,
  to,
  kept,
});
const powerOff = (ignition: "on" | "off" | "unknown", emergencies: number): What => ({
  what: "power-off",
  ignition,
  emergencies,
});

const reply = (ok: boolean): What => ({ what: "reply", id: "c1", ok });

const SOUND: readonly Case[] = [
  [
    "finds-a-healthy-broker",
    "it stays with one that refuses something",
    [
      [0, ...up, broker(false, "b")],
      [1, connected("b")],
      [100, second],
      [200, second],
      [300, second],
    ],
  ],
  [
    "press-leaves",
    "the window is small",
    [
      [0, connected("a", 1, 1)],
      [1, disk([{}])],
      [9, second],
    ],
  ],
  [
    "answer-stays",
    "it does",
    [
      [1, reply(true)],
      [2, reply(true)],
    ],
  ],
  [
    "press-arrives",
    "two presses in two episodes",
    [
      [1, press(), press(2)],
      [2, arrived(1), arrived(1, "F")],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "repeats of an episode",
    [
      [1, press(), press(2)],
      [2, arrived(1), arrived(2), arrived(1)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "a press that the board could not keep arrives",
    [
      [1, press(1, false)],
      [2, arrived(1)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "… or does not",
    [
      [1, press(1, false)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "an airbag opens an episode",
    [
      [1, { what: "alarm", by: "airbag" }],
      [2, arrived(1)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "a disk that lied lost one",
    [
      [1, press()],
      [2, disk([], true)],
      [9, end],
    ],
  ],
  [
    "press-in-time",
    "it arrives after 9 s",
    [
      [0, ...up],
      [1, press()],
      [10, arrived(1)],
      [20, second],
    ],
  ],
  [
    "press-in-time",
    "the disk is slow when the unit starts",
    [
      [0, sound, broker(true), { what: "disk", writable: false }, running],
      [1, press()],
      [20, second],
      [40, { what: "disk", writable: true }],
      [49, second, arrived(1)],
      [60, second],
    ],
  ],
  [
    "press-in-time",
    "it waits for a broker",
    [
      [0, running, sound],
      [1, press()],
      [60, broker(true)],
      [69, second],
      [69, arrived(1)],
      [80, second],
    ],
  ],
  [
    "press-in-time",
    "the broker was healthy for a while only",
    [
      [0, ...up],
      [1, press()],
      [6, broker(false)],
      [20, second],
    ],
  ],
  ["confirmed-is-stored", "it is", [[1, disk([{}], false, { below: 1 }), confirmed]]],
  ["press-waits-for-one", "one large message", [[1, published(3_000, 3_000)]]],
  [
    "press-leaves",
    "it leaves",
    [
      [0, connected()],
      [1, disk([{}])],
      [2, published(0, 0)],
      [9, second],
    ],
  ],
  [
    "press-leaves",
    "there is no connection",
    [
      [1, disk([{}])],
      [9, second],
    ],
  ],
  [
    "episode-survives",
    "cleared by dispatch",
    [
      [1, disk([{}])],
      [2, acked("cleared")],
      [3, disk([])],
    ],
  ],
  [
    "episode-survives",
    "a drill ends by itself",
    [
      [1, disk([{ test: true }])],
      [3, disk([])],
    ],
  ],
  [
    "episode-survives",
    "a disk that lied",
    [
      [1, disk([{}])],
      [3, disk([], true)],
    ],
  ],
  [
    "ended-stays-ended",
    "another one begins",
    [
      [1, disk([{}])],
      [2, disk([])],
      [3, disk([{ id: "F" }])],
    ],
  ],
  [
    "ended-stays-ended",
    "a disk that lied",
    [
      [1, disk([{}])],
      [2, disk([])],
      [3, disk([{}], true)],
    ],
  ],
  [
    "no-stale-copy",
    "it is removed",
    [
      [0, ...up, connected(), copy(true), disk([{}])],
      [1, disk([])],
      [50, copy(false)],
      [90, second],
    ],
  ],
  [
    "no-stale-copy",
    "the episode is open",
    [
      [0, ...up, connected(), copy(true), disk([{}])],
      [90, second],
    ],
  ],
  [
    "no-stale-copy",
    "the broker is away",
    [
      [0, running, connected("b"), copy(true), disk([{}])],
      [1, disk([])],
      [90, second],
    ],
  ],
  [
    "no-stale-copy",
    "the unit has been connected for less than a minute",
    [
      [0, ...up, copy(true), disk([{}])],
      [1, disk([])],
      [40, connected()],
      [90, second],
    ],
  ],
  [
    "drill-is-asked-for",
    "it was",
    [
      [0, { what: "drill", validMs: 62_000 }],
      [30, disk([{ test: true }])],
    ],
  ],
  ["drill-is-asked-for", "a real one needs no question", [[30, disk([{}])]]],
  [
    "no-drill-of-unknown-age",
    "its age is known",
    [
      [0, handed(true)],
      [0.1, disk([{ test: true }])],
    ],
  ],
  [
    "no-drill-of-unknown-age",
    "a real one",
    [
      [0, handed(false)],
      [0.1, disk([{}])],
    ],
  ],
  [
    "lamp-is-true",
    "stage by stage",
    [
      [1, disk([{}])],
      [2, lamp("stored")],
      [3, sent(0), lamp("sent")],
      [4, acked("received"), lamp("received")],
      [5, disk([]), lamp("idle")],
    ],
  ],
  [
    "lamp-is-right",
    "it follows within 5 s",
    [
      [0, ...up],
      [1, disk([{}])],
      [5, lamp("stored")],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "dark: idle",
    [
      [0, ...up],
      [1, disk([{ dark: true }])],
      [5, lamp("idle")],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "the board has no power",
    [
      [0, running],
      [1, disk([{}])],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "a real one before a drill",
    [
      [0, ...up],
      [1, disk([{ test: true }, { id: "F", state: "received" }]), lamp("received")],
      [9, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "it does",
    [
      [0, running, sound, broker(false)],
      [60, lamp("no-link")],
      [90, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "nobody listens, which shows with the next report",
    [
      [0, running, sound, broker(false)],
      [40, puback(0x10)],
      [100, lamp("no-link")],
      [101, second],
    ],
  ],
  [
    "nothing-missing",
    "delivered or declared",
    [
      [1, report(1), report(4), report(5), gap(2, 4, [4])],
      [90, end],
    ],
  ],
  ["number-once", "nothing", [[1, report(1)]]],
  ["readable", "nothing", [[1, report(1)]]],
  ["within-limits", "at its limit", [[1, { what: "queue", name: "q", length: 5, limit: 5 }]]],
  ["no-exception", "nothing", [[1, second]]],
  [
    "settles",
    "all is well",
    [
      [0, connected()],
      [9, end],
    ],
  ],
  ["keeps-broker-limits", "nothing", [[1, puback(0)]]],
  [
    "refusal-keeps-connection",
    "it stays",
    [
      [1, puback(0x87)],
      [9, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "a courier has carried everything",
    [
      [1, puback(0x87)],
      [1.1, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "the farewell was refused",
    [
      [0, birth, birth],
      [1, puback(0x87)],
      [1.1, disconnected("unit")],
    ],
  ],
  [
    "nothing-missing",
    "numbers of a life that died without a disk",
    [
      [1, report(1), readOnly, report(MADE_UP), report(MADE_UP + 2), stopped],
      [90, end],
    ],
  ],
  [
    "lamp-is-true",
    "sent from memory, the disk takes nothing",
    [
      [1, readOnly, sent(0)],
      [2, lamp("sent")],
    ],
  ],
  [
    "lamp-is-right",
    "the disk takes nothing",
    [
      [0, running, sound, disk([{ state: "accepted" }]), readOnly],
      [9, second],
    ],
  ],
  [
    "press-in-time",
    "the broker refused the emergency before",
    [
      [0, ...up],
      [1, press(), sent(0x87)],
      [20, second],
    ],
  ],
  [
    "press-leaves",
    "the broker refused another",
    [
      [0, connected(), sent(0x87)],
      [1, disk([{}])],
      [9, second],
    ],
  ],
  [
    "no-stale-copy",
    "the unit died while its disk took nothing",
    [
      [0, ...up, connected(), disk([{}]), readOnly, copy(true), stopped, running, disk([])],
      [90, second],
    ],
  ],
  [
    "refusal-keeps-connection",
    "the unit gives it up for an emergency without an answer",
    [
      [1, birth, published(0, 0)],
      [31, puback(0x87)],
      [31, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "the link ends",
    [
      [1, puback(0x87)],
      [1.1, disconnected("link")],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "after two minutes",
    [
      [0, ...up],
      [125, connected()],
      [200, second],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "none is there",
    [
      [0, running, broker(false)],
      [900, second],
    ],
  ],
  ["no-untimely-power-off", "in the garage", [[1, powerOff("off", 0)]]],
];

const VIOLATING: readonly Case[] = [
  [
    "lamp-is-right",
    "no-host, and there is one",
    [
      [0, ...up, disk([]), lamp("no-host")],
      [9, second],
    ],
  ],
  [
    "answer-stays",
    "it changes",
    [
      [1, reply(true)],
      [2, reply(false)],
    ],
  ],
  [
    "press-arrives",
    "one is lost",
    [
      [1, press(), press(2)],
      [2, arrived(1)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "one is counted twice",
    [
      [1, press()],
      [2, arrived(1), arrived(1, "F")],
    ],
  ],
  [
    "press-in-time",
    "it is late",
    [
      [0, ...up],
      [1, press()],
      [12, second],
    ],
  ],
  [
    "press-in-time",
    "the disk is slow when the unit starts, and the unit connects all the same",
    [
      [0, sound, broker(true), { what: "disk", writable: false }, running],
      [1, press()],
      [2, connected()],
      [20, second],
    ],
  ],
  [
    "press-in-time",
    "the second one is late",
    [
      [0, ...up],
      [1, press(), arrived(1), press(2)],
      [12, second],
    ],
  ],
  ["confirmed-is-stored", "it is not", [[1, disk([{}], false, { numbers: [2] }), confirmed]]],
  ["press-waits-for-one", "many messages", [[1, published(3_000, 100)]]],
  [
    "press-leaves",
    "it does not leave",
    [
      [0, connected()],
      [1, disk([{}])],
      [9, second],
    ],
  ],
  [
    "episode-survives",
    "gone",
    [
      [1, disk([{}])],
      [3, disk([])],
    ],
  ],
  [
    "episode-survives",
    "ended by itself",
    [
      [1, disk([{}])],
      [3, disk([{ state: "cleared" }])],
    ],
  ],
  [
    "ended-stays-ended",
    "back",
    [
      [1, disk([{}])],
      [2, disk([])],
      [3, disk([{}])],
    ],
  ],
  [
    "no-stale-copy",
    "it stays",
    [
      [0, ...up, connected(), copy(true), disk([{}])],
      [1, disk([])],
      [90, second],
    ],
  ],
  ["drill-is-asked-for", "nobody did", [[30, disk([{ test: true }])]]],
  [
    "drill-is-asked-for",
    "long ago",
    [
      [0, { what: "drill", validMs: 62_000 }],
      [63, disk([{ test: true }])],
    ],
  ],
  [
    "drill-is-asked-for",
    "two for one",
    [
      [0, { what: "drill", validMs: 62_000 }],
      [1, disk([{ test: true }])],
      [2, disk([{ test: true }, { id: "F", test: true }])],
    ],
  ],
  [
    "no-drill-of-unknown-age",
    "it is",
    [
      [0, handed(false)],
      [0.1, disk([{ test: true }])],
    ],
  ],
  ["lamp-is-true", "stored before it is", [[2, lamp("stored")]]],
  [
    "lamp-is-true",
    "sent to nobody",
    [
      [1, disk([{}])],
      [2, sent(0x10), lamp("sent")],
    ],
  ],
  [
    "lamp-is-true",
    "sent though refused",
    [
      [1, disk([{}])],
      [2, sent(0x87), lamp("sent")],
    ],
  ],
  [
    "lamp-is-true",
    "accepted by nobody",
    [
      [1, disk([{}])],
      [2, sent(0), acked("received"), lamp("accepted")],
    ],
  ],
  [
    "lamp-is-right",
    "it stays idle",
    [
      [0, ...up],
      [1, disk([{}])],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "it does not end",
    [
      [0, ...up],
      [1, disk([{}])],
      [2, lamp("stored")],
      [3, disk([])],
      [9, second],
    ],
  ],
  [
    "lamp-is-right",
    "no-link on a healthy connection",
    [
      [0, ...up, connected(), lamp("no-link"), disk([])],
      [66, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "report after report finds nobody",
    [
      [0, running, sound, broker(false)],
      [40, puback(0x10)],
      [90, puback(0x10)],
      [136, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "it stays idle",
    [
      [0, running, sound, broker(false)],
      [96, second],
    ],
  ],
  [
    "nothing-missing",
    "a hole",
    [
      [1, report(1), report(3)],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "a kept number that never comes",
    [
      [1, report(1), report(5), gap(2, 4, [3])],
      [90, end],
    ],
  ],
  ["number-once", "twice", [[1, { what: "reused", store: "s", seq: 1, detail: "kind" }]]],
  ["readable", "rubbish", [[1, { what: "unreadable", topic: "event", detail: "v" }]]],
  ["within-limits", "above it", [[1, { what: "queue", name: "q", length: 6, limit: 5 }]]],
  ["no-exception", "one", [[1, { what: "exception", detail: "TypeError" }]]],
  [
    "settles",
    "reports wait",
    [
      [0, connected()],
      [9, { what: "end", pending: 3 }],
    ],
  ],
  [
    "settles",
    "an episode is open",
    [
      [0, connected(), disk([{}])],
      [9, end],
    ],
  ],
  [
    "settles",
    "the lamp is not idle",
    [
      [0, connected(), lamp("fault")],
      [9, end],
    ],
  ],
  [
    "settles",
    "a courier stays",
    [
      [0, connected(), connected("b", 2)],
      [9, end],
    ],
  ],
  ["settles", "no connection", [[9, end]]],
  ["keeps-broker-limits", "broken", [[1, { what: "protocol", broker: "a", detail: "2 of 1" }]]],
  [
    "refusal-keeps-connection",
    "a PUBACK",
    [
      [0, birth],
      [1, puback(0x87)],
      [1.04, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "a SUBACK",
    [
      [0, birth],
      [1, { what: "suback", broker: "a", connection: 1, code: 0x87 }],
      [1.04, disconnected("unit")],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "never",
    [
      [0, ...up],
      [131, second],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "the other hangs up again and again",
    [
      [0, ...up, broker(false, "b")],
      ...Array.from(
        { length: 14 },
        (_, i) => [10 * i, connected("b", i), disconnected("broker", i)] as const,
      ),
      [132, second],
    ],
  ],
  ["no-untimely-power-off", "unknown", [[1, powerOff("unknown", 0)]]],
  ["no-untimely-power-off", "on", [[1, powerOff("on", 0)]]],
  ["no-untimely-power-off", "emergency", [[1, powerOff("off", 1)]]],
];

describe("an invariant holds", () => {
  test.each(SOUND)("%s: %s", (invariant, _name, history) => {
    expect(check(invariant, history)).toBeUndefined();
  });
});

describe("an invariant is violated", () => {
  test.each(VIOLATING)("%s: %s", (invariant, _name, history) => {
    expect(check(invariant, history)).toMatchObject({ invariant });
  });
});

test("every invariant has a sound and a violating history, and a name of its own", () => {
  const names = new Set(INVARIANTS.map(({ name }) => name));
  expect(names.size).toBe(INVARIANTS.length);
  expect(new Set(SOUND.map(([name]) => name))).toEqual(names);
  expect(new Set(VIOLATING.map(([name]) => name))).toEqual(names);
});

test("a violation says what, when, what led to it and how to see it again", () => {
  const violation = check("lamp-is-true", [
    [3_661.5, disk([{}])],
    [3_662, sent(0x10), lamp("sent")],
  ]);
  const text = describeViolation(violation!, "npm run simulate -- --seed 7");
  expect(text).toContain("lamp-is-true: the lamp shows sent, no open episode has got that far");
  expect(text).toContain("at 1:01:02.000 of simulated time");
  expect(text).toContain('1:01:01.500 {"what":"durable"');
  expect(text).toContain("again: npm run simulate -- --seed 7");
});
