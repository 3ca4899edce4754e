import { inEveryLanguage } from "../viewer/language.ts";
import { useViewer } from "../viewer/viewer.tsx";
import { ENGLISH, type Words } from "./words/english.ts";
import { SERBIAN } from "./words/serbian.ts";
import { SLOVENE } from "./words/slovene.ts";

export const WORDS = inEveryLanguage<Words>({ en: ENGLISH, "sr-Cyrl": SERBIAN, sl: SLOVENE });

/** The page's texts in the viewer's language. */
export const useWords = (): Words => WORDS[useViewer().language];
