import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const RECORDER = "systemd/package/patrol-unit-recorder/patrol-unit-recorder.service";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "systemd-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The units beside each other, with programs that are not installed here replaced by some that are. */
const layOut = (): void => {
  for (const file of readdirSync("systemd"))
    if (/\.(?:service|path)$/.test(file)) cpSync(join("systemd", file), join(folder, file));
  cpSync(RECORDER, join(folder, "patrol-unit-recorder.service"));
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), "utf8")
      .replaceAll(
        /\/(?:opt\/patrol-unit\/current|usr\/lib\/patrol-unit)\/(?=\w+(?:-\w+)*\.sh)/g,
        `${resolve("systemd")}/`,
      )
      .replaceAll(
        /\/(?:opt\/patrol-unit\/current|usr\/lib\/patrol-unit-recorder)\/bin\/node/g,
        process.execPath,
      );
    writeFileSync(join(folder, file), text);
  }
};

test.each([
  "patrol-unit.service",
  "patrol-unit.path",
  "patrol-unit-clock.path",
  "patrol-unit-clock.service",
  "patrol-unit-install.path",
  "patrol-unit-install.service",
  "patrol-unit-release.path",
  "patrol-unit-release.service",
  "patrol-unit-stick@.service",
  "patrol-unit-recorder.service",
])("systemd-analyze accepts %s", async (unit) => {
  layOut();
  const args = ["verify", "--man=no", join(folder, unit)];
  const { stdout, stderr } = await promisify(execFile)("systemd-analyze", args);
  expect(stdout + stderr).toBe("");
});

test.each(["patrol-unit.service", "patrol-unit-recorder.service"])(
  "the exposure of %s is at most 1.5",
  async (unit) => {
    layOut();
    const args = ["security", "--offline=yes", "--no-pager", "--threshold=15", join(folder, unit)];
    const { stdout } = await promisify(execFile)("systemd-analyze", args);
    expect(stdout).toMatch(/Overall exposure level for .*: [01]\.\d OK/);
  },
);

describe("the service", () => {
  const text = readFileSync("systemd/patrol-unit.service", "utf8");

  test("waits for no network, time or device", () => {
    const order = text.match(/^(?:After|Requires|Wants|BindsTo|Requisite)=.*/gm) ?? [];
    expect(order).toEqual([]);
  });

  test("may be notified only by its own process, and a start may take any time", () => {
    expect(text).toContain("\nNotifyAccess=main\n");
    expect(text).toContain("\nTimeoutStartSec=infinity\n");
  });
});

test("the hardware watchdog is one that a Raspberry Pi has: at most 15 s", () => {
  const text = readFileSync("systemd/50-patrol-unit-watchdog.conf", "utf8");
  expect(Number(/^RuntimeWatchdogSec=(\d+)s$/m.exec(text)?.[1])).toBeLessThanOrEqual(15);
});
