import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createLog } from "../../src/runtime/log.ts";
import { createNotifier, type ServiceNotifier } from "../../src/runtime/notify.ts";
import { openUnixReceiver } from "./unix-receiver.ts";

let stack: DisposableStack;
let path: string;
let lines: string[];
beforeEach(() => {
  stack = new DisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "notify-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  path = join(folder, "socket");
  lines = [];
});
afterEach(() => stack.dispose());

/** A notifier whose watchdog has this much time. */
const start = (watchdogMs: number, env: NodeJS.ProcessEnv = {}): ServiceNotifier =>
  stack.use(
    createNotifier(
      {
        NOTIFY_SOCKET: path,
        ...(watchdogMs > 0 ? { WATCHDOG_USEC: String(watchdogMs * 1000) } : {}),
        ...env,
      },
      createLog((line) => lines.push(line)),
    ),
  );
const listen = () => stack.use(openUnixReceiver(path));

describe("what systemd is told", () => {
  test("the watchdog is fed at least twice in its time, from the start and before it is ready", async () => {
    const systemd = listen();
    const begun = performance.now();
    start(300);
    const times: number[] = [];
    await vi.waitFor(() => {
      for (const text of systemd.take()) {
        expect(text).toBe("WATCHDOG=1");
        times.push(performance.now() - begun);
      }
      expect(times.length).toBeGreaterThanOrEqual(7);
    }, 5_000);
    expect(times.at(-1)! / times.length).toBeLessThan(150);
  });

  test("the watchdog is not fed while the service makes no progress, and the reason is logged once", async () => {
    const systemd = listen();
    const notifier = start(60);
    let stuck: string | undefined;
    notifier.feedUnless(() => stuck);
    await vi.waitFor(() => expect(systemd.take()).toContain("WATCHDOG=1"), 5_000);
    stuck = "the disk has not answered for 60 s";
    notifier.feed();
    systemd.take();
    const feeds = 3;
    for (let n = 0; n < feeds; n++) notifier.feed();
    expect(systemd.take()).toEqual([]);
    expect(lines.filter((line) => line.includes(stuck!))).toHaveLength(1);
    stuck = undefined;
    notifier.feed();
    await vi.waitFor(() => expect(systemd.take()).toContain("WATCHDOG=1"), 5_000);
  });

  test("ready is told to systemd also when the watchdog is not fed", async () => {
    const systemd = listen();
    const notifier = start(60_000);
    notifier.feedUnless(() => "stuck");
    notifier.ready();
    await vi.waitFor(() => expect(systemd.take()).toContain("READY=1"), 5_000);
  });

  test("ready and stopping arrive in order, also when said before the socket is open", async () => {
    const systemd = listen();
    const notifier = start(0);
    notifier.ready();
    const heard: string[] = [];
    await vi.waitFor(() => expect(heard.push(...systemd.take())).toBe(1), 5_000);
    notifier.stopping();
    heard.push(...systemd.take());
    expect(heard).toEqual(["READY=1", "STOPPING=1"]);
  });

  test("feed says so at once, for work that holds the main loop", async () => {
    const systemd = listen();
    const notifier = start(60_000);
    await vi.waitFor(() => expect(systemd.take()).toEqual(["WATCHDOG=1"]), 5_000);
    notifier.feed();
    expect(systemd.take()).toEqual(["WATCHDOG=1"]);
  });

  test("a watchdog that is meant for another process is not fed", async () => {
    const systemd = listen();
    const notifier = start(30, { WATCHDOG_PID: String(process.ppid) });
    notifier.ready();
    await vi.waitFor(() => expect(systemd.take()).toEqual(["READY=1"]), 5_000);
    notifier.feed();
    expect(systemd.take()).toEqual([]);
  });

  test("an abstract address is an address", async () => {
    path = `@patrol-unit-test-${process.pid}`;
    const systemd = listen();
    start(0).ready();
    await vi.waitFor(() => expect(systemd.take()).toEqual(["READY=1"]), 5_000);
  });
});

describe("a systemd that does not listen", () => {
  test("blocks nothing when its queue is full, and is told later that the service is ready", async () => {
    const systemd = listen();
    const notifier = start(60);
    // A queue holds 10 messages, or 512 if systemd has set up the machine.
    await vi.waitFor(() => {
      for (let i = 0; i < 1_000; i++) notifier.feed();
      expect(lines.join("")).toContain("EAGAIN");
    }, 5_000);
    notifier.ready();
    const heard: string[] = [];
    await vi.waitFor(() => {
      heard.push(...systemd.take());
      expect(heard).toContain("READY=1\nWATCHDOG=1");
    }, 5_000);
    expect(lines).toHaveLength(1);
  });

  test("is reported in one line", async () => {
    const notifier = start(30);
    await vi.waitFor(() => expect(lines).toHaveLength(1), 5_000);
    for (let i = 0; i < 20; i++) notifier.feed();
    expect(lines).toEqual([expect.stringContaining("systemd does not accept notifications")]);
    expect(lines[0]).toContain("ENOENT");
  });

  test("or has an address of another kind is reported in one line", async () => {
    path = "vsock:2:1234";
    start(30);
    await vi.waitFor(() => expect(lines).toHaveLength(1), 5_000);
    expect(lines[0]).toContain("is not the address of a Unix socket");
  });
});

test("outside systemd nothing is opened, timed or said", () => {
  const notifier = createNotifier(
    { WATCHDOG_USEC: "1000" },
    createLog((line) => lines.push(line)),
  );
  notifier.ready();
  notifier.feed();
  notifier.stopping();
  notifier[Symbol.dispose]();
  expect(lines).toEqual([]);
});
