import { isKeepableThroughout } from "../domain/text.ts";

/** What no store of the recorder can keep. */

/** JSON may be nested so deep. PostgreSQL refuses what exceeds its stack, SQLite's functions 1,000 levels. */
const DEEPEST = 64;

/** A report of all signals of a large car has some hundred values. Each one that is wrong takes microseconds to name. */
const MOST_VALUES = 5_000;

const BACKSLASH = 92;
const QUOTE = 34;
const COMMA = 44;

/** How deep the objects and arrays of a JSON text are nested, and how many commas separate what is in them. */
const shapeOf = (text: string): { readonly deepest: number; readonly commas: number } => {
  let depth = 0;
  let deepest = 0;
  let commas = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === COMMA) commas++;
    else if (code === 123 || code === 91) deepest = Math.max(deepest, ++depth);
    else if (code === 125 || code === 93) depth--;
  }
  return { deepest, commas };
};

/** Parses the JSON of one report. Throws an Error that says why it cannot be kept. */
export const parseStorable = (text: string): unknown => {
  const { deepest, commas } = shapeOf(text);
  if (deepest > DEEPEST) throw new Error(`nested deeper than ${DEEPEST} levels`);
  if (commas >= MOST_VALUES) throw new Error(`more than ${MOST_VALUES} values`);
  const value: unknown = JSON.parse(text);
  // Only an escape can make such a text: the bytes were checked to be UTF-8.
  if (text.includes("\\u") && !isKeepableThroughout(value))
    throw new Error("a text has U+0000 or half of a surrogate pair");
  return value;
};
