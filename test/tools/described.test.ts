import { parse } from "yaml";
import { describe, expect, test } from "vitest";
import { settingsJsonSchema } from "../../src/settings/json-schema.ts";
import { asyncApiYaml } from "../../src/tools/asyncapi.ts";

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The paths of all keys that the schemas in a document name, and whether each has a description. It
 * follows every member of every object, so no keyword (`$defs`, `oneOf`, `items`) can hide a key.
 */
const keysOf = (value: unknown, path = ""): [path: string, described: boolean][] => {
  if (Array.isArray(value)) return value.flatMap((one, index) => keysOf(one, `${path}/${index}`));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    // A key that is itself called `properties` has a schema, which has a `type`.
    if (name !== "properties" || !isRecord(inner) || typeof inner["type"] === "string")
      return keysOf(inner, `${path}/${name}`);
    return Object.entries(inner).flatMap(([key, schema]) => {
      const at = `${path}.${key}`;
      const own: [string, boolean] = [at, isRecord(schema) && isDescribed(schema)];
      return [own].concat(keysOf(schema, at));
    });
  });
};
const isDescribed = ({ description }: Record<string, unknown>): boolean =>
  typeof description === "string" && description.trim() !== "";

const asyncApi: unknown = parse(asyncApiYaml("0.0.0"));
const settings: unknown = JSON.parse(settingsJsonSchema());

describe.each([
  // With a key of each kind of place, so that the walk cannot go blind.
  [
    "the AsyncAPI document",
    asyncApi,
    [
      "/components/messages/state/payload.connection",
      "/components/messages/emergency/payload.data.track/items.lat",
      "/components/messages/event/payload.data/oneOf/0.kept",
      "/components/messages/history/payload/oneOf/4.data.can.frames",
    ],
  ],
  [
    "the JSON Schema of the configuration",
    settings,
    [
      ".can.signals/additionalProperties.from",
      ".panic/anyOf/1.buttons/additionalProperties.silent",
      ".dispatch.brokers",
      ".flash.trialS",
    ],
  ],
] as const)("%s", (_, document, known) => {
  const keys = keysOf(document);

  test("names the keys that the walk must find", () => {
    expect(keys.map(([path]) => path)).toEqual(expect.arrayContaining([...known]));
  });

  test("describes every key", () => {
    expect(keys.filter(([, described]) => !described).map(([path]) => path)).toEqual([]);
  });
});

test("a key without a description is found wherever it is", () => {
  const bare = { type: "object", properties: { bare: { type: "string" } } };
  for (const schema of [
    bare,
    { type: "object", properties: { a: { ...bare, description: "a" } } },
    { type: "object", properties: { properties: { ...bare, description: "a" } } },
    { $defs: { one: bare } },
    { oneOf: [{ type: "null" }, bare] },
    { allOf: [bare] },
    { type: "array", items: bare },
    { type: "object", additionalProperties: bare },
    { type: "object", patternProperties: { "^x": bare } },
    { not: { anyOf: [bare] } },
  ])
    expect(keysOf(schema).filter(([, described]) => !described).length, JSON.stringify(schema)).toBe(1);
});
