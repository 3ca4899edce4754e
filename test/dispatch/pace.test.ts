import { expect, test } from "vitest";
import { createPace } from "../../src/dispatch/pace.ts";

/** A link of so many bytes a second and so long a round trip, always as full as the pace allows. */
const drive = (maxBytes: number, bytesPerS: number, rttMs: number) => {
  const pace = createPace(maxBytes);
  let freeAt = 0;
  let inFlight = 0;
  let most = 0;
  const wire: { flight: ReturnType<typeof pace.sent>; ackAt: number }[] = [];
  for (let now = 0; now < 60_000;) {
    while (inFlight + pace.batchBytes <= pace.budget || inFlight === 0) {
      const bytes = Math.round(pace.batchBytes);
      freeAt = Math.max(now, freeAt) + (bytes * 1000) / bytesPerS;
      wire.push({ flight: pace.sent(bytes, now), ackAt: freeAt + rttMs });
      inFlight += bytes;
      most = Math.max(most, inFlight);
    }
    const { flight, ackAt } = wire.shift()!;
    now = ackAt;
    inFlight -= flight.bytes;
    pace.acknowledged(flight, now);
  }
  return { budget: pace.budget, most };
};

test("as much is on the wire as the link holds, and little more", () => {
  const holds = 8_000 * 0.6;
  const { budget } = drive(512 * 1024, 8_000, 600);
  expect(budget).toBeGreaterThan(holds * 0.9);
  expect(budget).toBeLessThan(holds * 2);
});

test("never more than is configured, however much the link holds", () => {
  for (const maxKiB of [4, 16, 64]) {
    const { budget, most } = drive(maxKiB * 1024, 10_000_000, 600);
    expect(budget).toBe(maxKiB * 1024);
    expect(most).toBeLessThanOrEqual(maxKiB * 1024);
  }
});

test("what the link holds is unknown until the first acknowledgement, then about rate times round trip", () => {
  const pace = createPace(512 * 1024);
  expect(pace.holds).toBe(0);
  pace.acknowledged(pace.sent(1_000, 0), 500);
  expect(pace.holds).toBeCloseTo(1_100, 0);
});

test("a silence between two messages does not count", () => {
  const pace = createPace(512 * 1024);
  for (let n = 0; n < 20; n++) pace.acknowledged(pace.sent(1_000, n * 60_000), n * 60_000 + 100);
  expect(pace.holds).toBeCloseTo(1_100, 0);
});

test("what never left does not count as being on the wire", () => {
  const pace = createPace(512 * 1024);
  pace.sent(0, 0);
  pace.withdrawn();
  pace.acknowledged(pace.sent(1_000, 60_000), 60_100);
  pace.acknowledged(pace.sent(1_000, 120_000), 120_100);
  expect(pace.holds).toBeCloseTo(1_100, 0);
});

// A press would wait behind it (seed 567235362: 25 s). As in BBR, the rate of delivery is never above that of sending.
test("what waited for a stalled link and is acknowledged at once is no sign of a fast one", () => {
  const BYTES_PER_S = 500;
  const STALLED_MS = 64_000;
  const pace = createPace(512 * 1024);
  let freeAt = STALLED_MS;
  const wire: { flight: ReturnType<typeof pace.sent>; ackAt: number; ordinary: boolean }[] = [];
  const send = (bytes: number, now: number, ordinary: boolean) => {
    freeAt = Math.max(now, freeAt) + (bytes * 1000) / BYTES_PER_S;
    wire.push({ flight: pace.sent(bytes, now), ackAt: freeAt + 1_000, ordinary });
  };
  // The birth, and an emergency that is said again while nothing passes.
  send(200, 0, false);
  for (let n = 0; n < 6; n++) send(600, n * 10_000, false);
  let most = 0;
  while (wire.length > 0 && most < 100_000) {
    const { flight, ackAt } = wire.shift()!;
    if (ackAt > 150_000) break;
    pace.acknowledged(flight, ackAt);
    const held = () => wire.reduce((sum, one) => sum + (one.ordinary ? one.flight.bytes : 0), 0);
    while (held() <= pace.holds) send(300, ackAt, true);
    most = Math.max(most, held());
  }
  expect(most).toBeLessThan(4 * BYTES_PER_S);
});
