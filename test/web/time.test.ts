import { expect, test } from "vitest";
import { shownSpan, shownTime } from "../../src/web/viewer/time.ts";

const AT = Date.UTC(2026, 10, 26, 13, 4, 5);

test("an instant of today is shown in the viewer's zone, and in UTC beside it", () => {
  expect(shownTime(AT, AT + 60_000, "sl-SI", "Europe/Ljubljana")).toEqual({
    text: "14:04:05",
    utc: "2026-11-26 13:04:05 UTC",
  });
});

test("an instant of another day has its date, in the form of the language", () => {
  expect(shownTime(AT, AT + 86_400_000, "sr-Latn-RS", "Europe/Belgrade").text).toBe("26. 11. 2026. 14:04:05");
});

test.each([
  [0, "0 s"],
  [59_400, "59 s"],
  [65_000, "1 min 5 s"],
  [3_600_000, "1 h"],
  [3_900_000, "1 h 5 min"],
  [90_000_000, "1 d 1 h"],
])("%d ms is %s", (ms, text) => {
  expect(shownSpan(ms).replaceAll("\u00A0", " ")).toBe(text);
  expect(shownSpan(ms)).not.toMatch(/\d [a-z]/);
});
