/** What a DBC file says, as far as decoding needs it. */
export type DbcSignal = {
  name: string;
  /** DBC's bit number: of the lowest bit (Intel), of the highest (Motorola, counted in sawtooth). */
  readonly start: number;
  readonly length: number;
  readonly intel: boolean;
  readonly signed: boolean;
  /** IEEE 754 of this many bits, from SIG_VALTYPE_. */
  float: 0 | 32 | 64;
  readonly factor: number;
  readonly offset: number;
  /** Factor and offset as written: integers beyond 2^53 are kept. */
  readonly scale: { readonly factor: string; readonly offset: string };
  readonly minimum: number;
  readonly maximum: number;
  readonly unit: string;
  /** Raw value, as a decimal, to its text. */
  readonly labels: Map<string, string>;
  readonly multiplexor: boolean;
  /** Set only while the multiplexor `by` has a raw value in one of the ranges. */
  multiplexed?: { by: string; ranges: readonly (readonly [bigint, bigint])[] } | undefined;
  comment?: string;
  /** GenSigStartValue, raw. */
  startValue?: number;
};

export type DbcMessage = {
  name: string;
  /** 11 or 29 bits, without the flag. */
  readonly id: number;
  readonly extended: boolean;
  readonly size: number;
  readonly signals: DbcSignal[];
  comment?: string;
  /** GenMsgCycleTime, milliseconds, if it has one. */
  cycleMs?: number;
  /** VFrameFormat J1939PG: the id names a parameter group, whoever sends it. */
  j1939: boolean;
};

export type DbcDatabase = { readonly messages: readonly DbcMessage[] };

/** Line and column count from 1. */
export type DbcFault = { readonly line: number; readonly column: number; readonly message: string };

/** Every fault of a file; `message` has one readable line for each. */
export class DbcError extends Error {
  readonly code = "DBC";
  readonly faults: readonly DbcFault[];
  constructor(file: string, faults: readonly DbcFault[]) {
    super(faults.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`).join("\n"));
    this.faults = faults;
  }
}
