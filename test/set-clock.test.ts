import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BUILT_MS, isPlausible } from "../src/domain/built.ts";

/** systemd/set-clock.sh, with a `date` in front of the real one that only notes what it should set. */
let folder: string;
let file: string;
const NOW = Date.UTC(2027, 0, 2, 3, 4, 5, 67);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "set-clock-"));
  file = join(folder, "gnss-time");
  writeFileSync(
    join(folder, "date"),
    `#!/bin/sh\ncase $1 in +*) echo "$HOST_MS" ;; *) echo "$*" >> ${folder}/set ;; esac\n`,
  );
  chmodSync(join(folder, "date"), 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (host: number, uptime = "12.34"): Promise<{ code: number; stdout: string; set: string }> => {
  writeFileSync(join(folder, "uptime"), `${uptime} 99.99\n`);
  return new Promise((done) => {
    const env = {
      PATH: `${folder}:/usr/bin:/bin`,
      SET_CLOCK_UPTIME: join(folder, "uptime"),
      HOST_MS: String(host),
    };
    execFile(resolve("systemd/set-clock.sh"), [file], { env }, (error, stdout) => {
      let set = "";
      try {
        set = readFileSync(join(folder, "set"), "utf8").trim();
      } catch {
        // nothing was set
      }
      done({ code: Number(error?.code ?? 0), stdout, set });
    });
  });
};

describe("the clock", () => {
  test("is set to the time in the file and what has passed since", async () => {
    writeFileSync(file, `${NOW} 12040\n`);
    expect(await run(0)).toMatchObject({ code: 0, set: `-u -s @${Math.floor(NOW / 1000)}.367` });
  });

  test("is set back too", async () => {
    writeFileSync(file, `${NOW} 12340\n`);
    expect(await run(NOW + 3_600_000)).toMatchObject({
      code: 0,
      stdout: "set-clock: moved by -3600000 ms\n",
    });
  });

  test("is right with an uptime below a second, which begins with zeros", async () => {
    writeFileSync(file, `${NOW} 40\n`);
    expect(await run(0, "0.09")).toMatchObject({ code: 0, set: `-u -s @${Math.floor(NOW / 1000)}.117` });
  });

  test("stays when it is right to a second", async () => {
    writeFileSync(file, `${NOW} 12340\n`);
    expect(await run(NOW - 1_000)).toEqual({ code: 0, stdout: "set-clock: the clock is right\n", set: "" });
  });

  test.each([
    ["older than ten seconds", `${NOW} 2339\n`],
    ["from the future", `${NOW} 12341\n`],
    ["before this release", `${BUILT_MS - 1_000} 12340\n`],
    ["more than 20 years after it", `${Date.UTC(2046, 10, 2)} 12340\n`],
    ["longer than a time", `${NOW}0 12340\n`],
    ["negative", `-${NOW} 12340\n`],
    ["with a third number", `${NOW} 12340 1\n`],
    ["on two lines", `${NOW} 12340\n1\n`],
    ["without its end", `${NOW} 12340`],
    ["without the uptime", `${NOW} \n`],
    ["with a command in it", `$(id) 12340\n`],
    ["empty", ""],
    ["a megabyte", "1".repeat(1 << 20)],
  ])("stays when the time is %s", async (_what, text) => {
    writeFileSync(file, text);
    expect(await run(0)).toMatchObject({ code: 1, set: "" });
  });

  test("stays when the file is a link", async () => {
    writeFileSync(join(folder, "other"), `${NOW} 12340\n`);
    symlinkSync(join(folder, "other"), file);
    expect(await run(0)).toMatchObject({ code: 1, set: "" });
  });
});

test("the bounds are those of the unit", () => {
  const script = readFileSync("systemd/set-clock.sh", "utf8");
  const bound = (name: string) => Number(new RegExp(`^${name}=(\\d+)`, "m").exec(script)?.[1]);
  expect(bound("FIRST_MS")).toBe(BUILT_MS);
  expect(isPlausible(bound("LAST_MS"))).toBe(true);
  expect(isPlausible(bound("LAST_MS") + 1)).toBe(false);
});
