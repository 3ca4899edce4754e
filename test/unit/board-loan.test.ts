import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

const opened = async () => {
  const world = openWorld([{}]);
  const life = await world.start();
  await world.wait(5_000);
  const firmware = () => world.events().filter(({ type }) => type === "firmware");
  const programming = async () => {
    const { faults } = await world.settle(life.page.status());
    return faults.some(({ code }) => code === "programming");
  };
  return { world, ...life, firmware, programming };
};

test("dispatch and the page say that the board is lent, for how long at most, and that it is over", async () => {
  const { world, page, firmware, programming } = await opened();
  const since = world.time.mono();
  expect(await page.lend()).toBeUndefined();
  await world.wait(12_300);
  expect(firmware()).toEqual([{ type: "firmware", state: "started", maxS: 120 }]);
  expect(await programming()).toBe(true);
  const seconds = Math.round((world.time.mono() - since) / 100) / 10;
  page.takeBack();
  page.takeBack();
  await world.wait(5_000);
  expect(seconds).toBeGreaterThan(12);
  expect(firmware().slice(1)).toEqual([{ type: "firmware", state: "ended", seconds }]);
  expect(await programming()).toBe(false);
});

test("a board that is not given back is taken back after two minutes; another request makes it longer", async () => {
  const { world, page, firmware } = await opened();
  await page.lend();
  await world.wait(100_000);
  await page.lend();
  await world.wait(119_000);
  expect(firmware()).toHaveLength(1);
  await world.wait(5_000);
  expect(firmware()).toMatchObject([{ state: "started" }, { state: "ended", seconds: 220 }]);
});

test("the board is not lent while an emergency is open; a drill does not count", async () => {
  const { world, page, board, firmware } = await opened();
  page.drill();
  board.hello("0badcafe", 0);
  board.press({ board: "0badcafe", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(5_000);
  expect(await page.lend()).toBeUndefined();
  page.takeBack();
  board.press({ board: "0badcafe", number: 2, loop: 0, count: 1, ageMs: 0 });
  await world.wait(5_000);
  expect(await page.lend()).toBe("an emergency is open: try again when it is over");
  expect(firmware()).toHaveLength(2);
});
