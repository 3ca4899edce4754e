import { describe, expect, test } from "vitest";
import { Unconfirmed, type Finding } from "../../src/custody/unconfirmed.ts";

const MINUTE_MS = 60_000;
const [A, B] = ["mqtts://a:8883", "mqtts://b:8883"];

/** The link at broker `A`, and a clock. */
const open = () => {
  const unconfirmed = new Unconfirmed();
  const now = { ms: 0 };
  /** Connected for some minutes. */
  const pass = (broker: string, minutes: number): Finding[] => {
    const findings: Finding[] = [];
    for (let n = 0; n < minutes * 60; n++) {
      now.ms += 1_000;
      findings.push(...unconfirmed.connected(broker, 1_000));
    }
    return findings;
  };
  const again = (...numbers: number[]): void => {
    unconfirmed.sentAgain(numbers);
    unconfirmed.acknowledged(numbers, now.ms);
  };
  const receipt = (upTo: number, ...missing: [number, number][]): Finding[] =>
    unconfirmed.receipted(upTo, missing, now.ms);
  const isMoveDue = (broker: string) => unconfirmed.isMoveDue(broker, now.ms);
  unconfirmed.connected(A, 0);
  return { unconfirmed, now, pass, again, receipt, isMoveDue };
};

const named = (broker: string) => ({ kind: "unconfirmed", broker, why: expect.any(String) });

describe("numbers that were sent again", () => {
  test("prove that a broker drops them when they are still missing after the second acknowledgement", () => {
    const { pass, again, receipt, isMoveDue } = open();
    again(5, 6);
    pass(A, 1);
    expect(receipt(9, [5, 6])).toEqual([]);
    again(5, 6);
    pass(A, 1);
    expect(isMoveDue(A)).toBe(false);
    expect(receipt(9, [5, 6])).toEqual([named(A)]);
    expect([isMoveDue(A), isMoveDue(B)]).toEqual([true, false]);
  });

  test("prove nothing within 30 s, because the receipt may be older", () => {
    const { now, pass, again, receipt } = open();
    again(5);
    pass(A, 1);
    again(5);
    now.ms += 29_999;
    expect(receipt(9, [5, 5])).toEqual([]);
    now.ms += 1;
    expect(receipt(9, [5, 5])).toEqual([named(A)]);
  });

  test("prove nothing when the broker has not acknowledged them", () => {
    const { unconfirmed, pass, receipt } = open();
    for (let n = 0; n < 5; n++) {
      unconfirmed.sentAgain([5]);
      pass(A, 1);
      expect(receipt(9, [5, 5])).toEqual([]);
    }
  });

  test("prove nothing when others of them have arrived", () => {
    const { pass, again, receipt } = open();
    again(5, 6);
    pass(A, 1);
    again(5, 6);
    pass(A, 1);
    expect(receipt(9, [6, 6])).toEqual([]);
    pass(A, 1);
    expect(receipt(9, [6, 6])).toEqual([]);
  });

  test("count anew at another broker", () => {
    const { pass, again, receipt } = open();
    again(5);
    pass(A, 1);
    pass(B, 1);
    again(5);
    pass(B, 1);
    expect(receipt(9, [5, 5])).toEqual([]);
  });
});

describe("acknowledged reports without a receipt", () => {
  test("prove after 10 minutes of connection that the broker drops them", () => {
    const { unconfirmed, pass, isMoveDue } = open();
    unconfirmed.acknowledged([5], 0);
    expect(pass(A, 9.9)).toEqual([]);
    expect(pass(A, 0.2)).toEqual([named(A)]);
    expect(isMoveDue(A)).toBe(true);
    expect(pass(A, 60)).toEqual([]);
  });

  test("prove nothing while receipts follow, or when nothing waits", () => {
    const { unconfirmed, now, pass, receipt } = open();
    for (let seq = 5; seq < 50; seq++) {
      unconfirmed.acknowledged([seq], now.ms);
      expect([...pass(A, 5), ...receipt(seq)]).toEqual([]);
    }
    expect(pass(A, 60)).toEqual([]);
  });

  test("prove nothing while the receipts of a recorder that is behind advance", () => {
    const { unconfirmed, pass, receipt } = open();
    unconfirmed.acknowledged([500], 0);
    for (let upTo = 100; upTo < 120; upTo++) expect([...receipt(upTo), ...pass(A, 5)]).toEqual([]);
    for (let n = 0; n < 5; n++) expect(receipt(119)).toEqual([]);
    expect(pass(A, 6)).toEqual([named(A)]);
  });

  test("prove it also while an emergency is repeated, and each repetition has its receipt", () => {
    const { unconfirmed, now, pass, receipt } = open();
    receipt(9);
    unconfirmed.acknowledged([9, 10], 0);
    const findings: Finding[] = [];
    for (let n = 0; n < 11; n++) {
      findings.push(...pass(A, 1));
      unconfirmed.acknowledged([9], now.ms);
      findings.push(...receipt(9));
    }
    expect(findings).toEqual([named(A)]);
  });

  test("prove nothing while the link is not connected", () => {
    const { unconfirmed, now, pass } = open();
    unconfirmed.acknowledged([5], 0);
    now.ms += 60 * MINUTE_MS;
    expect(pass(A, 9)).toEqual([]);
  });
});

test("it is over when a receipt covers the number that proved it, wherever the link is", () => {
  const { unconfirmed, pass, receipt } = open();
  unconfirmed.acknowledged([5], 0);
  pass(A, 11);
  expect(pass(B, 1)).toEqual([{ kind: "moved" }]);
  expect(receipt(9, [5, 5])).toEqual([]);
  expect(receipt(9)).toEqual([{ kind: "confirmed", broker: A }]);
  expect(receipt(9)).toEqual([]);
});

test("a number that a second broker does not deliver either proves nothing, if others get through there", () => {
  const { unconfirmed, pass, again, receipt, isMoveDue } = open();
  const twice = (broker: string): void => {
    for (let n = 0; n < 2; n++) {
      again(5);
      pass(broker, 1);
    }
  };
  twice(A);
  expect(receipt(9, [5, 5])).toEqual([named(A)]);
  pass(B, 1);
  twice(B);
  unconfirmed.acknowledged([10], 0);
  expect(receipt(10, [5, 5])).toEqual([{ kind: "confirmed", broker: A }]);
  expect([isMoveDue(A), isMoveDue(B)]).toEqual([false, false]);
  twice(B);
  expect(receipt(12, [5, 5])).toEqual([]);
  // Another one is judged as ever.
  unconfirmed.acknowledged([20], 0);
  for (let n = 0; n < 2; n++) {
    again(13);
    pass(B, 1);
  }
  expect(receipt(20, [5, 5], [13, 13])).toEqual([named(B)]);
});

test("a broker that works again is not left", () => {
  const { unconfirmed, pass, receipt, isMoveDue } = open();
  unconfirmed.acknowledged([5], 0);
  pass(A, 11);
  receipt(5);
  expect(isMoveDue(A)).toBe(false);
});

/** When the link leaves its broker within 12 hours, in minutes, if each is left when that is due. */
const moves = (receipts: boolean): number[] => {
  const { unconfirmed, now, pass, receipt, isMoveDue } = open();
  const at: number[] = [];
  let broker = A;
  for (let seq = 1; now.ms < 12 * 60 * MINUTE_MS; seq++) {
    unconfirmed.acknowledged([seq], now.ms);
    pass(broker, 1);
    if (!isMoveDue(broker)) continue;
    at.push(Math.round(now.ms / MINUTE_MS));
    unconfirmed.left(now.ms);
    broker = broker === A ? B : A;
    pass(broker, 0.1);
    if (receipts) receipt(seq);
  }
  return at;
};

test("without any receipt the link moves after 10, 20 and 40 minutes, then each hour", () => {
  const at = moves(false);
  const apart = at.slice(1).map((minutes, n) => Math.round((minutes - at[n]!) / 10) * 10);
  expect([at[0], ...apart.slice(0, 5)]).toEqual([10, 10, 20, 40, 60, 60]);
  expect(at.length).toBeLessThanOrEqual(15);
});

test("a broker that is left is not left again at once when no other one can be reached", () => {
  const { unconfirmed, now, pass, isMoveDue } = open();
  unconfirmed.acknowledged([5], 0);
  pass(A, 11);
  unconfirmed.left(now.ms);
  expect(isMoveDue(A)).toBe(false);
  pass(A, 9);
  expect(isMoveDue(A)).toBe(false);
  pass(A, 1);
  expect(isMoveDue(A)).toBe(true);
});

test("a receipt that covers what was dropped makes the next move due after 10 minutes again", () => {
  const at = moves(true);
  expect(Math.max(...at.slice(1).map((minutes, n) => minutes - at[n]!))).toBeLessThanOrEqual(12);
});
