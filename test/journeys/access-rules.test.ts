import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mosquittoRules } from "../../src/tools/runbook.ts";
import { openCar, waitFor } from "./car.ts";
import { openDispatch } from "./dispatch.ts";
import { startMosquitto } from "./mosquitto.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const NOT_AUTHORISED = 0x87;

test(
  "the access rules of the runbook let a unit do its duty, and not acknowledge its own emergency",
  { timeout: 60_000 },
  async () => {
    const broker = stack.use(await startMosquitto("allow_anonymous true\nacl_file FOLDER/acl"));
    // Without a user name: dispatch.
    writeFileSync(join(broker.folder, "acl"), `topic readwrite #\n${mosquittoRules().join("\n")}\n`);
    await broker.start();
    const dispatch = stack.use(await openDispatch(broker.url));
    const car = stack.use(openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, { board: true }));
    await car.start();
    await waitFor("the birth", () => dispatch.states.some(({ state }) => state === "online"));
    await waitFor("health", () => dispatch.reports.some(({ kind }) => kind === "health"));
    await waitFor("the board", () => car.lamps.at(-1) === "idle");
    car.press();
    await waitFor("the emergency", () => dispatch.emergencies().length > 0);
    const { episode } = dispatch.emergencies()[0]!;

    // The unit's own credentials.
    const unit = await connectAsync(broker.url, {
      protocolVersion: 5,
      username: "zrenjanin/zr-117",
      clientId: "a-thief",
    });
    stack.defer(() => unit.endAsync(true));
    await expect(
      unit.publishAsync(`patrol/v1/zrenjanin/zr-117/emergency/${episode}/ack`, '{"stage":"accepted"}', {
        qos: 1,
      }),
    ).rejects.toMatchObject({ code: NOT_AUTHORISED });

    for (const stage of ["received", "accepted"] as const) {
      await dispatch.ack(episode, stage);
      await waitFor(stage, () => car.lamps.includes(stage));
    }
    await dispatch.ack(episode, "cleared");
    await waitFor("the end", () => dispatch.removed.has(`patrol/v1/zrenjanin/zr-117/emergency/${episode}`));
    const expiresAt = new Date(Date.now() + 60_000).toISOString();
    await dispatch.say("command", JSON.stringify({ id: "c1", kind: "position", expiresAt }));
    await waitFor("the reply", () => dispatch.topics.has("patrol/v1/zrenjanin/zr-117/reply"));
    expect(car.log.filter(({ part, level }) => part === "link" && level === "warn")).toEqual([]);
  },
);
