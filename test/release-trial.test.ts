import { execFile, execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

/** systemd/release-trial.sh on folders that only look like versions. */
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "release-trial-"));
  for (const version of ["0.1.0", "1.5.0", "1.6.0"]) {
    mkdirSync(join(dir, version, "bin"), { recursive: true });
    writeFileSync(join(dir, version, "bin/node"), "", { mode: 0o755 });
  }
  for (const [name, to] of [
    ["current", "1.6.0"],
    ["previous", "1.5.0"],
    ["packaged", "0.1.0"],
  ] as const)
    symlinkSync(to, join(dir, name));
  onTrial("1.6.0 1.5.0 0");
});
afterEach(() => rmSync(dir, { recursive: true }));

const onTrial = (line: string): void => writeFileSync(join(dir, "trial"), `${line}\n`);
const runWith = (env: NodeJS.ProcessEnv, ...args: string[]): Promise<{ code: number; stdout: string }> =>
  new Promise((done) => {
    execFile(
      resolve("systemd/release-trial.sh"),
      args,
      { env: { ...process.env, ...env } },
      (error, stdout) => done({ code: Number(error?.code ?? 0), stdout }),
    );
  });
const run = (...args: string[]) => runWith({}, ...args);
const decide = (text: string) => {
  writeFileSync(join(dir, "said"), text);
  return run("decide", dir, join(dir, "said"));
};
const read = (name: string): string | undefined =>
  existsSync(join(dir, name)) ? readFileSync(join(dir, name), "utf8") : undefined;
const inForce = (): string => readlinkSync(join(dir, "current"));

describe("a start of the service", () => {
  test("is counted, and the sixth goes back", async () => {
    for (let starts = 1; starts <= 5; starts++) {
      // oxlint-disable-next-line no-await-in-loop -- one start after the other
      expect(await run("start", dir)).toEqual({ code: 0, stdout: "" });
      expect(read("trial")).toBe(`1.6.0 1.5.0 ${starts}\n`);
    }
    const { stdout } = await run("start", dir);
    expect(stdout).toMatch(
      /^release-trial: version 1\.6\.0 goes back to 1\.5\.0: the service was started 5 times/,
    );
    expect([inForce(), read("trial")]).toEqual(["1.5.0", undefined]);
    expect(read("failed")).toMatch(/^1\.6\.0 1\.5\.0 the service was started 5 times with it/);
    expect(await run("start", dir)).toEqual({ code: 0, stdout: "" });
    expect(inForce()).toBe("1.5.0");
  });

  test("that goes back keeps the version's name, each once, 16 at most", async () => {
    const seen = Array.from({ length: 20 }, (_, n) => `1.0.${n}`);
    writeFileSync(join(dir, "taken-back"), `${[...seen, "1.6.0", "1.7.0"].join("\n")}\n`);
    onTrial("1.6.0 1.5.0 5");
    await run("start", dir);
    expect(read("taken-back")).toBe(`${[...seen.slice(7), "1.7.0", "1.6.0"].join("\n")}\n`);
  });

  test("leaves what the service's user can read, whatever the mask of the service", async () => {
    const masked = ["-c", 'umask 077; exec "$@"', "sh", resolve("systemd/release-trial.sh"), "start", dir];
    execFileSync("sh", masked);
    execFileSync("sh", masked);
    expect(statSync(join(dir, "trial")).mode & 0o777).toBe(0o644);
  });

  test("without a trial changes nothing", async () => {
    rmSync(join(dir, "trial"));
    expect(await run("start", dir)).toEqual({ code: 0, stdout: "" });
    expect([inForce(), read("trial"), read("failed")]).toEqual(["1.6.0", undefined, undefined]);
  });

  test("leaves the trial of a switch that goes on, or that the power cut: it says nothing", async () => {
    onTrial("1.7.0 1.6.0 5");
    await run("start", dir);
    expect([inForce(), read("trial"), read("failed")]).toEqual(["1.6.0", "1.7.0 1.6.0 5\n", undefined]);
  });

  test.each(["1.6.0 1.5.0 x", "1.6.0 1.5.0", "1.6.0 1.5.0 99999"])(
    "with a damaged count goes back: %j",
    async (line) => {
      onTrial(line);
      await run("start", dir);
      expect(inForce()).toBe("1.5.0");
    },
  );

  test("goes back to no version that is not there", async () => {
    onTrial("1.6.0 1.4.0 5");
    expect((await run("start", dir)).code).toBe(0);
    expect(inForce()).toBe("1.6.0");
  });
});

describe("an end of the service with a version on trial", () => {
  const end = async (status: string): Promise<string> => {
    const program = join(dir, "systemctl");
    writeFileSync(program, `#!/bin/sh\necho "$*" >> ${dir}/asked\n`, { mode: 0o755 });
    await runWith({ EXIT_STATUS: status, RELEASE_SYSTEMCTL: program }, "ended", dir);
    return read("asked")?.trim() ?? "";
  };

  test.each(["64", "78"])(
    "after which it is not started again goes back, and starts it: %s",
    async (status) => {
      onTrial("1.6.0 1.5.0 1");
      expect(await end(status)).toBe("--no-block restart patrol-unit.service");
      expect([inForce(), read("failed")]).toEqual([
        "1.5.0",
        `1.6.0 1.5.0 the service ended with ${status}\n`,
      ]);
    },
  );

  test("after which it is started again changes nothing; nor does one without a trial", async () => {
    onTrial("1.6.0 1.5.0 1");
    expect(await end("1")).toBe("");
    expect(inForce()).toBe("1.6.0");
    rmSync(join(dir, "trial"));
    expect(await end("78")).toBe("");
    expect(inForce()).toBe("1.6.0");
  });
});

test("a newer version, which the package manager may be unpacking, is not removed; one that was taken back is", async () => {
  for (const name of ["1.7.0", "1.8.0"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "taken-back"), "1.8.0\n");
  await decide("good 1.6.0\n");
  expect(["1.7.0", "1.8.0"].filter((one) => existsSync(join(dir, one)))).toEqual(["1.7.0"]);
});

describe("what the service says", () => {
  test("good: the version counts, and others are removed, but not the previous and the packaged one", async () => {
    mkdirSync(join(dir, "1.4.0/bin"), { recursive: true });
    expect(await decide("good 1.6.0\n")).toEqual({
      code: 0,
      stdout: "release-trial: version 1.6.0 counts\n",
    });
    expect(read("trial")).toBeUndefined();
    expect(["0.1.0", "1.4.0", "1.5.0", "1.6.0"].filter((one) => existsSync(join(dir, one)))).toEqual([
      "0.1.0",
      "1.5.0",
      "1.6.0",
    ]);
  });

  test("back: the version before is in force again, with the reason", async () => {
    await decide("back 1.6.0 dispatch was not reached with it within 300 s\n");
    expect([inForce(), read("failed")]).toEqual([
      "1.5.0",
      "1.6.0 1.5.0 dispatch was not reached with it within 300 s\n",
    ]);
  });

  test("told: the reason is forgotten", async () => {
    await decide("back 1.6.0 it failed\n");
    expect((await decide("told 1.5.0\n")).code).toBe(1);
    await decide("told 1.6.0\n");
    expect(read("failed")).toBeUndefined();
  });

  test.each([
    "good 1.5.0",
    "back 1.5.0 x",
    "told 1.6.0",
    "good",
    "",
    "good ../../etc",
    "good *",
    "back $(touch /tmp/x) y",
    "rm -rf /",
  ])("that makes no sense changes nothing: %j", async (text) => {
    expect((await decide(`${text}\n`)).code).toBe(1);
    expect([inForce(), read("trial"), read("failed")]).toEqual(["1.6.0", "1.6.0 1.5.0 0\n", undefined]);
  });

  test("in a link is not read", async () => {
    symlinkSync("/etc/hostname", join(dir, "said"));
    expect((await run("decide", dir, join(dir, "said"))).code).toBe(1);
  });
});

test("by hand the version before comes back, once", async () => {
  rmSync(join(dir, "trial"));
  await run("back", dir);
  expect([inForce(), read("failed")]).toEqual(["1.5.0", "1.6.0 1.5.0 it was taken back by hand\n"]);
  expect((await run("back", dir)).code).toBe(1);
});
