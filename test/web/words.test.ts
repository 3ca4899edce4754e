import { describe, expect, test } from "vitest";
import { CATALOGUE } from "../../src/domain/faults.ts";
import { faultWords } from "../../src/web/viewer/fault-words.ts";
import { LANGUAGES } from "../../src/web/viewer/language.ts";
import { WORDS } from "../../src/web/status/words.ts";

const CYRILLIC = /\p{Script=Cyrillic}/u;

/** Every text of a tree, those of functions with placeholders for their values. */
const texts = (tree: object, path = ""): [string, string][] =>
  Object.entries(tree).flatMap(([key, text]: [string, unknown]): [string, string][] => {
    const name = `${path}.${key}`;
    if (typeof text === "string") return [[name, text]];
    if (typeof text === "function") return [[name, String(Reflect.apply(text, undefined, ["7", "9", "11"]))]];
    return texts(text as object, name);
  });

describe.each(LANGUAGES)("the page in %s", (language) => {
  test("has no empty text", () => {
    expect(texts(WORDS[language]).filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  test("is written in one script", () => {
    const cyrillic = texts(WORDS[language]).filter(([, text]) => CYRILLIC.test(text)).length;
    if (language === "sr-Cyrl") expect(cyrillic).toBeGreaterThan(150);
    else expect(cyrillic).toBe(0);
  });

  test.each(CATALOGUE.map(({ part, code }) => [part, code]))(
    "has a sentence and a remedy for %s %s",
    (part, code) => {
      const words = faultWords(language, { part, code });
      expect(words?.sentence).toMatch(/\.$/);
      expect(words?.remedy).toMatch(/[.?]$/);
      expect(CYRILLIC.test(words?.sentence ?? "")).toBe(language === "sr-Cyrl");
    },
  );
});

/** What is to be typed, and keys of the configuration: it is the same in every language. */
const codes = (text: string): string[] =>
  [...text.matchAll(/`([^`]*)`/g)].map((match) => match[1]!).toSorted();

describe.each(CATALOGUE.map(({ part, code }) => [part, code]))("the translations of %s %s", (part, code) => {
  test.each(["sr-Cyrl", "sr-Latn", "sl"] as const)(
    "%s names the same commands and keys as English",
    (language) => {
      const english = faultWords("en", { part, code });
      const other = faultWords(language, { part, code });
      expect(codes(other?.remedy ?? "")).toEqual(expect.arrayContaining(codes(english?.remedy ?? "")));
      expect(codes(other?.sentence ?? "")).toEqual(codes(english?.sentence ?? ""));
    },
  );
});

test("a fault that the catalogue does not have has no words", () => {
  for (const language of LANGUAGES) {
    expect(faultWords(language, { part: "gps", code: "haunted" })).toBeUndefined();
    expect(faultWords(language, { part: "constructor", code: "name" })).toBeUndefined();
  }
});
