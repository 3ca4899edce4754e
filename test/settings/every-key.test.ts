import fc from "fast-check";
import { stringify } from "yaml";
import { describe, expect, test } from "vitest";
import { readDocument } from "../../src/settings/document.ts";
import { faultText } from "../../src/settings/fault.ts";
import { settingsOf } from "../../src/settings/load.ts";
import { Settings } from "../../src/settings/schema.ts";
import { tries } from "../tries.ts";

/** Every key that a configuration can have. */
const complete = {
  unit: { directorate: "zrenjanin", id: "zr-117" },
  gps: { port: "/dev/ttyACM0", baud: 9600 },
  can: {
    interface: "can0",
    listenOnly: "declared",
    driver: "socketcan",
    database: "a.dbc",
    airbag: true,
    signals: {
      "Vehicle.LowVoltageSystemState": {
        from: "A.B",
        map: { "0": "OFF" },
        deadband: 0,
        minIntervalMs: 0,
        unit: "km/h",
        staleS: 1,
      },
    },
  },
  panic: {
    port: "/dev/ttyUSB0",
    baud: 57_600,
    lampSense: true,
    testEveryDays: 90,
    image: "board.hex",
    buttons: { dash: { loop: 0, silent: false, dark: false } },
  },
  report: { movingS: 5, distanceM: 150, headingDeg: 20, standingS: 300, parkedS: 900, emergencyS: 1 },
  dispatch: {
    brokers: ["mqtts://a", "mqtts://b"],
    prefix: "patrol/v1",
    ca: "ca.pem",
    cert: "a.pem",
    key: "a.key",
    username: "u",
    password: "p",
    keepaliveS: 20,
    maxInFlightKiB: 512,
    custody: "auto",
    noSubscribers: "retry",
    requireSigned: ["MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="],
    allowPlaintext: false,
  },
  outbox: { path: "outbox", maxMiB: 512 },
  power: { offAfterS: 600 },
  status: { listen: "0.0.0.0:8080", pin: "4711" },
  health: { intervalS: 60 },
  flash: { trialS: 300 },
};

const isBlock = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const pathsOf = (value: unknown, path: string[] = []): string[][] =>
  isBlock(value)
    ? Object.entries(value).flatMap(([key, inner]) => {
        const at = path.concat(key);
        return [at].concat(pathsOf(inner, at));
      })
    : [];
/** The same with another value at a path; undefined leaves the key out. */
const replaced = (from: unknown, [key, ...rest]: readonly string[], value: unknown): unknown =>
  isBlock(from) && key !== undefined
    ? { ...from, [key]: rest.length === 0 ? value : replaced(from[key], rest, value) }
    : from;

const resolve = (value: unknown) => settingsOf(readDocument(stringify(value), "car.yaml"));
/** Whether a unit with this key gone can still do its duty. */
const isVital = (path: readonly string[]): boolean =>
  path[0] === "unit" || (path[0] === "dispatch" && (path.length === 1 || path[1] === "brokers"));

const WRONG: readonly unknown[] = [null, "", " ", -1, 1e308, 0.5, [], [null], ["x"], {}, { x: {} }, { x: 1 }];

test("the complete configuration has no fault", () => {
  expect(resolve(complete).faults.map(faultText)).toEqual([]);
});

describe.each(pathsOf(complete).map((path) => [path.join("."), path] as const))("%s", (_, path) => {
  test.each(WRONG.map((value) => [JSON.stringify(value), value] as const))("as %s", (__, value) => {
    const { settings, faults } = resolve(replaced(complete, path, value));
    if (!isVital(path)) {
      expect(settings).toBeDefined();
      expect(faults.filter(({ fatal }) => fatal)).toEqual([]);
    } else expect(settings === undefined).toBe(faults.some(({ fatal }) => fatal));
    // Nothing wrong reaches the unit.
    const { can: _bus, ...used } = settings ?? {};
    expect(Settings.partial().safeParse(used).error).toBeUndefined();
    expect(new Set(faults.map(faultText)).size).toBe(faults.length);
  });

  test("left out", () => {
    const { settings } = resolve(replaced(complete, path, undefined));
    expect(settings === undefined).toBe(isVital(path) && path.length <= 2);
  });
});

test("an unknown key in any block is a fault, and nothing else", () => {
  const open = new Set(["can.signals", "panic.buttons"]);
  for (const path of pathsOf(complete)) {
    const parent = path.slice(0, -1).join(".");
    if (open.has(parent) || parent.endsWith(".map") || parent === "power") continue;
    // A signal with an unknown key is not used: power-off would lack the ignition.
    const { power: _, ...others } = complete;
    const { settings, faults } = resolve(replaced(others, [...path.slice(0, -1), "unknown"], 1));
    expect(
      faults.map(({ code, fatal }) => [code, fatal]),
      parent,
    ).toEqual([["unknown-key", false]]);
    expect(settings).toBeDefined();
  }
});

test("whatever is in the blocks, a unit with an identity and a broker has settings", () => {
  const paths = pathsOf(complete).filter((path) => !isVital(path));
  const mutation = fc.tuple(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(
    fc.property(fc.array(mutation, { maxLength: 8 }), (mutations) => {
      const value = mutations.reduce<unknown>((from, [path, to]) => replaced(from, path, to), complete);
      const { settings } = resolve(value);
      expect(settings?.unit).toEqual(complete.unit);
      expect(settings?.dispatch.brokers).toEqual(complete.dispatch.brokers);
      const { can: _bus, ...used } = settings ?? {};
      expect(Settings.partial().safeParse(used).error).toBeUndefined();
    }),
    { numRuns: tries(500) },
  );
});
