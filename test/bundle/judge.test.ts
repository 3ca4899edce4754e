import { describe, expect, test } from "vitest";
import type { Opened } from "../../src/bundle/envelope.ts";
import type { Content } from "../../src/bundle/format.ts";
import { judge, type Circumstances, type Merged } from "../../src/bundle/judge.ts";
import type { SettingsFault } from "../../src/settings/fault.ts";
import { contentWith } from "./signed.ts";

const NOW = Date.UTC(2026, 10, 26, 8);
const UNIT = "zrenjanin/zr-117";
const at = (hours: number): string => new Date(NOW + hours * 3_600_000).toISOString();

const opened = (parts: Partial<Content> = {}): Opened => ({
  kind: "valid",
  content: contentWith(parts),
  signer: "hq",
  sha256: "new",
});
const around = (parts: Partial<Circumstances> = {}): Circumstances => ({
  unit: UNIT,
  inForce: { version: 6, sha256: "old" },
  now: NOW,
  emergency: false,
  from: "hand",
  failed: [],
  ...parts,
});
const SOUND: Merged = { unit: UNIT, faults: [] };
const fault = (part: SettingsFault["part"], code: SettingsFault["code"]): SettingsFault => ({
  file: "patrol-unit.yaml",
  line: 2,
  column: 3,
  path: "gps.baud",
  code,
  expected: "a whole number",
  part,
  fatal: false,
});
const verdictOn = (
  bundle: Partial<Content>,
  circumstances: Partial<Circumstances> = {},
  merged: Merged | undefined = SOUND,
): string => {
  const verdict = judge(opened(bundle), around(circumstances), merged);
  return "says" in verdict ? `${verdict.kind} ${verdict.code}: ${verdict.says}` : verdict.kind;
};

describe("a bundle is", () => {
  test.each<[string, Partial<Content>, Partial<Circumstances>, string]>([
    ["taken, if everything is right", {}, {}, "take"],
    ["taken by a unit that has no configuration", {}, { inForce: undefined }, "take"],
    ["taken by a unit that has no name yet", {}, { unit: undefined }, "take"],
    ["taken for the unit's directorate", { for: "zrenjanin/*" }, {}, "take"],
    ["taken for every unit", { for: "*" }, {}, "take"],
    ["taken within its dates", { notBefore: at(-1), expires: at(1) }, {}, "take"],
    ["taken without a date, when the time is not known", {}, { now: undefined }, "take"],
    ["taken by hand after it has failed", {}, { failed: [7] }, "take"],
    [
      "refused for another unit",
      { for: "zrenjanin/zr-118" },
      {},
      "refuse recipient: it is for zrenjanin/zr-118, and this unit is zrenjanin/zr-117",
    ],
    [
      "refused for another directorate",
      { for: "pancevo/*" },
      {},
      "refuse recipient: it is for pancevo/*, and this unit is zrenjanin/zr-117",
    ],
    [
      "refused with the version in force",
      {},
      { inForce: { version: 7 } },
      "refuse version: version 7 is not above version 7, which is in force",
    ],
    [
      "refused with a lower version",
      {},
      { inForce: { version: 9 } },
      "refuse version: version 7 is not above version 9, which is in force",
    ],
    ["refused after it has expired", { expires: at(-1) }, {}, `refuse expired: it expired at ${at(-1)}`],
    [
      "refused in the moment when it expires",
      { expires: at(0) },
      {},
      `refuse expired: it expired at ${at(0)}`,
    ],
    ["not taken before it is valid", { notBefore: at(1) }, {}, `wait not-yet: it is valid from ${at(1)} on`],
    [
      "not taken with a date, when the time is not known",
      { expires: at(1) },
      { now: undefined },
      "wait clock: it has a date, and the time is not known yet: try again when the receiver has a fix",
    ],
    [
      "not taken while an emergency is open",
      {},
      { emergency: true },
      "wait emergency: an emergency is open: try again when it is over",
    ],
    [
      "refused if it retires the key that signed it",
      { trust: { add: [], retire: ["hq"] } },
      {},
      "refuse trust: it retires the key hq, which signed it",
    ],
    [
      "refused if it replaces the key that signed it",
      { trust: { add: [{ name: "hq", pem: "" }], retire: [] } },
      {},
      "refuse trust: it replaces the key hq, which signed it",
    ],
    ["taken if it retires another key", { trust: { add: [], retire: ["old"] } }, {}, "take"],
    [
      "ignored, if it comes again from dispatch",
      {},
      { from: "dispatch", inForce: { version: 7, sha256: "new" } },
      "ignore",
    ],
    ["ignored, if it failed and comes again from dispatch", {}, { from: "dispatch", failed: [7] }, "ignore"],
    [
      "refused, if dispatch sends another one with the version in force",
      {},
      { from: "dispatch", inForce: { version: 7, sha256: "other" } },
      "refuse version: version 7 is not above version 7, which is in force",
    ],
  ])("%s", (_, bundle, circumstances, verdict) => {
    expect(verdictOn(bundle, circumstances)).toBe(verdict);
  });
});

test("what is checked first is what is said: signature, recipient, version, dates, emergency", () => {
  const wrong = { for: "pancevo/*", expires: at(-1) } as const;
  const circumstances = { inForce: { version: 9 }, emergency: true };
  const invalid: Opened = { kind: "invalid", code: "signature", says: "its signature is wrong" };
  expect(judge(invalid, around(circumstances), SOUND)).toEqual({
    kind: "refuse",
    code: "signature",
    says: "its signature is wrong",
  });
  expect(verdictOn(wrong, circumstances)).toMatch(/^refuse recipient/);
  expect(verdictOn({ ...wrong, for: "*" }, circumstances)).toMatch(/^refuse version/);
  expect(verdictOn({ ...wrong, for: "*" }, { emergency: true })).toMatch(/^refuse expired/);
  expect(verdictOn({ for: "*" }, { emergency: true })).toMatch(/^wait emergency/);
});

describe("the configuration of a bundle", () => {
  test("is checked after everything else", () => {
    expect(judge(opened(), around(), undefined)).toEqual({ kind: "check" });
    expect(judge(opened({ for: "pancevo/*" }), around(), undefined)).toMatchObject({ code: "recipient" });
  });

  test("is refused with its first fault and the number of the others", () => {
    const faults = [fault("gps", "invalid"), fault("gps", "conflict")];
    expect(verdictOn({}, {}, { unit: UNIT, faults })).toBe(
      "refuse invalid: patrol-unit.yaml:2:3: gps.baud: expected a whole number (and 1 more)",
    );
  });

  test("is refused with a file that is missing", () => {
    expect(verdictOn({}, {}, { unit: UNIT, faults: [fault("can", "missing-file")] })).toMatch(
      /^refuse invalid/,
    );
  });

  test("is taken although the car's certificate has a fault", () => {
    expect(verdictOn({}, {}, { unit: UNIT, faults: [fault("identity", "expired")] })).toBe("take");
  });

  test("is refused if it renames the unit", () => {
    expect(verdictOn({ for: "*" }, {}, { unit: "zrenjanin/zr-1", faults: [] })).toMatch(
      /^refuse renames: it would rename the unit zrenjanin\/zr-117 to zrenjanin\/zr-1/,
    );
  });

  test("is refused if it moves the outbox", () => {
    const merged = { unit: UNIT, outbox: "/data/b", faults: [] };
    expect(verdictOn({}, { outbox: "/data/a" }, merged)).toMatch(
      /^refuse moves-outbox: it would move outbox.path from \/data\/a to \/data\/b: that is done by hand/,
    );
    expect(verdictOn({}, { outbox: "/data/b" }, merged)).toBe("take");
    expect(verdictOn({}, { outbox: undefined }, merged)).toBe("take");
  });

  test("gives a unit without a name its name, and must be for it", () => {
    expect(verdictOn({}, { unit: undefined }, { unit: "zrenjanin/zr-1", faults: [] })).toMatch(
      /^refuse recipient/,
    );
  });
});
