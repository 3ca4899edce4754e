import type { SourceError } from "../../domain/bytes.ts";
import type { CanFrame } from "../../domain/can.ts";
import type { KernelFilter } from "./filters.ts";

/** An open socket on a CAN interface. It can only receive. Disposing it closes it. */
export type Channel = Disposable & {
  /**
   * Data frames in the order in which they arrive, in batches, each frame with the kernel's time. Ends when the signal
   * fires. If the socket fails, it yields what arrived before, then throws SourceError.
   */
  batches(signal: AbortSignal): AsyncIterable<readonly CanFrame[]>;
  /** Ends `batches` with an error, after the frames that have arrived. Only the first error counts. */
  fail(error: SourceError): void;
  /** Frames that passed the filters and were lost, since it was opened. */
  readonly dropped: number;
};

/** Opens a channel. `onError` gets the flags of each error frame (linux/can/error.h). Throws SourceError. */
export type OpenChannel = (
  name: string,
  filters: readonly KernelFilter[],
  onError: (flags: number) => void,
) => Channel;

/** A way to read a bus. Loads its library; rejects with SourceError if that is not installed. */
export type CanDriver = () => Promise<OpenChannel>;
