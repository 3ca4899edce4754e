import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DISK_STUCK_MS } from "../../src/policy/progress.ts";
import { epoch, openCar, waitFor } from "../journeys/car.ts";
import { hanging } from "../journeys/hanging.ts";
import { freePort } from "../journeys/mosquitto.ts";
import { openUnixReceiver } from "../runtime/unix-receiver.ts";

let stack: AsyncDisposableStack;
let folder: string;
beforeEach(() => {
  stack = new AsyncDisposableStack();
  folder = mkdtempSync(join(tmpdir(), "stuck-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
});
afterEach(() => stack.disposeAsync());

/** The watchdog's time in milliseconds. */
const WATCHDOG_MS = 3_000;

test("the service stops feeding its watchdog a minute after the disk has stopped to answer, and says why", async () => {
  const disk = join(folder, "disk-hangs");
  const systemd = stack.use(openUnixReceiver(join(folder, "notify")));
  const env = {
    ...hanging(folder, disk),
    NOTIFY_SOCKET: join(folder, "notify"),
    WATCHDOG_USEC: String(WATCHDOG_MS * 1_000),
  };
  const dispatch = `{ brokers: ["mqtt://127.0.0.1:${await freePort()}"], allowPlaintext: true }`;
  const car = stack.use(openCar(dispatch, { env }));
  await car.start();
  let fedAt = performance.now();
  const watched = setInterval(
    () => systemd.take().includes("WATCHDOG=1") && (fedAt = performance.now()),
    100,
  );
  stack.defer(() => clearInterval(watched));
  let n = 0;
  const driving = setInterval(() => void car.line.write(epoch(n++)), 1_000);
  stack.defer(() => clearInterval(driving));
  await sleep(3_000);
  writeFileSync(disk, "");
  const hungAt = performance.now();
  await waitFor(
    "the log",
    () => car.log.some(({ msg }) => msg.startsWith("the watchdog is not fed")),
    DISK_STUCK_MS + 60_000,
  );
  await sleep(2 * WATCHDOG_MS);
  expect(fedAt - hungAt).toBeGreaterThan(DISK_STUCK_MS - WATCHDOG_MS);
  expect(performance.now() - fedAt).toBeGreaterThan(WATCHDOG_MS);
  car.kill("SIGKILL");
}, 200_000);
