/** A place in a file, both counted from 1. */
export type Place = { readonly line: number; readonly column: number };

/** A word, a string or a punctuation sign, and where it stands. */
export type Token = Place & {
  readonly kind: "word" | "string" | "sign";
  readonly text: string;
  /** The first token of its line: only there a statement begins. */
  readonly first: boolean;
};

const SIGNS = ":|@()[],;";

/**
 * DBC text to tokens. A word is whatever stands between blanks and signs: names, numbers with their
 * sign, `1-` of a byte order, `0-5` of a range. Strings may span lines; `\"` does not end one.
 * Comments from `//` to the end of the line are dropped.
 */
export const tokenize = (text: string): Token[] => {
  const tokens: Token[] = [];
  const pattern = /\/\/[^\n]*|("(?:\\"|[^"])*"?)|([:|@()[\],;])|([^\s:|@()[\],;"]+)|\n/g;
  let line = 1;
  let lineStart = 0;
  let first = true;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const [whole, quoted, sign, word] = match;
    if (whole === "\n") {
      line++;
      lineStart = pattern.lastIndex;
      first = true;
      continue;
    }
    const place = { line, column: match.index - lineStart + 1, first };
    if (quoted !== undefined) {
      const inner = quoted.endsWith('"') && quoted.length > 1 ? quoted.slice(1, -1) : quoted.slice(1);
      tokens.push({ kind: "string", text: inner.replaceAll('\\"', '"'), ...place });
      const breaks = quoted.split("\n").length - 1;
      line += breaks;
      if (breaks > 0) lineStart = match.index + quoted.lastIndexOf("\n") + 1;
    } else if (sign !== undefined) tokens.push({ kind: "sign", text: sign, ...place });
    else if (word !== undefined) tokens.push({ kind: "word", text: word, ...place });
    else continue;
    first = false;
  }
  return tokens;
};

/** Whether a token is this punctuation sign. */
export const isSign = (token: Token | undefined, sign: string): boolean =>
  token?.kind === "sign" && SIGNS.includes(sign) && token.text === sign;
