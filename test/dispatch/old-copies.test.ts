import { describe, expect, test } from "vitest";
import { OldCopies } from "../../src/dispatch/old-copies.ts";

const A = "mqtts://a:8883";

describe("a broker is asked to remove copies from earlier topics", () => {
  test("at once, and again 30 s after it has refused", () => {
    const old = new OldCopies();
    expect(old.mayAsk(A, 0)).toBe(true);
    old.refused(A, 0);
    expect([old.mayAsk(A, 29_999), old.mayAsk(A, 30_000)]).toEqual([false, true]);
    old.refused(A, 30_000);
    expect([old.mayAsk(A, 59_999), old.mayAsk(A, 60_000)]).toEqual([false, true]);
  });

  test("at once, if it has accepted one since", () => {
    const old = new OldCopies();
    old.refused(A, 0);
    old.accepted(A);
    expect(old.mayAsk(A, 1)).toBe(true);
  });

  test.each([
    ["with a removal unanswered", true],
    ["right after a refusal", false],
  ])("after 30 s, doubling to 10 minutes, while its connection ends %s", (_name, asked) => {
    const old = new OldCopies();
    let now = 0;
    const pauses: number[] = [];
    for (let n = 0; n < 7; n++) {
      if (!asked) old.refused(A, now);
      old.closed(A, asked, now + 1_000);
      const endedAt = (now += 1_000);
      while (!old.mayAsk(A, now)) now += 1_000;
      pauses.push((now - endedAt) / 1_000);
    }
    expect(pauses).toEqual([30, 60, 120, 240, 480, 600, 600]);
  });

  test("at once, if its connection ended for another reason", () => {
    const old = new OldCopies();
    old.closed(A, false, 0);
    expect(old.mayAsk(A, 0)).toBe(true);
    old.refused(A, 0);
    old.closed(A, false, 20_000);
    expect(old.mayAsk(A, 30_000)).toBe(true);
    expect(new OldCopies().mayAsk("mqtts://b:8883", 0)).toBe(true);
  });
});
