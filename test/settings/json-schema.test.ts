import { expect, test } from "vitest";
import { settingsJsonSchema } from "../../src/settings/json-schema.ts";

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every key of the schema at any depth, with its own schema. */
const keysOf = (schema: unknown, path = ""): [path: string, schema: Record<string, unknown>][] => {
  if (Array.isArray(schema)) return schema.flatMap((one) => keysOf(one, path));
  if (!isRecord(schema)) return [];
  const properties = isRecord(schema["properties"]) ? Object.entries(schema["properties"]) : [];
  const own = properties.flatMap(([key, value]): [string, Record<string, unknown>][] =>
    isRecord(value) ? [[`${path}.${key}`, value]] : [],
  );
  const below = ["anyOf", "items", "additionalProperties"].flatMap((key) => keysOf(schema[key], path));
  return [...own, ...own.flatMap(([at, value]) => keysOf(value, at)), ...below];
};

test("every key of the JSON Schema has a description", () => {
  const keys = keysOf(JSON.parse(settingsJsonSchema()));
  // So that the walk itself cannot go blind: a key of each kind of place.
  expect(keys.map(([path]) => path)).toEqual(
    expect.arrayContaining([
      ".can.signals.from",
      ".panic.buttons.silent",
      ".dispatch.brokers",
      ".flash.trialS",
    ]),
  );
  expect(keys.filter(([, { description }]) => typeof description !== "string").map(([path]) => path)).toEqual(
    [],
  );
});
