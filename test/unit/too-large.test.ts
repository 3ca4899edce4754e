import { expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

const SMALL_BYTES = 300;

test("an emergency that no broker accepts waits, is named as a fault, and arrives once one does", async () => {
  const world = openWorld([{}]);
  const { broker } = world.brokers[0]!;
  broker.faults.maximumPacketSize = SMALL_BYTES;
  const { board } = await world.start();
  await world.wait(2_000);
  board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(60_000);
  const named = world.logs.filter(({ fault }) => fault === "emergency-too-large");
  expect(named).toHaveLength(1);
  expect(world.lamps.at(-1)).toBe("stored");

  broker.faults.maximumPacketSize = Infinity;
  broker.restart({ sessions: false, retained: false });
  await world.wait(60_000);
  const emergencies = world.heard.filter(({ topic }) => topic.includes("/emergency/"));
  expect(emergencies[0]?.report).toMatchObject({ data: { presses: 1 } });
  const declared = world.events().filter(({ type, reason }) => type === "gap" && reason === "too-large");
  const numbers = emergencies.map(({ report }) => Number(report["seq"]));
  for (const { from, to } of declared)
    expect(numbers.filter((seq) => seq >= Number(from) && seq <= Number(to))).toEqual([]);
  expect(world.logs.some(({ msg }) => /accepts emergencies/.test(String(msg)))).toBe(true);
});
