import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { openFiles } from "../../src/bundle/files.ts";
import { Store } from "../../src/bundle/store.ts";
import { inForce, loadSettings } from "../../src/settings/load.ts";
import { rootAt } from "../../src/settings/root.ts";
import { CONFIG, keyPair, sealed } from "../bundle/signed.ts";

const ROUNDS = 20;
/** `report.movingS` of a version: it says which configuration is in force. */
const configOf = (version: number) => `${CONFIG}report: { movingS: ${version} }\n`;

test("flash config that is killed at any moment leaves the old or the new configuration, complete", async () => {
  const dir = mkdtempSync(join(tmpdir(), "flash-kill-"));
  const hq = await keyPair("hq");
  mkdirSync(join(dir, "trust"));
  writeFileSync(join(dir, "trust/hq.pem"), hq.publicPem);
  const root = rootAt(dir);
  const store = new Store(root, openFiles(dir));
  const start = (bytes: Buffer) => {
    writeFileSync(join(dir, "car.patrol"), bytes);
    return spawn(
      process.execPath,
      ["src/main.ts", "flash", "config", join(dir, "car.patrol"), "--root", dir],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
  };
  const bundleOf = (version: number) =>
    sealed(hq.key, { version, files: [{ name: "patrol-unit.yaml", text: configOf(version) }] });
  const begun = performance.now();
  const [code] = (await once(start(await bundleOf(1)), "exit")) as [number];
  const wholeMs = performance.now() - begun;
  expect(code).toBe(0);
  let inForceNow = 1;
  const outcomes = { old: 0, new: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const version = inForceNow + 1;
    const child = start(await bundleOf(version));
    const gone = once(child, "exit");
    // The switch is in the last part of the process's life.
    await sleep(wholeMs * (0.5 + (0.5 * round) / ROUNDS));
    child.kill("SIGKILL");
    await gone;
    const { current } = await store.disk();
    expect([inForceNow, version]).toContain(current);
    const { settings, faults } = loadSettings(inForce(root));
    expect(faults).toEqual([]);
    expect(settings.report.movingS).toBe(current);
    outcomes[current === version ? "new" : "old"]++;
    inForceNow = current!;
  }
  expect(outcomes.old + outcomes.new).toBe(ROUNDS);
  // What was left half-way is in nobody's way.
  const [last] = (await once(start(await bundleOf(99)), "exit")) as [number];
  expect(last).toBe(0);
  expect((await store.disk()).versions.length).toBeLessThanOrEqual(5);
  rmSync(dir, { recursive: true });
}, 120_000);
