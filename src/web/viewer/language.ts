import { toLatin } from "../../domain/faults/latin.ts";
import { unpack } from "./packed.ts";

/** The languages of the pages. The tags are BCP 47. */
export const LANGUAGES = ["en", "sr-Cyrl", "sr-Latn", "sl"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What each language calls itself. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: "English",
  "sr-Cyrl": "Српски",
  "sr-Latn": "Srpski",
  sl: "Slovenščina",
};

/** For `Intl`: with the region, so that numbers and dates have the form that is usual there. */
export const LOCALES: Readonly<Record<Language, string>> = {
  en: "en-GB",
  "sr-Cyrl": "sr-Cyrl-RS",
  "sr-Latn": "sr-Latn-RS",
  sl: "sl-SI",
};

const isLanguage = (tag: string): tag is Language => (LANGUAGES as readonly string[]).includes(tag);

/** The page's language for a browser's tag. Croatian, Bosnian and Montenegrin readers get Serbian in Latin letters. */
const languageFor = (tag: string): Language | undefined => {
  const [primary = "", ...rest] = tag.toLowerCase().split("-");
  if (primary === "en" || primary === "sl") return primary;
  if (primary === "sr") return rest.includes("latn") ? "sr-Latn" : "sr-Cyrl";
  return ["hr", "bs", "sh", "cnr"].includes(primary) ? "sr-Latn" : undefined;
};

/** The remembered language; else the first of the browser's languages that the pages have; else English. */
export const chooseLanguage = (stored: string | undefined, wanted: readonly string[]): Language => {
  if (stored !== undefined && isLanguage(stored)) return stored;
  for (const tag of wanted) {
    const language = languageFor(tag);
    if (language) return language;
  }
  return "en";
};

/**
 * Texts of one language. A function makes a text from values. The shape of the English texts is the type of
 * the others, so a missing text is a compile error.
 */
export type Texts = { readonly [key: string]: string | ((...values: never[]) => string) | Texts };

/** The same texts, each turned into another one. */
const turnedBy = <T extends Texts>(texts: T, turn: (text: string) => string): T => {
  const turned = Object.entries(texts).map(([key, text]) => {
    if (typeof text === "string") return [key, turn(text)];
    if (typeof text === "function") return [key, (...values: never[]) => turn(text(...values))];
    return [key, turnedBy(text, turn)];
  });
  return Object.fromEntries(turned) as T;
};

/** The texts of every language, from those that are written by hand. */
export const inEveryLanguage = <T extends Texts>(by: {
  readonly en: T;
  readonly "sr-Cyrl": T;
  readonly sl: T;
}): Readonly<Record<Language, T>> => {
  const serbian = turnedBy(by["sr-Cyrl"], unpack);
  return { ...by, "sr-Cyrl": serbian, "sr-Latn": turnedBy(serbian, toLatin) };
};
