import type { Arrival, Fix } from "../../domain/fix.ts";
import { EpochAssembler, type EpochCause, type TimeJudge } from "./epoch.ts";
import { createFramer, type Framed } from "./framer.ts";
import { parseSentence, type Refusal, type Sentence } from "./sentence.ts";
import { readStatement } from "./statement.ts";

/** Why something that came from a receiver did not become a position. */
type RejectCause = "half" | "overlong" | "misdated" | Refusal | EpochCause;

/**
 * Counts since the decoder was made. `rejected` holds only causes that occurred; of a `misdated`
 * fix only the time was rejected.
 */
export type NmeaTally = {
  sentences: number;
  fixes: number;
  readonly rejected: { [cause in RejectCause]?: number };
};

export type NmeaDecoder = {
  readonly tally: Readonly<NmeaTally>;
  /**
   * Bytes as they come, split anywhere. `mono`: when they arrived, milliseconds; a recording has
   * no arrival and leaves it out. Never throws. Memory is bounded: one sentence, two epochs.
   */
  push(chunk: Uint8Array, mono?: number): void;
  /** The stream is over: emits the last epoch. */
  end(): void;
};

export type NmeaOptions = {
  readonly tally?: NmeaTally;
  /** Decides about the time of each fix. Left out: every time that can be written is trusted. */
  readonly judge?: TimeJudge;
  /** Called for every valid sentence, whatever it says. Must not throw. */
  readonly sentence?: (sentence: Sentence, mono: number) => void;
};

const trustAll: TimeJudge = () => "trusted";

/** Bytes of NMEA 0183 to fixes, one an epoch. Pure: what comes out depends on what is pushed. */
export const createNmeaDecoder = (
  onFix: (fix: Fix, arrival: Arrival) => void,
  options: NmeaOptions = {},
): NmeaDecoder => {
  const { tally = { sentences: 0, fixes: 0, rejected: {} }, sentence: onSentence } = options;
  const framer = createFramer();
  let arrivedAt = 0;
  const reject = (cause: RejectCause) => {
    tally.rejected[cause] = (tally.rejected[cause] ?? 0) + 1;
  };
  const epochs = new EpochAssembler({
    fix(fix, arrival) {
      tally.fixes++;
      if (arrival.time === "misdated") reject("misdated");
      onFix(fix, arrival);
    },
    reject,
    judge: options.judge ?? trustAll,
  });

  const read = (framed: Framed): void => {
    if (framed.kind !== "sentence") {
      reject(framed.kind);
      return;
    }
    // AIS and other encapsulated sentences are another protocol's, not a receiver's fault.
    if (framed.line.charCodeAt(0) === 0x21) return;
    const sentence = parseSentence(framed.line);
    if (typeof sentence === "string") {
      reject(sentence);
      return;
    }
    tally.sentences++;
    onSentence?.(sentence, arrivedAt);
    const statement = readStatement(sentence);
    if (statement) epochs.push(sentence.formatter, sentence.talker, statement, arrivedAt);
  };

  return {
    tally,
    push(chunk, mono = 0) {
      arrivedAt = mono;
      framer.push(chunk, read);
    },
    end: () => epochs.end(),
  };
};
