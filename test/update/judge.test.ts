import { describe, expect, test } from "vitest";
import { judge, type Circumstances } from "../../src/update/judge.ts";
import { architectureOf, isAbove, packageName, packageNamed, Release } from "../../src/update/release.ts";

const PACKAGE = { bytes: 3, sha256: "0".repeat(64) };
const releaseWith = (parts: object = {}): Release =>
  Release.parse({
    v: 1,
    type: "release",
    for: "zrenjanin/*",
    version: "1.6.0",
    packages: { amd64: PACKAGE },
    ...parts,
  });
const NOW = Date.parse("2026-11-28T10:00:00Z");
const CAR: Circumstances = {
  unit: "zrenjanin/zr-117",
  architecture: "amd64",
  inForce: "1.5.9",
  trial: undefined,
  takenBack: [],
  now: NOW,
  emergency: false,
  onBattery: false,
};
const judged = (parts: object = {}, car: Partial<Circumstances> = {}): string => {
  const verdict = judge(releaseWith(parts), { ...CAR, ...car });
  return "code" in verdict ? `${verdict.kind} ${verdict.code}` : verdict.kind;
};

test("a release is taken with the package of this computer", () => {
  expect(judge(releaseWith(), CAR)).toEqual({ kind: "take", wanted: { ...PACKAGE, architecture: "amd64" } });
});

test.each<[string, object, Partial<Circumstances>, string]>([
  ["for another directorate", { for: "novi-sad/*" }, {}, "refuse recipient"],
  ["for nobody that is known yet", { for: "novi-sad/*" }, { unit: undefined }, "take"],
  ["of the version in force", { version: "1.5.9" }, {}, "refuse version"],
  ["of an older version", { version: "1.5.10" }, { inForce: "1.10.0" }, "refuse version"],
  ["of a newer version", { version: "1.10.0" }, {}, "take"],
  ["that was taken back here", {}, { takenBack: ["1.5.8", "1.6.0"] }, "refuse taken-back"],
  ["that has expired", { expires: "2026-11-28T09:59:59Z" }, {}, "refuse expired"],
  ["that is not valid yet", { notBefore: "2026-11-28T10:00:01Z" }, {}, "wait not-yet"],
  ["with a date, and no time", { notBefore: "2026-11-01T00:00:00Z" }, { now: undefined }, "wait clock"],
  ["for another architecture", {}, { architecture: "arm64" }, "refuse architecture"],
  ["on a computer that has no package", {}, { architecture: undefined }, "refuse architecture"],
  ["while another one is tried", {}, { trial: "1.5.9" }, "wait trial"],
  ["in an emergency", {}, { emergency: true }, "wait emergency"],
  ["with the ignition off", {}, { onBattery: true }, "wait battery"],
])("a release %s", (_what, parts, car, expected) => {
  expect(judged(parts, car)).toBe(expected);
});

describe("names", () => {
  test("versions are compared part by part, as numbers", () => {
    expect(isAbove("1.10.0", "1.9.9")).toBe(true);
    expect(isAbove("2.0.0", "1.99.99")).toBe(true);
    expect(isAbove("1.9.9", "1.10.0")).toBe(false);
    expect(isAbove("1.9.9", "1.9.9")).toBe(false);
  });

  test("a package's file names its version and architecture", () => {
    expect(packageNamed(packageName("1.6.0", "arm64"))).toEqual({ version: "1.6.0", architecture: "arm64" });
    for (const name of ["patrol-unit_1.6_amd64.deb", "patrol-unit-recorder_1.6.0_amd64.deb", "x.deb"])
      expect(packageNamed(name)).toBeUndefined();
    expect(packageNamed("patrol-unit_1.6.0_i386.deb")).toBeUndefined();
  });

  test("architectures are named as Debian names them", () => {
    expect(["x64", "arm64", "arm"].map(architectureOf)).toEqual(["amd64", "arm64", undefined]);
  });
});
