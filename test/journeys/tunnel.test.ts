import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openAcceptedEmergency } from "./accepted-emergency.ts";
import { waitFor } from "./car.ts";

/** A tunnel: the radio keeps what is sent for longer than a person waits, and then delivers all of it. */
test(
  "a `cleared` and a further press that cross in a tunnel: the press is not ended by it, and a later one ends it",
  { timeout: 120_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const { dispatch, relay, car, episode } = await openAcceptedEmergency(stack);
    await sleep(2_000);
    relay.stall(true);
    car.press();
    await sleep(1_500);
    expect(dispatch.newestEmergency()!.presses).toBe(1);
    await dispatch.ack(episode, "cleared");
    await sleep(11_000);
    relay.stall(false);
    await waitFor("the press", () => dispatch.newestEmergency()!.presses === 2, 40_000);
    await waitFor("the refusal", () => car.log.some(({ msg }) => msg.includes("it was pressed again")));
    await sleep(4_000);
    expect(dispatch.newestEmergency()!.state).toBe("active");
    await dispatch.ack(episode, "cleared");
    await waitFor("idle", () => car.lamps.at(-1) === "idle");
    await waitFor("the end", () => dispatch.newestEmergency()!.state === "cleared");
    expect(dispatch.newestEmergency()!.presses).toBe(2);
  },
);
