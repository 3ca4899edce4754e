import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { expect, test, vi } from "vitest";
import { ExpiryReminder } from "../../src/cli/lib/expiry.ts";
import { onThisMachine } from "../../src/cli/lib/ports.ts";
import { openRoot, serveRoot } from "../../src/cli/lib/run-root.ts";
import type { ByteSource } from "../../src/domain/bytes.ts";
import type { Log } from "../../src/runtime/log.ts";
import { startUnit } from "../../src/unit/start.ts";
import { waitFor } from "./car.ts";
import { openCentre } from "./centre.ts";
import { freePort } from "./mosquitto.ts";
import { openRootedCar } from "./rooted-car.ts";

vi.setConfig({ testTimeout: 120_000 });

const nothing = (): void => undefined;
/** A receiver that says nothing. */
const SILENT: ByteSource = async function* (signal) {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  yield* [];
};
const QUIET: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

test("a service on a root takes a new configuration over, passes its trial, and says so", async () => {
  const centre = await openCentre();
  await using _centre = centre.stack;
  await using car = await openRootedCar(centre.broker.url);
  expect((await car.flash(1)).code).toBe(0);
  car.start();
  await waitFor(
    "the first configuration to be reported",
    () => centre.dispatch.events("config").length === 1,
  );
  const { code, stdout } = await car.flash(2);
  expect({ code, last: stdout.trimEnd().split("\n").at(-1) }).toEqual({
    code: 0,
    last: "version 2 for zrenjanin/*, signed by hq, is in force; on trial: if dispatch is not reached within 10 s, version 1 returns",
  });
  const flashedAt = performance.now();
  await waitFor("the second one to be reported", () => centre.dispatch.events("config").length === 2, 40_000);
  expect(performance.now() - flashedAt).toBeLessThan(10_000);
  expect(centre.dispatch.events("config").map(({ data }) => data)).toEqual([
    { type: "config", version: 1, ok: true, signer: "hq" },
    { type: "config", version: 2, ok: true, signer: "hq", previous: 1 },
  ]);
  const { stdout: status } = await car.program("flash", "status", "--json");
  expect(JSON.parse(status)).toMatchObject({ version: 2, previous: 1, trial: null, failed: [] });
  expect(await car.stop()).toBe(0);
  expect(centre.dispatch.missing()).toEqual([]);
});

test("a configuration whose broker is dead goes back within its trial and 15 s, and dispatch is told both versions", async () => {
  const centre = await openCentre();
  await using _centre = centre.stack;
  await using car = await openRootedCar(centre.broker.url);
  await car.flash(1);
  car.start();
  await waitFor(
    "the first configuration to be reported",
    () => centre.dispatch.events("config").length === 1,
  );
  const dead = `mqtt://127.0.0.1:${await freePort()}`;
  expect((await car.flash(2, dead)).code).toBe(0);
  const flashedAt = performance.now();
  await waitFor("the way back to be reported", () => centre.dispatch.events("config").length === 2, 40_000);
  expect(performance.now() - flashedAt).toBeLessThan(10_000 + 15_000);
  expect(centre.dispatch.events("config").at(-1)?.data).toEqual({
    type: "config",
    version: 2,
    ok: false,
    error: "dispatch was not reached with it within 10 s; version 1 is in force again",
    signer: "hq",
    previous: 1,
  });
  const { stdout } = await car.program("flash", "status", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ version: 1, previous: null, trial: null, failed: [2] });
});

test("a configuration that crashes the service three times goes back", async () => {
  const centre = await openCentre();
  await using _centre = centre.stack;
  await using car = await openRootedCar(centre.broker.url);
  await car.flash(1);
  car.start();
  await waitFor(
    "the first configuration to be reported",
    () => centre.dispatch.events("config").length === 1,
  );
  await car.flash(2);
  await waitFor("the second one to be reported", () => centre.dispatch.events("config").length === 2, 40_000);
  await car.stop();
  await car.flash(3);
  for (let crash = 0; crash < 3; crash++) {
    const before = car.count("starting");
    car.start();
    await waitFor("a start", () => car.count("starting") > before);
    await car.stop("SIGKILL");
  }
  car.start();
  await waitFor("the way back to be reported", () => centre.dispatch.events("config").length >= 3);
  expect(centre.dispatch.events("config").at(-1)?.data).toMatchObject({ version: 3, ok: false, previous: 2 });
});

test("a configuration with which the unit cannot be started goes back while the process goes on", async () => {
  const centre = await openCentre();
  await using _centre = centre.stack;
  await using car = await openRootedCar(centre.broker.url);
  await car.flash(1);
  const stopped = Promise.withResolvers<string>();
  const over = new AbortController();
  let failures = 0;
  const service = serveRoot({
    open: openRoot(car.dir),
    log: QUIET,
    requested: stopped.promise,
    signal: over.signal,
    deadline: () => ({ begin: () => undefined, [Symbol.dispose]: () => undefined }),
    reminder: new ExpiryReminder(),
    async start({ settings, sha256, faults }, bundle) {
      if (settings.health.intervalS === 2) {
        failures++;
        throw new Error("it does not start with the second one");
      }
      const sources = { recorded: false, gps: SILENT, can: undefined };
      return startUnit(
        await onThisMachine({ settings, config: sha256, faults, bundle, log: QUIET, ...sources }),
      );
    },
  });
  await waitFor(
    "the first configuration to be reported",
    () => centre.dispatch.events("config").length === 1,
  );
  expect((await car.flash(2)).code).toBe(0);
  await waitFor("the way back to be reported", () => centre.dispatch.events("config").length === 2, 40_000);
  expect(centre.dispatch.events("config").at(-1)?.data).toMatchObject({
    version: 2,
    ok: false,
    error: "the service crashed 3 times with it; version 1 is in force again",
  });
  expect(failures).toBe(3);
  over.abort();
  stopped.resolve("stopped");
  await service;
});

test("a bundle in the inbox is taken by the running service, and one that is refused is reported", async () => {
  const centre = await openCentre();
  await using _centre = centre.stack;
  await using car = await openRootedCar(centre.broker.url);
  await car.flash(1);
  mkdirSync(join(car.dir, "inbox"));
  car.start();
  await waitFor(
    "the first configuration to be reported",
    () => centre.dispatch.events("config").length === 1,
    40_000,
  );
  writeFileSync(join(car.dir, "inbox/bad.patrol"), "hello");
  await waitFor("the refusal to be reported", () => centre.dispatch.events("config").length === 2, 40_000);
  expect(centre.dispatch.events("config").at(-1)?.data).toEqual({
    type: "config",
    ok: false,
    error: "it is not a bundle, or it is damaged or cut",
  });
  writeFileSync(join(car.dir, "inbox/good.patrol"), await car.bundle(2));
  await waitFor("the new one to be reported", () => centre.dispatch.events("config").length === 3, 40_000);
  expect(centre.dispatch.events("config").at(-1)?.data).toMatchObject({ version: 2, ok: true });
  expect(readFileSync(join(car.dir, "inbox/good.patrol.result"), "utf8")).toMatch(/^done: version 2/);
});

test("a retained bundle is taken by a unit that returns, and the same one again is no event", async () => {
  const centre = await openCentre();
  await using _centre = centre.stack;
  await using car = await openRootedCar(centre.broker.url);
  await car.flash(1);
  const topic = "patrol/v1/zrenjanin/zr-117/bundle";
  const headquarters = await connectAsync(centre.broker.url);
  await headquarters.publishAsync(topic, await car.bundle(2), { qos: 1, retain: true });
  car.start();
  const reported = (version: number) => () =>
    centre.dispatch.events("config").some(({ data }) => "version" in data && data["version"] === version);
  await waitFor("the bundle to be reported", reported(2), 40_000);
  expect(centre.dispatch.events("config").at(-1)?.data).toMatchObject({ version: 2, ok: true, signer: "hq" });
  // It is delivered again at each start. A bundle that is refused afterwards comes last.
  await car.stop();
  car.start();
  await headquarters.publishAsync(topic, await car.bundle(1), { qos: 1, retain: true });
  await waitFor(
    "the refusal to be reported",
    () => centre.dispatch.events("config").some(({ data }) => "ok" in data && data["ok"] === false),
    40_000,
  );
  await headquarters.endAsync();
  const results = centre.dispatch.events("config").map(({ data }) => data);
  expect(results.filter((one) => "version" in one && one["version"] === 2)).toHaveLength(1);
  expect(results.at(-1)).toEqual({
    type: "config",
    version: 1,
    ok: false,
    signer: "hq",
    error: "version 1 is not above version 2, which is in force",
  });
});

test("a root that was laid out by hand, without versions, runs as it is", async () => {
  const centre = await openCentre();
  await using _centre = centre.stack;
  await using car = await openRootedCar(centre.broker.url);
  await car.flash(1);
  renameSync(join(car.dir, "configs/1"), join(car.dir, "by-hand"));
  rmSync(join(car.dir, "current"));
  symlinkSync("by-hand", join(car.dir, "current"));
  car.start();
  await waitFor("the birth", () => centre.dispatch.states.some(({ state }) => state === "online"), 40_000);
  expect(await car.stop()).toBe(0);
});

test("a service on a root without a configuration says so and exits 78", async () => {
  await using car = await openRootedCar("mqtt://127.0.0.1:1");
  const { code, stderr } = await car.program("run");
  expect(stderr).toMatch(
    /current\/patrol-unit.yaml:1:1: expected a configuration file that can be read, found no such file/,
  );
  expect(code).toBe(78);
});
