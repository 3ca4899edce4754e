import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { openFiles } from "../../src/bundle/files.ts";
import type { Content } from "../../src/bundle/format.ts";
import { install } from "../../src/bundle/install.ts";
import { Receiver } from "../../src/bundle/receive.ts";
import { Store } from "../../src/bundle/store.ts";
import { rootAt } from "../../src/settings/root.ts";
import { CONFIG, keyPair, sealed } from "./signed.ts";

export const noLock = { [Symbol.dispose]: () => undefined };

/** A receiver in a running service, on a clock of its own. */
export const openBench = (dir: string) => {
  const root = rootAt(dir);
  const files = openFiles(dir);
  const store = new Store(root, files);
  const car = {
    nowMs: 0,
    now: undefined as number | undefined,
    emergency: false,
    lines: [] as string[],
    /** What happens while a bundle is installed. */
    meanwhile: () => Promise.resolve(),
  };
  const receiver = new Receiver({
    root,
    files,
    store,
    unit: "zrenjanin/zr-117",
    trialS: 300,
    mono: () => car.nowMs,
    lock: () => Promise.resolve(noLock),
    install: async (bytes, from) => {
      await car.meanwhile();
      return install(bytes, {
        root,
        files,
        store,
        now: car.now,
        emergency: car.emergency,
        from,
        machineBoot: "boot",
        show: () => undefined,
      });
    },
    result: ({ kind }, line) => void car.lines.push(`${kind} | ${line}`),
  });
  return {
    car,
    store,
    receiver,
    async look(seconds = 1) {
      for (let n = 0; n < seconds; n++) {
        car.nowMs += 1_000;
        await receiver.look();
      }
    },
    current: async () => (await store.disk()).current,
  };
};

/** A root that trusts `hq`, in a new folder for each test of a file, and bundles for it. */
export const inRoot = async () => {
  const [hq, stranger] = [await keyPair("hq"), await keyPair("stranger")];
  let dir = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "receive-"));
    for (const folder of ["trust", "inbox"]) mkdirSync(join(dir, folder));
    writeFileSync(join(dir, "trust/hq.pem"), hq.publicPem);
  });
  afterEach(() => rmSync(dir, { recursive: true }));
  return {
    stranger,
    at: (...names: readonly string[]) => join(dir, ...names),
    benchAt: () => openBench(dir),
    bundleOf: (version: number, parts: Partial<Content> = {}, key = hq.key) =>
      sealed(key, {
        version,
        files: [{ name: "patrol-unit.yaml", text: `${CONFIG}report: { movingS: ${version} }\n` }],
        ...parts,
      }),
  };
};
