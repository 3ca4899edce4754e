import { isSign, type Place, type Token } from "./lexer.ts";

/** A fault in one statement. The statements after it are still read. */
export class StatementError extends Error {
  readonly place: Place;
  constructor(place: Place, message: string) {
    super(message);
    this.place = place;
  }
}

/** Statements begin with their keyword, at the beginning of a line. */
const KEYWORD =
  /^(VERSION|NS_|BS_|BU_|BO_|SG_|EV_|CM_|BA_\w*|VAL_|VAL_TABLE_|SIG_\w+|SG_MUL_VAL_|BO_TX_BU_|ENVVAR_DATA_\w*|SGTYPE_\w*|CAT_\w*|FILTER|BU_\w+)$/;

/** The keyword of a token, which may be written together with a colon. */
export const keywordOf = (token: Token): string | undefined => {
  const text = token.text.replace(/:$/, "");
  return token.kind === "word" && KEYWORD.test(text) ? text : undefined;
};

const beginsStatement = (token: Token): boolean => token.first && keywordOf(token) !== undefined;

/** Reads tokens in order. Each method throws StatementError if it does not find what it expects. */
export class Reader {
  readonly #tokens: readonly Token[];
  #next = 0;
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }
  get peek(): Token | undefined {
    return this.#tokens[this.#next];
  }
  /** Where the next token stands; at the end of the file, where the last one stood. */
  get place(): Place {
    return this.peek ?? this.#tokens.at(-1) ?? { line: 1, column: 1 };
  }
  take(): Token {
    const token = this.peek;
    if (!token) throw new StatementError(this.place, "the file ends in the middle of a statement");
    this.#next++;
    return token;
  }
  sign(sign: string): void {
    const token = this.take();
    if (!isSign(token, sign)) throw new StatementError(token, `expected "${sign}", found "${token.text}"`);
  }
  word(what: string): string {
    const token = this.take();
    if (token.kind !== "word") throw new StatementError(token, `expected ${what}, found "${token.text}"`);
    return token.text;
  }
  string(what: string): string {
    const token = this.take();
    if (token.kind !== "string")
      throw new StatementError(token, `expected ${what} in quotes, found "${token.text}"`);
    return token.text;
  }
  number(what: string): number {
    const { place } = this;
    const text = this.word(what);
    const value = Number(text);
    if (!Number.isFinite(value)) throw new StatementError(place, `expected ${what}, found "${text}"`);
    return value;
  }
  integer(what: string): number {
    const { place } = this;
    const value = this.number(what);
    if (!Number.isInteger(value)) throw new StatementError(place, `expected ${what}, found "${value}"`);
    return value;
  }
  /** A message id as written: 32 bits, the highest of which marks an extended id. */
  messageId(): number {
    const { place } = this;
    const id = this.integer("a message id");
    if (id < 0 || id > 0xffff_ffff) throw new StatementError(place, `a message id has 32 bits, found ${id}`);
    return id;
  }
  optionalSign(sign: string): boolean {
    if (!isSign(this.peek, sign)) return false;
    this.#next++;
    return true;
  }
  /** Whether the statement ends here: at its `;`, or without one at the next statement or the end of the file. */
  get atEnd(): boolean {
    return !this.peek || isSign(this.peek, ";") || beginsStatement(this.peek);
  }
  /** Skips to the end of a statement that ends with `;`. */
  skip(): void {
    while (!this.atEnd) this.#next++;
    this.optionalSign(";");
  }
  /** Skips to the end of the line. */
  skipLine(): void {
    while (this.peek && !this.peek.first) this.#next++;
  }
  /** Skips to the next statement: after a fault, and over lists that have no end of their own. */
  resume(): void {
    while (this.peek && !beginsStatement(this.peek)) this.#next++;
  }
  /** Skips the list of new symbols: the names of statements. `BS_` follows it; BU_ and BO_ never stand in it. */
  skipNewSymbols(): void {
    while (this.peek && !/^(BS_|BU_|BO_)$/.test(this.peek.text)) this.#next++;
  }
}
