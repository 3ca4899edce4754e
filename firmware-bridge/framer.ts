import { END_SYSEX, PANIC_SYSEX, START_SYSEX } from "./protocol.ts";

/** Longer than any sysex of ours or of Firmata's: a longer one is noise, and given up. */
const MAX_SYSEX = 512;

export type BoardBytes = {
  /** A whole sysex of ours, without F0, command and F7; its CRC has not been checked. */
  panic(body: Uint8Array): void;
  /** Everything else, in order: Firmata's. Its sysex messages come whole. */
  firmata(bytes: Uint8Array): void;
  /** Bytes of ours that were cut short, or grew too long. */
  broken(): void;
};

/**
 * Separates our messages from a Firmata stream. Memory is bounded by one message. If another message
 * interrupts one (the board was reset), the first is given up and the second read.
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
