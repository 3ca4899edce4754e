import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tryDevices } from "../../src/cli/doctor/devices.ts";
import { findingText, sound, trouble, warning } from "../../src/cli/doctor/finding.ts";
import { loadConfiguration } from "../../src/settings/load.ts";

/** Findings of a car whose configuration has this `panic`, and no receiver. */
const findingsWith = async (panic: string) => {
  const folder = mkdtempSync(join(tmpdir(), "doctor-"));
  try {
    const file = join(folder, "car.yaml");
    writeFileSync(
      file,
      `unit: { directorate: zrenjanin, id: zr-117 }\ndispatch: { brokers: ["mqtts://a"] }\n${panic}`,
    );
    return await tryDevices(loadConfiguration(file), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

test("doctor does not call a car without buttons healthy, also if the configuration wants it so", async () => {
  const [finding, ...others] = await findingsWith("panic: none\n");
  expect(others).toEqual([]);
  expect(findingText(finding!)).toBe("warn  panic: none: no button of this car works\n");
});

test("doctor says nothing more about a board that a fault of the configuration has switched off", async () => {
  expect(await findingsWith("panic: non\n")).toEqual([]);
});

test("doctor's lines begin with ok or FAIL, and a failure is followed by what to do", () => {
  expect(findingText(sound("gps", "fix 3d"))).toBe("ok    gps: fix 3d\n");
  expect(findingText(trouble("gps", "no fix", "go outside"))).toBe("FAIL  gps: no fix\n      → go outside\n");
  expect(findingText(warning("panic", "none"))).toBe("warn  panic: none\n");
  expect(findingText(warning("service", "none runs", "start it"))).toBe(
    "warn  service: none runs\n      → start it\n",
  );
});
