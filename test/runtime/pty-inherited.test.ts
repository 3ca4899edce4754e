import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { openSerialLine } from "../../src/runtime/pty.ts";

test("a process that is started later does not hold the line: it is unplugged all the same", async () => {
  using _line = openSerialLine();
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    const folder = `/proc/${child.pid}/fd`;
    const held = readdirSync(folder).flatMap((fd) => {
      try {
        return [readlinkSync(`${folder}/${fd}`)];
      } catch {
        return []; // closed meanwhile
      }
    });
    expect(held.filter((path) => /\/pts\/|ptmx/.test(path))).toEqual([]);
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});
