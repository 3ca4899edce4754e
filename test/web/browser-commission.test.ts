import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { ENGLISH } from "../../src/web/status/words/english.ts";
import { clearDrills, openCommissioning, program } from "../journeys/commissioned-car.ts";
import { waitFor } from "../journeys/car.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { openBrowser, openPage, screenshot } from "./browser.ts";

/** A car is commissioned on the page of the real service: a broker, a recorder, the simulated board, a receiver on a pty. */

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

const { commission: words, list } = ENGLISH;
const NAME = "M. Petrović <b>";
const LOOPS = { dash: 0, boot: 1 };

let browser: Browser;
let car: Awaited<ReturnType<typeof openCommissioning>>;
let service: ChildProcess;
beforeAll(async () => {
  browser = await openBrowser();
  car = await openCommissioning();
  service = await car.start();
});
afterAll(async () => {
  await browser?.close();
  await car?.[Symbol.asyncDispose]();
});

const open = () =>
  openPage(browser, `http://127.0.0.1:${car.port}/#commission`, { size: "phone", still: true });
const stepOf = (page: Page, title: string) => page.locator(".duty", { hasText: title });
const says = (page: Page, text: string) => page.getByText(text).first().waitFor({ timeout: 90_000 });
const report = (name: string): string => join(car.root, "commissioning", name);
const command = (): string[] => ["commission", "--root", car.root, "--technician", NAME];
const begin = async (page: Page): Promise<void> => {
  await page.getByLabel(words.technician).fill(NAME);
  await page.getByRole("button", { name: words.begin }).click();
};

test("a car is commissioned on the page, to a signed report that verifies and a page to print", async () => {
  using _clearing = clearDrills(car);
  await using seen = await open();
  const { page, errors } = seen;
  await page.getByLabel(words.technician).waitFor();
  await screenshot(page, "commission-begin");
  expect(await accessibilityFaults(page)).toEqual([]);
  await begin(page);

  for (const [name, loop] of Object.entries(LOOPS)) {
    await says(page, list.says.go(name).slice(1));
    await page.getByRole("button", { name: words.ready }).click();
    await says(page, list.says.press(name).slice(1));
    if (loop === 0) {
      await screenshot(page, "commission-press");
      expect(await accessibilityFaults(page)).toEqual([]);
    }
    car.press(loop);
    await stepOf(page, `button ${name}`)
      .getByText(list.outcome.pass, { exact: true })
      .waitFor({ timeout: 30_000 });
  }

  const other = await program(command());
  expect(other.code, other.text).toBe(1);
  expect(other.text).toContain(`a list of this car is open on the unit's page, by ${NAME}`);

  // The test's certificate is valid for a day. The keyboard is enough.
  const certificate = stepOf(page, list.title.certificate);
  await certificate.getByText(list.outcome.fail).waitFor();
  await certificate.locator("summary").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type("a test's certificate");
  await page.keyboard.press("Enter");
  await certificate.getByText(list.outcome.skipped, { exact: true }).waitFor();

  await says(page, words.incomplete);
  await screenshot(page, "commission-passed");
  expect(await accessibilityFaults(page)).toEqual([]);
  expect(await stepOf(page, `${list.title.button} dash`).innerText()).toMatch(/received [\d.]+ m?s/);
  const printing = page.context().waitForEvent("page");
  await page.getByRole("link", { name: words.print }).click();
  const printed = await printing;
  await printed.getByText(NAME).first().waitFor();
  expect(printed.url()).toMatch(/\/commissioning\/1\.html$/);
  await printed.screenshot({ path: "test/web/output/commission-report.png", fullPage: true });

  const verified = await program([
    "commission",
    "verify",
    report("0001.jws"),
    "--ca",
    car.at("ca.pem"),
    "--json",
  ]);
  expect(JSON.parse(verified.text)).toMatchObject({
    valid: true,
    report: {
      result: "incomplete",
      technician: NAME,
      limits: { accuracyM: 10, holdS: 60, certificateDays: 30 },
    },
  });
  await waitFor("the event", () => car.dispatch.events("commissioning").length > 0);
  expect(car.dispatch.events("commissioning")[0]?.data).toMatchObject({
    result: "incomplete",
    technician: NAME,
    failed: 0,
    skips: ["certificate"],
  });
  expect(car.dispatch.emergencies().every((one) => one.test)).toBe(true);

  await page.getByRole("button", { name: words.close }).click();
  await page.getByLabel(words.technician).waitFor();
  expect(errors).toEqual([]);
});

test("while a list is open on the command line, the page says so; afterwards it can be begun there", async () => {
  await using seen = await open();
  const { page } = seen;
  // It arms drills by itself: no button is left to it.
  const skips = Object.keys(LOOPS).flatMap((name) => ["--skip", `button:${name}=a bench`]);
  const running = spawn(process.execPath, ["src/main.ts", ...command(), ...skips], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(running, "exit");
  await once(running.stdout, "data");
  await begin(page);
  await page.getByText(words.refused.elsewhere).waitFor();
  // However it ends.
  running.kill("SIGKILL");
  await gone;
  await begin(page);
  await says(page, words.now);
  await page.getByRole("button", { name: words.leave }).click();
  await page.getByLabel(words.technician).waitFor();
});

test("a restart of the service ends the list without a report, and takes the armed drill with it", async () => {
  await using seen = await open();
  const { page } = seen;
  const reports = readdirSync(report("."));
  await begin(page);
  await says(page, list.says.go("dash").slice(1));
  await page.getByRole("button", { name: words.ready }).click();
  await says(page, list.says.press("dash").slice(1));
  const from = performance.now();
  const gone = once(service, "exit");
  service.kill("SIGTERM");
  await gone;
  expect(performance.now() - from).toBeLessThan(5_000);
  await page.locator(".lost").waitFor();
  await car.start();
  await page.getByLabel(words.technician).waitFor({ timeout: 30_000 });
  const status = await program(["status", "--root", car.root, "--json"]);
  expect(JSON.parse(status.text)).toMatchObject({ emergency: { drillArmed: false } });
  expect(readdirSync(report("."))).toEqual(reports);
});
