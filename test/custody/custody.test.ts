import { describe, expect, test } from "vitest";
import {
  clockBehindMs,
  isForsaken,
  judge,
  modeOf,
  overrides0x10,
  silentFor,
  type Known,
} from "../../src/custody/custody.ts";
import { NO_CUSTODY, type CustodyMemory } from "../../src/domain/memory.ts";

const AT = Date.UTC(2026, 10, 26, 8);
const HOUR_MS = 3_600_000;
const KNOWN: Known = {
  store: "k3v9q0ab",
  next: 1_000,
  unsent: () => undefined,
  coveredAt: undefined,
  now: { at: AT, clock: "gnss" },
  behindMs: 0,
  earlierBehindMs: 0,
  waitedMs: 0,
};
const receipt = (more: object = {}): object => ({
  store: "k3v9q0ab",
  upTo: 900,
  missing: [],
  by: "recorder-a",
  at: "2026-11-26T08:00:00.000Z",
  ...more,
});
const heard: CustodyMemory = {
  ...NO_CUSTODY,
  newest: { by: "recorder-a", at: AT - 10_000, upTo: 800 },
  proven: true,
};
const whyIgnored = (
  memory: CustodyMemory,
  value: unknown,
  known: Partial<Known> = {},
): string | undefined => {
  const verdict = judge(memory, value, { ...KNOWN, ...known });
  return verdict.kind === "ignored" ? verdict.why : undefined;
};

describe("a receipt", () => {
  test("counts, and custody is dispatch's from then on", () => {
    const verdict = judge(NO_CUSTODY, receipt({ missing: [[5, 9]] }), KNOWN);
    expect(verdict).toMatchObject({ kind: "counts", receipt: { upTo: 900, missing: [[5, 9]] } });
    if (verdict.kind !== "counts") throw new Error("it counts");
    expect(verdict.memory).toEqual({
      newest: { by: "recorder-a", at: AT, upTo: 900, store: "k3v9q0ab" },
      proven: true,
      silentMs: 0,
    });
    expect(modeOf("auto", NO_CUSTODY)).toBe("broker");
    expect(modeOf("auto", verdict.memory)).toBe("dispatch");
    expect(modeOf("broker", verdict.memory)).toBe("broker");
    expect(modeOf("dispatch", NO_CUSTODY)).toBe("dispatch");
  });

  test("that is older counts after a day of silence: the recorder's clock was wrong before", () => {
    const old = receipt({ at: "2026-11-26T07:00:00.000Z" });
    expect(whyIgnored(silentFor(heard, 24 * HOUR_MS - 1), old)).toBe("not-newer");
    const silent = silentFor(heard, 24 * HOUR_MS);
    expect(judge(silent, old, KNOWN).kind).toBe("counts");
    // A broker may have kept it for long.
    for (const waitedMs of [60_001, Infinity])
      expect(judge(silent, old, { ...KNOWN, waitedMs })).toMatchObject({ why: "not-newer" });
    // The same one again is no news.
    expect(whyIgnored(silent, receipt({ at: new Date(AT - 10_000).toISOString() }))).toBe("not-newer");
  });

  test("for a number that was never sent asks for a new store: dispatch has another report of that number", () => {
    const unsent = (upTo: number) => (upTo >= 500 ? 500 : undefined);
    expect(judge(heard, receipt({ upTo: 499 }), { ...KNOWN, unsent }).kind).toBe("counts");
    expect(judge(heard, receipt({ upTo: 500 }), { ...KNOWN, unsent })).toMatchObject({
      kind: "renew",
      why: "recorder-a has stored number 500, which was never sent",
    });
  });

  test("cannot cover a report that was made after it: dispatch has another one of that number", () => {
    expect(judge(heard, receipt(), { ...KNOWN, coveredAt: AT + 600_000 }).kind).toBe("counts");
    expect(judge(heard, receipt(), { ...KNOWN, coveredAt: AT + 600_001 }).kind).toBe("renew");
    // Nor if the recorder's clock is known to be a quarter of an hour behind.
    const behindMs = 900_000;
    expect(judge(heard, receipt(), { ...KNOWN, behindMs, coveredAt: AT + 1_500_000 }).kind).toBe("counts");
    expect(judge(heard, receipt(), { ...KNOWN, behindMs, coveredAt: AT + 1_500_001 }).kind).toBe("renew");
    // Until that is known, it is judged later. Without the time that never comes.
    // Or was so in an earlier life, of which its reports or the receipt may be.
    const earlier = { ...KNOWN, earlierBehindMs: behindMs };
    expect(judge(heard, receipt(), { ...earlier, coveredAt: AT + 1_500_000 }).kind).toBe("counts");
    expect(judge(heard, receipt(), { ...earlier, coveredAt: AT + 1_500_001 }).kind).toBe("renew");
    const unknown = { ...KNOWN, behindMs: undefined };
    expect(judge(heard, receipt(), { ...unknown, coveredAt: AT + 600_000 }).kind).toBe("counts");
    expect(judge(heard, receipt(), { ...unknown, coveredAt: AT + 600_001 }).kind).toBe("later");
    const now = { at: 0, clock: "unset" } as const;
    expect(judge(heard, receipt(), { ...unknown, now, coveredAt: AT + 600_001 }).kind).toBe("renew");
  });

  test("that came at once shows how far the recorder's clock is behind", () => {
    const now = { at: AT + 900_000, clock: "gnss" } as const;
    expect(clockBehindMs(heard, receipt(), { now, waitedMs: 60_000 })).toBe(900_000);
    expect(clockBehindMs(NO_CUSTODY, receipt(), { now, waitedMs: 0 })).toBe(900_000);
    expect(clockBehindMs(heard, receipt(), { now: { at: AT - 1, clock: "ntp" }, waitedMs: 0 })).toBe(0);
    expect(clockBehindMs(heard, receipt(), { now, waitedMs: 60_001 })).toBeUndefined();
    expect(clockBehindMs(heard, receipt(), { now: { at: 0, clock: "unset" }, waitedMs: 0 })).toBeUndefined();
    expect(clockBehindMs(heard, receipt({ by: "another" }), { now, waitedMs: 0 })).toBeUndefined();
    expect(clockBehindMs(heard, "{", { now, waitedMs: 0 })).toBeUndefined();
  });

  test("with far higher numbers and none between is of a life that could not store its own, not of a newer disk", () => {
    const far = 2 ** 40;
    const jumped = { upTo: far + 9, missing: [[990, far - 1]] };
    expect(judge(heard, receipt(jumped), KNOWN)).toEqual({ kind: "jumped", ...jumped });
    // The other life's declaration of the numbers between has arrived.
    expect(judge(heard, receipt({ upTo: far + 9 }), KNOWN)).toEqual({
      kind: "jumped",
      upTo: far + 9,
      missing: [],
    });
    const kinds = [
      judge(heard, receipt({ ...jumped, upTo: 2 ** 52 }), KNOWN),
      judge(heard, receipt({ upTo: 60_000, missing: [[990, 59_000]] }), KNOWN),
      judge(heard, receipt({ upTo: far + 60_000 }), { ...KNOWN, next: far }),
    ].map(({ kind }) => kind);
    expect(kinds).toEqual(["renew", "renew", "renew"]);
    expect(judge(heard, receipt({ upTo: far + 70_000 }), { ...KNOWN, next: far }).kind).toBe("jumped");
  });

  test("that covers what a life after a jump has given and not sent is judged when that is sent", () => {
    const far = 2 ** 40;
    const unsent = () => 990;
    expect(judge(heard, receipt({ upTo: far + 9 }), { ...KNOWN, unsent }).kind).toBe("later");
    // This life has jumped itself, because the store knew of the other one.
    const known = { ...KNOWN, next: far + 1_000_000 };
    expect(judge(heard, receipt({ upTo: far + 9 }), { ...known, unsent }).kind).toBe("later");
    expect(judge(heard, receipt({ upTo: far + 9 }), known).kind).toBe("counts");
    expect(judge(heard, receipt(), { ...KNOWN, unsent: () => 500 }).kind).toBe("renew");
  });

  // The unit's clock may be wrong, or that of a recording.
  test("counts whatever the unit's clock says", () => {
    expect(judge(heard, receipt({ at: "2031-01-01T00:00:00Z" }), KNOWN).kind).toBe("counts");
  });

  test("may go back: dispatch was restored from a backup", () => {
    expect(judge(heard, receipt({ upTo: 3 }), KNOWN).kind).toBe("counts");
  });

  test("of another store, or not newer, changes nothing", () => {
    expect(whyIgnored(heard, receipt({ store: "other000" }))).toBe("foreign-store");
    expect(whyIgnored(heard, receipt({ at: "2026-11-26T07:59:50.000Z" }))).toBe("not-newer");
  });

  test("of a second recorder is ignored until the first has been silent for a day of connection", () => {
    const second = receipt({ by: "recorder-b" });
    expect(whyIgnored(heard, second)).toBe("second-recorder");
    const almost = silentFor(heard, 24 * HOUR_MS - 1);
    expect(whyIgnored(almost, second)).toBe("second-recorder");
    expect(judge(silentFor(almost, 1), second, KNOWN)).toMatchObject({
      kind: "counts",
      memory: { newest: { by: "recorder-b" }, silentMs: 0 },
    });
    // What a broker has kept of a recorder of long ago.
    expect(judge(silentFor(almost, 1), second, { ...KNOWN, waitedMs: Infinity })).toMatchObject({
      why: "second-recorder",
    });
  });

  test.each([
    ["no object", "receipt"],
    ["nothing", undefined],
    ["a negative number", receipt({ upTo: -1 })],
    ["a fraction", receipt({ upTo: 1.5 })],
    ["a number beyond what can be counted", receipt({ upTo: 1e300 })],
    ["text for a number", receipt({ upTo: "900" })],
    ["no recorder", receipt({ by: "" })],
    ["no time", receipt({ at: "yesterday" })],
    ["ranges that overlap", receipt({ missing: [[1, 5], [5, 9]] })], // prettier-ignore
    ["ranges that descend", receipt({ missing: [[8, 9], [1, 5]] })], // prettier-ignore
    ["a range that ends before it begins", receipt({ missing: [[9, 8]] })],
    ["a range from 0", receipt({ missing: [[0, 8]] })],
    ["a range above upTo", receipt({ missing: [[899, 901]] })],
    ["101 ranges", receipt({ missing: Array.from({ length: 101 }, (_, n) => [2 * n + 1, 2 * n + 1]) })],
    ["a million ranges", receipt({ missing: Array.from({ length: 1e6 }, () => [1, 1]) })],
  ])("with %s cannot be read", (_, value) => {
    expect(whyIgnored(heard, value)).toBe("unreadable");
  });

  test("that claims a number which was never given asks for a new store, at most once a day", () => {
    const verdict = judge(heard, receipt({ upTo: 1_000 }), KNOWN);
    if (verdict.kind !== "renew") throw new Error("it claims too much");
    expect(verdict.memory.renewedAt).toBe(AT);
    expect(whyIgnored(verdict.memory, receipt({ upTo: 1_000 }))).toBe("renewed-today");
    const later = { at: AT + 24 * HOUR_MS, clock: "gnss" } as const;
    expect(judge(verdict.memory, receipt({ upTo: 1_000 }), { ...KNOWN, now: later }).kind).toBe("renew");
  });
});

test("after a day of connection without a receipt custody falls back to the broker", () => {
  const almost = silentFor(heard, 24 * HOUR_MS - 1);
  expect(modeOf("auto", almost)).toBe("dispatch");
  expect(isForsaken("auto", almost)).toBe(false);
  const silent = silentFor(almost, 1);
  expect(modeOf("auto", silent)).toBe("broker");
  expect(isForsaken("auto", silent)).toBe(true);
  expect(modeOf("dispatch", silent)).toBe("dispatch");
  expect(isForsaken("dispatch", silent)).toBe(true);
  expect(isForsaken("broker", silent)).toBe(false);
});

test("custody does not fall back while another recorder lives, whose receipts count after that day", () => {
  const followed = silentFor(heard, 24 * HOUR_MS, true);
  expect(modeOf("auto", followed)).toBe("dispatch");
  expect(judge(followed, receipt({ by: "recorder-b" }), KNOWN).kind).toBe("counts");
  expect(modeOf("auto", silentFor(followed, 1))).toBe("broker");
});

test("a unit that never had a receipt is not forsaken, unless it is told to wait for them", () => {
  const silent = silentFor(NO_CUSTODY, 24 * HOUR_MS);
  expect(isForsaken("auto", silent)).toBe(false);
  expect(isForsaken("dispatch", silent)).toBe(true);
});

test("a receipt of the last 10 minutes overrides 0x10", () => {
  expect(overrides0x10(undefined)).toBe(false);
  expect(overrides0x10(599_999)).toBe(true);
  expect(overrides0x10(600_000)).toBe(false);
});
