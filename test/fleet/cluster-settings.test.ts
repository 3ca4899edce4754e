import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startBalancer } from "./balancer.ts";
import { LightUnit } from "./light-unit.ts";
import { haveNats, startNats } from "./nats.ts";
import type { Brokers } from "./nodes.ts";
import { haveRabbit, startRabbit } from "./rabbitmq.ts";
import { RecorderProcess } from "./recorder-process.ts";
import { watchedConnect } from "./watched-connect.ts";

/** config/broker is what we recommend: its clusters are run as they are, with other addresses and without TLS. */

const WITHIN = { timeout: 90_000, interval: 250 };
/** A receiver sends an epoch each second. */
const EPOCH_MS = 1_000;

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const NOBODY = {
  accepted: () => undefined,
  ended: () => undefined,
  position: () => undefined,
  emergency: () => undefined,
  receipt: () => undefined,
};

/** A unit and a recorder at a cluster, on the node that will fail. */
const openUnit = async ({ urls, login }: Brokers): Promise<LightUnit> => {
  const folder = mkdtempSync(join(tmpdir(), "cluster-settings-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const ports = urls.map((url) => Number(new URL(url).port));
  const { url } = stack.use(await startBalancer(ports));
  const access = login ? ["--username", login.username, "--password", login.password] : [];
  const into = `sqlite:${join(folder, "reports.db")}`;
  const recorder = stack.use(new RecorderProcess(1, ["--broker", url, "--into", into, ...access]));
  await recorder.start();
  const unit = new LightUnit(1, {
    directorate: "fleet",
    id: "u-1",
    brokers: urls,
    login,
    connect: watchedConnect(1, NOBODY),
    lamp: () => undefined,
    say: () => undefined,
  });
  await unit.start();
  stack.defer(() => unit.stop());
  const driving = setInterval(() => unit.drive(Date.now()), EPOCH_MS);
  stack.defer(() => clearInterval(driving));
  return unit;
};

const CLUSTERS = [
  { name: "nats.conf", start: startNats, isThere: haveNats },
  { name: "rabbitmq.conf", start: startRabbit, isThere: haveRabbit },
];

for (const { name, start, isThere } of CLUSTERS) {
  test.skipIf(!isThere)(
    `with ${name} a cluster that loses a node goes on to bring reports and receipts`,
    { timeout: 240_000 },
    async () => {
      const brokers = stack.use(await start());
      const unit = await openUnit(brokers);
      await expect.poll(() => unit.waiting(), WITHIN).toEqual({ records: 0, mode: "dispatch" });
      await brokers.kill(0);
      await expect.poll(async () => (await unit.waiting()).records, WITHIN).toBeGreaterThan(2);
      await expect.poll(async () => (await unit.waiting()).records, WITHIN).toBe(0);
    },
  );
}
