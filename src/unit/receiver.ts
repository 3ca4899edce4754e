import { SourceError, type ByteSource } from "../domain/bytes.ts";
import type { Arrival, Fix } from "../domain/fix.ts";
import { createNmeaDecoder, type NmeaDecoder, type NmeaTally } from "../decode/nmea/decoder.ts";
import type { TimeJudge } from "../decode/nmea/epoch.ts";
import { rolloverCorrectionMs } from "../decode/nmea/rollover.ts";
import type { Sentence } from "../decode/nmea/sentence.ts";
import { reasonOf } from "../runtime/log.ts";
import type { Random, Time, Timer } from "../runtime/ports.ts";
import { reopening, type Verdict } from "../runtime/reopening.ts";

/** What the GPS reader reports. A state is reported once, when it begins. */
export type GpsListener = {
  /** `arrival.mono` is on the clock of `GpsOptions.mono`. */
  fix(fix: Fix, arrival: Arrival): void;
  /** Called after the fixes of each chunk. Reading continues when the promise resolves. */
  pressure(): Promise<void> | undefined;
  fault(code: SourceError["code"], detail: string): void;
  /** The first valid sentence since the device was opened. */
  heard(afterFault: boolean): void;
  /** The receiver's week counter has rolled over; its dates are corrected by this much. */
  rollover(correctionMs: number): void;
};

export type GpsOptions = {
  readonly source: ByteSource;
  readonly tally: NmeaTally;
  readonly time: Time;
  readonly random: Random;
  /** The best known time, UTC milliseconds, to correct a week rollover. */
  readonly now: () => number;
  /** Milliseconds that never jump: when a chunk arrived. */
  readonly mono: () => number;
  /** Decides about the time of each fix. Left out (a recording): every time is trusted. */
  readonly judge?: TimeJudge | undefined;
  /** Called for every valid sentence. */
  readonly sentence?: (sentence: Sentence, mono: number) => void;
  /** Read once, for a recording. Otherwise the device is reopened for ever. */
  readonly once?: boolean;
  readonly patience?: Patience;
};

type Patience = {
  /** No valid sentence for this long is a fault. */
  readonly silentMs: number;
  /** After this long, the device is closed and reopened. */
  readonly reopenMs: number;
  readonly watchMs: number;
};
const PATIENCE: Patience = { silentMs: 10_000, reopenMs: 30_000, watchMs: 1_000 };

const silence = (bytes: number): SourceError =>
  bytes === 0
    ? new SourceError("silent", "the receiver sends nothing")
    : new SourceError("no-nmea", "bytes arrive but no valid sentence: wrong baud rate, or another device?");

/**
 * Watches one connection for silence: reports it, and aborts the connection if it lasts. Only time in which
 * the process reads counts: while it stands still, or waits for room, what the receiver sends is buffered.
 */
class SilenceWatch implements Disposable {
  readonly #giveUp = new AbortController();
  readonly #timer: Timer;
  #bytes = 0;
  #quietMs = 0;
  #lookedAt: number;
  #reads = true;
  /** Why the connection was given up. */
  stalled: SourceError | undefined;

  constructor(time: Time, patience: Patience, fail: (error: SourceError) => void) {
    this.#lookedAt = time.mono();
    this.#timer = time.every(patience.watchMs, () => {
      const now = time.mono();
      if (this.#reads) this.#quietMs += Math.min(now - this.#lookedAt, 2 * patience.watchMs);
      this.#lookedAt = now;
      if (this.#quietMs >= patience.silentMs) fail(silence(this.#bytes));
      if (this.#quietMs < patience.reopenMs) return;
      this.stalled = silence(this.#bytes);
      this.#giveUp.abort();
    });
  }

  get signal(): AbortSignal {
    return this.#giveUp.signal;
  }

  bytes(count: number, heard: boolean): void {
    this.#bytes = heard ? 0 : this.#bytes + count;
    if (heard) this.#quietMs = 0;
  }

  /** Waits for the promise: nothing is read meanwhile. */
  async pause(until: Promise<void>): Promise<void> {
    this.#reads = false;
    await until;
    this.#reads = true;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}

class GpsReader {
  readonly #options: GpsOptions;
  readonly #on: GpsListener;
  #faulty: SourceError["code"] | undefined;
  #correctionMs = 0;

  constructor(options: GpsOptions, on: GpsListener) {
    this.#options = options;
    this.#on = on;
  }

  fail(error: SourceError): void {
    if (this.#faulty !== error.code) this.#on.fault(error.code, error.message);
    this.#faulty = error.code;
  }

  /**
   * Reads one connection until it ends, fails, or has been silent for too long. Returns whether a valid
   * sentence was received.
   */
  async readOnce(signal: AbortSignal): Promise<boolean> {
    const { source, tally, once, mono, time, patience = PATIENCE } = this.#options;
    const decoder = this.#decoder();
    // A recording is never silent.
    using watch = new SilenceWatch(
      time,
      once ? { ...patience, silentMs: Infinity, reopenMs: Infinity } : patience,
      (error) => this.fail(error),
    );
    let open = false;
    try {
      for await (const chunk of source(AbortSignal.any([signal, watch.signal]))) {
        const before = tally.sentences;
        decoder.push(chunk, mono());
        const heard = tally.sentences > before;
        watch.bytes(chunk.length, heard);
        if (heard) {
          if (this.#faulty || !open) this.#on.heard(this.#faulty !== undefined);
          open = true;
          this.#faulty = undefined;
        }
        // oxlint-disable-next-line no-await-in-loop -- asked again until there is room
        for (let full = this.#on.pressure(); full; full = this.#on.pressure()) await watch.pause(full);
      }
    } finally {
      // Emit the last epoch: it keeps the time of its arrival.
      decoder.end();
    }
    if (watch.stalled) throw watch.stalled;
    return open;
  }

  #decoder(): NmeaDecoder {
    const { tally, judge, now, sentence } = this.#options;
    let shift = 0;
    return createNmeaDecoder(
      (fix, arrival) => {
        if (arrival.time === "trusted") this.#correct(shift);
        this.#on.fix(shift === 0 ? fix : { ...fix, at: fix.at + shift }, arrival);
      },
      {
        tally,
        ...(sentence ? { sentence } : {}),
        // Called for every fix, just before it is emitted.
        judge: (at, mono, dated) => {
          shift = rolloverCorrectionMs(at, now());
          return judge?.(at + shift, mono, dated) ?? "trusted";
        },
      },
    );
  }

  #correct(shift: number): void {
    if (shift === this.#correctionMs) return;
    this.#correctionMs = shift;
    if (shift !== 0) this.#on.rollover(shift);
  }
}

const REOPEN_MS = { min: 500, max: 15_000 };

/** Reads a receiver until the signal fires, and reopens it after every failure. */
export const readGps = (options: GpsOptions, on: GpsListener, signal: AbortSignal): Promise<void> => {
  const { time, random, once } = options;
  const reader = new GpsReader(options, on);
  const visit = async (): Promise<Verdict> => {
    let heard = false;
    try {
      heard = await reader.readOnce(signal);
    } catch (cause) {
      if (signal.aborted) return "done";
      reader.fail(cause instanceof SourceError ? cause : new SourceError("failed", reasonOf(cause), cause));
    }
    if (once) return "done";
    return heard ? "worked" : "failed";
  };
  const { min, max } = REOPEN_MS;
  return reopening({ time, random, minMs: min, maxMs: max, signal, visit }).ended;
};
