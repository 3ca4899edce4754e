/** One frame as it was on the bus. */
export type CanFrame = {
  /** Seconds since 1970, as the kernel or the recording stamped it. */
  readonly t: number;
  /** The interface that received it. */
  readonly bus: string;
  /** 11 or 29 bits, without flags. */
  readonly id: number;
  readonly extended: boolean;
  readonly data: Uint8Array;
};

/** A value of a signal. Integers beyond 2^53 stay exact. */
export type SignalValue = number | bigint;

/** An id to receive. `group`: every id of its J1939 parameter group, from any sender. */
export type CanFilter = { readonly id: number; readonly extended: boolean; readonly group: boolean };

/** The bits of a 29-bit id that name its parameter group. If PF is below 240, PS is the destination. SAE J1939-21 §5.2. */
export const groupMask = (id: number): number => (((id >>> 16) & 0xff) < 240 ? 0x3ff_0000 : 0x3ff_ff00);

/** Whether a frame passes one of the filters. */
export const passes = (filters: readonly CanFilter[], frame: CanFrame): boolean =>
  filters.some(({ id, extended, group }) => {
    if (extended !== frame.extended) return false;
    const mask = group ? groupMask(id) : 0x1fff_ffff;
    return (id & mask) === (frame.id & mask);
  });

/** A bus that the unit reads and never writes to. */
export type CanSource = {
  /**
   * Batches of frames; a bus yields an empty one when it is open. Ends when a recording ends; throws SourceError when the
   * interface fails.
   */
  listen(filters: readonly CanFilter[], signal: AbortSignal): AsyncIterable<readonly CanFrame[]>;
  /** Frames that passed the filters and were lost between the kernel and the unit, since the start. */
  readonly dropped: number;
  /** Error frames since the start. The controller makes them to report the state of the bus. */
  readonly errors: number;
};
