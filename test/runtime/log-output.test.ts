import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openLogOutput } from "../../src/runtime/log-output.ts";

let stack: DisposableStack;
beforeEach(() => {
  stack = new DisposableStack();
});
afterEach(() => {
  stack.dispose();
  vi.useRealTimers();
});

/** A log on a device that has room for so many bytes, and then fails in this way. */
const open = (maxBytes = 100) => {
  const device = { room: Infinity, full: "EAGAIN", written: "" };
  const log = stack.use(
    openLogOutput({
      write(bytes) {
        if (device.room === 0) throw Object.assign(new Error("no room"), { code: device.full });
        const taken = Math.min(device.room, bytes.length);
        device.room -= taken;
        device.written += Buffer.from(bytes.subarray(0, taken)).toString();
        return taken;
      },
      lostLine: (lost, cause) => `lost ${lost} (${cause})\n`,
      maxBytes,
      retryMs: 1,
    }),
  );
  return { device, log };
};

test("lines are written as they come", () => {
  const { device, log } = open();
  log.write("one\n");
  log.write("two\n");
  expect(device.written).toBe("one\ntwo\n");
});

test("a full disk loses lines, and the first one that it takes again is preceded by how many", () => {
  const { device, log } = open();
  device.room = 0;
  device.full = "ENOSPC";
  for (const line of ["one\n", "two\n", "three\n"]) log.write(line);
  device.room = Infinity;
  log.write("four\n");
  log.write("five\n");
  expect(device.written).toBe("lost 3 (ENOSPC)\nfour\nfive\n");
});

test("a line that was cut by a full disk does not run into the next one", () => {
  const { device, log } = open();
  device.room = 2;
  device.full = "ENOSPC";
  log.write("one\n");
  log.write("two\n");
  device.room = Infinity;
  log.write("three\n");
  expect(device.written).toBe("on\nlost 2 (ENOSPC)\nthree\n");
});

test("lines wait for a reader that does not read, up to the limit; the newer ones are lost and counted", async () => {
  const { device, log } = open(30);
  device.room = 0;
  const lines = ["first....\n", "second...\n", "third....\n", "fourth\n", "fifth\n"];
  for (const line of lines) log.write(line);
  device.room = Infinity;
  await vi.waitFor(() =>
    expect(device.written).toBe("first....\nsecond...\nthird....\nlost 2 (it is not read)\n"),
  );
});

test("a reader that takes part of a line gets the rest of it later", async () => {
  const { device, log } = open();
  device.room = 2;
  log.write("one\n");
  expect(device.written).toBe("on");
  device.room = Infinity;
  await vi.waitFor(() => expect(device.written).toBe("one\n"));
});

test("a reader that leaves while lines wait: they are counted, and the service hears nothing of it", async () => {
  const { device, log } = open();
  device.room = 0;
  log.write("one\n");
  log.write("two\n");
  device.room = 0;
  device.full = "EPIPE";
  log.write("three\n");
  await sleep(20);
  device.room = Infinity;
  log.write("four\n");
  expect(device.written).toBe("lost 3 (EPIPE)\nfour\n");
});

test("closing it writes what waits, and starts no timer any more", () => {
  vi.useFakeTimers();
  const { device, log } = open();
  device.room = 0;
  log.write("one\n");
  device.room = Infinity;
  log[Symbol.dispose]();
  expect(device.written).toBe("one\n");
  expect(vi.getTimerCount()).toBe(0);
});

test("40 MiB into a pipe that nobody reads cost no memory; what arrives later and what was lost are all of it", async () => {
  const flood = spawn(process.execPath, ["test/runtime/log-flood.ts"], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const [{ lines, rss }] = (await once(flood, "message")) as [{ lines: number; rss: number }];
  expect(rss).toBeLessThan(150 * 1024 * 1024);
  flood.send("go on");
  const counted = { flood: 0, lost: 0, last: 0 };
  for await (const line of createInterface({ input: flood.stdout! })) {
    const { msg, lost = 0 } = JSON.parse(line) as { msg: string; lost?: number };
    if (msg === "flood") counted.flood++;
    if (msg === "last") counted.last++;
    counted.lost += lost;
    if (counted.flood + counted.lost + counted.last === lines + 1) flood.disconnect();
  }
  expect(counted.flood).toBeGreaterThan(100);
  expect(counted.lost).toBeGreaterThan(lines / 2);
  expect(counted.flood + counted.lost + counted.last).toBe(lines + 1);
});
