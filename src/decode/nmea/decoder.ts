import type { Fix } from "../../domain/fix.ts";
import { createEpochAssembler, type EpochCause } from "./epoch.ts";
import { createFramer, type Framed } from "./framer.ts";
import { parseSentence, type Refusal } from "./sentence.ts";
import { readStatement } from "./statement.ts";

/** Why something that came from a receiver did not become a position. */
type RejectCause = "half" | "overlong" | Refusal | EpochCause;

/** Counts since the decoder was made. `rejected` holds only causes that occurred. */
export type NmeaTally = {
  sentences: number;
  fixes: number;
  readonly rejected: { [cause in RejectCause]?: number };
};

export type NmeaDecoder = {
  readonly tally: Readonly<NmeaTally>;
  /** Bytes as they come, split anywhere. Never throws; memory is bounded by one sentence. */
  push(chunk: Uint8Array): void;
  /** The stream is over: gives out the last epoch. */
  end(): void;
};

/** Bytes of NMEA 0183 to fixes, one an epoch. Pure: what comes out depends on the bytes alone. */
export const createNmeaDecoder = (
  onFix: (fix: Fix) => void,
  tally: NmeaTally = { sentences: 0, fixes: 0, rejected: {} },
): NmeaDecoder => {
  const framer = createFramer();
  const reject = (cause: RejectCause) => {
    tally.rejected[cause] = (tally.rejected[cause] ?? 0) + 1;
  };
  const epochs = createEpochAssembler({
    fix(fix) {
      tally.fixes++;
      onFix(fix);
    },
    reject,
  });

  const take = (framed: Framed): void => {
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
    const statement = readStatement(sentence);
    if (statement) epochs.push(sentence.formatter, sentence.talker, statement);
  };

  return {
    tally,
    push: (chunk) => framer.push(chunk, take),
    end: () => epochs.end(),
  };
};
