import { describe, expect, test } from "vitest";
import type { Fix } from "../../src/domain/fix.ts";
import { History } from "../../src/status/history.ts";
import { Ring } from "../../src/status/ring.ts";

const S = 1_000;
const fixAt = (lat: number, more: Partial<Fix> = {}): Fix => ({ at: 0, lat, lon: 20.4, fix: "3d", ...more });

/** Ticks each second up to `untilS`. */
const driven = (untilS: number, fix: (s: number) => Fix | undefined = (s) => fixAt(45 + s / 1e4)) => {
  const history = new History();
  for (let s = 0; s <= untilS; s++)
    history.tick(
      s * S + (s % 3) * 4,
      () => fix(s),
      () => ({ records: s, connected: s >= 15 }),
    );
  return history;
};

describe("the trail", () => {
  test("has a place each five seconds", () => {
    const { trail } = driven(20);
    expect(trail.monoS.map(Math.round)).toEqual([0, 5, 10, 15, 20]);
    expect(trail.lat).toEqual([45, 45.0005, 45.001, 45.0015, 45.002]);
  });

  test("shows where there was no fix, and what the receiver did not say", () => {
    const { trail } = driven(10, (s) => (s === 5 ? undefined : fixAt(45, { fix: "2d", accuracyM: 3.14 })));
    expect(trail).toMatchObject({
      lat: [45, null, 45],
      fix: [2, 0, 2],
      accuracyM: [3.1, null, 3.1],
      speedKmh: [null, null, null],
    });
  });

  test("goes back 30 minutes: the oldest place is dropped", () => {
    const { trail } = driven(2_000);
    expect(trail.monoS).toHaveLength(360);
    expect(Math.round(trail.monoS[0]!)).toBe(205);
    expect(Math.round(trail.monoS.at(-1)!)).toBe(2_000);
    expect(Object.values(trail).map(({ length }) => length)).toEqual(Array.from({ length: 9 }, () => 360));
  });
});

test("what waited is sampled each ten seconds, for an hour", () => {
  const { outbox } = driven(30);
  expect(outbox.records).toEqual([0, 10, 20, 30]);
  expect(outbox.connected).toEqual([0, 0, 1, 1]);
  expect(driven(4_000).outbox.records).toHaveLength(360);
});

describe("events", () => {
  test("a fault is its sentence, with part and code", () => {
    const history = new History();
    const fault = {
      type: "fault",
      part: "gps",
      code: "silent",
      detail: "the receiver\nsends nothing",
    } as const;
    history.event(fault, 1_250, Date.UTC(2026, 10, 24));
    expect(history.events).toEqual([
      {
        at: "2026-11-24T00:00:00.000Z",
        monoS: 1.3,
        type: "fault",
        text: "the receiver sends nothing",
        part: "gps",
        code: "silent",
      },
    ]);
  });

  test("another one is its fields; a certificate's request is named only, and a long text is cut", () => {
    const history = new History();
    history.event({ type: "shutdown", reason: "x".repeat(400) }, 0, 0);
    const request = "-----BEGIN CERTIFICATE REQUEST-----\nMII\n-----END";
    history.event({ type: "certificate", days: 12, request }, 0, 0);
    const [long, certificate] = history.events.map(({ text }) => text);
    expect(long).toHaveLength(301);
    expect(certificate).toBe("days=12, request=(PKCS#10)");
  });

  test("the last 200 are kept", () => {
    const history = new History();
    for (let n = 0; n < 250; n++) history.event({ type: "shutdown", reason: `${n}` }, n, 0);
    expect(history.events).toHaveLength(200);
    expect([history.events[0]?.text, history.events.at(-1)?.text]).toEqual(["reason=50", "reason=249"]);
  });
});

test("a ring keeps the newest, oldest first", () => {
  const ring = new Ring<number>(3);
  expect(ring.items).toEqual([]);
  for (let n = 0; n < 7; n++) ring.add(n);
  expect(ring.items).toEqual([4, 5, 6]);
});
