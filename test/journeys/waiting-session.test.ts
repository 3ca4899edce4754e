import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openCar, waitFor } from "./car.ts";
import { openDispatch } from "./dispatch.ts";
import { startMosquitto } from "./mosquitto.ts";
import { openRelay } from "./relay.ts";

/** A broker sends what waits a few messages at a time (Receive Maximum): some come after it has answered the unit. */
test(
  "a `cleared` that waits behind a hundred receipts does not end a press that was made after it",
  { timeout: 120_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const broker = stack.use(await startMosquitto());
    await broker.start();
    const dispatch = stack.use(await openDispatch(broker.url));
    const relay = stack.use(await openRelay(broker.port, { bytesPerS: 250_000, delayMs: 60 }));
    const car = stack.use(
      openCar(`{ brokers: ["mqtt://127.0.0.1:${relay.port}"], allowPlaintext: true }`, { board: true }),
    );
    await car.start();
    await waitFor("the link", () => dispatch.states.some(({ state }) => state === "online"));
    await waitFor("idle", () => car.lamps.at(-1) === "idle");
    car.press();
    await waitFor("the emergency", () => dispatch.newestEmergency() !== undefined);
    const { episode } = dispatch.newestEmergency()!;
    await dispatch.ack(episode, "accepted");
    await waitFor("accepted", () => car.lamps.at(-1) === "accepted");
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
