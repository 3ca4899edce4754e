import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { expect, test } from "vitest";
import { install } from "../../src/bundle/install.ts";
import { ExpiryReminder } from "../../src/cli/lib/expiry.ts";
import { onThisMachine } from "../../src/cli/lib/ports.ts";
import { openRoot, serveRoot } from "../../src/cli/lib/run-root.ts";
import type { ByteSource } from "../../src/domain/bytes.ts";
import type { UnitSettings } from "../../src/settings/load.ts";
import { startUnit } from "../../src/unit/start.ts";
import { keyPair, sealed } from "../bundle/signed.ts";
import { waitFor } from "./car.ts";
import { startMosquitto } from "./mosquitto.ts";

const UNITS = 50;
const nothing = () => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
/** A receiver that says nothing. */
const silent: ByteSource = async function* (signal) {
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
  yield* [];
};

type Heard = {
  readonly unit: string;
  readonly version: number;
  readonly ok: boolean;
  readonly error?: string;
};

/** What dispatch hears of configurations. */
const hearConfigs = async (url: string) => {
  const client = await connectAsync(url, { protocolVersion: 5 });
  const heard: Heard[] = [];
  client.on("message", (_, payload) => {
    const { unit, data } = JSON.parse(payload.toString()) as { unit: string; data: Heard & { type: string } };
    if (data.type === "config") heard.push({ ...data, unit });
  });
  await client.subscribeAsync("patrol/v1/+/+/event", { qos: 1 });
  return { client, heard, of: (version: number) => heard.filter((one) => one.version === version) };
};

const configOf = (url: string, movingS: number): string => `panic: none
report: { movingS: ${movingS} }
dispatch: { brokers: ["${url}"], allowPlaintext: true }
outbox: { path: outbox, maxMiB: 8 }
status: { listen: "127.0.0.1:0" }
`;

test(
  "a group bundle over MQTT reaches 50 units in one process, and leaves each its own local.yaml",
  { timeout: 180_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const broker = stack.use(await startMosquitto());
    await broker.start();
    const dir = mkdtempSync(join(tmpdir(), "fleet-"));
    stack.defer(() => rmSync(dir, { recursive: true, force: true }));
    const hq = await keyPair("hq");
    const bundleOf = (version: number, to: string, movingS: number) =>
      sealed(hq.key, {
        version,
        for: to,
        files: [{ name: "patrol-unit.yaml", text: configOf(broker.url, movingS) }],
      });
    const dispatch = await hearConfigs(broker.url);
    stack.defer(() => dispatch.client.endAsync(true));

    // The last one is of another directorate.
    const names = Array.from({ length: UNITS + 1 }, (_, n) =>
      n < UNITS ? `zrenjanin/zr-${n}` : "pancevo/pa-1",
    );
    const stop = Promise.withResolvers<string>();
    const over = new AbortController();
    const inForce = new Map<string, UnitSettings>();
    const locals = new Map<string, string>();
    const first = await bundleOf(1, "*", 5);
    const services = names.map(async (name, n) => {
      const [directorate, id] = name.split("/");
      const root = join(dir, String(n));
      const local = `unit: { directorate: ${directorate}, id: ${id} }\ngps: { port: "tcp://127.0.0.1:${10_000 + n}" }\n`;
      locals.set(join(root, "local.yaml"), local);
      mkdirSync(join(root, "trust"), { recursive: true });
      writeFileSync(join(root, "trust/hq.pem"), hq.publicPem);
      writeFileSync(join(root, "local.yaml"), local, { mode: 0o600 });
      const open = openRoot(root);
      await install(first, {
        ...open,
        now: undefined,
        emergency: false,
        from: "hand",
        machineBoot: "b",
        show: nothing,
      });
      return serveRoot({
        open,
        log,
        requested: stop.promise,
        signal: over.signal,
        deadline: () => ({ begin: nothing, [Symbol.dispose]: nothing }),
        reminder: new ExpiryReminder(),
        async start({ settings, sha256, faults }, bundle) {
          inForce.set(name, settings);
          const sources = { recorded: false, gps: silent, can: undefined };
          return startUnit(
            await onThisMachine({ settings, config: sha256, faults, bundle, log, ...sources }),
          );
        },
      });
    });
    stack.defer(async () => {
      over.abort();
      stop.resolve("stopped");
      await Promise.all(services);
    });
    await waitFor(
      "the first configuration to count in all",
      () => dispatch.of(1).length === names.length,
      60_000,
    );

    const group = await bundleOf(2, "zrenjanin/*", 10);
    const publishedAt = performance.now();
    await Promise.all(
      names.map((name) =>
        dispatch.client.publishAsync(`patrol/v1/${name}/bundle`, group, { qos: 1, retain: true }),
      ),
    );
    await waitFor("all to answer", () => dispatch.of(2).length === names.length, 120_000);
    const seconds = (performance.now() - publishedAt) / 1_000;
    expect(seconds).toBeLessThan(60);
    expect(
      new Set(
        dispatch
          .of(2)
          .filter(({ ok }) => ok)
          .map(({ unit }) => unit),
      ),
    ).toEqual(new Set(names.slice(0, UNITS)));
    expect(dispatch.of(2).filter(({ ok }) => !ok)).toMatchObject([
      { unit: "pancevo/pa-1", error: "it is for zrenjanin/*, and this unit is pancevo/pa-1" },
    ]);
    for (const [n, name] of names.entries()) {
      const { unit, gps, report } = inForce.get(name)!;
      expect([`${unit.directorate}/${unit.id}`, gps?.port, report.movingS]).toEqual([
        name,
        `tcp://127.0.0.1:${10_000 + n}`,
        n < UNITS ? 10 : 5,
      ]);
    }
    for (const [file, text] of locals) expect(readFileSync(file, "utf8")).toBe(text);
  },
);
