/** Chunks of bytes from a device. Ends when the device ends; throws SourceError when it fails. */
export type ByteSource = (signal: AbortSignal) => AsyncIterable<Uint8Array>;

export type SourceFault =
  | "absent"
  | "denied"
  | "unplugged"
  | "silent"
  | "no-nmea"
  | "down"
  | "bus-off"
  | "not-listen-only"
  | "failed";

/** A device that cannot be read. `message` says in one sentence what is wrong and what to do. */
export class SourceError extends Error {
  readonly code: SourceFault;
  constructor(code: SourceFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
