import { expect, test } from "vitest";
import { behindArrival, whyGiveUp, type Seen } from "../../src/dispatch/giving-up.ts";

const DEAD_MS = 30_000;
const SOUND: Seen = {
  broker: "a",
  silentMs: 0,
  urgentMs: 0,
  lostMs: 0,
  blocked: false,
  deserted: false,
  useless: false,
  unfit: false,
  unconfirmed: false,
};

test.each<[string, Partial<Seen>, string | undefined]>([
  ["a connection that works is kept", {}, undefined],
  ["no answer for as long as it may take", { silentMs: DEAD_MS }, undefined],
  ["no answer for longer", { silentMs: DEAD_MS + 1 }, "a: nothing acknowledged for 30 s"],
  ["a message that was passed over", { lostMs: 31_000 }, "a: a message was not acknowledged for 31 s"],
  ["an emergency without an answer", { urgentMs: 31_000 }, "a: an emergency was not acknowledged for 31 s"],
  [
    "another emergency waits behind it",
    { urgentMs: 5_001, blocked: true },
    "a: an emergency was not acknowledged for 5 s",
  ],
  ["a report does not fit", { unfit: true }, "a: a report is larger than the packets that it accepts"],
  ["dispatch lacks reports", { unconfirmed: true }, "a: dispatch does not get what it acknowledges"],
  ["nobody listens", { deserted: true }, "a: nobody listens to this unit there"],
])("%s", (_case, seen, expected) => {
  expect(whyGiveUp({ ...SOUND, ...seen }, DEAD_MS)?.error.message).toBe(expected);
});

test("the next broker depends on the reason: one that answers all but emergencies is not returned to at once", () => {
  expect(whyGiveUp({ ...SOUND, silentMs: 31_000, deserted: true }, DEAD_MS)?.left).toBeUndefined();
  expect(whyGiveUp({ ...SOUND, urgentMs: 31_000 }, DEAD_MS)?.left).toBe("unanswered");
  expect(whyGiveUp({ ...SOUND, deserted: true }, DEAD_MS)?.left).toBe("deserted");
  expect(whyGiveUp({ ...SOUND, unfit: true }, DEAD_MS)?.left).toBe("unfit");
  expect(whyGiveUp({ ...SOUND, unconfirmed: true }, DEAD_MS)?.left).toBe("unconfirmed");
});

test("answers that wait behind what arrives are not overdue, but an emergency that waits for a place is", () => {
  const waits = { silentMs: 40_000, urgentMs: 20_000, blocked: false };
  expect(behindArrival(waits, Infinity)).toEqual({ silentMs: 40_000, urgentMs: 20_000 });
  expect(behindArrival(waits, 300)).toEqual({ silentMs: 300, urgentMs: 300 });
  expect(behindArrival({ ...waits, blocked: true }, 300)).toEqual({ silentMs: 300, urgentMs: 20_000 });
});
