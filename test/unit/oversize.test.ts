import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** Above the largest packet that a unit accepts. */
const TOO_LARGE = 1024 * 1024 + 10;

test("messages that are too large, on one long topic after the other, make few and short events", async () => {
  const world = openWorld([{ version: 4 }]);
  await world.start();
  await world.wait(20_000);
  for (let n = 0; n < 20; n++) {
    const topic = `patrol/v1/zrenjanin/zr-117/emergency/${n}${"x".repeat(60_000)}/ack`;
    world.brokers[0]!.broker.send({ topic, payload: Buffer.alloc(TOO_LARGE) });
    await world.wait(20_000);
  }
  await world.wait(60_000);
  const events = world.events().filter(({ code }) => code === "oversize");
  expect(events.length).toBeGreaterThan(0);
  expect(events.length).toBeLessThanOrEqual(20);
  for (const event of events) expect(JSON.stringify(event).length).toBeLessThan(2_000);
});
