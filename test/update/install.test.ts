import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sealAs } from "../../src/bundle/envelope.ts";
import { openFiles } from "../../src/bundle/files.ts";
import { installRelease, type Installing } from "../../src/update/install.ts";
import { RELEASE, Release } from "../../src/update/release.ts";
import { Versions } from "../../src/update/versions.ts";
import { keyPair } from "../bundle/signed.ts";
import { packageIn } from "./package.ts";

const hq = await keyPair("hq");
const stranger = await keyPair("stranger");

let folder: string;
let dir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "release-"));
  dir = join(folder, "software");
  mkdirSync(join(dir, "1.0.0"), { recursive: true });
  symlinkSync("1.0.0", join(dir, "current"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const packageOf = (...more: [version: string, node?: string, inside?: string]): string =>
  packageIn(folder, ...more);

const CAR = {
  unit: "zrenjanin/zr-117",
  architecture: "amd64",
  takenBack: [],
  now: undefined,
  emergency: false,
  onBattery: false,
} as const;

const install = async (file: string, on: Partial<Installing> = {}, key = hq.key) => {
  const bytes = readFileSync(file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const release = Release.parse({
    v: 1,
    type: "release",
    for: "*",
    version: "1.1.0",
    packages: { amd64: { bytes: bytes.length, sha256 } },
  });
  const sealed = await sealAs(RELEASE, release, key);
  const done = installRelease(sealed, {
    dir,
    versions: new Versions(dir, openFiles(dir)),
    trusted: [hq.trusted],
    circumstances: async () => CAR,
    packageFile: () => file,
    ...on,
  });
  return done;
};
const namesIn = (path: string): string[] => readdirSync(path).toSorted();

test("a release is unpacked beside the version in force, and is in force on trial", async () => {
  expect(await install(packageOf("1.1.0"))).toEqual({
    kind: "installed",
    version: "1.1.0",
    previous: "1.0.0",
    signer: "hq",
  });
  expect(namesIn(dir)).toEqual(["1.0.0", "1.1.0", "current", "previous", "trial"]);
  expect(namesIn(join(dir, "1.1.0"))).toEqual(["bin", "dist"]);
  expect(readFileSync(join(dir, "trial"), "utf8")).toBe("1.1.0 1.0.0 0\n");
});

test.each<[string, () => Promise<unknown>, string]>([
  ["signed by a stranger", () => install(packageOf("1.1.0"), {}, stranger.key), "unknown-key"],
  ["without its package", () => install(packageOf("1.1.0"), { packageFile: () => undefined }), "package"],
  ["whose program does not run", () => install(packageOf("1.1.0", "#!/bin/sh\nexit 3\n")), "package"],
  ["whose package has another version", () => install(packageOf("1.1.0", undefined, "1.2.0")), "package"],
])("a release %s is refused, and nothing is left", async (_what, attempt, code) => {
  expect(await attempt()).toMatchObject({ kind: "refuse", code });
  expect(namesIn(dir)).toEqual(["1.0.0", "current"]);
});

test("a package that was cut or changed after it was signed is refused", async () => {
  const file = packageOf("1.1.0");
  const other = join(folder, "other.deb");
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(other, bytes);
  expect(await install(file, { packageFile: () => other })).toMatchObject({ code: "package" });
  truncateSync(other, bytes.length - 1);
  expect(await install(file, { packageFile: () => other })).toMatchObject({ code: "package" });
  expect(existsSync(join(dir, "1.1.0"))).toBe(false);
  expect(namesIn(dir)).toEqual(["1.0.0", "current"]);
});

test("an emergency that begins while it is unpacked keeps it from being put in force", async () => {
  let asked = 0;
  const circumstances = async () => ({ ...CAR, emergency: asked++ > 0 });
  expect(await install(packageOf("1.1.0"), { circumstances })).toMatchObject({
    kind: "wait",
    code: "emergency",
    about: { version: "1.1.0" },
  });
  expect(readlinkSync(join(dir, "current"))).toBe("1.0.0");
  expect(namesIn(dir)).toEqual(["1.0.0", "current"]);
});

test("a full disk is no fault of the package", async () => {
  const node = "#!/bin/sh\necho 'No space left on device' >&2; exit 1\n";
  expect(await install(packageOf("1.1.0", node))).toMatchObject({ kind: "wait", code: "disk" });
});

test("a pipe in place of the package is not waited for", async () => {
  const file = packageOf("1.1.0");
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  expect(await install(file, { packageFile: () => pipe })).toMatchObject({
    kind: "refuse",
    code: "package",
    says: `${pipe} is no file`,
  });
});
