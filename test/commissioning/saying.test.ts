import { expect, test } from "vitest";
import { quote, say, textOf } from "../../src/commissioning/saying.ts";
import { ENGLISH } from "../../src/commissioning/words/english.ts";

test("a saying is one sentence, each part the reason for the one before", () => {
  expect(textOf([...say("time-up"), ...say("press-none", "dash")], ENGLISH)).toBe(
    "the time is up: dash was not pressed",
  );
});

test("what others have said stays as it is", () => {
  expect(textOf([...say("bus-faulty"), ...quote("car.yaml:3:3: no such file")], ENGLISH)).toBe(
    "the bus cannot be used: car.yaml:3:3: no such file",
  );
});

test("a code of another release is shown as it is, also one that every object has", () => {
  expect(textOf([{ code: "moon-phase" }, { code: "constructor" }], ENGLISH)).toBe("moon-phase: constructor");
});

test("a signal without a meaning has its path only", () => {
  expect(textOf(say("signal-ask", "Vehicle.Speed", ""), ENGLISH)).toMatch(/^Vehicle\.Speed: no value/);
});
