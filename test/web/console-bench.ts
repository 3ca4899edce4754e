import { setTimeout as sleep } from "node:timers/promises";
import type { CDPSession, Page } from "playwright-core";
import { openBrowser } from "./browser.ts";
import { openTestConsole, SimulatedFleet } from "./console-feed.ts";

/**
 * How smooth the dispatcher's console is: the times between frames in Chromium while 500 cars report each 5 s. Run
 * `node_modules/.bin/node test/web/console-bench.ts [CARS]`, with the pages built.
 */
const CARS = Number(process.argv[2] ?? 500);
const PERIOD_MS = 5_000;
const MEASURE_MS = 20_000;
const PRESSED = "zrenjanin/zr-101";

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ?? Number.NaN;

/** A generator that gives the same numbers each time (Park and Miller). */
const seeded = (): (() => number) => {
  let seed = 7;
  return () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
};

/** Times between frames, and how long each task of the page's thread took beyond 50 ms, ms. */
const frames = (page: Page, ms: number): Promise<{ gaps: number[]; longTasks: number[] }> =>
  page.evaluate(
    (length) =>
      new Promise((resolve) => {
        const gaps: number[] = [];
        const longTasks: number[] = [];
        const watch = new PerformanceObserver((list) => {
          for (const { duration } of list.getEntries()) longTasks.push(duration);
        });
        watch.observe({ entryTypes: ["longtask"] });
        const end = performance.now() + length;
        let last = performance.now();
        const frame = (now: number): void => {
          gaps.push(now - last);
          last = now;
          if (now < end) requestAnimationFrame(frame);
          else resolve({ gaps: gaps.slice(1), longTasks });
        };
        requestAnimationFrame(frame);
      }),
    ms,
  );

/** Seconds that the page's thread has worked so far. */
const workedS = async (session: CDPSession): Promise<number> => {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
};

const print = (what: string, { gaps, longTasks }: { gaps: number[]; longTasks: number[] }): void => {
  const [p50, p99, most] = [quantile(gaps, 0.5), quantile(gaps, 0.99), Math.max(...gaps)];
  process.stdout.write(
    `${what.padEnd(44)}p50 ${p50.toFixed(1)} ms  p99 ${p99.toFixed(1)} ms  max ${most.toFixed(1)} ms  ` +
      `${gaps.length} frames, ${longTasks.length} tasks above 50 ms\n`,
  );
};

await using there = await openTestConsole({ operator: "Ana" });
await using stack = new AsyncDisposableStack();
const fleet = new SimulatedFleet(there, CARS, seeded());
fleet.begin();
let turn = 0;
const timer = setInterval(() => fleet.drive(turn++ % CARS), PERIOD_MS / CARS);
stack.defer(() => clearInterval(timer));
const browser = await openBrowser();
stack.defer(() => browser.close());
const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
await page.goto(there.url);
await page.locator(".row").first().waitFor();
await sleep(2_000);

const session = await page.context().newCDPSession(page);
await session.send("Performance.enable");
const before = await workedS(session);
print(`${CARS} cars, each 5 s`, await frames(page, MEASURE_MS));
const share = ((await workedS(session)) - before) / (MEASURE_MS / 1_000);
process.stdout.write(`${"work of the page's thread".padEnd(44)}${(share * 100).toFixed(1)} % of a core\n`);
there.report(PRESSED, "emergency", {
  episode: "01JDD3ZZZZZZZZZZZZZZZZZZZZ",
  state: "active",
  test: false,
  button: "dash",
  presses: 1,
  attempt: 1,
});
await page.locator(".card.real").waitFor();
print("and an open emergency, which pulses", await frames(page, MEASURE_MS));
await page.locator(".row").first().click();
await page.mouse.move(700, 650);
const moving = frames(page, MEASURE_MS / 2);
for (let n = 0; n < 40; n++) {
  await page.mouse.down();
  await page.mouse.move(700 + 100 * Math.sin(n / 3), 650 + 60 * Math.cos(n / 3), { steps: 8 });
  await page.mouse.up();
}
print("and the map is dragged", await moving);
