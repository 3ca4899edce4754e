import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCar, waitFor } from "./car.ts";
import { freePort } from "./mosquitto.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const answers = async (port: number): Promise<boolean> => {
  const response = await fetch(`http://127.0.0.1:${port}/status.json`).catch(() => undefined);
  return response?.ok === true;
};

/** A pipe whose reader has gone before anything is written. */
const unread = (child: ChildProcess): void => void child.stdout!.destroy();

describe("the service goes on without its log", () => {
  test.each([
    ["on a full disk", (): number => openSync("/dev/full", "w"), []],
    ["when its reader has gone", (): "pipe" => "pipe", []],
    ["when it was started without any", (): "ignore" => "ignore", [">&-"]],
  ] as const)("%s: a press is stored, and it stops clean", async (_, output, closing) => {
    const statusPort = await freePort();
    const car = stack.use(
      openCar(`{ brokers: ["mqtt://127.0.0.1:${await freePort()}"], allowPlaintext: true }`, {
        board: true,
        statusPort,
      }),
    );
    const script = `exec "$0" src/main.ts run --config "$1" ${closing.join(" ")}`;
    const service = spawn("sh", ["-c", script, process.execPath, car.config], {
      stdio: ["ignore", output(), "inherit"],
    });
    const ended = once(service, "exit");
    stack.defer(() => void service.kill("SIGKILL"));
    if (service.stdout) unread(service);
    await waitFor("its status", () => car.lamps.at(-1) === "idle" || service.exitCode !== null);
    car.press();
    await waitFor("the press", () => car.lamps.at(-1) === "stored" || service.exitCode !== null);
    expect(await answers(statusPort)).toBe(true);
    service.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  test("and ends by its own exit code if its errors cannot be written either", async () => {
    const service = spawn(process.execPath, ["src/main.ts", "run"], {
      stdio: ["ignore", openSync("/dev/full", "w"), openSync("/dev/full", "w")],
    });
    expect(await once(service, "exit")).toEqual([64, null]);
  });
});

describe("a command that prints data", () => {
  const decode = (stdout: "pipe" | number) =>
    spawn(process.execPath, ["src/main.ts", "--help"], { stdio: ["ignore", stdout, "pipe"] });

  test("ends quietly when its reader has had enough", async () => {
    const command = decode("pipe");
    unread(command);
    let errors = "";
    command.stderr!.on("data", (text) => (errors += String(text)));
    expect(await once(command, "close")).toEqual([0, null]);
    expect(errors).toBe("");
  });

  test("says that its output cannot be written, and exits with 74", async () => {
    const command = decode(openSync("/dev/full", "w"));
    let errors = "";
    command.stderr!.on("data", (text) => (errors += String(text)));
    expect(await once(command, "close")).toEqual([74, null]);
    expect(errors).toMatch(/^the output cannot be written: ENOSPC.*\n$/);
  });
});
