import { END_SYSEX, PANIC_SYSEX, START_SYSEX } from "./protocol.ts";

/** Longer than any sysex of ours or of Firmata. A longer one is noise and is discarded. */
const MAX_SYSEX = 512;

export type BoardBytes = {
  /** A complete sysex of ours, without F0, command and F7. Its CRC is not checked yet. */
  panic(body: Uint8Array): void;
  /** All other bytes, in order. They belong to Firmata. Its sysex messages are complete. */
  firmata(bytes: Uint8Array): void;
  /** A sysex of ours that was cut short or is too long. */
  broken(): void;
};

/**
 * Separates our messages from a Firmata stream. Keeps at most one message of MAX_SYSEX bytes. If another
 * message interrupts one (the board was reset), the first is discarded and the second is read.
 */
export const createBoardFramer = (on: BoardBytes): ((chunk: Uint8Array) => void) => {
  let begun: number[] | undefined;

  return (chunk) => {
    const firmata: number[] = [];
    const passOn = (bytes: readonly number[]) => {
      for (const byte of bytes) firmata.push(byte);
    };
    const giveUp = () => {
      if (begun && begun[1] === PANIC_SYSEX) on.broken();
      else if (begun) passOn(begun);
      begun = undefined;
    };
    for (const byte of chunk) {
      if (byte === START_SYSEX) {
        giveUp();
        begun = [byte];
      } else if (!begun) firmata.push(byte);
      else if (byte === END_SYSEX) {
        if (begun[1] === PANIC_SYSEX) on.panic(Uint8Array.from(begun.slice(2)));
        else passOn([...begun, byte]);
        begun = undefined;
      } else if (byte >= 0x80 || begun.length >= MAX_SYSEX) {
        giveUp();
        firmata.push(byte);
      } else begun.push(byte);
    }
    if (firmata.length > 0) on.firmata(Uint8Array.from(firmata));
  };
};
