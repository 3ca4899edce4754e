import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

test("no number of an emergency is used again by the next life, if the card hangs during presses and the power is cut", async () => {
  const world = openWorld([{}, {}]);
  const one = await world.start();
  await world.wait(3_000);
  let presses = 0;
  const press = ({ board }: typeof one) =>
    board.press({ board: "aaaaaaaa", number: ++presses, loop: 0, count: 1, ageMs: 0 });
  const pressing = async (life: typeof one, times: number, everyMs: number) => {
    for (let n = 0; n < times; n++) {
      press(life);
      // oxlint-disable-next-line no-await-in-loop -- one press after the other
      await world.wait(everyMs);
    }
  };
  await pressing(one, 10, 50);
  world.disk.fault = { kind: "hangs" };
  const before = world.disk.places.map((place) => place && Buffer.from(place));
  await pressing(one, 60, 60);
  one.process.kill();
  world.network.processGone(true);
  world.disk.cut();
  world.disk.fault = undefined;
  // The card had not begun to write what it was given.
  world.disk.putVital(before);
  const two = await world.start();
  await world.wait(20_000);
  await pressing(two, 40, 100);
  await world.wait(20_000);
  const numbers = (boot: number) =>
    world.heard.flatMap(({ report }) =>
      report["boot"] === boot && report["seq"] !== undefined
        ? [JSON.stringify([report["store"], report["seq"]])]
        : [],
    );
  const later = new Set(numbers(2));
  expect(numbers(1).length).toBeGreaterThan(0);
  expect(numbers(1).filter((number) => later.has(number))).toEqual([]);
});
