import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

/** What is known of the times of the `cleared` and of the press, and how their ways are. */
type Story = {
  readonly brokers: number;
  /** Which ways the radio holds: nothing is lost, all of it is late. */
  readonly holds: "the link's" | "all";
  readonly holdMs: number;
  /** The unit knows the time. */
  readonly timed?: boolean;
  /** Dispatch writes when it says something; by so much its clock is ahead. */
  readonly dated?: boolean;
  readonly aheadMs?: number;
  /** The board knows how old the press is. */
  readonly aged?: boolean;
};

/** An emergency is accepted. Then the radio holds, dispatch ends it, and the officer presses again. */
const lampAfter = async (how: Story): Promise<string | undefined> => {
  const world = openWorld(Array.from({ length: how.brokers }, () => ({})));
  world.host.synchronised = how.timed ?? true;
  const { board } = await world.start();
  await world.wait(30_000);
  const press = (number: number) =>
    board.press({
      board: "aaaaaaaa",
      number,
      loop: 0,
      count: 1,
      ...((how.aged ?? true) ? { ageMs: 0 } : {}),
    });
  press(1);
  await world.wait(500);
  const { topic } = world.heard.find((one) => one.topic.includes("/emergency/"))!;
  const say = (stage: string): void => {
    const at = new Date(world.time.host() + (how.aheadMs ?? 0)).toISOString();
    const text = JSON.stringify({ stage, by: "operator", ...((how.dated ?? true) ? { at } : {}) });
    for (const { broker } of world.brokers) broker.publish(`${topic}/ack`, Buffer.from(text), {});
  };
  say("accepted");
  await world.wait(20_000);
  const held = how.holds === "all" ? world.brokers : world.brokers.slice(0, 1);
  const hold = (stalled: boolean): void => {
    for (const { route } of held) world.network.change(route, { stalled, held: stalled });
  };
  hold(true);
  await world.wait(500);
  say("cleared");
  await world.wait(500);
  press(2);
  await world.wait(how.holdMs);
  hold(false);
  await world.wait(60_000);
  return world.lamps.at(-1);
};

const ONE = { brokers: 1, holds: "all" } as const;
const TWO = { brokers: 2, holds: "the link's" } as const;

test.each<Story>([
  { ...TWO, holdMs: 2_000 },
  { ...TWO, holdMs: 2_000, aheadMs: 2_000 },
  { ...TWO, holdMs: 2_000, aged: false },
  { ...TWO, holdMs: 2_000, timed: false },
  { ...TWO, holdMs: 2_000, dated: false },
  { ...TWO, holdMs: 10_500, dated: false },
  { brokers: 2, holds: "all", holdMs: 12_000, dated: false },
  { ...ONE, holdMs: 2_000, dated: false },
  { ...ONE, holdMs: 11_000 },
  { ...ONE, holdMs: 11_000, dated: false },
  { ...ONE, holdMs: 16_000, aheadMs: 30_000 },
  { ...ONE, holdMs: 25_000, dated: false },
])("a `cleared` that is late does not end a press that was made after it: %j", async (story) => {
  expect(await lampAfter(story)).not.toBe("idle");
});

// With 3.1.1 a broker may need an acknowledgement for each message, and without a receiver the unit is silent.
test.each([4, 5] as const)(
  "a `cleared` counts after a press whose report left soon after a message of dispatch (MQTT %i)",
  async (version) => {
    const world = openWorld([{ version, inFlight: version === 4 ? 1 : 16 }]);
    const { board } = await world.start();
    await world.wait(30_000);
    const press = (number: number) => board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ageMs: 0 });
    press(1);
    await world.wait(500);
    const { topic } = world.heard.find((one) => one.topic.includes("/emergency/"))!;
    const [{ broker }] = world.brokers as [(typeof world.brokers)[0]];
    const say = (stage: string): void => {
      const at = new Date(world.time.host()).toISOString();
      broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage, by: "operator", at })), {});
    };
    say("accepted");
    await world.wait(10_000);
    // The same once more: it changes nothing, and is no report's cause.
    say("accepted");
    await world.wait(45);
    press(2);
    await world.wait(10_000);
    say("cleared");
    await world.wait(2_000);
    expect(world.lamps.at(-1)).toBe("idle");
  },
);
