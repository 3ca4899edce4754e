import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bootGuest, canBoot } from "./guest.ts";

test.skipIf(!canBoot)(
  "a real bus in a guest: filters, FD, down and up, deleted and made anew, errors, full load; nothing is sent",
  async () => {
    const told = await bootGuest("test/journeys/can-guest.ts", 280_000);
    process.stdout.write(
      `frames on the bus: ${String(told.get("frames on the bus"))}, events: ${JSON.stringify(told.get("events"))}\n`,
    );
    for (const what of [
      "the unit is heard",
      "standard frame",
      "extended frame by its group",
      "FD frame",
      "mapped among the others",
      "down is told",
      "heard again after up",
      "gone is told",
      "heard again after it was made anew",
      "error frames are counted",
      "bus-off is told",
      "heard again after bus-off",
      "the minute is over",
      "frames that found no room are counted",
      "end",
    ]) {
      expect(told.get(what), what).toBe(true);
    }
    expect(told.get("frames that reached the unit")).toBe(1);
    process.stdout.write(`a minute at 2,400 frames/s: ${JSON.stringify(told.get("minute"))}\n`);
    expect(told.get("minute")).toMatchObject({ mapped: 28_800, reached: 28_800, dropped: 0 });
    process.stdout.write(`a stall of 3 s: ${JSON.stringify(told.get("stall"))}\n`);
    const stall = told.get("stall") as { mapped: number; reached: number; dropped: number };
    expect(stall.reached + stall.dropped).toBe(stall.mapped);
    expect(stall.dropped).toBeGreaterThan(0);
    expect(told.get("frames that nobody here sent")).toEqual([]);
  },
  300_000,
);

test.each(readdirSync("src/sources/can"))("no code of %s writes to the bus", (name) => {
  const text = readFileSync(join("src/sources/can", name), "utf8");
  expect(text).not.toMatch(/(?:send|write)\w*\??\s*[(:]/);
});

test("of the C library, only calls that open and read a socket are bound", () => {
  const text = readFileSync("src/sources/can/libc.ts", "utf8");
  const bound = [...text.matchAll(/libc\.func\(\s*"int (\w+)\(/g)].map((match) => match[1]);
  expect(bound).toEqual(["socket", "bind", "setsockopt", "getsockopt", "recvmmsg"]);
  expect(text.match(/\.func\(/g)).toHaveLength(bound.length);
});
