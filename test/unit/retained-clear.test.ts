import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** The contract says that an `ack` is not retained. If one is, it comes again with each subscription, however old it is. */
test.each([true, false])(
  "a cleared that waits in a dead zone ends no later press (retained: %s)",
  async (retain) => {
    const world = openWorld([{}]);
    const { board } = await world.start();
    const press = (number: number): void =>
      board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
    const coverage = (there: boolean): void => {
      for (const { route } of world.brokers) {
        route.unreachable = !there;
        if (!there) world.network.reset(route);
      }
    };
    await world.wait(20_000);
    press(1);
    await world.wait(1_000);
    const { topic } = world.heard.find((one) => /\/emergency\/[^/]+$/.test(one.topic))!;
    const say = (stage: string): void => {
      for (const { broker } of world.brokers)
        broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage })), { retain });
    };
    say("received");
    say("accepted");
    await world.wait(5_000);
    coverage(false);
    await world.wait(5_000);
    say("cleared");
    await world.wait(5_000);
    press(2);
    await world.wait(20_000);
    coverage(true);
    await world.wait(120_000);
    const states = world.heard
      .filter((one) => one.topic === topic)
      .map(({ report }) => JSON.stringify(report["data"], ["state", "presses"]));
    expect(states.at(-1)).toContain('"presses":2');
    expect(states.filter((one) => one.includes("cleared"))).toEqual([]);
    expect(world.lamps.at(-1)).not.toBe("idle");
  },
);
