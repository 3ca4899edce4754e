import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { EventData } from "../src/domain/report.ts";
import type { PowerCircumstances } from "../src/policy/power.ts";
import { createPowerDesk } from "../src/power-desk.ts";
import { createLog } from "../src/runtime/log.ts";
import { createPowerSwitch } from "../src/runtime/power-off.ts";

/** The computer is not switched off here: `shutdown` is a script that writes down what it was asked. */
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "power-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const shutdown = (script: string): NodeJS.ProcessEnv => {
  const file = join(folder, "shutdown");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return { PATH: `${folder}:/usr/bin:/bin` };
};
const asked = (): string[] =>
  existsSync(join(folder, "asked")) ? readFileSync(join(folder, "asked"), "utf8").trim().split("\n") : [];

/** Parks the car until its computer is to be switched off. */
const park = (env: NodeJS.ProcessEnv) => {
  const events: EventData[] = [];
  let now: PowerCircumstances = { ignition: "on", moving: false, emergency: false };
  let mono = 0;
  const desk = createPowerDesk({
    settings: { offAfterS: 300 },
    circumstances: () => now,
    mono: () => mono,
    event: (data) => void events.push(data),
    log: createLog(() => undefined),
    power: createPowerSwitch(env),
  });
  return {
    desk,
    events,
    untilScheduled: async () => {
      desk.look();
      now = { ...now, ignition: "off" };
      // One second each time, so that the service manager's answers arrive in between.
      const scheduled = () => {
        mono += 1_000;
        desk.look();
        return events.some((event) => event.type === "power" && event.what === "power-off");
      };
      await expect.poll(scheduled, { interval: 1, timeout: 20_000 }).toBe(true);
    },
  };
};
const RECORDS = `echo "$@" >> "$(dirname "$0")/asked"`;

test("behind the ignition a power-off is scheduled a minute ahead, and dispatch is told before", async () => {
  const { events, untilScheduled } = park(shutdown(RECORDS));
  await untilScheduled();
  expect(events).toEqual([
    { type: "power", what: "ignition-off", offInS: 300 },
    { type: "power", what: "power-off", offInS: 60 },
  ]);
  await expect.poll(asked).toEqual(["--no-wall -c", "--no-wall -P +1"]);
});

test("a press in that minute cancels it at once, even if the request has not been answered yet", async () => {
  const { desk, events, untilScheduled } = park(shutdown(`[ "$2" = -c ] || sleep 0.3; ${RECORDS}`));
  await untilScheduled();
  desk.pressed();
  await expect.poll(asked).toEqual(["--no-wall -c", "--no-wall -P +1", "--no-wall -c"]);
  expect(events.at(-1)).toEqual({ type: "power", what: "power-off-cancelled", reason: "press" });
});

test("a service manager that refuses is a fault, with what it said", async () => {
  const { events, untilScheduled } = park(
    shutdown(`${RECORDS}; [ "$2" = -c ] && exit 0; echo 'Interactive authentication required.' >&2; exit 1`),
  );
  await untilScheduled();
  await expect.poll(() => events.length).toBe(3);
  expect(events[2]).toMatchObject({
    type: "fault",
    part: "power",
    detail: expect.stringContaining("Interactive authentication required.") as string,
  });
});
