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
