import { expect, test } from "vitest";
import { WireReport } from "../../src/domain/report.ts";
import { openWorld } from "./whole-unit.ts";

/**
 * On a slow link the `accepted` of the first press crosses the second press. Dispatch sees that and ends the emergency at
 * once: the broker has acknowledged a report that is not the newest one any more.
 */
test.each([300, 900])(
  "a `cleared` ends an emergency that changes meanwhile (%i ms each way)",
  async (latencyMs) => {
    const world = openWorld([{}]);
    const { broker, route } = world.brokers[0]!;
    world.network.change(route, { latencyMs });
    const { board } = await world.start();
    await world.wait(30_000);
    board.hello("aaaaaaaa", 0);
    const seen: number[] = [];
    broker.listen({
      filter: "patrol/v1/#",
      receive({ topic, payload }) {
        if (!/\/emergency\/[^/]+$/.test(topic) || payload.length === 0) return;
        const report = WireReport.parse(JSON.parse(payload.toString()));
        const presses = report.kind === "emergency" ? report.data.presses : 0;
        const say = (stage: string): void => {
          const at = new Date(world.time.host()).toISOString();
          broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage, at })), {});
        };
        if (seen.length === 0) say("accepted");
        if (presses === 2 && !seen.includes(2)) world.time.after(300, () => say("cleared"));
        seen.push(presses);
      },
    });
    const press = (number: number) => board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
    press(1);
    await world.wait(latencyMs * 1.4);
    press(2);
    await world.wait(60_000);
    expect(seen).toContain(2);
    expect(world.lamps.at(-1)).toBe("idle");
  },
);
