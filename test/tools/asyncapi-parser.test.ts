import { Parser } from "@asyncapi/parser";
import { expect, test } from "vitest";
import { VERSION } from "../../src/domain/version.ts";
import { asyncApiYaml } from "../../src/tools/asyncapi.ts";

test("the AsyncAPI document is valid by its own parser", async () => {
  const { diagnostics } = await new Parser().parse(asyncApiYaml(VERSION));
  expect(diagnostics.filter((d) => d.severity === 0)).toEqual([]);
});
