import * as z from "zod";
import { describe, expect, test } from "vitest";
import { LampEvent, Snapshot } from "../../src/domain/snapshot.ts";
import { conforms, KEYWORDS, type JsonSchema } from "../../src/web/viewer/json-schema.ts";
import { readLamp, readSnapshot } from "../../src/web/status/snapshot.ts";
import { badCar, goodCar } from "./fixture.ts";

describe("what the unit sends", () => {
  test.each([
    ["a car in order", goodCar()],
    ["a car with faults", badCar()],
  ])("%s is a snapshot for the page as it is for zod", (_, car) => {
    expect(() => Snapshot.parse(car)).not.toThrow();
    expect(readSnapshot(JSON.parse(JSON.stringify(car)))).toEqual(car);
  });

  test("keys of a newer release are allowed", () => {
    expect(readSnapshot({ ...goodCar(), weather: "rain" })).toBeDefined();
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["a page of another program", "<html>"],
    ["a list", []],
    ["a missing part", { ...goodCar(), outbox: undefined }],
    ["a text for a number", { ...goodCar(), boot: "41" }],
    ["a wrong word", { ...goodCar(), gps: { fix: "4d", sentences: 1, rejected: {} } }],
    ["a wrong item of a list", { ...goodCar(), faults: [{ part: "gps" }] }],
    ["a wrong value of a record", { ...goodCar(), panicBoard: { connected: true, loops: { dash: 5 } } }],
    [
      "a wrong leg",
      { ...goodCar(), emergency: { drillArmed: false, lamp: "idle", episodes: [{ legs: { sent: "1" } }] } },
    ],
  ])("%s is refused by the page and by zod", (_, value) => {
    const sent: unknown = value === undefined ? undefined : JSON.parse(JSON.stringify(value));
    expect(Snapshot.safeParse(sent).success).toBe(false);
    expect(readSnapshot(sent)).toBeUndefined();
  });

  test("an event of the lamp is read, anything else is not", () => {
    const event: LampEvent = { t: 1, lamp: "sent", drill: true };
    expect(readLamp(event)).toEqual(event);
    expect(readLamp({ lamp: "sent" })).toBeUndefined();
  });
});

test("the check knows every keyword that the schemas use", () => {
  // `minimum` and the like bound values that the page only shows; the rest is for people.
  const ignored = new Set([
    "$schema",
    "readOnly",
    "description",
    "default",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "pattern",
    "format",
    "propertyNames",
  ]);
  const keywords = (schema: unknown, named: boolean): string[] => {
    if (Array.isArray(schema)) return schema.flatMap((one) => keywords(one, false));
    if (typeof schema !== "object" || schema === null) return [];
    return Object.entries(schema).flatMap(([key, one]) => {
      const below = key === "enum" || key === "required" ? [] : keywords(one, !named && key === "properties");
      return named ? below : below.concat(key);
    });
  };
  const used = [Snapshot, LampEvent].flatMap((schema) => keywords(z.toJSONSchema(schema), false));
  expect([...new Set(used)].filter((key) => !KEYWORDS.has(key) && !ignored.has(key))).toEqual([]);
});

test("integers, null and choices are told apart", () => {
  const schema: JsonSchema = { anyOf: [{ type: "integer" }, { type: "null" }] };
  expect([1, null, 1.5, "1"].map((value) => conforms(schema, value))).toEqual([true, true, false, false]);
});
