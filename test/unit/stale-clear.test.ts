import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type How = {
  readonly timed: boolean;
  readonly dated: boolean;
  readonly aged: boolean;
  readonly aheadMs?: number;
  /** The further press comes before the dead zone. */
  readonly pressesBefore?: boolean;
};

/**
 * Dispatch has ended an emergency while the car had no coverage: its `cleared` waits at the first broker. Then the officer
 * presses again. The link comes back at the second broker, which gets the press and has a listener.
 */
const story = async ({ timed, dated, aged, aheadMs = 0, pressesBefore = false }: How) => {
  const world = openWorld([{}, {}]);
  world.host.synchronised = timed;
  const { board } = await world.start();
  await world.wait(30_000);
  const press = (number: number, age: object = { ageMs: 0 }) =>
    board.press({ board: "aaaaaaaa", number, loop: 0, count: 1, ...age });
  press(1);
  await world.wait(500);
  const { topic } = world.heard.find(({ topic: one }) => one.includes("/emergency/"))!;
  const say = (stage: string): void => {
    const at = dated ? { at: new Date(world.time.host() + aheadMs).toISOString() } : {};
    for (const { broker } of world.brokers)
      broker.publish(`${topic}/ack`, Buffer.from(JSON.stringify({ stage, by: "operator", ...at })), {});
  };
  say("received");
  await world.wait(1_000);
  say("accepted");
  await world.wait(2_000);
  if (pressesBefore) press(2);
  await world.wait(10_000);
  // A dead zone.
  for (const { route } of world.brokers) world.network.change(route, { swallowing: true });
  await world.wait(10_000);
  say("cleared");
  await world.wait(20_000);
  const pressedAt = world.time.mono();
  if (!pressesBefore) press(2, aged ? { ageMs: 0 } : {});
  await world.wait(15_000);
  for (const { route } of world.brokers) world.network.change(route, { swallowing: false });
  await world.wait(600_000);
  const told = world.heard
    .filter(({ topic: one, at }) => one.includes("/emergency/") && at > pressedAt)
    .map(({ report }) => report["data"] as { readonly state: string; readonly presses: number });
  return { told, lamp: world.lamps.at(-1) };
};

test.each<How>([
  { timed: true, dated: true, aged: true },
  { timed: false, dated: true, aged: true },
  { timed: true, dated: false, aged: true },
  { timed: true, dated: true, aged: false },
  { timed: true, dated: true, aged: true, aheadMs: 30_000 },
])("a press is not ended by a `cleared` that dispatch wrote before it: %o", async (how) => {
  const { told, lamp } = await story(how);
  expect(told.filter(({ state, presses }) => state === "cleared" && presses === 2)).toEqual([]);
  expect(lamp).toBe("sent");
});

test("what dispatch cleared in a dead zone, after the last press, ends", async () => {
  const { lamp } = await story({ timed: true, dated: false, aged: true, pressesBefore: true });
  expect(lamp).toBe("idle");
});
