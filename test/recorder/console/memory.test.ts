import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { cut } from "../../../src/recorder/console/cut.ts";
import { wire } from "../reports.ts";
import { openBench } from "./messages.ts";

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

const usedBytes = (): number => {
  if (typeof collect !== "function") throw new Error("this Node has no gc()");
  // V8 keeps the shapes of objects, and with them their keys, for some collections more.
  for (let n = 0; n < 6; n++) collect();
  return getHeapStatistics().used_heap_size;
};

type Bench = ReturnType<typeof openBench>;

const MESSAGES = 40;
const MB = 1_000_000;
/** Another text each time, so that none can be shared. */
const huge = (n: number): string => `${n} ${"A".repeat(0.9 * MB)}`;
const unitOf = (n: number) => ({ unit: `zrenjanin/zr-${n}` });
const many = (n: number) =>
  Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${n} ${i} ${"A".repeat(8_900)}`, n]));

const signalsOf = (n: number, more: object) =>
  JSON.stringify(
    wire(n + 1, { ...unitOf(n), kind: "vehicle", data: { signals: { a: 1 }, stale: [], ...more } }),
  );

const stateOf = (n: number, more: object) =>
  JSON.stringify({ state: "offline", ...unitOf(n), store: "k3v9q0ab", boot: 1, version: "1", ...more });

const CASES: Readonly<Record<string, (bench: Bench, n: number) => unknown>> = {
  "a field of an event": (bench, n) => bench.event(n + 1, { type: "eclipse", where: huge(n) }),
  "an object in an event": (bench, n) => bench.event(n + 1, { type: "eclipse", where: { inner: huge(n) } }),
  "the name of a field of an event": (bench, n) => bench.event(n + 1, { type: "eclipse", [huge(n)]: 1 }),
  "the detail of a fault": (bench, n) =>
    bench.event(n + 1, { type: "fault", part: "gps", code: `c${n}`, detail: huge(n) }),
  "a value of the health": (bench, n) => bench.health(1, { more: huge(n) }, unitOf(n)),
  "a key of the health": (bench, n) => bench.health(1, { [huge(n)]: 1 }, unitOf(n)),
  "very many values of the health": (bench, n) => bench.health(1, { more: many(n) }, unitOf(n)),
  "the board in the health": (bench, n) =>
    bench.health(1, { panicBoard: { connected: true, more: huge(n) } }, unitOf(n)),
  "the names of signals": (bench, n) =>
    bench.say("vehicle", signalsOf(n, { signals: many(n) }), false, unitOf(n).unit),
  "the name of a stale signal": (bench, n) =>
    bench.say("vehicle", signalsOf(n, { stale: [huge(n)] }), false, unitOf(n).unit),
  "the version of a unit": (bench, n) =>
    bench.say("state", stateOf(n, { version: huge(n) }), false, unitOf(n).unit),
  "the store of a unit": (bench, n) =>
    bench.say("state", stateOf(n, { store: huge(n) }), false, unitOf(n).unit),
  "the reason of a stop": (bench, n) =>
    bench.say("state", stateOf(n, { reason: huge(n) }), false, unitOf(n).unit),
  "the reason of a refusal": (bench, n) =>
    bench.say("state", JSON.stringify({ state: "online", unit: huge(n), boot: 1, version: "1" })),
  "a batch of history": (bench, n) =>
    bench.history(wire(n + 1, { kind: "event", data: { type: "eclipse", where: huge(n) } })),
};

test.each(Object.entries(CASES))("of %s only its beginning is kept in memory", (_, hear) => {
  const bench = openBench();
  const before = usedBytes();
  for (let n = 0; n < MESSAGES; n++) hear(bench, n);
  expect((usedBytes() - before) / MB).toBeLessThan(8);
  expect(bench.fleet.rawAfter(0)).toHaveLength(MESSAGES);
});

test.each([
  ["abc", 3, "abc"],
  ["abcd", 3, "abc"],
  ["čšž", 2, "čš"],
])("%s cut to %d letters is %s", (text, most, expected) => {
  expect(cut(text, most)).toBe(expected);
});
