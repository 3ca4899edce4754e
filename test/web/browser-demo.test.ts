import { rmSync } from "node:fs";
import { request } from "node:http";
import type { Browser, FrameLocator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { STEPS, type Step, type Trouble } from "../../src/domain/demo.ts";
import { WORDS as CONSOLE_WORDS } from "../../src/web/console/words.ts";
import { WORDS } from "../../src/web/demo/words.ts";
import { LANGUAGES } from "../../src/web/viewer/language.ts";
import { WORDS as STATUS_WORDS } from "../../src/web/status/words.ts";
import { accessibilityFaults } from "./accessibility.ts";
import { openBrowser, openPage, screenshot, type Seen } from "./browser.ts";
import { startDemo, type DemoProcess } from "./demo-process.ts";

/** The real demo in Debian's Chromium: the real unit, firmware, broker and console. */

const EN = WORDS.en;
const SLOW_MS = 20_000;

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());

/** What a visitor sees and does. */
class Visitor {
  readonly page: Page;
  readonly car: FrameLocator;
  readonly console: FrameLocator;

  constructor({ page }: Seen) {
    this.page = page;
    this.car = page.frameLocator(".pane.car iframe");
    this.console = page.frameLocator(".pane.dispatch iframe");
  }

  press = (): Promise<void> => this.page.locator(".panic").click();

  /** Waits until the drawn lamp shows this pattern. */
  lamp = (...names: string[]): Promise<void> =>
    this.page
      .locator(".lamp-words code")
      .filter({ hasText: new RegExp(`^(${names.join("|")})$`) })
      .waitFor({ timeout: SLOW_MS });

  done = (step: Step): Promise<void> =>
    this.page.locator(`[data-step="${step}"].done`).waitFor({ timeout: 40_000 });

  async trouble(trouble: Trouble, on: boolean): Promise<void> {
    const toggle = this.page.locator(`[data-trouble="${trouble}"]`);
    await toggle.click();
    await this.page
      .locator(`[data-trouble="${trouble}"][aria-checked="${on}"]`)
      .waitFor({ timeout: SLOW_MS });
  }

  /** Waits for a line of the log after those that were there. */
  line = (text: string | RegExp): Promise<void> =>
    this.page.locator(".log li").filter({ hasText: text }).last().waitFor({ timeout: 40_000 });

  /** How many lines have this text. */
  lines = (text: string | RegExp): Promise<number> =>
    this.page.locator(".log li").filter({ hasText: text }).count();

  answer = (stage: "received" | "accepted" | "cleared"): Promise<void> =>
    this.console
      .getByRole("button", { name: new RegExp(`^${CONSOLE_WORDS.en.acts[stage]}:`) })
      .click({ timeout: SLOW_MS });

  get cards() {
    return this.console.locator("article.card.real");
  }

  async clear(): Promise<void> {
    await this.answer("cleared");
    await this.console
      .getByRole("button", { name: CONSOLE_WORDS.en.confirmClear })
      .click({ timeout: SLOW_MS });
    await this.lamp("idle");
  }
}

describe("a visitor who knows nothing", () => {
  test("sees car, press, lamp, alarm, answer and lamp within a minute; then the tunnel to its end", async () => {
    await using demo = await startDemo();
    await using seen = await openPage(browser, demo.url);
    const visitor = new Visitor(seen);
    const from = performance.now();
    await visitor.done("moves");
    await visitor.console.getByText("zr-117").first().waitFor();
    await screenshot(seen.page, "demo-1-moves");

    await visitor.press();
    await visitor.lamp("latched", "stored", "sent");
    await visitor.done("heard");
    await visitor.lamp("sent");
    await visitor.cards.waitFor();
    // The click on the button is enough for the browser: the alarm in the frame is heard.
    await visitor.console.getByText(CONSOLE_WORDS.en.sound.on).waitFor();
    await screenshot(seen.page, "demo-2-alarm");
    await visitor.answer("accepted");
    await visitor.lamp("accepted");
    await visitor.done("answer");
    expect(performance.now() - from).toBeLessThan(60_000);
    await visitor.car.locator("#tab-panic").click();
    await visitor.car.getByText(STATUS_WORDS.en.lamp.meaning.accepted).waitFor();
    await screenshot(seen.page, "demo-3-accepted");
    await visitor.clear();
    await visitor.done("clear");
    await expect.poll(() => visitor.cards.count(), { timeout: SLOW_MS }).toBe(0);

    await visitor.trouble("tunnel", true);
    await visitor.press();
    await visitor.done("tunnel");
    await visitor.lamp("stored");
    expect(await seen.page.locator('[data-step="leave"].done').count()).toBe(0);
    await screenshot(seen.page, "demo-4-tunnel");
    await visitor.trouble("tunnel", false);
    const left = performance.now();
    await visitor.done("leave");
    expect(performance.now() - left).toBeLessThan(15_000);
    await visitor.lamp("sent");
    await seen.page.getByText(EN.all).waitFor({ state: "attached" });
    expect(await visitor.cards.count()).toBe(1);
    await visitor.answer("accepted");
    await visitor.lamp("accepted");
    await screenshot(seen.page, "demo-5-end");
    expect(await seen.page.locator(".guide .done").count()).toBe(STEPS.length);
    expect(seen.errors).toEqual([]);
    expect(demo.errors()).toBe("");
  }, 180_000);
});

describe("each fault", () => {
  let demo: DemoProcess;
  let seen: Seen;
  let visitor: Visitor;
  beforeAll(async () => {
    demo = await startDemo();
    seen = await openPage(browser, demo.url);
    visitor = new Visitor(seen);
    await visitor.done("moves");
  }, 90_000);
  afterAll(async () => {
    await seen[Symbol.asyncDispose]();
    await demo[Symbol.asyncDispose]();
  });

  test("an unplugged receiver: the unit says so, and finds it again", async () => {
    await visitor.trouble("gps", true);
    const from = performance.now();
    await visitor.line("The car reports: The receiver was lost");
    await visitor.car.locator("#tab-now").click();
    await visitor.car.locator(".verdict.watch, .verdict.bad").waitFor({ timeout: SLOW_MS });
    expect(performance.now() - from).toBeLessThan(3_000);
    await screenshot(seen.page, "demo-gps");
    await visitor.trouble("gps", false);
    await visitor.line(/Over: .*receiver/i);
    await visitor.car.locator(".verdict.good").waitFor({ timeout: SLOW_MS });
  }, 90_000);

  test("a cut wire: the lamp shows a fault, a press is not seen and the log says why", async () => {
    await visitor.trouble("loop", true);
    await visitor.lamp("fault");
    await visitor.press();
    await visitor.line(EN.says.unseen.loop);
    await screenshot(seen.page, "demo-loop");
    // The simulated board may lag behind: if the wire is mended while the contact is closed, that is a press.
    await new Promise((done) => setTimeout(done, 2_000));
    await visitor.trouble("loop", false);
    await visitor.lamp("idle");
    expect(await visitor.cards.count()).toBe(0);
  }, 90_000);

  test("a dead broker: a press stays on the disk and arrives when the broker is back", async () => {
    await visitor.trouble("broker", true);
    await visitor.press();
    await visitor.lamp("stored");
    await visitor.console.getByText(CONSOLE_WORDS.en.brokerLost).waitFor({ timeout: SLOW_MS });
    await screenshot(seen.page, "demo-broker");
    expect(await visitor.lines(/Dispatch has it/)).toBe(0);
    await visitor.trouble("broker", false);
    await visitor.line(/Dispatch has it/);
    await visitor.lamp("sent");
    await visitor.cards.waitFor({ timeout: SLOW_MS });
    // The broker had kept dispatch's session: nothing is missing there.
    await visitor.console.getByText("zr-117").first().waitFor();
    expect(await visitor.console.getByText(/Missing: [1-9]/).count()).toBe(0);
  }, 90_000);

  test("no power while the emergency is open: after the start it is the same emergency", async () => {
    const before = demo.carPid();
    await visitor.trouble("power", true);
    await visitor.lamp("off");
    await expect.poll(() => demo.carPid()).toBeUndefined();
    await visitor.press();
    await visitor.line(EN.says.unseen.power);
    await visitor.car.locator(".lost").waitFor({ timeout: SLOW_MS });
    await screenshot(seen.page, "demo-power");
    await visitor.trouble("power", false);
    await visitor.lamp("sent");
    expect(demo.carPid()).not.toBe(before);
    // The page in the frame finds the unit at its old address.
    await visitor.car.locator(".verdict").waitFor();
    await expect.poll(() => visitor.car.locator(".lost").count(), { timeout: SLOW_MS }).toBe(0);
    expect(await visitor.cards.count()).toBe(1);
    expect(await visitor.cards.innerText()).toMatch(/Presses\s+1 /);
    await visitor.answer("accepted");
    await visitor.lamp("accepted");
    await visitor.clear();
    await expect.poll(() => visitor.cards.count()).toBe(0);
  }, 120_000);

  test("a page that is opened while there is no power says so, and shows the car when it is back", async () => {
    await visitor.trouble("power", true);
    await using second = await openPage(browser, demo.url);
    await second.page.getByText(EN.noPower).waitFor();
    await visitor.trouble("power", false);
    await new Visitor(second).car.locator(".verdict").waitFor({ timeout: SLOW_MS });
    await visitor.lamp("idle");
  }, 60_000);

  test("nobody but the page can press the button", async () => {
    const { host, hostname, port, origin } = new URL(demo.url);
    const ask = (headers: Record<string, string>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const all = { host, "content-type": "application/json", ...headers };
        request({ hostname, port, path: "/press", method: "POST", headers: all }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .on("error", reject)
          .end("{}");
      });
    expect(await ask({})).toBe(403);
    expect(await ask({ origin: "http://evil.example" })).toBe(403);
    expect(await ask({ origin: "null" })).toBe(403);
    expect(await ask({ origin, host: "evil.example" })).toBe(421);
    expect(await ask({ origin, "content-type": "text/plain" })).toBe(415);
    expect(await visitor.lines(EN.says.pressed)).toBe(1);
  });

  test("the frames of the car and the console can be shown by this page only", async () => {
    const sources = await seen.page
      .locator("iframe")
      .evaluateAll((frames) => frames.map((frame) => frame.getAttribute("src") ?? ""));
    expect(sources).toHaveLength(2);
    for (const source of sources) {
      const policy = (await fetch(source)).headers.get("content-security-policy");
      const { port } = new URL(demo.url);
      expect(policy).toContain(`frame-ancestors http://127.0.0.1:${port} http://localhost:${port}`);
    }
  });

  describe.each(LANGUAGES)("in %s", (language) => {
    test("the page and both frames speak it, and no text is missing", async () => {
      await using other = await openPage(browser, demo.url, { size: "phone", still: true });
      const { page, errors } = other;
      const visit = new Visitor(other);
      await visit.car.locator(".verdict").waitFor();
      await page.locator(".top select").first().selectOption(language);
      const words = WORDS[language];
      await page.getByRole("heading", { name: words.title }).waitFor();
      await visit.car.getByText(STATUS_WORDS[language].tabs.position, { exact: true }).waitFor();
      await visit.console.getByText(CONSOLE_WORDS[language].title).first().waitFor();
      expect(await visit.car.locator("select").count()).toBe(0);
      const text = await page.locator("#page").innerText();
      expect(text).not.toMatch(/undefined|NaN|\[object|Invalid/);
      await screenshot(page, `demo-language-${language}`);
      expect(errors).toEqual([]);
    }, 60_000);
  });

  describe.each(["light", "dark"] as const)("in %s", (scheme) => {
    test.each(["phone", "desktop"] as const)(
      "on a %s axe finds nothing, nothing is wider than the screen, and targets are large",
      async (size) => {
        await using other = await openPage(browser, demo.url, { size, scheme, still: true });
        const { page } = other;
        const visit = new Visitor(other);
        await visit.car.locator(".verdict").waitFor();
        await visit.console.locator(".map, canvas, .leaflet-container").first().waitFor();
        await screenshot(page, `demo-${size}-${scheme}`);
        await page.locator(".pane.dispatch").scrollIntoViewIfNeeded();
        // A frame that was out of sight is painted with its next picture.
        const next = (): Promise<unknown> =>
          visit.console.locator("body").evaluate(() => new Promise(requestAnimationFrame));
        await next();
        await next();
        await page.screenshot({ path: `test/web/output/demo-${size}-${scheme}-dispatch.png` });
        expect(await accessibilityFaults(page, "own")).toEqual([]);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(overflow).toBeLessThanOrEqual(0);
        for (const control of await page.locator("button, select").all())
          expect((await control.boundingBox())?.height).toBeGreaterThanOrEqual(44);
      },
      60_000,
    );
  });

  test("it is worked by keyboard: the button and the switches", async () => {
    await using other = await openPage(browser, demo.url);
    const { page } = other;
    const visit = new Visitor(other);
    await page.locator('[data-trouble="tunnel"]').focus();
    await page.keyboard.press("Space");
    await page.locator('[data-trouble="tunnel"][aria-checked="true"]').waitFor();
    await page.keyboard.press("Enter");
    await page.locator('[data-trouble="tunnel"][aria-checked="false"]').waitFor();
    await page.locator(".panic").focus();
    await page.keyboard.press("Enter");
    await visit.lamp("sent");
  }, 60_000);
});

describe("the end", () => {
  test("after SIGTERM no process, folder or port is left", async () => {
    await using demo = await startDemo();
    await expect.poll(() => demo.carPid(), { timeout: SLOW_MS }).toBeDefined();
    expect(demo.folder()).toBeDefined();
    expect(await demo.end("SIGTERM")).toBe(0);
    expect([demo.carPid(), demo.folder()]).toEqual([undefined, undefined]);
    await expect(fetch(demo.url)).rejects.toThrow();
  }, 60_000);

  test("in a tunnel, with an open emergency, it ends too", async () => {
    await using demo = await startDemo();
    await using seen = await openPage(browser, demo.url);
    const visitor = new Visitor(seen);
    await visitor.lamp("idle");
    await visitor.trouble("tunnel", true);
    await visitor.press();
    await visitor.lamp("stored");
    const from = performance.now();
    expect(await demo.end("SIGINT")).toBe(0);
    expect(performance.now() - from).toBeLessThan(5_000);
    expect([demo.carPid(), demo.folder()]).toEqual([undefined, undefined]);
    await seen.page.getByText(EN.lost).waitFor();
  }, 90_000);

  test("if the demo is killed, its car ends by itself", async () => {
    await using demo = await startDemo();
    await expect.poll(() => demo.carPid(), { timeout: SLOW_MS }).toBeDefined();
    const folder = demo.folder();
    await demo.end("SIGKILL");
    await expect.poll(() => demo.carPid(), { timeout: 10_000 }).toBeUndefined();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }, 60_000);
});
