import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LANGUAGES } from "../../src/web/viewer/language.ts";
import { TABS } from "../../src/web/status/views.ts";
import { WORDS } from "../../src/web/status/words.ts";
import { openBrowser, openPage, screenshot, type Size } from "./browser.ts";
import { badCar, goodCar } from "./fixture.ts";
import { serveMadeUp, type MadeUpUnit } from "./serve.ts";

/** The built page in Debian's Chromium, with a made-up car. */

let browser: Browser;
let unit: MadeUpUnit;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  unit = await serveMadeUp(goodCar());
});
afterEach(() => unit[Symbol.asyncDispose]());

/** What axe finds, by rule, with the first place. */
const violations = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    type Found = { violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] };
    const { axe: injected } = window as unknown as { axe: { run: () => Promise<Found> } };
    const { violations: found } = await injected.run();
    return found.map(({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`);
  });
};

const verdictOf = (page: Page) => page.locator(".verdict");

describe.each(["light", "dark"] as const)("in %s", (scheme) => {
  test.each(["phone", "desktop"] as const)(
    "on a %s, no tab has an axe violation, and none is wider than the screen",
    async (size: Size) => {
      for (const [name, car] of Object.entries({ good: goodCar(), bad: badCar() })) {
        unit.show(car);
        await using seen = await openPage(browser, unit.url, { size, scheme, still: true });
        const { page, errors } = seen;
        for (const tab of TABS) {
          await page.locator(`#tab-${tab}`).click();
          await page.locator("#view .panel").first().waitFor();
          await screenshot(page, `${name}-${tab}-${size}-${scheme}`);
          expect(await violations(page), `${name} ${tab}`).toEqual([]);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          expect(overflow, `${name} ${tab}`).toBeLessThanOrEqual(0);
        }
        expect(errors).toEqual([]);
      }
    },
    120_000,
  );
});

describe.each(LANGUAGES)("in %s", (language) => {
  test("every tab is in this language, and the choice is remembered", async () => {
    unit.show(badCar());
    await using seen = await openPage(browser, unit.url, { size: "phone", still: true });
    const { page, errors } = seen;
    await page.locator(".switches select").first().selectOption(language);
    for (const tab of TABS) {
      await page.locator(`#tab-${tab}`).click();
      await page.locator("#view .panel").first().waitFor();
      await screenshot(page, `language-${language}-${tab}`);
      const text = await page.locator("#page").innerText();
      expect(text).not.toMatch(/undefined|NaN|\[object|Invalid/);
      expect(await page.locator(`#tab-${tab}`).innerText()).toBe(WORDS[language].tabs[tab]);
    }
    await page.reload();
    await page.locator(".verdict.bad").waitFor();
    expect(await verdictOf(page).innerText()).toBe(WORDS[language].verdict.bad);
    expect(await page.locator("html").getAttribute("lang")).toBe(language);
    expect(errors).toEqual([]);
  }, 60_000);
});

test.each([
  ["sl-SI", "sl"],
  ["sr-Latn-RS", "sr-Latn"],
  ["sr-RS", "sr-Cyrl"],
  ["de-DE", "en"],
] as const)("a browser in %s begins with %s", async (locale, language) => {
  await using seen = await openPage(browser, unit.url, { locale });
  await seen.page.locator(".verdict.good").waitFor();
  expect(await verdictOf(seen.page).innerText()).toBe(WORDS[language].verdict.good);
});

test("without localStorage the switches still work", async () => {
  const context = await browser.newContext();
  await context.addInitScript(() => {
    Object.defineProperty(window, "localStorage", {
      get: () => {
        throw new DOMException("blocked", "SecurityError");
      },
    });
  });
  const page = await context.newPage();
  await page.goto(unit.url);
  await page.locator(".switches select").first().selectOption("sl");
  await page.locator(".switches select").last().selectOption("dark");
  expect(await verdictOf(page).innerText()).toBe(WORDS.sl.verdict.good);
  expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
  await context.close();
});

test("a connection that is lost is said within 3 s, with its age; the page greys and comes back by itself", async () => {
  await using seen = await openPage(browser, unit.url);
  const { page } = seen;
  await page.locator(".verdict.good").waitFor();
  unit.show(undefined);
  const from = performance.now();
  await page.locator(".lost").waitFor();
  expect(performance.now() - from).toBeLessThan(3_000);
  expect(await page.locator(".lost").innerText()).toMatch(/What you see is \d+\s+s old/);
  expect(await page.locator("main.aged").count()).toBe(1);
  expect(await verdictOf(page).innerText()).toBe(WORDS.en.verdict.unknown);
  await screenshot(page, "lost");
  expect(await violations(page)).toEqual([]);
  unit.show(goodCar());
  await page.locator(".verdict.good").waitFor();
  expect(await page.locator(".lost").count()).toBe(0);
}, 60_000);

test("a page that is hidden asks the unit for nothing; it goes on when it is looked at", async () => {
  await using seen = await openPage(browser, unit.url);
  const { page } = seen;
  const become = (state: string) =>
    page.evaluate((visibility) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => visibility });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await page.locator(".verdict.good").waitFor();
  await expect.poll(() => unit.viewers).toBe(1);
  await become("hidden");
  await expect.poll(() => unit.viewers).toBe(0);
  await page.locator(".lost").waitFor();
  expect(unit.viewers).toBe(0);
  await become("visible");
  await page.locator(".verdict.good").waitFor();
  expect(unit.viewers).toBe(1);
}, 60_000);

test("a unit that refuses further streams is asked again and again instead", async () => {
  await using seen = await openPage(browser, unit.url);
  const { page } = seen;
  await page.locator(".verdict.good").waitFor();
  unit.refuseStreams();
  unit.show(badCar());
  await page.locator(".verdict.bad").waitFor();
  unit.show(goodCar());
  await page.locator(".verdict.good").waitFor();
  expect(unit.viewers).toBe(0);
}, 60_000);

test("the lamp follows the board at once, and blinks as it does", async () => {
  await using seen = await openPage(browser, unit.url);
  const { page } = seen;
  const bulb = page.locator(".bulb");
  await bulb.waitFor();
  unit.lamp("sent", true);
  unit.show(goodCar({ emergency: { ...goodCar().emergency, lamp: "sent", lampDrill: true } }));
  await page.getByText(WORDS.en.lamp.meaning.sent).waitFor({ timeout: 1_000 });
  await page.locator(".bulb.lit").waitFor();
  await page.locator(".bulb.dark").waitFor();
  await page.locator(".bulb.lit").waitFor();
});

test("an emergency that is open is on the first view, with how far it has got", async () => {
  const { emergency } = goodCar();
  const episode = {
    episode: "01KB2",
    test: false,
    button: "dash",
    state: "active",
    legs: { stored: 4, sent: 60 },
  };
  unit.show(
    goodCar({ emergency: { ...emergency, lamp: "sent", episodes: [...emergency.episodes, episode] } }),
  );
  await using seen = await openPage(browser, unit.url, { size: "phone" });
  const alarm = seen.page.locator(".panel.alarm");
  await alarm.waitFor();
  expect(await alarm.innerText()).toContain(WORDS.en.panic.emergency);
  expect(await alarm.locator("rect.leg").count()).toBe(2);
  await screenshot(seen.page, "emergency");
  expect(await violations(seen.page)).toEqual([]);
});

test("if the viewer wants no motion, the lamp stands still", async () => {
  await using seen = await openPage(browser, unit.url, { still: true });
  const { page } = seen;
  await page.getByText(WORDS.en.lamp.still).waitFor();
  expect(await page.locator(".strip .cursor").count()).toBe(0);
});

test("the pattern of a fault is too fast to be shown: its name is", async () => {
  unit.show(badCar());
  await using seen = await openPage(browser, unit.url);
  await seen.page.getByText(WORDS.en.lamp.fast).waitFor();
  expect(await seen.page.locator(".lamp-name").innerText()).toContain("fault");
});

test("a drill is asked for and taken back with the content type that the unit wants", async () => {
  await using seen = await openPage(browser, `${unit.url}#panic`, { size: "phone" });
  const { page } = seen;
  await page.getByRole("button", { name: WORDS.en.panic.start }).click();
  await expect.poll(() => unit.orders).toEqual(["POST application/json"]);
  unit.show(goodCar({ emergency: { ...goodCar().emergency, drillArmed: true, drillLeftS: 42 } }));
  await page.getByText("42 s").waitFor();
  await screenshot(page, "drill-armed");
  await page.getByRole("button", { name: WORDS.en.panic.cancel }).click();
  await expect.poll(() => unit.orders.at(-1)).toBe("DELETE application/json");
});

test("a unit that asks for its PIN gets it; a wrong one is said, and when to try again", async () => {
  unit.ask("4711");
  await using seen = await openPage(browser, unit.url, { size: "phone" });
  const { page } = seen;
  const field = page.getByLabel(WORDS.en.pin.ask);
  await field.fill("1");
  await screenshot(page, "pin");
  expect(await violations(page)).toEqual([]);
  await page.getByRole("button", { name: WORDS.en.pin.enter }).click();
  await page.getByText(WORDS.en.pin.wrong).waitFor();
  for (const wrong of ["2", "3"]) {
    await field.fill(wrong);
    await page.getByRole("button", { name: WORDS.en.pin.enter }).click();
  }
  await page.getByText("Too many tries. Try again in 30 s.").waitFor();
  expect(await page.getByRole("button", { name: WORDS.en.pin.enter }).isDisabled()).toBe(true);
  unit.ask("4711");
  await page.reload();
  await field.fill("4711");
  await page.keyboard.press("Enter");
  await page.locator(".verdict.good").waitFor();
}, 60_000);

test("signals are found by path and by frame, and a stale one says so", async () => {
  await using seen = await openPage(browser, `${unit.url}#vehicle`);
  const { page } = seen;
  const rows = page.locator("tbody tr");
  await expect.poll(() => rows.count()).toBe(8);
  await page.getByLabel(WORDS.en.vehicle.search).fill("siren");
  await expect.poll(() => rows.count()).toBe(1);
  expect(await rows.innerText()).toContain(WORDS.en.vehicle.stale);
  await page.getByLabel(WORDS.en.vehicle.search).fill("0x1A0");
  await expect.poll(() => rows.innerText()).toContain("52.31 km/h");
});

test("a pointer on a chart reads off a value, also after a click, and its axes have times and values", async () => {
  await using seen = await openPage(browser, `${unit.url}#position`);
  const { page, errors } = seen;
  const chart = page.locator(".chart").first();
  const reading = chart.locator(".reading");
  const newest = await reading.innerText();
  await chart.locator(".u-over").hover({ position: { x: 40, y: 40 } });
  const pointed = await reading.innerText();
  expect(pointed).not.toBe(newest);
  await chart.locator(".u-over").click({ position: { x: 160, y: 40 } });
  await expect.poll(() => reading.innerText()).not.toBe(pointed);
  await page.locator("h1").hover();
  await expect.poll(() => reading.innerText()).toBe(newest);
  await chart.screenshot({ path: "test/web/output/chart.png" });
  expect(errors).toEqual([]);
});

test("events are filtered", async () => {
  await using seen = await openPage(browser, `${unit.url}#link`);
  const { page } = seen;
  await expect.poll(() => page.locator("tbody tr").count()).toBe(5);
  await page.getByLabel(WORDS.en.link.filter).fill("ignition");
  await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
});

test("the tabs are worked by arrow keys, and the open one is in the address", async () => {
  await using seen = await openPage(browser, unit.url);
  const { page } = seen;
  await page.locator("#tab-now").focus();
  await page.keyboard.press("ArrowRight");
  expect(await page.locator("#tab-position").getAttribute("aria-selected")).toBe("true");
  await page.keyboard.press("End");
  expect(new URL(page.url()).hash).toBe("#link");
  await page.keyboard.press("ArrowRight");
  expect(new URL(page.url()).hash).toBe("#now");
});

test("on a phone every control is at least 44 px high", async () => {
  await using seen = await openPage(browser, `${unit.url}#panic`, { size: "phone" });
  await seen.page.locator("#view .panel").first().waitFor();
  for (const control of await seen.page.locator("button, select, input").all()) {
    const box = await control.boundingBox();
    expect(box?.height, await control.innerText()).toBeGreaterThanOrEqual(44);
  }
});

test("times are in the viewer's zone, with UTC in the title", async () => {
  await using seen = await openPage(browser, `${unit.url}#panic`);
  const time = seen.page.locator(".episode time").first();
  expect(await time.getAttribute("title")).toBe("2026-11-26 12:41:03 UTC");
  expect(await time.innerText()).toContain("13:41:03");
  await time.focus();
  const beside = await time.evaluate((element) => getComputedStyle(element, "::after").content);
  expect(beside).toContain("2026-11-26 12:41:03 UTC");
});
