import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openAcceptedEmergency } from "./accepted-emergency.ts";
import { waitFor } from "./car.ts";

/** A broker sends what waits a few messages at a time (Receive Maximum): some come after it has answered the unit. */
test(
  "a `cleared` that waits behind a hundred receipts does not end a press that was made after it",
  { timeout: 120_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const { dispatch, relay, car, episode } = await openAcceptedEmergency(stack, {
      bytesPerS: 250_000,
      delayMs: 60,
    });
    await sleep(2_000);
    relay.swallow(true);
    relay.reset();
    await sleep(1_000);
    for (let upTo = 0; upTo < 100; upTo++) {
      const receipt = { store: "zzzzzzzz", upTo, missing: [], by: "recorder", at: new Date().toISOString() };
      // oxlint-disable-next-line no-await-in-loop -- in order
      await dispatch.say("receipt", JSON.stringify(receipt));
    }
    await dispatch.say(`emergency/${episode}/ack`, JSON.stringify({ stage: "cleared", by: "operator" }));
    await sleep(3_000);
    car.press();
    await sleep(3_000);
    relay.swallow(false);
    relay.reset();
    await waitFor("the press", () => dispatch.newestEmergency()!.presses === 2, 40_000);
    await waitFor("the refusal", () => car.log.some(({ msg }) => msg.includes("it was pressed again")));
    expect(dispatch.newestEmergency()!.state).not.toBe("cleared");
  },
);
