import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commitTime } from "../../src/tools/package/build.ts";
import { PACKAGES, sumOf } from "./packages.ts";

/**
 * Two builds of the same files: here, and in a copy in another folder, with another umask, time zone, locale and
 * home, with everything built anew. Uncompressed: that compression gives the same bytes is dpkg-deb's.
 */
let folder: string;
const here = (): string => join(folder, "here");
const there = (): string => join(folder, "a longer name/there");

/** As a shell line, because a process cannot give its child another umask. */
const build = (cwd: string, umask: string, out: string, env: NodeJS.ProcessEnv): Promise<unknown> =>
  promisify(execFile)("sh", ["-c", `umask ${umask} && npm run -s package -- --fast --out "$1"`, "sh", out], {
    cwd,
    maxBuffer: 1 << 26,
    env: { ...process.env, SOURCE_DATE_EPOCH: String(commitTime(process.env)), ...env },
  });

beforeAll(async () => {
  // Beside the checkout: hard links do not reach another file system.
  folder = mkdtempSync(join(resolve(".."), "reproducible-"));
  const copy = there();
  execFileSync("mkdir", ["-p", copy]);
  execFileSync("sh", ["-c", 'git ls-files -z | xargs -0 cp --parents --target-directory "$1"', "sh", copy]);
  execFileSync("cp", ["--archive", "--link", "node_modules", copy]);
  rmSync(join(copy, "node_modules/.package"), { recursive: true, force: true });
  await build(".", "022", here(), {});
  await build(copy, "077", here().replace(/here$/, "out"), {
    TZ: "Asia/Tokyo",
    LC_ALL: "C.UTF-8",
    HOME: tmpdir(),
  });
}, 900_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(PACKAGES)("%s has the same bytes wherever and by whomever it is built", (name) => {
  expect(sumOf(join(folder, "out", name))).toBe(sumOf(join(here(), name)));
});
