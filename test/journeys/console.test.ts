import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { openBrowser } from "../web/browser.ts";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { openCentre, type Centre } from "./centre.ts";
import { openRecorder } from "./recorder.ts";

/** A browser, a broker, a unit with its board and a console start one after the other. */
const SLOW_MS = 90_000;

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

let broker: Centre["broker"];
let stack: Centre["stack"];
beforeEach(async () => {
  ({ broker, stack } = await openCentre());
});
afterEach(() => stack.disposeAsync());

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "console-"));
  stack.defer(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

/** `dispatch --web` as a process; resolves with the line that it prints. */
const startDispatch = async (...args: string[]): Promise<string> => {
  const child: ChildProcess = spawn(
    process.execPath,
    [
      "src/main.ts",
      "dispatch",
      "--broker",
      `mqtt://127.0.0.1:${broker.port}`,
      "--web",
      "127.0.0.1:0",
      ...args,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  stack.defer(async () => {
    const gone = once(child, "close");
    if (child.kill("SIGTERM")) await gone;
  });
  const [line] = (await once(child.stdout!.setEncoding("utf8"), "data")) as [string];
  return line;
};

const openPage = async (address: string): Promise<Page> => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  stack.defer(() => page.close());
  await page.goto(address);
  return page;
};

/** `startAt`: the receiver's time, UTC milliseconds. */
const startCar = async (startAt?: number): Promise<Car> => {
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }`, { board: true }),
  );
  await car.start();
  await car.listens();
  for (let n = 0; n < 10; n++) await car.line.write(epoch(n, startAt));
  await waitFor("the lamp to show idle", () => car.lamps.at(-1) === "idle");
  return car;
};
const lampIs = (car: Car, lamp: string) =>
  waitFor(`the lamp to show ${lamp}`, () => car.lamps.at(-1) === lamp);

describe("an address that is in use", { timeout: SLOW_MS }, () => {
  test("ends dispatch --web with 69 and one line; the recorder works without its page", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    stack.defer(() => void other.close());
    const web = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    const child = spawn(process.execPath, ["src/main.ts", "dispatch", "--broker", broker.url, "--web", web], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let words = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (words += text));
    const [code] = (await once(child, "close")) as [number];
    expect([code, words]).toEqual([
      69,
      expect.stringMatching(new RegExp(`^--web: ${web} cannot be used .*stop the program that uses it\n$`)),
    ]);
    const recorder = stack.use(
      openRecorder("--broker", broker.url, "--into", `sqlite:${folder()}/x.db`, "--web", web),
    );
    await recorder.start();
    expect(recorder.log.find(({ msg }) => msg === "there is no console")?.["cause"]).toContain(
      "cannot be used",
    );
  });
});

describe("the dispatcher's console", { timeout: SLOW_MS }, () => {
  test("shows a press of a real unit; an operator answers it, and the lamp in the car follows", async () => {
    const car = await startCar();
    const line = await startDispatch("--operator", "Jelena");
    expect(line).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/ shows the units below patrol\/v1\/ at mqtt:.*\n$/);
    const page = await openPage(line.split(" ")[0]!);
    const row = page.getByRole("option", { name: /zr-117/ });
    await row.getByText("online").waitFor();
    car.press(1);
    const card = page.getByRole("article", { name: "Emergency: zrenjanin/zr-117" });
    await card.waitFor();
    await lampIs(car, "sent");
    for (const [button, lamp] of [
      [/^Received/, "received"],
      [/^Accept/, "accepted"],
      [/^Clear/, ""],
      [/^Is the emergency over/, "idle"],
    ] as const) {
      await card.getByRole("button", { name: button }).click();
      if (lamp !== "") await lampIs(car, lamp);
    }
    await page.getByRole("heading", { name: "No open emergency" }).waitFor();
    await page.getByRole("tab", { name: "Ended emergencies: 1" }).click();
    await page.locator("#records-panel").getByText("Jelena").waitFor();
  });

  test("of the recorder has a car's history from its store, and answers as an operator does", async () => {
    const recorder = stack.use(
      openRecorder(
        "--broker",
        `mqtt://127.0.0.1:${broker.port}`,
        "--into",
        `sqlite:${folder()}/reports.db`,
        "--web",
        "127.0.0.1:0",
        "--operator",
        "Jelena",
      ),
    );
    await recorder.start();
    const address = String(recorder.log.find(({ msg }) => msg === "console")?.["address"]);
    const began = Date.now() - 20 * 60_000;
    const car = await startCar(began);
    const page = await openPage(address);
    for (let n = 10; n < 60; n++) await car.line.write(epoch(n, began));
    await page
      .getByRole("option", { name: /zr-117/ })
      .getByText("km/h")
      .waitFor();
    await page.getByRole("option", { name: /zr-117/ }).click();
    await page.locator("#car-panel time").first().waitFor();
    const question = `track.json?unit=zrenjanin/zr-117&from=${began}&to=${Date.now()}`;
    await vi.waitFor(
      async () => {
        const answer = await page.request.get(address + question);
        expect(((await answer.json()) as { points: unknown[] }).points.length).toBeGreaterThan(40);
      },
      { timeout: 15_000, interval: 500 },
    );
    // The last hour, from the store.
    await page.getByRole("tab", { name: "History" }).click();
    const slider = page.getByRole("slider");
    await slider.waitFor();
    expect(await page.getByRole("combobox", { name: "Period" }).inputValue()).toBe("hour");
    await slider.press("Home");
    await page
      .locator("#car-panel")
      .getByText(/^45\.3333\d, 20\.38333$/)
      .waitFor();
    const shown = await page.locator("#car-panel time").getAttribute("datetime");
    // The first epochs say only that the unit listens.
    expect(Math.abs(Date.parse(shown ?? "") - began)).toBeLessThan(1_000);
    await slider.press("End");
    await page
      .locator("#car-panel")
      .getByText(/^45\.334\d\d, 20\.38333$/)
      .waitFor();
    car.press(0);
    const card = page.getByRole("article", { name: "Emergency: zrenjanin/zr-117" });
    await card.getByText("recorder main").waitFor();
    await card.getByRole("button", { name: /^Accept/ }).click();
    await lampIs(car, "accepted");
  });
});
