import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openCar, waitFor } from "./car.ts";
import { startMosquitto, type Mosquitto } from "./mosquitto.ts";
import { openEars, openRecorder } from "./recorder.ts";

const ROOT = "patrol/v1/zrenjanin/zr-117";

let stack: AsyncDisposableStack;
let folder: string;
let broker: Mosquitto;
beforeEach(async () => {
  stack = new AsyncDisposableStack();
  folder = mkdtempSync(join(tmpdir(), "signed-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  broker = stack.use(await startMosquitto());
  await broker.start();
});
afterEach(() => stack.disposeAsync());

/** A key pair as headquarters makes it. `setting`: the line for `dispatch.requireSigned`. */
const makeKey = (name: string): { file: string; setting: string } => {
  const file = join(folder, `${name}.pem`);
  execFileSync(process.execPath, ["src/main.ts", "bundle", "keygen", "--out", file]);
  return { file, setting: readFileSync(join(folder, `${name}.pub.pem`), "utf8").split("\n")[1]! };
};

test("a car that wants signatures hears its recorder and its operators, and nobody else at the broker", async () => {
  const [main, operator] = [makeKey("main"), makeKey("operator")];
  const keys = `[${main.setting}, ${operator.setting}]`;
  const car = stack.use(
    openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true, requireSigned: ${keys} }`, { board: true }),
  );
  const into = `sqlite:${join(folder, "reports.db")}`;
  const recorder = stack.use(openRecorder("--broker", broker.url, "--into", into, "--sign", main.file));
  await recorder.start();
  const ears = stack.use(await openEars(broker.url, `${ROOT}/emergency/+`));
  await car.start();
  await waitFor("the board", () => car.lamps.includes("idle"));
  car.press();
  await waitFor("the recorder's answer in the car", () => car.lamps.at(-1) === "received");
  const { topic } = ears.messages[0]!;
  await ears.client.publishAsync(`${topic}/ack`, '{"stage":"cleared"}', { qos: 1 });
  await waitFor("its refusal", () => car.log.some(({ msg }) => msg.includes("it has no signature")));
  expect(car.lamps.at(-1)).toBe("received");
  const args = ["dispatch", "--broker", broker.url, "--ack", "cleared", "--sign", operator.file];
  const console = spawn(process.execPath, ["src/main.ts", ...args], { stdio: "ignore" });
  stack.defer(async () => {
    const gone = once(console, "close");
    if (console.kill()) await gone;
  });
  await waitFor("the end", () => car.lamps.at(-1) === "idle");
  expect(car.lamps).toContain("accepted");
});

test("a key with a passphrase, or none, is refused with its reason", () => {
  writeFileSync(join(folder, "word"), "secret\n");
  const locked = join(folder, "locked.pem");
  const word = ["--passphrase-file", join(folder, "word")];
  execFileSync(process.execPath, ["src/main.ts", "bundle", "keygen", "--out", locked, ...word]);
  const run = (file: string) => {
    const target = ["--broker", broker.url, "--into", `sqlite:${join(folder, "r.db")}`];
    try {
      return execFileSync(process.execPath, ["src/main.ts", "record", ...target, "--sign", file], {
        stdio: "pipe",
      });
    } catch (cause) {
      return cause;
    }
  };
  for (const [file, says] of [
    [locked, "it is encrypted"],
    [join(folder, "locked.pub.pem"), "it is not a private key"],
    [join(folder, "none.pem"), "none.pem"],
  ] as const)
    expect(run(file)).toMatchObject({ status: 74, message: expect.stringContaining(says) as string });
});
