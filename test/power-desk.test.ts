import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EventData } from "../src/domain/report.ts";
import type { PowerCircumstances } from "../src/policy/power.ts";
import { createPowerDesk } from "../src/power-desk.ts";
import { createLog } from "../src/runtime/log.ts";
import { requestPowerOff } from "../src/runtime/power-off.ts";

/** The computer is not switched off here: `systemctl` is a script that writes down what it was asked. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "power-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const systemctl = (script: string): NodeJS.ProcessEnv => {
  const file = join(folder, "systemctl");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return { PATH: folder };
};

const run = async (env: NodeJS.ProcessEnv): Promise<EventData[]> => {
  const events: EventData[] = [];
  let now: PowerCircumstances = { ignition: "on", moving: false, emergency: false };
  let mono = 0;
  const desk = createPowerDesk({
    settings: { offAfterS: 300 },
    circumstances: () => now,
    mono: () => mono,
    event: (data) => void events.push(data),
    log: createLog(() => undefined),
    powerOff: () => requestPowerOff(env),
  });
  desk.look();
  now = { ...now, ignition: "off" };
  for (mono = 1_000; mono <= 302_000; mono += 1_000) desk.look();
  await expect.poll(() => events.length >= 2).toBe(true);
  return events;
};

test("behind the ignition the service manager is asked for a power-off, and dispatch is told before", async () => {
  const events = await run(systemctl(`echo "$@" > ${folder}/asked`));
  expect(events).toEqual([
    { type: "power", what: "ignition-off", offInS: 300 },
    { type: "power", what: "power-off" },
  ]);
  await expect.poll(() => existsSync(join(folder, "asked"))).toBe(true);
  await expect
    .poll(() => readFileSync(join(folder, "asked"), "utf8"))
    .toBe("--no-wall --no-ask-password poweroff\n");
});

test("a service manager that refuses is a fault, with what it said", async () => {
  const events = await run(systemctl("echo 'Interactive authentication required.' >&2; exit 1"));
  await expect.poll(() => events.length).toBe(3);
  expect(events[2]).toMatchObject({
    type: "fault",
    part: "power",
    detail: expect.stringContaining("Interactive authentication required.") as string,
  });
});
