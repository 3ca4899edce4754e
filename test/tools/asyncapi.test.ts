import { expect, test } from "vitest";
import { parse } from "yaml";
import { CATALOGUE } from "../../src/domain/faults.ts";
import { WIRE } from "../../src/domain/wire.ts";
import { asyncApiYaml } from "../../src/tools/asyncapi.ts";

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value);

const document: unknown = parse(asyncApiYaml("0.0.0"));

test.each(Object.entries(WIRE))("the document has %s as the wire table has it", (key, row) => {
  expect(at(document, "channels", key, "address")).toBe(`patrol/v1/{directorate}/{unit}/${row.path}`);
  const action = row.direction === "up" ? "send" : "receive";
  const mqtt = at(document, "operations", `${action}-${key}`, "bindings", "mqtt");
  expect(at(mqtt, "retain")).toBe(row.retain);
  expect(at(mqtt, "messageExpiryInterval")).toBe("expiryS" in row ? row.expiryS : undefined);
});

test("the document describes what contract 1.1 has added", () => {
  const text = JSON.stringify(at(document, "components", "messages"));
  for (const key of [
    "store",
    "connection",
    "kept",
    "code",
    "where",
    "buttons",
    "heldMs",
    "shortened",
    "vss",
    "power-off-cancelled",
    "superseded",
    "too-large",
  ])
    expect(text).toContain(`"${key}"`);
});

test("the document lists the code of every fault by its part", () => {
  const codes = at(document, "components", "messages", "event", "x-fault-codes");
  for (const { part, code } of CATALOGUE) expect(at(codes, part)).toContain(code);
});
