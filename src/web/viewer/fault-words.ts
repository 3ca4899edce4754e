import { ENGLISH } from "built:fault-texts";
import { toLatin } from "../../domain/faults/latin.ts";
import { SERBIAN } from "../../domain/faults/serbian.ts";
import { SLOVENE } from "../../domain/faults/slovene.ts";
import type { CatalogueWords, FaultWords } from "../../domain/faults/words.ts";
import type { Language } from "./language.ts";
import { unpack } from "./packed.ts";

type Named = { readonly part: string; readonly code: string };

const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

const wordsOf = (
  { device, configuration }: CatalogueWords,
  { part, code }: Named,
): FaultWords | undefined => {
  const rows = own<Readonly<Record<string, FaultWords>>>(device, part);
  const words = rows && own(rows, code);
  if (words) return words;
  const sentence = own<string>(configuration.sentences, code);
  return sentence === undefined ? undefined : { sentence, remedy: configuration.remedy };
};

const turned = (words: FaultWords | undefined, turn: (text: string) => string): FaultWords | undefined =>
  words && { sentence: turn(words.sentence), remedy: turn(words.remedy) };

/**
 * The catalogue's sentence and remedy for a fault. Undefined: the catalogue has no such fault, because the unit
 * is of another release than the page.
 */
export const faultWords = (language: Language, fault: Named): FaultWords | undefined => {
  switch (language) {
    case "en":
      return wordsOf(ENGLISH, fault);
    case "sr-Cyrl":
      return turned(wordsOf(SERBIAN, fault), unpack);
    case "sr-Latn":
      return turned(wordsOf(SERBIAN, fault), (text) => toLatin(unpack(text)));
    case "sl":
      return wordsOf(SLOVENE, fault);
  }
};
