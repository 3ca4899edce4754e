import { expect, test } from "vitest";
import { readOptions } from "./options.ts";

test("without options 200 units drive for a minute, without any case", () => {
  expect(readOptions([])).toEqual({
    units: 200,
    minutes: 1,
    broker: "mosquitto",
    presses: 1,
    processes: 1,
    storm: false,
    killNode: false,
    recorderAwayS: undefined,
    forgetful: false,
    json: false,
  });
});

test("a larger fleet has more processes", () => {
  expect(readOptions(["--units", "3000"])?.processes).toBe(2);
  expect(readOptions(["--units", "3001"])?.processes).toBe(3);
});

test("each case is asked for by its own option", () => {
  const given = readOptions(["--storm", "--kill-node", "--recorder-away", "600", "--forgetful"]);
  expect(given).toMatchObject({ storm: true, killNode: true, recorderAwayS: 600, forgetful: true });
});

test.each([
  [["--broker", "kafka"], "--broker kafka: expected mosquitto, nats, rabbitmq"],
  [["--units", "0"], "--units 0: expected a whole number from 1 to 60000"],
  [["--minutes", "soon"], "--minutes soon: expected a number of 0 or more"],
])("%j is refused with what is expected", (args, says) => {
  expect(() => readOptions(args)).toThrow(says);
});
