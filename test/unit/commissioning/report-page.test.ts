import { expect, test } from "vitest";
import { plainDisplay } from "../../../src/cli/commission/display.ts";
import { reportPage } from "../../../src/unit/commissioning/report-page.ts";
import { Bench, BROKER } from "../../commissioning/car.ts";
import { reportWith } from "../../commissioning/report.ts";

const HOSTILE = `</td></table><script>alert("1")</script>'&`;

test("whatever a report holds is text in its page", () => {
  const { steps } = reportWith();
  const hostile = {
    ...steps[1]!,
    subject: HOSTILE,
    reason: HOSTILE,
    figures: { says: HOSTILE },
  };
  const page = reportPage(
    reportWith({
      unit: HOSTILE,
      technician: HOSTILE,
      steps: [hostile],
      versions: { software: HOSTILE, vss: HOSTILE, firmware: HOSTILE },
      configuration: { sha256: HOSTILE, version: 1, signer: HOSTILE },
    }),
    HOSTILE,
    HOSTILE,
  );
  expect(page).not.toContain("<script");
  const harmless = "&lt;/td&gt;&lt;/table&gt;&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39;&amp;";
  // The unit three times, the technician twice, and once each of the other ten.
  expect(page.split(harmless)).toHaveLength(15 + 1);
});

test("the page says what each step ended in, and why", () => {
  const page = reportPage(reportWith(), "f".repeat(64), "kid");
  for (const text of [
    "FAIL",
    "dash was not pressed",
    "skipped",
    "the bonnet has no switch",
    "1 passed, 1 failed",
  ])
    expect(page).toContain(text);
});

test("without a terminal, a line is printed when a step changes, and not for each status", () => {
  const bench = new Bench({ buttons: "none", signals: undefined });
  let text = "";
  const display = plainDisplay(false, (line) => (text += line));
  display.changed(undefined, bench.list);
  text = "";
  const step = (act: () => void): string => {
    const before = bench.list;
    text = "";
    act();
    display.changed(before, bench.list);
    return text;
  };
  expect(step(() => void bench.status())).toMatch(/^pass {8}the time is trusted: clock gnss\n/);
  expect(step(() => void bench.status())).toBe("");
  expect(step(() => bench.give({ kind: "broker", url: BROKER, says: "refused", failed: true }))).toBe(
    `waits       broker ${BROKER}: refused\n`,
  );
  expect(step(() => void bench.status({ position: { accuracyM: 40 } }))).toMatch(
    /^waits {7}the position is accurate: the fix is exact to 40 m only/,
  );
});
