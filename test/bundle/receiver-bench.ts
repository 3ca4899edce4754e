import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { openFiles } from "../../src/bundle/files.ts";
import type { Content } from "../../src/bundle/format.ts";
import { install } from "../../src/bundle/install.ts";
import type { Files } from "../../src/bundle/port.ts";
import { Receiver } from "../../src/bundle/receive.ts";
import { Store } from "../../src/bundle/store.ts";
import { rootAt } from "../../src/settings/root.ts";
import { CONFIG, keyPair, sealed } from "./signed.ts";

export const noLock = { [Symbol.dispose]: () => undefined };

/** A receiver in a running service, on a clock of its own. */
export const openBench = (dir: string, around: (files: Files) => Files = (files) => files) => {
  const root = rootAt(dir);
  const files = around(openFiles(dir));
  const store = new Store(root, files);
  const car = {
    nowMs: 0,
    now: undefined as number | undefined,
    emergency: false,
    isLocked: false,
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
    lock() {
      car.isLocked = true;
      return Promise.resolve({ [Symbol.dispose]: () => void (car.isLocked = false) });
    },
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
    /** As `look`. Returns the messages of the looks that failed. */
    async lookWithFailures(seconds: number) {
      const failures: string[] = [];
      for (let n = 0; n < seconds; n++) {
        car.nowMs += 1_000;
        await receiver.look().catch((cause: unknown) => failures.push(String(cause)));
      }
      return failures;
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
    benchAt: (around?: (files: Files) => Files) => openBench(dir, around),
    bundleOf: (version: number, parts: Partial<Content> = {}, key = hq.key) =>
      sealed(key, {
        version,
        files: [{ name: "patrol-unit.yaml", text: `${CONFIG}report: { movingS: ${version} }\n` }],
        ...parts,
      }),
  };
};

/** An error of the system, as `node:fs` rejects with. */
const systemError = (code: string, path: string): Error =>
  Object.assign(new Error(`${code}: ${path}`), { code, path });

/** Files that fail as a disk or a permission does: tests may run as root, which may do all. */
export class FailingFiles {
  /** What cannot be read: the end of a path, and the error's code. */
  readonly unreadable = new Map<string, string>();
  /** The folder in which no name can be made, renamed or removed: the end of its path. */
  unwritable: string | undefined;

  readonly around = (files: Files): Files => {
    const guard = (path: string): void => {
      if (this.unwritable !== undefined && dirname(path).endsWith(this.unwritable))
        throw systemError("EACCES", path);
    };
    return {
      ...files,
      read: async (path) => {
        for (const [end, code] of this.unreadable) if (path.endsWith(end)) throw systemError(code, path);
        return files.read(path);
      },
      write: async (path, bytes, mode) => {
        guard(path);
        return files.write(path, bytes, mode);
      },
      rename: async (from, to) => {
        guard(from);
        return files.rename(from, to);
      },
      remove: async (path) => {
        guard(path);
        return files.remove(path);
      },
    };
  };
}
