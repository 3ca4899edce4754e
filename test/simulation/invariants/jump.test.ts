import { JUMP_INVARIANTS } from "./jump.ts";
import {
  broker,
  connected,
  disconnected,
  gap,
  MADE_UP,
  readOnly,
  running,
  report,
  second,
  stopped,
  testHistories,
  up,
  type Case,
  type History,
} from "./history.ts";

const NAME = "jump-is-declared-at-once";
/** The gap takes the first of the new numbers, and the report of the fault the second. */
const jumped: History[number] = [10, report(MADE_UP + 2)];
const before: History = [
  [1, ...up, connected(), report(5)],
  [5, readOnly],
];
const over: History = [[71, second]];

const SOUND: readonly Case[] = [
  [
    NAME,
    "declared at once",
    [...before, [9, report(MADE_UP), report(MADE_UP + 1), gap(6, MADE_UP - 1)], jumped, ...over],
  ],
  [NAME, "declared within a minute", [...before, jumped, [69, report(MADE_UP + 1)], ...over]],
  [NAME, "the disk takes writes again", [...before, jumped, [60, { what: "disk", writable: true }], ...over]],
  [NAME, "a broker is not healthy", [...before, jumped, [60, broker(false, "b")], ...over]],
  [NAME, "no connection is open", [...before, jumped, [60, disconnected("link")], ...over]],
  [NAME, "the life ends", [...before, jumped, [60, stopped], ...over]],
  [
    NAME,
    "the disk takes nothing since before the life began",
    [
      [1, ...up, connected(), report(5), stopped],
      [2, readOnly],
      [3, running, connected()],
      [4, readOnly],
      jumped,
      ...over,
    ],
  ],
  [
    NAME,
    "the life has skipped them at its start, before the disk took nothing",
    [[1, ...up, connected(), report(5), stopped, running], [5, readOnly], jumped, ...over],
  ],
  [NAME, "another store begins", [...before, [10, report(MADE_UP + 2, "other")], ...over]],
];

const VIOLATING: readonly Case[] = [
  [NAME, "the gap and the fault stay in memory", [...before, jumped, ...over]],
  [NAME, "only the gap comes", [...before, jumped, [20, report(MADE_UP), gap(6, MADE_UP - 1)], ...over]],
];

testHistories(JUMP_INVARIANTS, SOUND, VIOLATING);
