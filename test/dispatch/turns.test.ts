import { expect, test } from "vitest";
import { Turns } from "../../src/dispatch/turns.ts";

const NAME = "mqtts://a";

test("addresses are tried in the resolver's order until one fails, then the one that failed longest ago is last but the others", () => {
  const turns = new Turns();
  expect(turns.order(NAME, ["1", "2", "3"])).toEqual(["1", "2", "3"]);
  turns.failed(NAME, "1", 100);
  expect(turns.order(NAME, ["1", "2", "3"])).toEqual(["2", "3", "1"]);
  turns.failed(NAME, "3", 200);
  turns.doubted(NAME, "2", 300);
  expect(turns.order(NAME, ["1", "2", "3"])).toEqual(["1", "3", "2"]);
});

test("the same address behind another name has marks of its own", () => {
  const turns = new Turns();
  for (const name of [NAME, "mqtts://b"]) turns.order(name, ["1", "2"]);
  turns.failed(NAME, "1", 100);
  expect(turns.order("mqtts://b", ["1", "2"])).toEqual(["1", "2"]);
});

test("other addresses are untried until they fail, and again 4 s later; doubts do not count", () => {
  const turns = new Turns();
  turns.order(NAME, ["1", "2", "3"]);
  expect(turns.untried(NAME, "1", 0)).toBe(2);
  turns.failed(NAME, "2", 0);
  turns.doubted(NAME, "3", 0);
  expect([turns.untried(NAME, "1", 3_999), turns.untried(NAME, "1", 4_000)]).toEqual([1, 2]);
});

test("what a lookup no longer gives is forgotten", () => {
  const turns = new Turns();
  turns.order(NAME, ["1", "2"]);
  turns.failed(NAME, "1", 100);
  turns.order(NAME, ["2"]);
  turns.failed(NAME, "1", 200);
  expect(turns.order(NAME, ["1", "2"])).toEqual(["1", "2"]);
});

test("a name that the resolver gives an address twice has it once", () => {
  const turns = new Turns();
  expect(turns.order(NAME, ["1", "1"])).toEqual(["1"]);
});
