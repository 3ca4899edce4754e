import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

/** systemd/stick-release.sh with a folder as the stick, and a program that says what it was asked for. */
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "stick-release-"));
  for (const name of ["stick", "answer"]) mkdirSync(join(dir, name));
});
afterEach(() => rmSync(dir, { recursive: true }));

/** `script`: what stands for `patrol-unit`, with the arguments in `$*` and the release in `$3`. */
const run = async (script: string, ...files: string[]): Promise<string[]> => {
  for (const name of files) writeFileSync(join(dir, "stick", name), "x");
  const program = join(dir, "patrol-unit");
  writeFileSync(program, `#!/bin/sh\necho "$*" >> ${dir}/asked\n${script}\n`, { mode: 0o755 });
  await promisify(execFile)(
    resolve("systemd/stick-release.sh"),
    [join(dir, "stick"), "/root-of-car", join(dir, "answer")],
    { env: { ...process.env, STICK_PATROL_UNIT: program } },
  );
  const [answer] = readdirSync(join(dir, "answer"));
  return answer === undefined ? [] : readFileSync(join(dir, "answer", answer), "utf8").split("\r\n");
};
const asked = (): string[] =>
  readFileSync(join(dir, "asked"), "utf8").trim().replaceAll(`${dir}/stick/`, "").split("\n");

test("a release is installed as by hand, but for a version that was taken back, and the stick says so", async () => {
  expect(await run('echo "version 1.6.0 is in force, on trial"', "1.6.0.release")).toEqual([
    "DONE",
    "version 1.6.0 is in force, on trial",
    "What to do: leave the ignition on until dispatch sees the car.",
    "",
  ]);
  expect(asked()).toEqual(["flash release 1.6.0.release --root /root-of-car --unattended"]);
});

test("of several releases the first that is for this car is taken", async () => {
  const script = 'case $3 in *b.release) echo taken;; *) echo "it is for novi-sad/*" >&2; exit 1;; esac';
  expect((await run(script, "a.release", "b.release", "c.release"))[1]).toBe("taken");
  expect(asked()).toHaveLength(2);
});

test("a release that is refused is reported with the reason", async () => {
  expect(await run('echo "is refused: an emergency is open" >&2; exit 1', "a.release")).toEqual([
    "REFUSED",
    "is refused: an emergency is open",
    "What to do: see TECHNICIAN.md, a new version of the software.",
    "",
  ]);
});

test("a stick without a release is left alone", async () => {
  expect(await run("exit 1", "fleet.patrol", "patrol-unit_1.6.0_amd64.deb")).toEqual([]);
});

test("the result can be read by the service's user, whatever the mask of the stick's unit", async () => {
  const before = process.umask(0o077);
  try {
    await run("echo done", "a.release");
  } finally {
    process.umask(before);
  }
  expect(statSync(join(dir, "answer/RESULT-release.txt")).mode & 0o777).toBe(0o644);
});
