import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { check } from "../../src/cli/check.ts";
import { doctor } from "../../src/cli/doctor.ts";
import { run } from "../../src/cli/run.ts";
import { vitalFileOf } from "../../src/outbox/vital.ts";
import { openTestOutbox } from "../outbox/open-outbox.ts";
import { inFolder } from "./in-folder.ts";

const folder = inFolder((dir) => {
  mkdirSync(join(dir, "configs/1"), { recursive: true });
  symlinkSync("configs/1", join(dir, "current"));
  writeFileSync(
    join(dir, "configs/1/patrol-unit.yaml"),
    `gps: { port: /dev/ttyACM0 }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:1"], allowPlaintext: true }
status: { listen: "127.0.0.1:0" }
outbox: { path: outbox }
`,
  );
  named("zr-117", dir);
});

const named = (id: string, dir = folder.dir): void =>
  writeFileSync(join(dir, "local.yaml"), `unit: { directorate: zrenjanin, id: ${id} }\n`, { mode: 0o600 });

/** The outbox of zrenjanin/zr-117, with so many reports that wait. */
const leaveOutbox = async (reports: number): Promise<void> => {
  await using outbox = await openTestOutbox(join(folder.dir, "outbox"));
  outbox.remember({ unit: "zrenjanin/zr-117" });
  for (let n = 0; n < reports; n++)
    outbox.append({
      kind: "event",
      data: { type: "shutdown", reason: "test" },
      at: 0,
      clock: "ntp",
      mono: n,
    });
  await outbox.flush();
};

const REFUSED =
  /unit: expected zrenjanin\/zr-117, found zrenjanin\/zr-118: 2 reports of zrenjanin\/zr-117 are pending; let them reach dispatch under the old name/;

test("a name that `run` refuses, because reports of the old one are pending, is not valid", async () => {
  await leaveOutbox(2);
  await expect(check.run(["--root", folder.dir])).resolves.toBe(0);
  named("zr-118");
  await expect(run.run(["--root", folder.dir])).rejects.toThrow(REFUSED);
  await expect(check.run(["--root", folder.dir])).rejects.toThrow(REFUSED);
  await expect(check.run(["--root", folder.dir])).rejects.toThrow(
    `${join(folder.dir, "local.yaml")}:1:7: unit:`,
  );
});

test("and `check` says so as JSON", async () => {
  await leaveOutbox(2);
  named("zr-118");
  expect(await folder.run(check, ["--root", folder.dir, "--json"])).toMatchObject({ exit: 78 });
  expect(JSON.parse(folder.printed)).toMatchObject({
    valid: false,
    faults: [{ path: "unit", part: "identity", code: "invalid", fatal: true }],
  });
});

test("and `doctor` says it too", async () => {
  await leaveOutbox(2);
  named("zr-118");
  await folder.run(doctor, ["--root", folder.dir]);
  expect(folder.printed).toMatch(
    /FAIL {2}config: .*local.yaml:1:7: unit: expected zrenjanin\/zr-117, found zrenjanin\/zr-118: 2 /,
  );
});

test("a new name is valid when nothing of the old one is pending", async () => {
  await leaveOutbox(0);
  named("zr-118");
  await expect(check.run(["--root", folder.dir])).resolves.toBe(0);
});

test("the old name is known although the vital file is lost", async () => {
  await leaveOutbox(2);
  rmSync(vitalFileOf(join(folder.dir, "outbox")));
  named("zr-118");
  await expect(check.run(["--root", folder.dir])).rejects.toThrow(
    /found zrenjanin\/zr-118: \d+ reports of zrenjanin\/zr-117/,
  );
});
