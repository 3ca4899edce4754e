import { describe, expect, test } from "vitest";
import type { Channel } from "../../src/domain/wire.ts";
import { Tally, audienceAfter, isDeserted, type Audience } from "../../src/dispatch/tally.ts";
import { emergency, event, position } from "./reports.ts";

test("reports that were delivered are counted", () => {
  const tally = new Tally();
  const reports = [position(1), position(2)];
  const outgoing = { kind: "history", reports, payload: Buffer.alloc(0) } as const;
  tally.answered({ kind: "delivered", code: 0, afterMs: 0, outgoing, reports }, 0);
  tally.answered({ kind: "unheard", outgoing }, 0);
  expect(tally.delivered).toBe(2);
});

test("channels that were refused in the last two seconds may be why the connection ended", () => {
  const tally = new Tally();
  tally.answered({ kind: "refused", channel: "event", code: 0x87, first: true }, 0);
  tally.answered({ kind: "refused", channel: "health", code: 0x87, first: true }, 1_000);
  expect(tally.refusedBefore(2_500)).toEqual(["health"]);
});

test("a broker that answers 0x10 for a minute is deserted; a birth or a removal says nothing of that", () => {
  const tally = new Tally();
  tally.answered({ kind: "unheard", outgoing: { kind: "event", report: event(1) } }, 0);
  const birth = { kind: "state", payload: Buffer.alloc(0), last: false } as const;
  tally.answered({ kind: "delivered", code: 0, afterMs: 0, outgoing: birth, reports: [] }, 30_000);
  const removal = { kind: "removal", episode: emergency(1).data.episode } as const;
  tally.answered({ kind: "delivered", code: 0, afterMs: 0, outgoing: removal, reports: [] }, 30_000);
  expect([tally.isDeserted(59_999), tally.isDeserted(60_000)]).toEqual([false, true]);
});

test("a broker is useless a minute after its first refusal, however long a quiet car has sent nothing before", () => {
  const tally = new Tally();
  const heard = { kind: "event", report: event(1) } as const;
  tally.answered({ kind: "delivered", code: 0, afterMs: 0, outgoing: heard, reports: [event(1)] }, 0);
  tally.answered({ kind: "refused", channel: "health", code: 0x97, first: true }, 200_000);
  tally.answered({ kind: "refused", channel: "event", code: 0x97, first: true }, 210_000);
  expect([tally.isUseless(210_001), tally.isUseless(259_999), tally.isUseless(260_000)]).toEqual([
    false,
    false,
    true,
  ]);
  tally.answered({ kind: "delivered", code: 0, afterMs: 0, outgoing: heard, reports: [event(1)] }, 270_000);
  tally.answered({ kind: "refused", channel: "event", code: 0x97, first: true }, 400_000);
  expect(tally.isUseless(459_999)).toBe(false);
});

test("after a silence any answer shows again what the broker had shown before", () => {
  const tally = new Tally();
  const reply = { kind: "reply", route: { topic: "x", retain: false }, payload: Buffer.alloc(0) } as const;
  const answer = { kind: "delivered", code: 0, afterMs: 0, outgoing: reply, reports: [] } as const;
  const heard = { kind: "event", report: event(1) } as const;
  expect(
    tally.answered({ kind: "delivered", code: 0, afterMs: 0, outgoing: heard, reports: [event(1)] }, 0),
  ).toBe(true);
  expect(tally.answered(answer, 1_000)).toBeUndefined();
  tally.silent();
  expect([tally.answered(answer, 9_000), tally.answered(answer, 9_001)]).toEqual([true, undefined]);
  tally.answered({ kind: "unheard", outgoing: heard }, 10_000);
  tally.silent();
  expect(tally.answered(answer, 20_000)).toBe(false);
});

describe("whether nobody listens at a broker", () => {
  /** The answers in order: when (s), channel, and whether there was a subscriber. */
  type Heard = readonly [atS: number, channel: Channel, listening: boolean];
  const after = (...answers: readonly Heard[]): ReadonlyMap<Channel, Audience> => {
    const channels = new Map<Channel, Audience>();
    for (const [atS, channel, listening] of answers)
      channels.set(channel, audienceAfter(channels.get(channel), listening, atS * 1_000));
    return channels;
  };

  test.each<[string, boolean, number, readonly Heard[]]>([
    ["nothing was answered", false, 3_600, []],
    ["the first 0x10 is not a minute old", false, 59.9, [[0, "event", false]]],
    ["nothing but 0x10 for a minute", true, 60, [[0, "event", false]]],
    [
      "0x10 again and again: from the first",
      true,
      60,
      [
        [0, "health", false],
        [59, "health", false],
      ],
    ],
    [
      "a minute since the last message with a subscriber",
      true,
      100,
      [
        [0, "event", false],
        [40, "history", true],
        [50, "event", false],
      ],
    ],
    [
      "not yet a minute since then",
      false,
      99.9,
      [
        [0, "event", false],
        [40, "history", true],
        [50, "event", false],
      ],
    ],
    [
      "no 0x10 since the last message with a subscriber",
      false,
      200,
      [
        [0, "event", false],
        [40, "history", true],
      ],
    ],
    [
      "another kind of telemetry has a subscriber",
      false,
      300,
      [
        [0, "position", true],
        [1, "vehicle", false],
        [200, "vehicle", false],
      ],
    ],
    [
      "its subscriber has gone",
      true,
      300,
      [
        [0, "position", true],
        [1, "vehicle", false],
        [200, "position", false],
      ],
    ],
    [
      "it was heard long ago",
      true,
      600,
      [
        [0, "position", true],
        [1, "vehicle", false],
      ],
    ],
  ])("%s: %s", (_case, expected, atS, answers) => {
    expect(isDeserted(after(...answers), atS * 1_000)).toBe(expected);
  });
});
