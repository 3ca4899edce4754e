import { expect, test } from "vitest";
import { numbers, openFirmwareBench, presses, type FirmwareBench } from "./bench.ts";

/** A board that is programmed with another firmware keeps its EEPROM: its id, numbers and pending presses. */
const imageOf = (version: string) => `test/firmware-bridge/images/panic-board-${version}.hex`;
const OLDER = ["1.2", "1.3", "1.4", "1.5", "1.6"];

/** Makes presses until the board has given this number. */
const pressUntil = (bench: FirmwareBench, number: number): void => {
  for (let i = 0; !numbers(bench).has(number); i++) {
    bench.board.press(i % 4, 60);
    bench.pass(250);
  }
};
const idOf = (bench: FirmwareBench): string => bench.of("hello")[0]!.board;

test.each(OLDER)(
  "after firmware %s: the id stays, pending presses are sent, a confirmed one is not, numbers go on",
  (version) => {
    const older = openFirmwareBench({ image: imageOf(version) });
    older.pass(500);
    pressUntil(older, 5);
    older.say({ kind: "confirm", number: 2 });
    older.pass(300);
    const newer = openFirmwareBench({ eeprom: older.board.eeprom });
    newer.pass(600);
    expect(idOf(newer)).toBe(idOf(older));
    expect([...numbers(newer)].toSorted((a, b) => a - b)).toEqual([1, 3, 4, 5]);
    const loops = new Map(presses(older).map(({ number, loop }) => [number, loop]));
    for (const { number, loop, ageMs } of presses(newer))
      expect([loop, ageMs]).toEqual([loops.get(number), undefined]);
    for (const number of [1, 3, 4, 5]) newer.say({ kind: "confirm", number });
    newer.pass(300);
    const again = openFirmwareBench({ eeprom: newer.board.eeprom });
    again.pass(600);
    expect(presses(again)).toEqual([]);
    again.board.press(3, 60);
    again.pass(200);
    expect(presses(again)[0]!.number).toBeGreaterThan(5);
  },
);

test.each(OLDER)(
  "back to firmware %s: no number is given again, and nothing is pending that was not",
  (version) => {
    const newer = openFirmwareBench({
      onMessage(message, host) {
        if (message.kind === "press") host.say({ kind: "confirm", number: message.press.number });
      },
    });
    newer.pass(500);
    pressUntil(newer, 30);
    const highest = Math.max(...numbers(newer));
    newer.pass(300);
    const older = openFirmwareBench({ image: imageOf(version), eeprom: newer.board.eeprom });
    older.pass(600);
    expect(idOf(older)).toBe(idOf(newer));
    expect(presses(older)).toEqual([]);
    older.board.press(0, 60);
    older.pass(200);
    expect(presses(older)[0]!.number).toBeGreaterThan(highest);
  },
);
