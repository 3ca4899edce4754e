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

/** An id that is wanted from the bus; `group`: its J1939 parameter group, whoever sends it. */
export type CanFilter = { readonly id: number; readonly extended: boolean; readonly group: boolean };

/** The bits of a 29-bit id that name a parameter group: the destination is none of it (PF below 240). */
export const groupMask = (id: number): number => (((id >>> 16) & 0xff) < 240 ? 0x3ff_0000 : 0x3ff_ff00);

export const passes = (filters: readonly CanFilter[], frame: CanFrame): boolean =>
  filters.some(({ id, extended, group }) => {
    if (extended !== frame.extended) return false;
    const mask = group ? groupMask(id) : 0x1fff_ffff;
    return (id & mask) === (frame.id & mask);
  });

/** A bus that is listened to, never spoken on. */
export type CanSource = {
  /** Ends when a recording ends; throws SourceError when the interface fails. */
  listen(filters: readonly CanFilter[], signal: AbortSignal): AsyncIterable<readonly CanFrame[]>;
  /** Frames that were on the bus and did not get here, since the start. */
  readonly dropped: number;
  /** Error frames since the start: the controller's word on a bus in trouble. */
  readonly errors: number;
};
