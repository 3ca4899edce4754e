import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";

/** Debian's browser, and what tests do with it. */

const CHROMIUM = "/usr/bin/chromium";
/** Screenshots are kept here, for people to look at. */
const OUTPUT = "test/web/output";

const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 900 } } as const;
export type Size = keyof typeof SIZES;

export const openBrowser = (): Promise<Browser> => {
  if (!existsSync("dist/web/status/index.html")) throw new Error("the pages are not built: npm run pages");
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
};

export type Seen = AsyncDisposable & {
  readonly page: Page;
  /** Errors of scripts, of the console and of the Content-Security-Policy. */
  readonly errors: readonly string[];
};

type Looks = {
  readonly size?: Size;
  readonly scheme?: "light" | "dark";
  readonly locale?: string;
  /** Motion is reduced: the lamp stands still. */
  readonly still?: boolean;
};

/** A page of its own, without what an earlier one has stored. */
export const openPage = async (browser: Browser, url: string, looks: Looks = {}): Promise<Seen> => {
  const { size = "desktop", scheme = "light", locale = "en-GB", still = false } = looks;
  const context = await browser.newContext({
    viewport: SIZES[size],
    colorScheme: scheme,
    locale,
    timezoneId: "Europe/Belgrade",
    reducedMotion: still ? "reduce" : "no-preference",
    hasTouch: size === "phone",
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => {
    // The browser itself reports a connection that was refused: tests refuse some.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text()))
      errors.push(message.text());
  });
  await page.goto(url);
  return { page, errors, [Symbol.asyncDispose]: () => context.close() };
};

export const screenshot = async (page: Page, name: string): Promise<void> => {
  mkdirSync(OUTPUT, { recursive: true });
  await page.screenshot({ path: join(OUTPUT, `${name}.png`), fullPage: true });
};
