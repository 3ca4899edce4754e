import type { What } from "../facts.ts";
import { EPISODE_INVARIANTS } from "./episode.ts";
import {
  E,
  second,
  running,
  up,
  handed,
  disk,
  acked,
  arrived,
  dropped,
  over,
  readOnly,
  stopped,
  connected,
  published,
  disconnected,
  sent,
  copy,
  testHistories,
  type Case,
} from "./history.ts";

const reported = (presses = 2) =>
  Object.assign(published(0, 0), { report: { store: "k3v9q0ab", seq: 2, presses } });

const WRITTEN = "2026-11-22T08:00:10.000Z";
const endedBy = (presses: number): What => Object.assign(over(presses), { ackAt: WRITTEN });
const clearedAs = (aheadMs = 0): What => acked("cleared", undefined, WRITTEN, aheadMs);

const SOUND: readonly Case[] = [
  [
    "ended-by-one-who-knew",
    "it was written after the newest press was published, or 3 s before",
    [
      [10, reported(1), reported(2)],
      [12, clearedAs(), endedBy(2)],
    ],
  ],
  [
    "ended-by-one-who-knew",
    "that was published 3 s later",
    [
      [10, reported(1), clearedAs()],
      [13, reported(2), endedBy(2)],
    ],
  ],
  [
    "ended-by-one-who-knew",
    "dispatch's clock was wrong",
    [
      [10, reported(1), clearedAs(60_000)],
      [60, reported(2), endedBy(2)],
    ],
  ],
  [
    "ended-by-one-who-knew",
    "a disk that lied",
    [
      [10, reported(1), clearedAs(), disk([], true)],
      [60, reported(2), endedBy(2)],
    ],
  ],
  ["seen-before-it-ends", "each press is seen, then the end", [[1, arrived(1), arrived(2), over(2)]]],
  ["seen-before-it-ends", "a drill ends by itself", [[1, Object.assign(over(1), { test: true })]]],
  ["seen-before-it-ends", "a disk that lied", [[1, arrived(1), disk([], true), over(2)]]],
  ["seen-before-it-ends", "a broker that gave the press to nobody", [[1, arrived(1), dropped(2), over(2)]]],
  [
    "seen-before-it-ends",
    "dispatch clears what was published long ago, though it did not get that",
    [
      [1, arrived(1), reported()],
      [61, acked("cleared"), over(2)],
    ],
  ],
  [
    "seen-before-it-ends",
    "the same, though the broker has no subscriber",
    [
      [1, arrived(1), reported(), sent(0x10)],
      [61, acked("cleared"), over(2)],
    ],
  ],
  [
    "repeats-until-received",
    "it is repeated, then received",
    [
      [0, ...up, disk([{}])],
      [20, published(0, 0)],
      [40, second, published(0, 0)],
      [60, second, disk([{ state: "received" }])],
      [99, second],
    ],
  ],
  [
    "repeats-until-received",
    "a disk that takes nothing does not show that it is received",
    [
      [0, ...up, disk([{}])],
      [20, readOnly],
      [60, second],
    ],
  ],
  [
    "repeats-until-received",
    "the unit has begun a moment ago",
    [
      [0, ...up, disk([{}])],
      [29, stopped],
      [30, running],
      [31, second],
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
    "only the store had it, and the board repeats its press",
    [
      [1, { what: "adopted", episode: E }, disk([{}])],
      [2, disk([])],
      [3, disk([{}])],
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
    "a late report comes and is removed at once",
    [
      [0, ...up, connected(), disk([{}])],
      [1, disk([])],
      [89, copy(true)],
      [90, second],
      [91, copy(false)],
      [100, second],
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
    "the broker refused the emergency on a connection that is still open",
    [
      [0, ...up, connected(), copy(true), disk([{}])],
      [1, disk([]), sent(0x97)],
      [90, second],
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
    "drill-is-asked-for",
    "it was",
    [
      [0, { what: "drill", validMs: 62_000 }],
      [30, disk([{ test: true }])],
    ],
  ],
  [
    "drill-is-asked-for",
    "it was, and the disk took nothing when it was opened",
    [
      [0, { what: "drill", validMs: 62_000 }],
      [30, readOnly],
      [180, { what: "disk", writable: true }, disk([{ test: true }])],
    ],
  ],
  ["drill-is-asked-for", "a real one needs no question", [[30, disk([{}])]]],
  [
    "no-drill-of-unknown-age",
    "its age is known, and it was handed over while the disk took nothing",
    [
      [0, readOnly],
      [1, handed(true)],
      [80, handed(false)],
      [90, { what: "disk", writable: true }, disk([{ test: true }])],
    ],
  ],
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
    "it is on disk long after it was opened, when a press of unknown age has come",
    [
      [0, handed(true)],
      [5, published(0, 0)],
      [90, handed(false)],
      [95, disk([{ test: true }])],
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
];

const VIOLATING: readonly Case[] = [
  [
    "ended-by-one-who-knew",
    "it was written before the newest press was published, and waited",
    [
      [10, reported(1), clearedAs()],
      [60, reported(2), arrived(2), endedBy(2)],
    ],
  ],
  ["seen-before-it-ends", "a press is first seen in the end", [[1, arrived(1), over(2)]]],
  [
    "seen-before-it-ends",
    "its end was written before that was published",
    [
      [1, arrived(1), acked("cleared"), reported()],
      [11, over(2)],
    ],
  ],
  [
    "seen-before-it-ends",
    "the broker refused that",
    [
      [1, arrived(1), reported(), sent(0x87)],
      [11, acked("cleared"), over(2)],
    ],
  ],
  [
    "seen-before-it-ends",
    "the broker had no subscriber for that",
    [
      [1, arrived(1), reported(), sent(0x10)],
      [11, acked("cleared"), over(2)],
    ],
  ],
  [
    "seen-before-it-ends",
    "only the presses before were published",
    [
      [1, arrived(1), reported(1)],
      [11, acked("cleared"), over(2)],
    ],
  ],
  [
    "repeats-until-received",
    "it is published once, and no more",
    [
      [0, ...up, disk([{}])],
      [1, published(0, 0)],
      [32, second],
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
    "the broker refused the emergency on a connection that has ended",
    [
      [0, ...up, connected(), copy(true), disk([{}])],
      [1, disk([]), sent(0x97)],
      [2, disconnected("broker")],
      [90, second],
    ],
  ],
  [
    "no-stale-copy",
    "the unit knew of the copy before its disk took nothing any more",
    [
      [0, ...up, connected(), copy(true), disk([{}])],
      [1, readOnly],
      [2, stopped],
      [3, running, disk([])],
      [90, second],
    ],
  ],
  [
    "no-stale-copy",
    "the unit is between two attempts to connect",
    [
      [0, ...up, copy(true), disk([{}])],
      [1, disk([])],
      [90, second],
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
    "long ago, before the disk took nothing for a while",
    [
      [0, { what: "drill", validMs: 62_000 }],
      [63, readOnly],
      [70, { what: "disk", writable: true }, disk([{ test: true }])],
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
    "it is, and a press of known age came after it was opened",
    [
      [0, handed(false)],
      [5, published(0, 0)],
      [6, handed(true)],
      [9, disk([{ test: true }])],
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
];

testHistories(EPISODE_INVARIANTS, SOUND, VIOLATING);
