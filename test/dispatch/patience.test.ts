import { expect, test } from "vitest";
import { Patience } from "../../src/dispatch/patience.ts";

const ONE = { otherAddresses: 0, untriedAddresses: 0 };
const TWO = { otherAddresses: 1, untriedAddresses: 1 };

test("it doubles with each connection that answered nothing, up to 30 s, until one answers", () => {
  const patience = new Patience();
  const limits = Array.from({ length: 5 }, () => {
    const limitMs = patience.limitMs(ONE, true);
    patience.gaveUp(limitMs);
    return limitMs;
  });
  expect(limits).toEqual([5_000, 10_000, 20_000, 30_000, 30_000]);
  patience.anew();
  expect(patience.limitMs(ONE, true)).toBe(5_000);
});

test("an emergency has each address tried within 4.5 s, as long as one is untried", () => {
  const patience = new Patience();
  for (let n = 0; n < 5; n++) {
    expect(patience.limitMs(TWO, true)).toBe(2_250);
    patience.gaveUp(2_250);
  }
  expect(patience.limitMs({ ...TWO, untriedAddresses: 0 }, true)).toBe(5_000);
});

test("what is not urgent may be slow once each address was tried", () => {
  const patience = new Patience();
  for (let n = 0; n < 2; n++) {
    expect(patience.limitMs(TWO, false)).toBe(2_250);
    patience.gaveUp(2_250);
  }
  expect(patience.limitMs(TWO, false)).toBe(5_000);
  patience.gaveUp(5_000);
  expect(patience.limitMs(TWO, false)).toBe(10_000);
  // A press: another address may have it at once.
  expect(patience.limitMs(TWO, true)).toBe(2_250);
});
