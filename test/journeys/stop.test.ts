import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { freePort, startMosquitto } from "./mosquitto.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const carFor = (port: number): Car =>
  stack.use(openCar(`{ brokers: ["mqtt://127.0.0.1:${port}"], allowPlaintext: true }`));

const stopMs = async (car: Car): Promise<number> => {
  const begun = performance.now();
  expect(await car.stop()).toBe(0);
  return performance.now() - begun;
};

const linkUp = (car: Car) =>
  waitFor("the link", () => car.log.some((line) => line.msg.startsWith("connected")));

/** Connected once; since then the broker answers nothing. */
const carWithFrozenBroker = async (): Promise<Car> => {
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const car = carFor(broker.port);
  await car.start();
  await linkUp(car);
  broker.freeze();
  return car;
};

describe("SIGTERM stops the service clean within 5 s", () => {
  test("with no receiver and no broker", async () => {
    const car = carFor(await freePort());
    car.line[Symbol.dispose]();
    await car.start();
    await sleep(300);
    expect(await stopMs(car)).toBeLessThan(5000);
  });

  test("with a broker that answers nothing", async () => {
    const car = await carWithFrozenBroker();
    for (let n = 0; n < 20; n++) await car.line.write(epoch(n));
    await sleep(200);
    expect(await stopMs(car)).toBeLessThan(5000);
  });

  test("in the middle of a drain", async () => {
    const broker = stack.use(await startMosquitto());
    const car = carFor(broker.port);
    await car.start();
    for (let n = 0; n < 20_000; n++) await car.line.write(epoch(n));
    await broker.start();
    await linkUp(car);
    expect(await stopMs(car)).toBeLessThan(5000);
  });

  test("with an open emergency and a broker that answers nothing", async () => {
    const brokers = [stack.use(await startMosquitto()), stack.use(await startMosquitto())];
    for (const broker of brokers) await broker.start();
    const ports = brokers.map(({ port }) => `"mqtt://127.0.0.1:${port}"`).join(", ");
    const car = stack.use(openCar(`{ brokers: [${ports}], allowPlaintext: true }`, { board: true }));
    await car.start();
    await linkUp(car);
    await waitFor("the board", () => car.lamps.at(-1) === "idle");
    for (const broker of brokers) broker.freeze();
    car.press();
    await waitFor("the press", () => car.lamps.at(-1) === "stored");
    await sleep(4_800);
    expect(await stopMs(car)).toBeLessThan(5000);
  });

  test("a second signal ends it at once", async () => {
    const car = await carWithFrozenBroker();
    await car.line.write(epoch(0) + epoch(1));
    await sleep(100);
    car.kill("SIGTERM");
    await sleep(50);
    const begun = performance.now();
    expect(await car.stop("SIGINT")).toBe(1);
    expect(performance.now() - begun).toBeLessThan(500);
  });
});
