import { describe, expect, test } from "vitest";
import { STEPS, TROUBLES, type LogLine, type Said } from "../../src/domain/demo.ts";
import { nextStep } from "../../src/web/demo/guide.tsx";
import { folded, sentenceOf } from "../../src/web/demo/log.tsx";
import { WORDS } from "../../src/web/demo/words.ts";
import { LANGUAGES, LOCALES } from "../../src/web/viewer/language.ts";

const CYRILLIC = /\p{Script=Cyrillic}/u;

/** A line of each kind. */
const SAID: readonly Said[] = [
  { kind: "moves", kmh: 28 },
  { kind: "pressed" },
  { kind: "unseen", why: "loop" },
  { kind: "unseen", why: "power" },
  { kind: "leg", leg: "latched", ms: 31.4 },
  { kind: "leg", leg: "stored", ms: 44 },
  { kind: "leg", leg: "sent", ms: 61 },
  { kind: "leg", leg: "dispatch", ms: 42_160 },
  { kind: "lamp", lamp: "received" },
  { kind: "answer", stage: "accepted", by: "N. N." },
  { kind: "answer", stage: "received" },
  ...TROUBLES.flatMap((trouble): Said[] => [true, false].map((on) => ({ kind: "trouble", trouble, on }))),
  { kind: "starts", ms: 1_800 },
  { kind: "died" },
  { kind: "unit", state: "online" },
  { kind: "unit", state: "offline" },
  { kind: "fault", part: "gps", code: "unplugged", over: false },
  { kind: "fault", part: "gps", code: "unplugged", over: true },
  { kind: "history", reports: 12 },
];

describe.each(LANGUAGES)("the demo's log in %s", (language) => {
  test("says every line in one script, without a missing value", () => {
    for (const said of SAID) {
      const sentence = sentenceOf(said, language, LOCALES[language]);
      expect(sentence, said.kind).toMatch(/\S.*\.$/);
      expect(sentence).not.toMatch(/undefined|NaN|\[object/);
      // Lamps and stages keep their names.
      expect(CYRILLIC.test(sentence), sentence).toBe(language === "sr-Cyrl");
    }
  });

  test("has a text for each step and each switch", () => {
    const { steps, troubles } = WORDS[language];
    for (const step of STEPS) expect(steps[step].hint).toMatch(/\.$/);
    expect(new Set(TROUBLES.map((trouble) => troubles[trouble])).size).toBe(TROUBLES.length);
  });
});

test("a short time is in milliseconds, a long one in seconds, in the form of the language", () => {
  const sentence = (ms: number) => sentenceOf({ kind: "leg", leg: "dispatch", ms }, "sl", "sl-SI");
  expect(sentence(31.4)).toContain(" 31 ms.");
  expect(sentence(42_160)).toContain(" 42,2 s.");
});

test("a fault that this page does not know is named by its part and code", () => {
  const said: Said = { kind: "fault", part: "gps", code: "haunted", over: false };
  expect(sentenceOf(said, "en", "en-GB")).toBe("The car reports: gps: haunted");
});

test("the step to do is the first that is not done, in whatever order they are done", () => {
  expect(nextStep([])).toBe("moves");
  expect(nextStep(["moves", "heard"])).toBe("press");
  expect(nextStep(STEPS)).toBeUndefined();
});

test("reports from before that come one after the other are one line with their sum", () => {
  const line = (n: number, said: Said): LogLine => ({ n, at: n, said });
  const lines = [
    line(1, { kind: "history", reports: 3 }),
    line(2, { kind: "history", reports: 4 }),
    line(3, { kind: "pressed" }),
    line(4, { kind: "history", reports: 5 }),
  ];
  expect(folded(lines)).toEqual([
    line(1, { kind: "history", reports: 7 }),
    line(3, { kind: "pressed" }),
    line(4, { kind: "history", reports: 5 }),
  ]);
});
