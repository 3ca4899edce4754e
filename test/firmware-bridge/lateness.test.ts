import { describe, expect, test } from "vitest";
import { advance } from "../../firmware-bridge/advance.ts";
import { withoutRepeats } from "../../firmware-bridge/lateness.ts";
import type { FromBoard } from "../../firmware-bridge/protocol.ts";
import { INITIAL, type BoardState, type Input, type Setting } from "../../firmware-bridge/state.ts";

/** The age of a press that was read late: from the board's own clock, which its heartbeats show. */

const SETTING: Setting = {
  path: "/dev/board",
  loops: [0],
  darkLoops: [],
  bauds: [38_400, 57_600],
  mayTest: false,
  lampSense: true,
  timing: { refreshMs: 1_000, identifyMs: 3_000, silentMs: 4_000 },
};
const BOARD = "0badcafe";
/** When the board started, on the host's clock. */
const STARTED_AT = -60_000;

/** What the board sends at `sentAt`. */
const hello = (sentAt: number): FromBoard => ({
  kind: "hello",
  protocol: 1,
  firmware: "1.2",
  board: BOARD,
  lastNumber: 7,
  loops: 4,
  resetCause: 1,
  uptimeS: Math.floor((sentAt - STARTED_AT) / 1_000),
});
const heartbeat = (sentAt: number, startedAt = STARTED_AT): FromBoard => ({
  kind: "heartbeat",
  board: BOARD,
  uptimeS: Math.floor((sentAt - startedAt) / 1_000),
  supplyMv: 5_000,
  resetCause: 1,
  pending: 0,
  pattern: 0,
  loops: ["normal", "normal", "normal", "normal"],
});
const press = (sentAt: number, pressedAt: number, number = 8): FromBoard => ({
  kind: "press",
  press: { board: BOARD, number, loop: 0, count: 1, ageMs: sentAt - pressedAt },
});
const read = (at: number, message: FromBoard): Input => ({ is: "message", at, message });

/** A board that sends for a while, each message read as it comes. */
const known = (until: number): Input[] => [
  { is: "opened", at: 0 },
  read(510, hello(500)),
  ...Array.from({ length: Math.floor(until / 1_000) }, (_, n) =>
    read((n + 1) * 1_000 + 4, heartbeat((n + 1) * 1_000)),
  ),
];

/** When each press was made, as far as its age shows when it is read. */
const pressesOf = (...inputs: Input[]): number[] => {
  let state: BoardState = INITIAL;
  const made: number[] = [];
  for (const input of inputs) {
    const step = advance(state, input, SETTING);
    ({ state } = step);
    for (const effect of step.effects) {
      if (effect.do === "press" && "at" in input) made.push(input.at - effect.press.ageMs!);
    }
  }
  return made;
};

/** The messages of `from`..`to` in the order in which the board sends them, all read at `at`. */
const backlog = (from: number, to: number, pressedAt: number, at: number): Input[] => {
  const sent: Input[] = [];
  for (let now = from; now <= to; now += 250) {
    if (now % 1_000 === 0) sent.push(read(at, heartbeat(now)));
    if (now >= pressedAt) sent.push(read(at, press(now, pressedAt)));
  }
  return sent;
};

describe("a press that is read as it comes", () => {
  test("has the age that the board gives it", () => {
    expect(pressesOf(...known(5_000), read(5_300, press(5_297, 5_297)))).toEqual([5_300]);
  });

  test("also after a second of jitter, and after lost heartbeats", () => {
    const late = [...known(5_000), read(7_000, heartbeat(6_000)), read(7_001, press(7_001, 6_500))];
    expect(pressesOf(...late)).toEqual([6_500]);
    const lost = [...known(5_000), read(15_004, heartbeat(15_000)), read(15_010, press(15_010, 15_000))];
    expect(pressesOf(...lost)).toEqual([15_000]);
  });

  test("also on a board whose clock is half a percent slow, after an hour", () => {
    const slow = Array.from({ length: 3_600 }, (_, n) => read((n + 1) * 1_005, heartbeat((n + 1) * 1_000)));
    const at = 3_600 * 1_005 + 20;
    expect(pressesOf(...known(0), ...slow, read(at, press(10, 0)))).toEqual([at - 10]);
  });

  test("also right after a standstill, when the newest heartbeat was read late", () => {
    const inputs = [...known(5_000), ...backlog(5_250, 20_000, Infinity, 40_000)];
    expect(pressesOf(...inputs, read(40_300, press(40_300, 40_280)))).toEqual([40_280]);
  });

  test("also on a board that was reset meanwhile", () => {
    const inputs = [...known(5_000), read(9_000, heartbeat(8_900, 7_900))];
    expect(pressesOf(...inputs, read(9_010, press(9_010, 9_000)))).toEqual([9_000]);
  });
});

describe("a press that waited while the process stood still", () => {
  test.each([
    ["8 s", 8_000, 5_000],
    ["15 s", 15_000, 10_000],
    ["40 s", 40_000, 30_000],
  ])("is not later than it was, and at most a second earlier: %s", (_, stoodMs, pressedAfterMs) => {
    const at = 5_000 + stoodMs;
    const pressedAt = 5_000 + pressedAfterMs;
    // The line kept the messages until three seconds before the end, and dropped the rest.
    const inputs = [...known(5_000), ...backlog(5_250, at - 3_000, pressedAt, at)];
    const made = pressesOf(...inputs);
    for (const one of made) {
      expect(one - pressedAt).toBeLessThan(20);
      expect(one - pressedAt).toBeGreaterThan(-1_020);
    }
    if (pressedAfterMs <= stoodMs - 3_000) expect(made.length).toBeGreaterThan(0);
  });
});

test("of the repeats of a press in one read the last counts, and everything else stays in order", () => {
  const inputs = [
    read(9_000, press(6_000, 6_000)),
    read(9_000, hello(6_100)),
    read(9_000, press(6_100, 6_050, 9)),
    read(9_000, press(6_250, 6_000)),
    { is: "firmata", at: 9_000, bytes: Uint8Array.of(1) } as const,
  ];
  expect(withoutRepeats(inputs)).toEqual(inputs.slice(1));
});
