import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempDisposableSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Content } from "../../src/bundle/format.ts";
import { flash } from "../../src/cli/flash.ts";
import { keyPair, sealed } from "../bundle/signed.ts";
import { inFolder, type Said } from "./in-folder.ts";

/** A technician works as root below a root that belongs to the service's user (DECISIONS 224). */

const isRoot = process.getuid?.() === 0;
const hq = await keyPair("hq");

const folder = inFolder((dir) => {
  mkdirSync(join(dir, "trust"));
  writeFileSync(join(dir, "trust/hq.pem"), hq.publicPem);
  writeFileSync(
    join(dir, "local.yaml"),
    "unit: { directorate: zrenjanin, id: zr-117 }\ngps: { port: /dev/ttyACM0 }\ndispatch: { password: garage-7 }\n",
    { mode: 0o600 },
  );
});

const config = (movingS: number): Pick<Content, "files"> => ({
  files: [
    {
      name: "patrol-unit.yaml",
      text: `panic: none
report: { movingS: ${movingS} }
dispatch: { brokers: ["mqtts://dispatch-a:8883"] }
outbox: { path: outbox }
status: { listen: "127.0.0.1:1" }
`,
    },
  ],
});
const flashContent = async (parts: Partial<Content>): Promise<Said> => {
  using stick = mkdtempDisposableSync(join(tmpdir(), "stick-"));
  const file = join(stick.path, "car.patrol");
  writeFileSync(file, await sealed(hq.key, { for: "zrenjanin/*", ...parts }));
  return await folder.run(flash, ["config", file, "--root", folder.dir]);
};

test.runIf(isRoot)("a link of the root's owner leads root's rights nowhere", async () => {
  await flashContent({ version: 1, ...config(5) });
  using foreign = mkdtempDisposableSync(join(tmpdir(), "of-root-"));
  writeFileSync(join(foreign.path, "precious"), "x");
  for (const name of ["", "local.yaml", "trust", "trust/hq.pem", "configs", "configs/1", "current"])
    lchownSync(join(folder.dir, name), 12_345, 23_456);
  for (const name of [".stage", ".gone"]) symlinkSync(foreign.path, join(folder.dir, "configs", name));
  expect(await flashContent({ version: 2, ...config(6) })).toMatchObject({ exit: 0 });
  // The folder of all configurations.
  renameSync(join(folder.dir, "configs"), join(folder.dir, "moved"));
  symlinkSync(foreign.path, join(folder.dir, "configs"));
  await expect(flashContent({ version: 3, ...config(7) })).rejects.toThrow("EACCES");
  expect(readdirSync(foreign.path)).toEqual(["precious"]);
  expect([process.geteuid?.(), process.getegid?.()]).toEqual([0, process.getgid?.()]);
});

test.runIf(isRoot)("root has the rights of the root's owner to the end", async () => {
  for (const name of ["", "local.yaml", "trust"]) chownSync(join(folder.dir, name), 12_345, 23_456);
  chmodSync(join(folder.dir, "trust/hq.pem"), 0o600);
  expect((await flashContent({ version: 1, ...config(5) })).line).toMatch(
    /trust\/hq\.pem cannot be used: this user may not read it$/,
  );
});

test.runIf(isRoot)("a root that is a link of another user is that user's", async () => {
  using other = mkdtempDisposableSync(join(tmpdir(), "of-other-"));
  const link = join(other.path, "root");
  symlinkSync(folder.dir, link);
  lchownSync(link, 12_345, 23_456);
  chmodSync(other.path, 0o755);
  const file = join(other.path, "car.patrol");
  writeFileSync(file, await sealed(hq.key, { for: "zrenjanin/*", version: 1, ...config(5) }));
  await expect(folder.run(flash, ["config", file, "--root", link])).rejects.toThrow("EACCES");
  expect(existsSync(join(folder.dir, "configs"))).toBe(false);
});

test.runIf(isRoot)("everything that is written gets the owner of the root", async () => {
  for (const name of ["", "local.yaml", "trust", "trust/hq.pem"])
    chownSync(join(folder.dir, name), 12_345, 23_456);
  await flashContent({ version: 1, ...config(5) });
  await flashContent({ version: 2, ...config(6) });
  for (const name of [
    "configs",
    "configs/2",
    "configs/2/patrol-unit.yaml",
    "configs/2/.bundle.json",
    "current",
    "previous",
    "state.json",
  ]) {
    const { uid, gid } = lstatSync(join(folder.dir, name));
    expect([name, uid, gid]).toEqual([name, 12_345, 23_456]);
  }
});
