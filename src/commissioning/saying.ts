import type { ListWords } from "./words/english.ts";

/**
 * What the list says, before it is in any language: codes of the texts with their values. One after another: each
 * gives the reason for the one before it.
 */
type Said = { readonly code: string; readonly values?: readonly (string | number)[] | undefined };
export type Saying = readonly Said[];

type Says = ListWords["says"];
type ValuesOf<C extends keyof Says> = Says[C] extends (
  ...values: infer V extends readonly (string | number)[]
) => string
  ? V
  : [];

/** The text of a code, with the values that it takes. */
export const say = <C extends keyof Says>(code: C, ...values: ValuesOf<C>): Saying =>
  values.length === 0 ? [{ code }] : [{ code, values }];

const QUOTED = "words";

/** What somebody else has said, in whatever words: the same in each language. */
export const quote = (words: string): Saying => [{ code: QUOTED, values: [words] }];

type Text = string | ((...values: readonly (string | number)[]) => string);

/** A saying in a language. A code that it does not have is shown as it is: it is of another release. */
export const textOf = (saying: Saying, { says }: Pick<ListWords, "says">): string => {
  const texts: Readonly<Record<string, Text>> = says;
  return saying
    .map(({ code, values = [] }) => {
      if (code === QUOTED) return `${values[0] ?? ""}`;
      const text = Object.hasOwn(texts, code) ? texts[code] : code;
      return typeof text === "function" ? text(...values) : text;
    })
    .join(": ");
};
