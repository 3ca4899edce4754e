import { expect, test } from "vitest";
import { Tally } from "../../src/dispatch/tally.ts";
import { emergency, event, position } from "./reports.ts";

test("reports that were delivered are counted", () => {
  const tally = new Tally();
  const reports = [position(1), position(2)];
  const outgoing = { kind: "history", reports, payload: Buffer.alloc(0) } as const;
  tally.answered({ kind: "delivered", outgoing, reports }, 0);
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
  tally.answered({ kind: "delivered", outgoing: birth, reports: [] }, 30_000);
  const removal = { kind: "removal", episode: emergency(1).data.episode } as const;
  tally.answered({ kind: "delivered", outgoing: removal, reports: [] }, 30_000);
  expect([tally.isDeserted(59_999), tally.isDeserted(60_000)]).toEqual([false, true]);
});

test("after a silence any answer shows again what the broker had shown before", () => {
  const tally = new Tally();
  const reply = { kind: "reply", route: { topic: "x", retain: false }, payload: Buffer.alloc(0) } as const;
  const answer = { kind: "delivered", outgoing: reply, reports: [] } as const;
  const heard = { kind: "event", report: event(1) } as const;
  expect(tally.answered({ kind: "delivered", outgoing: heard, reports: [event(1)] }, 0)).toBe(true);
  expect(tally.answered(answer, 1_000)).toBeUndefined();
  tally.silent();
  expect([tally.answered(answer, 9_000), tally.answered(answer, 9_001)]).toEqual([true, undefined]);
  tally.answered({ kind: "unheard", outgoing: heard }, 10_000);
  tally.silent();
  expect(tally.answered(answer, 20_000)).toBe(false);
});
