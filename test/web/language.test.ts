import { describe, expect, test } from "vitest";
import { toLatin } from "../../src/domain/faults/latin.ts";
import { chooseLanguage, inEveryLanguage } from "../../src/web/viewer/language.ts";

describe("the language of a page", () => {
  test.each([
    ["the remembered one comes first", "sl", ["en-GB"], "sl"],
    ["without one, the browser's first that the pages have", undefined, ["de-AT", "sl-SI", "en"], "sl"],
    ["Serbian without a script is Cyrillic", undefined, ["sr"], "sr-Cyrl"],
    ["Serbian in Latin letters", undefined, ["sr-Latn-RS"], "sr-Latn"],
    ["Croatian readers get Serbian in Latin letters", undefined, ["hr-HR"], "sr-Latn"],
    ["a remembered value that is no language is ignored", "klingon", ["sl"], "sl"],
    ["else English", undefined, ["de", "fr"], "en"],
  ] as const)("%s", (_, stored, wanted, chosen) => {
    expect(chooseLanguage(stored, wanted)).toBe(chosen);
  });
});

describe("Serbian in Latin letters", () => {
  test("every letter of the alphabet has its Latin form", () => {
    expect(toLatin("абвгдђежзијклљмнњопрстћуфхцчџш")).toBe("abvgdđežzijklljmnnjoprstćufhcčdžš");
  });

  test("a digraph is Lj at the beginning of a word and LJ in a word of capitals", () => {
    expect(toLatin("Љубав и ЉУБАВ, Њен, Џеп, КОЊ")).toBe("Ljubav i LJUBAV, Njen, Džep, KONJ");
  });

  test("what is not Cyrillic stays: commands, keys, figures", () => {
    expect(toLatin("Проверите `gps.port`: 4,8 V")).toBe("Proverite `gps.port`: 4,8 V");
  });

  test("texts are turned wherever they are, those made by functions too", () => {
    const texts = inEveryLanguage({
      en: { a: "yes", b: { c: (n: number) => `${n} left` } },
      "sr-Cyrl": { a: "да", b: { c: (n: number) => `још ${n}` } },
      sl: { a: "da", b: { c: (n: number) => `še ${n}` } },
    });
    expect(texts["sr-Latn"].a).toBe("da");
    expect(texts["sr-Latn"].b.c(3)).toBe("još 3");
  });
});
