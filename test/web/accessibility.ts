import axe from "axe-core";
import type { Page } from "playwright-core";

/** What a page has complained of: scripts that failed, and what its policy has refused. */
export const complaintsOf = (page: Page): string[] => {
  const complaints: string[] = [];
  page.on("pageerror", ({ message }) => complaints.push(message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return complaints;
};

/**
 * What axe-core finds wrong, one line each. `evaluate` is not bound by the page's policy. `own`: the pages in frames
 * have tests of their own.
 */
export const accessibilityFaults = async (page: Page, frames: "own" | "all" = "all"): Promise<string[]> => {
  await page.evaluate(axe.source);
  const found: unknown =
    await page.evaluate(`axe.run({ iframes: ${frames === "all"} }).then(({ violations }) => violations.flatMap((one) =>
    one.nodes.map((node) => one.id + ": " + node.html.slice(0, 200) + " " + node.failureSummary)))`);
  return Array.isArray(found) ? found.map(String) : ["axe-core has not answered"];
};
