import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { ENGLISH } from "../../src/web/status/words/english.ts";
import { epoch, openCar, waitFor, type Car } from "../journeys/car.ts";
import { openCentre, type Centre } from "../journeys/centre.ts";
import { freePort } from "../journeys/mosquitto.ts";
import { openBrowser, openPage, screenshot } from "./browser.ts";

/** The page of a real service: a broker, the board's firmware in its simulator, and a receiver on a pty. */

let browser: Browser;
let centre: Centre;
let car: Car;
let url: string;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

/** The receiver sends an epoch five times a second while it is plugged in. */
const drive = (): AsyncDisposable => {
  const stop = new AbortController();
  const from = Date.now();
  const driving = (async () => {
    for (let n = 0; !stop.signal.aborted; n++) {
      await car.line.write(epoch(n * 2, from)).catch(() => undefined);
      await sleep(200);
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await driving;
    },
  };
};

beforeEach(async () => {
  centre = await openCentre();
  const statusPort = await freePort();
  url = `http://127.0.0.1:${statusPort}/`;
  car = centre.stack.use(
    openCar(`{ brokers: ["${centre.broker.url}"], allowPlaintext: true }`, { board: true, statusPort }),
  );
  // A pty that is there when the service starts is inherited by it, and would not hang up when it is unplugged.
  car.line[Symbol.dispose]();
  await car.start();
  car.plug();
  centre.stack.use(drive());
});
afterEach(() => centre.stack.disposeAsync());

const lineOf = (page: Page, title: string) => page.locator(".duty", { hasText: title });

test("the page of a car in order says that it can call for help, and shows where it is", async () => {
  await using seen = await openPage(browser, url);
  const { page, errors } = seen;
  await page.locator(".verdict.good").waitFor();
  expect(await lineOf(page, ENGLISH.duty.board).innerText()).toContain(ENGLISH.level.good);
  expect(await lineOf(page, "dash").innerText()).toContain(ENGLISH.level.good);
  await page.locator("#tab-position").click();
  await page.locator(".track .here").waitFor();
  await screenshot(page, "unit-position");
  await page.locator("#tab-link").click();
  await page.locator(".broker.connected").waitFor();
  await screenshot(page, "unit-link");
  expect(errors).toEqual([]);
}, 60_000);

test("the page says within 3 s that the receiver was unplugged, and that it is back", async () => {
  await using seen = await openPage(browser, url);
  const { page } = seen;
  await page.locator(".verdict.good").waitFor();
  car.line[Symbol.dispose]();
  const from = performance.now();
  await page.locator(".verdict.watch").waitFor();
  await page
    .getByText("The receiver was lost while it was in use.")
    .or(page.getByText("The receiver's device is not there."))
    .first()
    .waitFor();
  expect(performance.now() - from).toBeLessThan(3_000);
  await screenshot(page, "unit-unplugged");
  car.plug();
  await page.locator(".verdict.good").waitFor();
}, 60_000);

test("a drill that the page starts shows on its lamp, with the time of each leg", async () => {
  await using seen = await openPage(browser, `${url}#panic`);
  const { page } = seen;
  await page.locator(".verdict.good").waitFor();
  await waitFor("dispatch to be there", () => centre.dispatch.states.length > 0);
  await page.getByRole("button", { name: ENGLISH.panic.start }).click();
  await page.getByText(ENGLISH.panic.armed).waitFor();
  car.press();
  await page.getByText(ENGLISH.lamp.meaning.sent).waitFor();
  await waitFor("the drill", () => centre.dispatch.newestEmergency() !== undefined);
  const { episode } = centre.dispatch.newestEmergency()!;
  await centre.dispatch.ack(episode, "received");
  await page.getByText(ENGLISH.lamp.meaning.received).waitFor();
  await centre.dispatch.ack(episode, "accepted");
  await page.getByText(ENGLISH.lamp.meaning.accepted).waitFor();
  // The lamp comes at once, the legs with the next snapshot.
  await expect.poll(() => page.locator(".legs rect.leg").count(), { timeout: 5_000 }).toBe(4);
  await screenshot(page, "unit-drill");
  await centre.dispatch.ack(episode, "cleared");
  await page.getByText(ENGLISH.lamp.meaning.idle).waitFor();
}, 60_000);

test("a drill is taken back from the page", async () => {
  await using seen = await openPage(browser, `${url}#panic`);
  const { page } = seen;
  await page.getByRole("button", { name: ENGLISH.panic.start }).click();
  await page.getByRole("button", { name: ENGLISH.panic.cancel }).click();
  await page.getByRole("button", { name: ENGLISH.panic.start }).waitFor();
  expect(await page.getByText(ENGLISH.panic.armed).count()).toBe(0);
}, 60_000);

test("a loop that is cut makes the verdict bad, with the remedy", async () => {
  await using seen = await openPage(browser, url);
  const { page } = seen;
  await page.locator(".verdict.good").waitFor();
  car.panic.board.wire(0, "cut");
  await page.locator(".verdict.bad").waitFor();
  await page.getByText("The loop to a button is cut. A press of this button is not seen.").waitFor();
  expect(await lineOf(page, "dash").innerText()).toContain("Measure at the board");
}, 60_000);

test("a service that stops is said within 3 s; when it runs again the page is back by itself", async () => {
  await using seen = await openPage(browser, url);
  const { page } = seen;
  await page.locator(".verdict.good").waitFor();
  await car.stop("SIGKILL");
  const from = performance.now();
  await page.locator(".lost").waitFor();
  expect(performance.now() - from).toBeLessThan(3_000);
  await car.start();
  await page.locator(".verdict.good").waitFor();
}, 60_000);
