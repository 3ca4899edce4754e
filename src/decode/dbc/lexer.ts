/** A word, a string or a sign of punctuation, and where it stands. */
export type Token = {
  readonly kind: "word" | "string" | "sign";
  readonly text: string;
  readonly line: number;
  /** The first thing on its line: only there a statement begins. */
  readonly first: boolean;
};

const SIGNS = ":|@()[],;";

/**
 * DBC text to tokens. A word is whatever stands between blanks and signs: names, numbers with their
 * sign, `1-` of a byte order, `0-5` of a range. Strings may span lines; `\"` does not end one.
 */
export const tokenize = (text: string): Token[] => {
  const tokens: Token[] = [];
  const pattern = /\/\/[^\n]*|("(?:\\"|[^"])*"?)|([:|@()[\],;])|([^\s:|@()[\],;"]+)|\n/g;
  let line = 1;
  let first = true;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const [whole, quoted, sign, word] = match;
    if (whole === "\n") {
      line++;
      first = true;
      continue;
    }
    if (quoted !== undefined) {
      const inner = quoted.endsWith('"') && quoted.length > 1 ? quoted.slice(1, -1) : quoted.slice(1);
      tokens.push({ kind: "string", text: inner.replaceAll('\\"', '"'), line, first });
      line += quoted.split("\n").length - 1;
    } else if (sign !== undefined) tokens.push({ kind: "sign", text: sign, line, first });
    else if (word !== undefined) tokens.push({ kind: "word", text: word, line, first });
    else continue; // a comment, to the end of the line
    first = false;
  }
  return tokens;
};

export const isSign = (token: Token | undefined, sign: string): boolean =>
  token?.kind === "sign" && SIGNS.includes(sign) && token.text === sign;
