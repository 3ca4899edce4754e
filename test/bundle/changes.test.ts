import { expect, test } from "vitest";
import { changedFiles, changedKeys, changeText } from "../../src/bundle/changes.ts";

const lines = (before: object | undefined, after: object): string[] =>
  changedKeys(before && { settings: before, folder: "/r/configs/1" }, {
    settings: after,
    folder: "/r/configs/2",
  }).map(changeText);

test("each key that differs is one line, with both values", () => {
  expect(
    lines({ report: { movingS: 5, standingS: 300 } }, { report: { movingS: 10, standingS: 300 } }),
  ).toEqual(["report.movingS: 5 → 10"]);
});

test("keys that come and go are none on the other side", () => {
  expect(lines({ power: { offAfterS: 900 } }, { can: { interface: "can0" } })).toEqual([
    "can.interface: none → can0",
    "power.offAfterS: 900 → none",
  ]);
  expect(lines(undefined, { flash: { trialS: 60 } })).toEqual(["flash.trialS: none → 60"]);
});

test("a list is one value", () => {
  expect(lines({ dispatch: { brokers: ["a"] } }, { dispatch: { brokers: ["a", "b"] } })).toEqual([
    'dispatch.brokers: ["a"] → ["a","b"]',
  ]);
});

test("a secret is never printed, also if only it has changed", () => {
  const text = lines(
    { dispatch: { password: "alpha" }, status: {} },
    { dispatch: { password: "beta" }, status: { pin: "4711" } },
  );
  expect(text).toEqual(["dispatch.password: (secret) → (secret)", "status.pin: none → (secret)"]);
});

test("a file that is the same in both folders has not changed", () => {
  expect(
    lines({ dispatch: { ca: "/r/configs/1/ca.pem" } }, { dispatch: { ca: "/r/configs/2/ca.pem" } }),
  ).toEqual([]);
  expect(lines({ dispatch: { ca: "/etc/ca.pem" } }, { dispatch: { ca: "/r/configs/2/ca.pem" } })).toEqual([
    "dispatch.ca: /etc/ca.pem → ca.pem",
  ]);
});

test("a signal is one line, whatever its mapping has", () => {
  const signals = { "Vehicle.Speed": { from: "A.B", map: { x: 1 }, staleS: 5 } };
  expect(lines({}, { can: { signals } })).toEqual([
    'can.signals.Vehicle.Speed: none → {"from":"A.B","map":{"x":1},"staleS":5}',
  ]);
});

test("a long value is cut, and still differs by its end", () => {
  const long = (end: string) => ({ a: [`${"x".repeat(200)}${end}`] });
  const [line = ""] = lines(long("1"), long("2"));
  expect(line.length).toBeLessThan(200);
});

test("files differ by their content", () => {
  const before = new Map([
    ["a.dbc", "1"],
    ["b.dbc", "1"],
    ["c.dbc", "1"],
  ]);
  const after = new Map([
    ["a.dbc", "1"],
    ["b.dbc", "2"],
    ["d.dbc", "1"],
  ]);
  expect(changedFiles(before, after).map(changeText)).toEqual([
    "b.dbc: the old file → another file",
    "d.dbc: none → another file",
    "c.dbc: the old file → none",
  ]);
});
