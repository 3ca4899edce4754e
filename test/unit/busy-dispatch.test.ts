import { expect, test } from "vitest";
import { openEmergency } from "./open-emergency.ts";
import { openWorld } from "./whole-unit.ts";

const RECEIPT_MS = 1_000;

/**
 * Dispatch sends a message each second on a link whose round trip takes longer. So no answer of the broker shows that
 * nothing waits, and a `cleared` after a further press looks as if it had waited. The operator tries again.
 */
test.each([
  ["the unit has no time", { synchronised: false, aheadMs: 0, tunnelMs: 0, everyMs: 30_000, times: 3 }],
  [
    "dispatch's clock is ahead",
    { synchronised: true, aheadMs: 5_000, tunnelMs: 0, everyMs: 30_000, times: 3 },
  ],
  // The first `cleared` waited: it came long after it was written, the others soon after.
  [
    "the press was in a tunnel",
    { synchronised: true, aheadMs: 0, tunnelMs: 15_000, everyMs: 30_000, times: 3 },
  ],
  [
    "the operator is impatient",
    { synchronised: true, aheadMs: 0, tunnelMs: 15_000, everyMs: 6_000, times: 8 },
  ],
])("a busy dispatch can end an emergency: %s", async (_what, story) => {
  const { synchronised, aheadMs, tunnelMs, everyMs, times } = story;
  const world = openWorld([{}]);
  world.host.synchronised = synchronised;
  world.network.change(world.brokers[0]!.route, { latencyMs: 700 });
  const { route, press, say, tell, topicOf } = await openEmergency(world);
  await world.wait(8_500);
  const timer = world.time.every(RECEIPT_MS, () => {
    const at = new Date(world.time.host() + aheadMs).toISOString();
    tell(topicOf("receipt"), { store: "zzzzzzzz", upTo: 1, missing: [], by: "another", at });
  });
  await world.wait(10_000);
  world.network.change(route, { stalled: tunnelMs > 0 });
  if (tunnelMs > 0) say("cleared", { aheadMs });
  press(2);
  await world.wait(tunnelMs);
  world.network.change(route, { stalled: false });
  await world.wait(20_000);
  for (let n = 0; n < times; n++) {
    say("cleared", { aheadMs });
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await world.wait(everyMs);
  }
  timer[Symbol.dispose]();
  expect(world.lamps.at(-1)).toBe("idle");
});
