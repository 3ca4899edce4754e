import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { openCentre } from "./centre.ts";
import { hanging } from "./hanging.ts";
import { freePort } from "./mosquitto.ts";

let stack: AsyncDisposableStack;
let folder: string;
let disk: string;
beforeEach(() => {
  stack = new AsyncDisposableStack();
  folder = mkdtempSync(join(tmpdir(), "hanging-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  disk = join(folder, "disk-hangs");
});
afterEach(() => stack.disposeAsync());

const carWith = (brokers: readonly string[], options: { board?: boolean; program?: string } = {}): Car => {
  const list = brokers.map((url) => `"${url}"`).join(", ");
  const dispatch = `{ brokers: [${list}], allowPlaintext: true }`;
  return stack.use(openCar(dispatch, { ...options, env: hanging(folder, disk) }));
};

const stop = async (car: Car): Promise<{ code: number | null; ms: number }> => {
  const begun = performance.now();
  const code = await car.stop();
  return { code, ms: performance.now() - begun };
};

const UNANSWERED = ["hang-a", "hang-b", "hang-c", "hang-d"].map((host) => `mqtt://${host}:1883`);

describe("SIGTERM stops the service within 5 s", () => {
  test("while the name server does not answer: clean, with exit code 0", async () => {
    const car = carWith([UNANSWERED[0]!]);
    await car.start();
    await sleep(500);
    const { code, ms } = await stop(car);
    expect(code).toBe(0);
    expect(ms).toBeLessThan(5_000);
    expect(car.log.at(-1)).toMatchObject({ msg: "stopped", reason: "SIGTERM" });
  });

  test("while the disk does not sync: it says what it could not write, and ends with exit code 1", async () => {
    const car = carWith([`mqtt://127.0.0.1:${await freePort()}`]);
    await car.start();
    for (let n = 0; n < 20; n++) await car.line.write(epoch(n));
    await sleep(500);
    writeFileSync(disk, "");
    for (let n = 20; n < 40; n++) await car.line.write(epoch(n));
    await sleep(300);
    const { code, ms } = await stop(car);
    expect(code).toBe(1);
    expect(ms).toBeLessThan(5_000);
    expect(car.log.map(({ msg }) => msg)).toContain("stopped");
    expect(car.log.at(-1)).toMatchObject({ level: "error" });
  });
});

test("a broker listed after one whose name is not answered is connected within 10 s", async () => {
  const { broker, stack: centre } = await openCentre();
  stack.use(centre);
  const car = carWith([UNANSWERED[0]!, broker.url]);
  await car.start();
  await waitFor("the link", () => car.log.some(({ msg }) => msg === "connected to dispatch"), 10_000);
  expect(car.log.find(({ part, fault }) => part === "link" && fault)).toMatchObject({
    fault: "unknown-host",
  });
});

describe("with five brokers, of which four names are not answered", () => {
  test.each([
    ["from source", "src/main.ts"],
    ["in the bundle", "dist/patrol-unit.mjs"],
  ])(
    "a press is at the fifth within 10 s: %s",
    async (_name, program) => {
      const { broker, dispatch, stack: centre } = await openCentre();
      stack.use(centre);
      const car = carWith([...UNANSWERED, broker.url], { board: true, program });
      await car.start();
      await waitFor("the board", () => car.lamps.length > 0 && car.lamps.at(-1) !== "no-host");
      const pressedAt = performance.now();
      car.press();
      await waitFor("the press", () => dispatch.emergencies().length > 0, 60_000);
      expect(performance.now() - pressedAt).toBeLessThan(10_000);
    },
    80_000,
  );
});
