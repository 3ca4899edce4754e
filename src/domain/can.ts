/** One frame as it was on the bus. */
export type CanFrame = {
  /** Seconds since 1970, as the kernel or the recording stamped it. */
  readonly t: number;
  /** The interface it came from, where there may be several. */
  readonly bus: string;
  /** 11 or 29 bits, without flags. */
  readonly id: number;
  readonly extended: boolean;
  readonly data: Uint8Array;
};

/** A value of a signal: integers past 2^53 stay exact. */
export type SignalValue = number | bigint;

/** Which frames are wanted from the bus. */
type CanFilter = (frame: CanFrame) => boolean;

/**
 * A bus that is listened to, never spoken on. Ends when a recording ends; throws SourceError when
 * the interface fails. No filters: every frame.
 */
export type CanSource = (
  filters: readonly CanFilter[],
  signal: AbortSignal,
) => AsyncIterable<readonly CanFrame[]>;
