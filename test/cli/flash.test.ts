import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { CompactSign } from "jose";
import { describe, expect, test } from "vitest";
import type { Content } from "../../src/bundle/format.ts";
import { thumbprint } from "../../src/bundle/keys.ts";
import { flash } from "../../src/cli/flash.ts";
import { NO_MEMORY } from "../../src/domain/memory.ts";
import { openDisk } from "../../src/outbox/disk.ts";
import { MEMORY_KEY } from "../../src/outbox/record.ts";
import { encodeVital, type Vital } from "../../src/outbox/vital-record.ts";
import { vitalFileOf, writePlace } from "../../src/outbox/vital.ts";
import { keptEpisode } from "../outbox/kept-episode.ts";
import { openTestOutbox } from "../outbox/open-outbox.ts";
import { contentWith, keyPair, sealed } from "../bundle/signed.ts";
import { DBC } from "../settings/configuration.ts";
import { inFolder, type Said } from "./in-folder.ts";

const hq = await keyPair("hq");
const stranger = await keyPair("stranger");

const LOCAL = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
dispatch: { password: garage-7 }
`;
const configOf = (movingS: number, more = "") => `panic: none
report: { movingS: ${movingS} }
dispatch: { brokers: ["mqtts://dispatch-a:8883"] }
outbox: { path: outbox }
status: { listen: "127.0.0.1:1" }
${more}`;
const yaml = (text: string) => ({ files: [{ name: "patrol-unit.yaml", text }] });

const folder = inFolder((dir) => {
  mkdirSync(join(dir, "trust"));
  writeFileSync(join(dir, "trust/hq.pem"), hq.publicPem);
  writeFileSync(join(dir, "local.yaml"), LOCAL, { mode: 0o600 });
});

const run = async (...args: string[]): Promise<Said> => {
  const { exit, line } = await folder.run(flash, [...args, "--root", folder.dir]);
  return { exit, line: line.split("\n").at(-1) ?? "" };
};
const flashBytes = async (bytes: Buffer, ...more: string[]): Promise<Said> => {
  const file = join(mkdtempSync(join(tmpdir(), "stick-")), "car.patrol");
  writeFileSync(file, bytes);
  const said = await run("config", file, ...more);
  rmSync(dirname(file), { recursive: true });
  return { ...said, line: said.line.replace(file, "FILE") };
};
const flashContent = async (parts: Partial<Content>, ...more: string[]) =>
  flashBytes(await sealed(hq.key, { for: "zrenjanin/*", ...parts }), ...more);
const status = async (): Promise<unknown> => {
  await run("status", "--json");
  return JSON.parse(folder.printed);
};

/** Every file, folder and link of the root, with what is in it. */
const everything = (root = folder.dir): Record<string, string> =>
  Object.fromEntries(
    readdirSync(root, { recursive: true, withFileTypes: true }).map((entry) => {
      const path = join(entry.parentPath, entry.name);
      if (entry.isSymbolicLink()) return [path, `→ ${readlinkSync(path)}`];
      return [path, entry.isDirectory() ? "folder" : readFileSync(path, "latin1")];
    }),
  );

describe("a bundle", () => {
  test("on a blank root is in force at once", async () => {
    expect(await flashContent({ version: 1, ...yaml(configOf(5)) })).toEqual({
      exit: 0,
      line: "version 1 for zrenjanin/*, signed by hq, is in force; there is no earlier version to go back to",
    });
    expect(readlinkSync(join(folder.dir, "current"))).toBe("configs/1");
    expect(readFileSync(join(folder.dir, "current/patrol-unit.yaml"), "utf8")).toBe(configOf(5));
  });

  test("says only what it changes, also with a relative --root", async () => {
    const ca = { name: "ca.pem", text: "not read here" };
    const withCa = (movingS: number): Pick<Content, "files"> => ({
      files: [{ name: "patrol-unit.yaml", text: configOf(movingS).replace("]", "], ca: ca.pem") }, ca],
    });
    await flashContent({ version: 1, ...withCa(5) });
    const file = join(folder.dir, "car.patrol");
    writeFileSync(file, await sealed(hq.key, { for: "zrenjanin/*", version: 2, ...withCa(10) }));
    await folder.run(flash, ["config", file, "--root", relative(process.cwd(), folder.dir)]);
    expect(folder.printed.split("\n").filter((line) => line.startsWith("  "))).toEqual([
      "  report.movingS: 5 → 10",
    ]);
  });

  test("says what it changes, key by key, and never a secret", async () => {
    await flashContent({ version: 1, ...yaml(configOf(5)) });
    const can =
      "can: { interface: can0, database: vehicles/car.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }\n";
    const files = [...yaml(configOf(10, can)).files, { name: "vehicles/car.dbc", text: DBC }];
    expect(await flashContent({ version: 2, files })).toMatchObject({
      exit: 0,
      line: "version 2 for zrenjanin/*, signed by hq, is in force; on trial: if dispatch is not reached within 300 s, version 1 returns",
    });
    expect(folder.printed.split("\n")).toEqual(
      expect.arrayContaining([
        "  report.movingS: 5 → 10",
        "  can.database: none → vehicles/car.dbc",
        "  vehicles/car.dbc: none → another file",
      ]),
    );
    expect(folder.printed).not.toContain("garage-7");
    expect(readdirSync(join(folder.dir, "configs/2")).toSorted()).toEqual([
      ".bundle.json",
      "patrol-unit.yaml",
      "vehicles",
    ]);
  });

  test("gives its result as JSON", async () => {
    await flashContent({ version: 1, ...yaml(configOf(5)) });
    const { exit, line } = await flashContent({ version: 2, ...yaml(configOf(10)) }, "--json");
    expect(exit).toBe(0);
    expect(JSON.parse(line)).toEqual({
      ok: true,
      version: 2,
      recipient: "zrenjanin/*",
      signer: "hq",
      previous: 1,
      trialS: 300,
      changes: [{ key: "report.movingS", before: "5", after: "10" }],
    });
  });

  test("is shown by status, with its trial", async () => {
    await flashContent({ version: 1, ...yaml(configOf(5)) });
    await flashContent({ version: 2, ...yaml(configOf(10, "flash: { trialS: 120 }\n")) });
    expect(await status()).toMatchObject({
      version: 2,
      previous: 1,
      trial: { version: 2, previous: 1, crashes: 0, countedS: 0, trialS: 120 },
      for: "zrenjanin/*",
      signer: "hq",
      failed: [],
    });
  });

  test("is taken back by hand, and can be installed again by hand", async () => {
    await flashContent({ version: 1, ...yaml(configOf(5)) });
    await flashContent({ version: 2, ...yaml(configOf(10)) });
    expect(await run("back")).toEqual({
      exit: 0,
      line: "version 1 is in force again; version 2 was taken back",
    });
    expect(await status()).toMatchObject({ version: 1, previous: null, failed: [2] });
    expect(await run("back")).toEqual({
      exit: 1,
      line: "there is no previous configuration to go back to",
    });
    expect(await flashContent({ version: 2, ...yaml(configOf(11)) })).toMatchObject({ exit: 0 });
    expect(readFileSync(join(folder.dir, "current/patrol-unit.yaml"), "utf8")).toBe(configOf(11));
  });

  test("can add a trusted key and retire another, and the next one is signed by the new key", async () => {
    const add = [{ name: "next", pem: stranger.publicPem }];
    await flashContent({ version: 1, ...yaml(configOf(5)), trust: { add, retire: [] } });
    const next = { for: "zrenjanin/*", ...yaml(configOf(6)) };
    expect(
      await flashBytes(
        await sealed(stranger.key, { ...next, version: 2, trust: { add: [], retire: ["hq"] } }),
      ),
    ).toMatchObject({ exit: 0 });
    expect(readdirSync(join(folder.dir, "trust"))).toEqual(["next.pem"]);
    expect((await flashBytes(await sealed(hq.key, { ...next, version: 3 }))).line).toMatch(
      /which this unit does not trust$/,
    );
  });
});

/** The vital file of a unit with an open episode. */
const vitalWith = (drill: boolean, generation: number): Vital => {
  const { episode, report } = keptEpisode();
  const kept = {
    episode: { ...episode, test: drill },
    report: { ...report, data: { ...report.data, test: drill } },
  };
  const emergency = { ...NO_MEMORY.emergency, episodes: [kept] };
  const numbers = { boot: 1, connection: 1, lease: 64, reach: 64 };
  return { generation, store: "k3v9q0ab", ...numbers, memory: { ...NO_MEMORY, emergency } };
};

/** A bundle that a trusted key has signed, but with content that `patrol-unit bundle` would never make. */
const signed = async (content: object): Promise<Buffer> =>
  Buffer.from(
    await new CompactSign(gzipSync(JSON.stringify(content)))
      .setProtectedHeader({ alg: "EdDSA", typ: "patrol-unit-bundle", kid: await thumbprint(hq.key) })
      .sign(hq.key),
  );
const alteredBit = (bytes: Buffer): Buffer => {
  const changed = Buffer.from(bytes);
  changed[Math.floor(bytes.length / 2)]! ^= 1;
  return changed;
};
const good = { ...contentWith(yaml(configOf(7))), for: "zrenjanin/*" };
const bomb = `a: &a [1,1,1,1,1,1,1,1,1,1]\n${"bcdefghij"
  .split("")
  .map((name, n) => `${name}: &${name} [${`*${"abcdefghi"[n]},`.repeat(10)}]`)
  .join("\n")}\n`;
const CAN =
  "can: { interface: can0, database: car.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }\n";

describe("refused in one line, with the working configuration unchanged, is a bundle", () => {
  test.each<[string, () => Promise<Buffer>, number, RegExp]>([
    [
      "with one bit changed",
      async () => alteredBit(await sealed(hq.key, good)),
      1,
      /its signature is wrong|not a bundle/,
    ],
    [
      "that is cut",
      async () => (await sealed(hq.key, good)).subarray(0, -1),
      1,
      /not a bundle, or it is damaged or cut/,
    ],
    ["that is empty", async () => Buffer.alloc(0), 1, /not a bundle/],
    ["that is something else", async () => Buffer.from("hello"), 1, /not a bundle/],
    [
      "signed by another key",
      () => sealed(stranger.key, good),
      1,
      /signed by the key \S{12}, which this unit does not trust/,
    ],
    [
      "for another unit",
      () => sealed(hq.key, { ...good, for: "zrenjanin/zr-118" }),
      1,
      /it is for zrenjanin\/zr-118, and this unit is zrenjanin\/zr-117/,
    ],
    [
      "for another directorate",
      () => sealed(hq.key, { ...good, for: "pancevo/*" }),
      1,
      /it is for pancevo\/\*/,
    ],
    [
      "with the version in force",
      () => sealed(hq.key, { ...good, version: 2 }),
      1,
      /version 2 is not above version 2/,
    ],
    [
      "with a lower version",
      () => sealed(hq.key, { ...good, version: 1 }),
      1,
      /version 1 is not above version 2/,
    ],
    [
      "with a date, when the time is not known",
      () => sealed(hq.key, { ...good, expires: "2099-01-01T00:00:00Z" }),
      1,
      /it has a date, and the time is not known yet/,
    ],
    ["of 513 KiB", async () => Buffer.alloc(513 * 1024, "A"), 1, /it has 525312 bytes, more than 524288/],
    [
      "with ../ in a name",
      () => signed({ ...good, files: [...good.files, { name: "../x", text: "" }] }),
      1,
      /names of files below the bundle/,
    ],
    [
      "with an absolute name",
      () => signed({ ...good, files: [...good.files, { name: "/etc/x", text: "" }] }),
      1,
      /names of files below the bundle/,
    ],
    [
      "with a YAML bomb",
      () => sealed(hq.key, { ...good, ...yaml(bomb) }),
      78,
      /patrol-unit.yaml:1:1: expected valid YAML/,
    ],
    [
      "with YAML that is nested too deeply",
      () => sealed(hq.key, { ...good, ...yaml("[".repeat(200_000)) }),
      78,
      /patrol-unit.yaml:\d+:\d+: expected valid YAML/,
    ],
    [
      "with YAML that is cut",
      () => sealed(hq.key, { ...good, ...yaml(configOf(7).slice(0, -3)) }),
      78,
      /patrol-unit.yaml:\d+:\d+: expected valid YAML/,
    ],
    [
      "with a DBC that has a syntax error",
      () =>
        sealed(hq.key, {
          ...good,
          files: [
            { name: "patrol-unit.yaml", text: configOf(7, CAN) },
            { name: "car.dbc", text: `${DBC}BO_ oops\n` },
          ],
        }),
      78,
      /car.dbc:4:\d+: expected/,
    ],
    [
      "without a file that it names",
      () => sealed(hq.key, { ...good, ...yaml(configOf(7, CAN)) }),
      78,
      /can.database: expected a DBC file that can be read, found car.dbc: no such file/,
    ],
    [
      "whose configuration has a wrong value",
      () => sealed(hq.key, { ...good, ...yaml(configOf(-1)) }),
      78,
      /patrol-unit.yaml:2:20: report.movingS: expected a number from 0 to 86400, found -1/,
    ],
    [
      "without a configuration",
      () => signed({ ...good, files: [{ name: "a", text: "" }] }),
      78,
      /patrol-unit.yaml:1:1: expected a configuration file that can be read/,
    ],
    [
      "that renames the unit",
      async () => {
        writeFileSync(join(folder.dir, "local.yaml"), LOCAL.replace(/unit:.*\n/, ""));
        return sealed(hq.key, {
          ...good,
          ...yaml(configOf(7, "unit: { directorate: zrenjanin, id: zr-9 }\n")),
        });
      },
      1,
      /it would rename the unit zrenjanin\/zr-117 to zrenjanin\/zr-9/,
    ],
    [
      "that moves the outbox",
      () =>
        sealed(hq.key, {
          ...good,
          ...yaml(
            configOf(7, "unit: { directorate: zrenjanin, id: zr-117 }\n").replace(
              "path: outbox",
              "path: other",
            ),
          ),
        }),
      1,
      /it would move outbox.path from \S+ to \S+\/other: that is done by hand/,
    ],
  ])("%s", async (_, make, exit, line) => {
    await flashContent({
      version: 1,
      ...yaml(configOf(4, "unit: { directorate: zrenjanin, id: zr-117 }\n")),
    });
    await flashContent({
      version: 2,
      ...yaml(configOf(5, "unit: { directorate: zrenjanin, id: zr-117 }\n")),
    });
    const bytes = await make();
    const before = everything();
    const said = await flashBytes(bytes);
    expect(said.line).toMatch(/^FILE is refused: [^\n]+$/);
    expect(said.line).toMatch(line);
    expect(said.exit).toBe(exit);
    expect(everything()).toEqual(before);
  });

  test("while an emergency is open; a drill does not count", async () => {
    await flashContent({ version: 1, ...yaml(configOf(5)) });
    mkdirSync(join(folder.dir, "outbox"));
    const open = async (drill: boolean, generation: number) => {
      const { bytes, place } = encodeVital(vitalWith(drill, generation));
      await writePlace(vitalFileOf(join(folder.dir, "outbox")), place, bytes);
    };
    await open(false, 1);
    expect(await flashContent({ version: 2, ...yaml(configOf(10)) })).toEqual({
      exit: 1,
      line: "FILE is refused: an emergency is open: try again when it is over",
    });
    await open(true, 2);
    expect(await flashContent({ version: 2, ...yaml(configOf(10)) })).toMatchObject({ exit: 0 });
  });
});

describe("when the vital file is lost, an open emergency is known from the store", () => {
  /** As a store whose copy is of an earlier release, or is damaged. */
  const dropCopy = async (path: string): Promise<void> => {
    const store = await openDisk(path).openStore("as-is");
    await store.batch([{ type: "del", key: MEMORY_KEY }], { sync: true });
    await store.close();
  };
  /** An outbox with what a unit keeps of an emergency, and without its vital file. */
  const loseVital = async (drill: boolean, copied: boolean): Promise<void> => {
    const path = join(folder.dir, "outbox");
    const { memory } = vitalWith(drill, 1);
    const [kept] = memory.emergency.episodes;
    await using stack = new AsyncDisposableStack();
    const outbox = stack.use(await openTestOutbox(path));
    outbox.remember(memory);
    if (kept) outbox.append({ ...kept.report, at: Date.parse(kept.report.at) });
    await outbox.flush();
    await stack.disposeAsync();
    if (!copied) await dropCopy(path);
    rmSync(vitalFileOf(path));
  };

  test.each<[string, boolean]>([
    ["which has a copy of the memory", true],
    ["which has a report of it", false],
  ])("%s", async (_, copied) => {
    await flashContent({ version: 1, ...yaml(configOf(5)) });
    await loseVital(false, copied);
    expect(await flashContent({ version: 2, ...yaml(configOf(10)) })).toEqual({
      exit: 1,
      line: "FILE is refused: an emergency is open: try again when it is over",
    });
  });

  test("and a drill does not count", async () => {
    await flashContent({ version: 1, ...yaml(configOf(5)) });
    await loseVital(true, true);
    expect(await flashContent({ version: 2, ...yaml(configOf(10)) })).toMatchObject({ exit: 0 });
  });
});

test("a symbolic link in the root is never followed out of it", async () => {
  await flashContent({ version: 1, ...yaml(configOf(5)) });
  const outside = mkdtempSync(join(tmpdir(), "outside-"));
  symlinkSync(outside, join(folder.dir, "configs/.stage"));
  expect(await flashContent({ version: 2, ...yaml(configOf(6)) })).toMatchObject({ exit: 0 });
  expect(readdirSync(outside)).toEqual([]);
  rmSync(outside, { recursive: true });
});

test("wrong usage names what is missing", async () => {
  await expect(flash.run([])).rejects.toMatchObject({
    exit: 64,
    message: "expected config, release, firmware, back, status after flash",
  });
  await expect(flash.run(["config", "--root", folder.dir])).rejects.toMatchObject({ exit: 64 });
  await expect(flash.run(["config", "a.patrol"])).rejects.toMatchObject({ exit: 64 });
  await expect(flash.run(["status", "--root", join(folder.dir, "none")])).rejects.toMatchObject({ exit: 74 });
  expect(await run("config", join(folder.dir, "none.patrol"))).toEqual({
    exit: 74,
    line: `${join(folder.dir, "none.patrol")} cannot be read: there is no such file`,
  });
});
