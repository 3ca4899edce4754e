import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { LANGUAGES } from "../../src/web/viewer/language.ts";
import { TABS } from "../../src/web/status/views.ts";
import { WORDS } from "../../src/web/status/words.ts";
import { openBrowser, openPage, screenshot, type Size } from "./browser.ts";
import { aList, badCar, goodCar, overList } from "./fixture.ts";
import { serveMadeUp, type MadeUpUnit } from "./serve.ts";

/** The built page in Debian's Chromium, with a made-up car. */

let browser: Browser;
let unit: MadeUpUnit;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser?.close());
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
  expect(new URL(page.url()).hash).toBe("#commission");
  await page.keyboard.press("ArrowRight");
  expect(new URL(page.url()).hash).toBe("#now");
});

test("on a phone every control is at least 44 px high", async () => {
  const over = overList({ result: "passed", report: 12 });
  for (const [tab, car] of [
    ["panic", goodCar()],
    ["commission", goodCar()],
    ["commission", goodCar({ commissioning: aList() })],
    ["commission", goodCar({ commissioning: over })],
  ] as const) {
    unit.show(car);
    await using seen = await openPage(browser, `${unit.url}#${tab}`, { size: "phone" });
    await seen.page.locator("#view .panel").first().waitFor();
    for (const control of await seen.page.locator("button, select, input, summary, a.button").all()) {
      if (!(await control.isVisible())) continue; // in a skip that is closed
      const box = await control.boundingBox();
      expect(box?.height, await control.innerText()).toBeGreaterThanOrEqual(44);
    }
  }
}, 60_000);

test("times are in the viewer's zone, with UTC in the title", async () => {
  await using seen = await openPage(browser, `${unit.url}#panic`);
  const time = seen.page.locator(".episode time").first();
  expect(await time.getAttribute("title")).toBe("2026-11-26 12:41:03 UTC");
  expect(await time.innerText()).toContain("13:41:03");
  await time.focus();
  const beside = await time.evaluate((element) => getComputedStyle(element, "::after").content);
  expect(beside).toContain("2026-11-26 12:41:03 UTC");
});

describe("the commissioning list", () => {
  const { commission: words, list } = WORDS.en;
  const open = (car: ReturnType<typeof goodCar>) => {
    unit.show(car);
    return openPage(browser, `${unit.url}#commission`, { size: "phone" });
  };
  const step = (title: string) => `.duty:has-text("${title}")`;

  test("is begun with the technician's name", async () => {
    await using seen = await open(goodCar());
    const { page, errors } = seen;
    await page.getByRole("button", { name: words.begin }).click();
    expect(unit.orders).toEqual([]);
    await page.getByLabel(words.technician).fill("M. Petrović");
    await page.getByLabel(words.tryPowerOff).check();
    await page.keyboard.press("Enter");
    await expect
      .poll(() => unit.orders)
      .toEqual(['POST /commissioning/list {"technician":"M. Petrović","tryPowerOff":true}']);
    expect(errors).toEqual([]);
  });

  test("says what to do now, and announces only what a person has to do", async () => {
    await using seen = await open(goodCar({ commissioning: aList() }));
    const status = seen.page.locator("main [role=status]");
    await seen.page.getByText("Go to boot; say when you are ready to press it").waitFor();
    expect(await status.innerText()).toContain("Go to boot");
    unit.show(
      goodCar({
        commissioning: aList({ who: "nobody", now: [{ code: "received", values: ["boot", 590] }] }),
      }),
    );
    await seen.page.getByText("it must now clear the drill (else it ends by itself in 590 s)").waitFor();
    expect(await status.innerText()).toBe("");
  });

  test("sends that somebody is ready, a skip with its reason, the end, and leaving", async () => {
    await using seen = await open(goodCar({ commissioning: aList() }));
    const { page } = seen;
    await page.getByRole("button", { name: words.ready }).click();
    const fix = page.locator(step("The position is accurate"));
    await fix.locator("summary").click();
    await fix.getByLabel(words.why).fill("a roof above it");
    // A new snapshot must not close what is being written.
    unit.show(goodCar({ commissioning: aList({ leftS: 3_500 }) }));
    await page.getByText("58 min 20 s").waitFor();
    await fix.getByRole("button", { name: words.skip }).click();
    await page.getByRole("button", { name: words.end }).click();
    await page.getByRole("button", { name: words.leave }).click();
    await expect
      .poll(() => unit.orders)
      .toEqual([
        'POST /commissioning/list/step {"action":"ready","id":"button:boot"}',
        'POST /commissioning/list/step {"action":"skip","id":"fix","reason":"a roof above it"}',
        'POST /commissioning/list/step {"action":"end"}',
        "DELETE /commissioning/list",
      ]);
  });

  test("shows each step with its outcome, its reason and what was measured", async () => {
    await using seen = await open(goodCar({ commissioning: aList() }));
    const { page } = seen;
    const textOf = (title: string) => page.locator(step(title)).innerText();
    expect(await textOf("Button dash")).toMatch(
      /pass.*stored 3.4 ms · sent 41 ms · received 180 ms · cleared 6.2 s/s,
    );
    expect(await textOf("The certificate")).toMatch(
      /FAIL.*valid for 12 days only.*Certificate ends 2026-12-08/s,
    );
    expect(await textOf("DriverSide.IsOpen")).toMatch(/false → true/);
    expect(await textOf("Airbag")).toMatch(/not tried.*nobody can change it here/s);
    expect(await textOf("Hood")).toMatch(/skipped.*хауба нема прекидач/s);
    // What has passed, and what is not fitted, cannot be skipped.
    expect(await page.locator("summary").count()).toBe(3);
  });

  test.each([
    ["passed", { result: "passed", report: 12 }, "verdict good", words.passed],
    ["incomplete", { result: "incomplete", report: 12 }, "verdict watch", words.incomplete],
    ["not passed", { result: "failed", report: 12 }, "verdict bad", words.failed],
    ["without a report", { fault: "the disk is full" }, "verdict bad", words.noReport],
  ])("ends clearly: %s", async (name, over, look, said) => {
    await using seen = await open(goodCar({ commissioning: overList(over) }));
    const { page } = seen;
    const verdict = page.locator("main .verdict");
    expect(await verdict.innerText()).toBe(said);
    expect(await verdict.getAttribute("class")).toBe(look);
    const link = page.getByRole("link", { name: words.print });
    if ("report" in over) expect(await link.getAttribute("href")).toBe("commissioning/12.html");
    else {
      expect(await link.count()).toBe(0);
      await page.getByText("the disk is full").waitFor();
    }
    await screenshot(page, `commission-over-${name}`);
    expect(await violations(page)).toEqual([]);
    expect(await page.locator("summary").count()).toBe(0);
    await page.getByRole("button", { name: words.close }).click();
    await expect.poll(() => unit.orders).toEqual(["DELETE /commissioning/list"]);
  });

  test("a code of another release is shown as it is", async () => {
    const steps = [{ id: "tyres", kind: "tyres", state: "unsure", says: [{ code: "flat", values: [2] }] }];
    await using seen = await open(goodCar({ commissioning: aList({ steps }) }));
    expect(await seen.page.locator(".duty").innerText()).toMatch(/Tyres\s+unsure\s+flat/);
    expect(seen.errors).toEqual([]);
    expect(list.title).not.toHaveProperty("tyres");
  });

  test.each(LANGUAGES)("why it cannot be begun is said in %s", async (language) => {
    await using seen = await open(goodCar());
    const { page } = seen;
    const texts = WORDS[language].commission;
    await page.locator(".switches select").first().selectOption(language);
    for (const code of ["no-root", "no-identity", "open", "elsewhere", "not-local"] as const) {
      unit.refuse(code);
      await page.getByLabel(texts.technician).fill("M. Petrović");
      await page.getByRole("button", { name: texts.begin }).click();
      await expect
        .poll(() => page.getByRole("alert").innerText())
        .toBe(texts.refused[code].replaceAll("`", ""));
    }
    expect(await violations(page)).toEqual([]);
    unit.refuse("moon");
    await page.getByRole("button", { name: texts.begin }).click();
    await expect.poll(() => page.getByRole("alert").innerText()).toBe("refused: moon");
  });

  test("a unit that cannot be asked is said", async () => {
    await using seen = await open(goodCar());
    const { page } = seen;
    await page.getByLabel(words.technician).fill("M. Petrović");
    unit.show(undefined);
    await page.route("**/commissioning/list", (route) => route.abort());
    await page.getByRole("button", { name: words.begin }).click();
    await page.getByText(WORDS.en.panic.failed).waitFor();
  });
});
