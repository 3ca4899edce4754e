import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { ConsoleOptions } from "../../src/recorder/console/server.ts";
import { TileFile } from "../../src/recorder/console/tiles.ts";
import { place } from "../recorder/console/messages.ts";
import { wire } from "../recorder/reports.ts";
import { accessibilityFaults, complaintsOf } from "./accessibility.ts";
import { openBrowser } from "./browser.ts";
import { healthOf, openTestConsole, type TestConsole } from "./console-feed.ts";
import { worldTiles } from "./tiles-file.ts";

const UNIT = "zrenjanin/zr-117";
const EPISODE = "01JDD3ZZZZZZZZZZZZZZZZZZZZ";
const OUTPUT = "test/web/output";

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
  mkdirSync(OUTPUT, { recursive: true });
});
afterAll(() => browser?.close());

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

type Opened = { readonly there: TestConsole; readonly page: Page; readonly complaints: string[] };

const open = async (
  more: Partial<ConsoleOptions> = {},
  context: BrowserContextOptions = {},
): Promise<Opened> => {
  const there = stack.use(await openTestConsole(more));
  const opened = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context });
  stack.defer(() => opened.close());
  const page = await opened.newPage();
  const complaints = complaintsOf(page);
  await page.goto(there.url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return { there, page, complaints };
};

const position = (lat: number, lon: number, more: object = {}) => ({
  lat,
  lon,
  fix: "3d",
  accuracyM: 3,
  speedKmh: 50,
  courseDeg: 90,
  reason: "interval",
  ...more,
});
const emergency = (more: object = {}) => ({
  episode: EPISODE,
  state: "active",
  test: false,
  button: "dash",
  presses: 1,
  attempt: 1,
  pressedAt: new Date(Date.now() - 65_000).toISOString(),
  position: { ...position(45.38, 20.39), ageMs: 400, trusted: true },
  ...more,
});

/** Where the cars are drawn on the map: the middle of the painted pixels, in CSS pixels; undefined: nothing is. */
const drawnAt = (page: Page): Promise<{ x: number; y: number } | undefined> =>
  page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>("canvas.cars");
    const context = canvas?.getContext("2d");
    if (!canvas || !context || canvas.width === 0) return undefined;
    const { data, width } = context.getImageData(0, 0, canvas.width, canvas.height);
    let [count, x, y] = [0, 0, 0];
    for (let i = 3; i < data.length; i += 4) {
      if (data[i] !== 255) continue;
      count++;
      x += ((i - 3) / 4) % width;
      y += Math.floor((i - 3) / 4 / width);
    }
    return count === 0 ? undefined : { x: x / count, y: y / count };
  });

describe("a car", () => {
  test("is drawn on the map, and moves with its live positions but not with its history", async () => {
    const { there, page, complaints } = await open();
    there.report(UNIT, "position", position(45.38, 20.39));
    await page.getByRole("option", { name: /zr-117/ }).waitFor();
    const first = await vi.waitFor(
      async () => (await drawnAt(page)) ?? Promise.reject(new Error("not drawn")),
    );
    there.report(UNIT, "position", position(45.381, 20.392, { speedKmh: 61 }));
    await page.getByRole("option", { name: /61 km\/h/ }).waitFor();
    const second = await vi.waitFor(async () => {
      const at = await drawnAt(page);
      expect(at!.x).toBeGreaterThan(first.x + 5);
      expect(at!.y).toBeLessThan(first.y - 5);
      return at!;
    });
    const late = wire(500, { store: "k3v9q0ab", live: false, ...place(45.39) });
    there.say(UNIT, "history", gzipSync(`${JSON.stringify(late)}\n`));
    there.report(UNIT, "event", { type: "shutdown", reason: "the test ends" });
    await page.getByText("reason: the test ends").waitFor();
    expect(await drawnAt(page)).toEqual(second);
    expect(complaints).toEqual([]);
  });

  test("with more open emergencies than are shown says in its row how many are not", async () => {
    const { there, page } = await open();
    for (let n = 0; n < 10; n++) {
      const episode = `${EPISODE.slice(0, -1)}${n}`;
      there.report(UNIT, "emergency", emergency({ episode }));
    }
    await page.getByRole("option", { name: /zr-117.*Open, not shown: 2/ }).waitFor();
    await page.getByText("Further open emergencies that are not shown: 2").waitFor();
  });

  test("is found by a search, chosen with the keyboard, and shown with what it reports", async () => {
    const { there, page } = await open();
    for (const id of ["zr-101", "zr-102", "zr-117"])
      there.report(`zrenjanin/${id}`, "position", position(45.38, 20.39));
    there.report(UNIT, "vehicle", { signals: { "Vehicle.Speed": 52.4 }, stale: ["Vehicle.Speed"] });
    there.report(UNIT, "health", healthOf({ panicBoard: { connected: false } }));
    there.report(UNIT, "event", {
      type: "fault",
      part: "can",
      code: "bus-off",
      where: "can0",
      detail: "no frame",
    });
    await page.getByRole("searchbox").fill("117");
    await vi.waitFor(async () => expect(await page.locator(".row").count()).toBe(1));
    await page.getByRole("listbox", { name: "Cars" }).focus();
    await page.keyboard.press("ArrowDown");
    const pane = page.getByRole("region", { name: UNIT });
    await pane.getByText("Vehicle.Speed").waitFor();
    const text = await pane.innerText();
    for (const part of [
      "52.4",
      "stale",
      "has left the bus because of errors",
      "can bus-off can0",
      "no frame",
      "fault",
      "45.38000, 20.39000",
      "Numbers",
    ])
      expect(text).toContain(part);
  });

  test("has a history with a slider over time", async () => {
    const begin = Date.UTC(2026, 10, 24, 8);
    const { there, page } = await open({
      async *readTrack() {
        for (let n = 0; n < 10; n++) {
          if (n === 5) yield JSON.stringify({ gap: { count: 3 } });
          yield JSON.stringify({
            at: new Date(begin + n * 60_000).toISOString(),
            data: { lat: 45 + n / 100, lon: 20, speedKmh: n * 10 },
          });
        }
      },
    });
    there.report(UNIT, "position", position(45.38, 20.39));
    await page.getByRole("option", { name: /zr-117/ }).click();
    await page.getByRole("tab", { name: "History" }).click();
    const slider = page.getByRole("slider");
    await slider.waitFor();
    const panel = page.locator("#car-panel");
    expect(await panel.innerText()).toContain("45.09000, 20.00000");
    await slider.press("Home");
    await panel.getByText("45.00000, 20.00000").waitFor();
    for (let n = 0; n < 5; n++) await slider.press("ArrowRight");
    await panel.getByText("45.05000, 20.00000").waitFor();
    await panel.getByText("50 km/h").waitFor();
    await panel.getByText("Positions are missing before this one.").waitFor();
    expect(await panel.locator("time").first().getAttribute("title")).toBe("2026-11-24 08:05:00 UTC");
  });
});

describe("an emergency", () => {
  test("is unmistakable, is acknowledged stage by stage, and ends when the car says so", async () => {
    const { there, page, complaints } = await open({ operator: "Ana Ilić" });
    there.report(UNIT, "position", position(45.38, 20.39));
    there.report(UNIT, "emergency", emergency());
    const card = page.getByRole("article", { name: `Emergency: ${UNIT}` });
    await card.waitFor();
    await page.screenshot({ path: join(OUTPUT, "console-emergency.png") });
    expect(await card.innerText()).toMatch(/1\smin \d+\ss ago/);
    await expect(card.getByRole("button", { name: /^Clear/ }).isDisabled()).resolves.toBe(true);
    await card.getByRole("button", { name: /^Accept/ }).click();
    await card.getByText("Sent. Waiting for the car to confirm.").waitFor();
    there.report(UNIT, "emergency", emergency({ state: "accepted", by: "Ana Ilić" }));
    await card.getByText("Ana Ilić").waitFor();
    await card.getByRole("button", { name: /^Clear/ }).click();
    expect(there.acks).toHaveLength(1);
    await card.getByRole("button", { name: /^Is the emergency over/ }).click();
    await vi.waitFor(() =>
      expect(there.acks).toEqual([
        { unit: UNIT, episode: EPISODE, stage: "accepted", by: "Ana Ilić" },
        { unit: UNIT, episode: EPISODE, stage: "cleared", by: "Ana Ilić" },
      ]),
    );
    there.report(UNIT, "emergency", emergency({ state: "cleared", by: "Ana Ilić" }));
    await page.getByRole("heading", { name: "No open emergency" }).waitFor();
    await page.getByRole("tab", { name: "Ended emergencies: 1" }).waitFor();
    expect(complaints).toEqual([]);
  });

  test("can be answered again when the car does not confirm the answer", async () => {
    const { there, page } = await open({ operator: "Ana" });
    there.report(UNIT, "emergency", emergency());
    const accept = page.getByRole("button", { name: /^Accept/ });
    await page.clock.install();
    await accept.click();
    await page.getByText("Sent. Waiting for the car to confirm.").waitFor();
    expect(await accept.isDisabled()).toBe(true);
    await page.clock.fastForward(9_000);
    await page.getByText("The car has not confirmed. It may be offline.").waitFor();
    await accept.click();
    await vi.waitFor(() => expect(there.acks).toHaveLength(2));
  });

  test("cannot be acknowledged without an operator", async () => {
    const { there, page } = await open();
    there.report(UNIT, "emergency", emergency());
    await page.getByText("This console may only look.").waitFor();
    expect(await page.getByRole("button", { name: /^Accept/ }).count()).toBe(0);
  });

  test("of a drill is apart from the real ones", async () => {
    const { there, page } = await open();
    there.report(UNIT, "emergency", emergency({ test: true }));
    await page.getByRole("region", { name: "Drills: 1" }).getByRole("article").waitFor();
    await page.getByRole("heading", { name: "No open emergency" }).waitFor();
  });

  test("gets its first answer with one click, although the notice of the sound gives way then", async () => {
    const { there, page } = await open({ operator: "Ana" }, { viewport: { width: 560, height: 700 } });
    there.report(UNIT, "emergency", emergency());
    const answered = page.waitForRequest((request) => request.url().endsWith("/ack"), { timeout: 5_000 });
    await page.getByRole("button", { name: /^Accept:/ }).click();
    await answered;
  });

  test("sounds once a key was pressed; until then the page says that nothing is heard", async () => {
    const { there, page } = await open();
    there.report(UNIT, "emergency", emergency());
    await page.getByRole("button", { name: /^Alarm sound is off/ }).waitFor();
    await page.keyboard.press("a");
    await page.getByRole("button", { name: "Sound on" }).waitFor();
    await page.keyboard.press("m");
    await page.getByRole("button", { name: "Sound muted" }).waitFor();
  });
});

describe("a hostile unit", () => {
  test("has its texts shown as texts", async () => {
    const evil = `<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>`;
    const { there, page, complaints } = await open({ operator: evil, credit: evil, tiles: undefined });
    there.report(UNIT, "position", position(45.38, 20.39));
    there.report(
      UNIT,
      "emergency",
      emergency({ button: evil, buttons: [evil], by: evil, state: "received", shortened: [evil] }),
    );
    there.report(UNIT, "vehicle", { signals: { [evil]: evil }, stale: [evil] });
    there.report(UNIT, "health", healthOf({ [evil]: evil, link: { reconnects: 1, fault: evil } }));
    there.report(UNIT, "event", { type: "fault", part: "can", code: evil, where: evil, detail: evil });
    there.report(UNIT, "event", { type: "eclipse", [evil]: evil });
    there.say(UNIT, `emergency/${encodeURIComponent(evil)}`, evil);
    there.say(UNIT, "state", {
      state: "offline",
      unit: UNIT,
      store: "k3v9q0ab",
      boot: 9,
      connection: 9,
      version: evil,
      reason: evil,
    });
    there.say(UNIT, evil.replaceAll("/", ""), evil);
    await page.getByRole("option", { name: /zr-117/ }).click();
    await page.locator("#car-panel").getByText(evil).first().waitFor();
    await page.getByRole("tab", { name: "Raw messages" }).click();
    await page.locator("#records-panel code").getByText(evil).first().waitFor();
    const seen = await page.locator("body").innerText();
    expect(seen.split("<img src=x").length).toBeGreaterThan(8);
    expect(await page.locator("img[src=x], script:not([src])").count()).toBe(0);
    expect(await page.evaluate(() => "hurt" in window)).toBe(false);
    expect(complaints).toEqual([]);
  });
});

const LANGUAGES = [
  ["en", "Dispatch console"],
  ["sr-Cyrl", "Диспечерска конзола"],
  ["sr-Latn", "Dispečerska konzola"],
  ["sl", "Dispečerska konzola"],
] as const;

describe("everyone", () => {
  const busy = (there: TestConsole): void => {
    there.report(UNIT, "position", position(45.38, 20.39));
    there.report(UNIT, "health", healthOf());
    there.report(UNIT, "vehicle", { signals: { "Vehicle.Speed": 52.4 }, stale: [] });
    there.report("zrenjanin/zr-118", "position", position(45.39, 20.38));
    there.report("zrenjanin/zr-118", "health", healthOf({ panicBoard: { connected: false } }));
    there.report("zrenjanin/zr-118", "event", { type: "gap", from: 1, to: 2, count: 2, reason: "retention" });
    there.report(
      UNIT,
      "emergency",
      emergency({ vehicle: { signals: { "Vehicle.Speed": 52 } }, silent: true }),
    );
    there.report(
      "zrenjanin/zr-118",
      "emergency",
      emergency({ test: true, episode: "01JDD3YYYYYYYYYYYYYYYYYYYY" }),
    );
  };

  test.each([
    ["light", { width: 1280, height: 900 }],
    ["dark", { width: 1280, height: 900 }],
    ["light", { width: 390, height: 844 }],
    ["dark", { width: 390, height: 844 }],
  ] as const)("can use it: axe-core finds nothing in %s colours at %j", async (colorScheme, viewport) => {
    const { there, page } = await open({ operator: "Ana" }, { colorScheme, viewport });
    expect(await accessibilityFaults(page)).toEqual([]);
    busy(there);
    await page.getByRole("option", { name: /zr-117/ }).click();
    await page.locator("#car-panel").getByText("Vehicle.Speed").waitFor();
    await page.screenshot({
      path: join(OUTPUT, `console-${colorScheme}-${viewport.width}.png`),
      fullPage: true,
    });
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.getByRole("tab", { name: "History" }).click();
    await page.getByRole("slider").waitFor();
    await page.getByRole("tab", { name: "Raw messages" }).click();
    await page.locator("#records-panel code").first().waitFor();
    expect(await accessibilityFaults(page)).toEqual([]);
  });

  test("can use it with a thumb: no control is smaller than 44 pixels, and nothing is cut off", async () => {
    const { there, page } = await open({ operator: "Ana" }, { viewport: { width: 360, height: 780 } });
    busy(there);
    await page.getByRole("option", { name: /zr-117/ }).click();
    await page.locator("#car-panel").getByText("Vehicle.Speed").waitFor();
    const small = await page.evaluate(() =>
      [...document.querySelectorAll("button, select, input, .leaflet-bar a")]
        .map((element) => ({ text: element.textContent, box: element.getBoundingClientRect() }))
        .filter(({ box }) => box.height < 43.5)
        .map(({ text, box }) => `${text} ${box.height}`),
    );
    expect(small).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  });

  test.each(LANGUAGES)("reads it in %s", async (language, title) => {
    const { there, page } = await open({ operator: "Ana" });
    busy(there);
    await page.getByRole("article").first().waitFor();
    await page.locator("select").first().selectOption(language);
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    // Set after the page was painted.
    await page.waitForFunction((expected) => document.documentElement.lang === expected, language);
    const text = await page.locator("body").innerText();
    expect(text).not.toMatch(/undefined|\[object|NaN/);
    if (language !== "en") expect(text).not.toMatch(/\b(Accept|Pressed|Cars|online|Emergency)\b/);
  });

  test("sees that the server has gone, and what is new once it is there again", async () => {
    const { there, page } = await open();
    there.report(UNIT, "position", position(45.38, 20.39));
    await page.locator(".row").waitFor();
    const port = Number(new URL(there.url).port);
    await there[Symbol.asyncDispose]();
    await page.getByText("No connection to the console's server.").waitFor();
    const again = stack.use(await openTestConsole({ listen: `127.0.0.1:${port}` }));
    again.report("zrenjanin/zr-200", "position", position(45.38, 20.39));
    await page.getByRole("option", { name: /zr-200/ }).waitFor();
    await vi.waitFor(async () => expect(await page.locator(".row").count()).toBe(1));
  });
});

describe("a map", () => {
  const PNG = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "base64",
  );

  test("of a local file is shown, within the page's policy", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tiles-"));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, "map.pmtiles"), worldTiles(PNG));
    const tiles = stack.use(await TileFile.open(join(folder, "map.pmtiles")));
    const { page, complaints } = await open({ tiles, credit: "© the surveyors" });
    await page.locator(".leaflet-tile-loaded").first().waitFor();
    await vi.waitFor(async () =>
      expect(
        await page.evaluate(() =>
          [...document.querySelectorAll<HTMLImageElement>("img.leaflet-tile")].some(
            ({ naturalWidth }) => naturalWidth > 0,
          ),
        ),
      ).toBe(true),
    );
    await page.getByText("© the surveyors").waitFor();
    expect(complaints).toEqual([]);
  });

  test("of another origin is asked for there, and from nowhere else", async () => {
    const there = stack.use(
      await openTestConsole({
        tiles: { url: "http://127.0.0.1:9/{z}/{x}/{y}.png", origin: "http://127.0.0.1:9" },
      }),
    );
    const page = await browser.newPage();
    stack.defer(() => page.close());
    const asked = new Set<string>();
    await page.route("**/*", async (route) => {
      const { origin } = new URL(route.request().url());
      asked.add(origin);
      if (origin === "http://127.0.0.1:9") await route.fulfill({ contentType: "image/png", body: PNG });
      else await route.continue();
    });
    await page.goto(there.url);
    await page.locator(".leaflet-tile-loaded").first().waitFor();
    expect([...asked].toSorted()).toEqual([new URL(there.url).origin, "http://127.0.0.1:9"].toSorted());
  });
});
