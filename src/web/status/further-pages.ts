import type { Words } from "./words/english.ts";

/** Pages of the unit beside this one, such as the commissioning list. Each is a link beside the views. */
export const FURTHER_PAGES: readonly { readonly href: string; readonly title: (words: Words) => string }[] =
  [];
