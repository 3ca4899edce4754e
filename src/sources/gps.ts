import { SourceError, type ByteSource } from "../domain/bytes.ts";
import type { Fix } from "../domain/fix.ts";
import { createNmeaDecoder, type NmeaTally } from "../decode/nmea/decoder.ts";
import { rolloverCorrectionMs } from "../decode/nmea/rollover.ts";
import type { Backoff } from "../runtime/backoff.ts";
import { reasonOf } from "../runtime/log.ts";
import { pause } from "../runtime/wait.ts";

/** What the GPS reader tells of itself; each change is told once. */
export type GpsListener = {
  fix(fix: Fix): void;
  /** Called after the fixes of each chunk: a promise is waited for before reading on. */
  pressure(): Promise<void> | undefined;
  fault(code: SourceError["code"], detail: string): void;
  /** The first valid sentence since the device was opened. */
  heard(afterFault: boolean): void;
  /** The receiver's week counter has rolled over and its dates are put right by this much. */
  rollover(correctionMs: number): void;
};

export type GpsOptions = {
  readonly source: ByteSource;
  readonly tally: NmeaTally;
  readonly backoff: Backoff;
  readonly hostNow: () => number;
  /** A recording ends; a device is reopened for ever. */
  readonly once?: boolean;
  readonly patience?: Patience;
};

type Patience = {
  /** No valid sentence for this long is a fault. */
  readonly silentMs: number;
  /** For this long, the device is opened anew. */
  readonly reopenMs: number;
  readonly watchMs: number;
};
const PATIENCE: Patience = { silentMs: 10_000, reopenMs: 30_000, watchMs: 1_000 };

const silence = (bytes: number): SourceError =>
  bytes === 0
    ? new SourceError("silent", "the receiver sends nothing")
    : new SourceError("no-nmea", "bytes arrive but no valid sentence: wrong baud rate, or another device?");

/** Reads a receiver until the signal fires, reopening it with backoff whatever happens to it. */
export const readGps = async (options: GpsOptions, on: GpsListener, signal: AbortSignal): Promise<void> => {
  const patience = options.patience ?? PATIENCE;
  let faulty: SourceError["code"] | undefined;
  let correction = 0;
  const fail = (error: SourceError) => {
    if (faulty !== error.code) on.fault(error.code, error.message);
    faulty = error.code;
  };

  const readOnce = async (): Promise<void> => {
    const giveUp = new AbortController();
    const decoder = createNmeaDecoder((fix) => {
      const shift = rolloverCorrectionMs(fix.at, options.hostNow());
      if (shift !== correction) {
        correction = shift;
        if (shift !== 0) on.rollover(shift);
      }
      on.fix(shift === 0 ? fix : { ...fix, at: fix.at + shift });
    }, options.tally);
    let open = false;
    let bytes = 0;
    let heard = performance.now();
    let stalled: SourceError | undefined;
    const watch = setInterval(() => {
      if (options.once) return;
      const quietMs = performance.now() - heard;
      if (quietMs >= patience.silentMs) fail(silence(bytes));
      if (quietMs >= patience.reopenMs) {
        stalled = silence(bytes);
        giveUp.abort();
      }
    }, patience.watchMs);
    try {
      for await (const chunk of options.source(AbortSignal.any([signal, giveUp.signal]))) {
        const before = options.tally.sentences;
        decoder.push(chunk);
        bytes += chunk.length;
        if (options.tally.sentences > before) {
          heard = performance.now();
          bytes = 0;
          options.backoff.reset();
          if (faulty || !open) on.heard(faulty !== undefined);
          open = true;
          faulty = undefined;
        }
        // oxlint-disable-next-line no-await-in-loop -- asked again until there is room
        for (let full = on.pressure(); full; full = on.pressure()) await full;
      }
    } finally {
      clearInterval(watch);
      // An epoch that a silent receiver left open is old news by now.
      if (!stalled) decoder.end();
    }
    if (stalled) throw stalled;
  };

  while (!signal.aborted) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one receiver, one connection at a time
      await readOnce();
    } catch (cause) {
      if (signal.aborted) return;
      fail(cause instanceof SourceError ? cause : new SourceError("failed", reasonOf(cause), cause));
    }
    if (options.once) return;
    // oxlint-disable-next-line no-await-in-loop
    if (!signal.aborted) await pause(options.backoff.next(), signal);
  }
};
