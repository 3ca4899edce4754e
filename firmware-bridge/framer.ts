import { END_SYSEX, PANIC_SYSEX, START_SYSEX } from "./protocol.ts";

/** Longer than any sysex of ours or of Firmata's: what grows past it is noise. */
const MAX_SYSEX = 512;

export type BoardBytes = {
  /** A whole sysex of ours, without F0, command and F7; its CRC is not looked at. */
  panic(body: Uint8Array): void;
  /** Everything else, in order: Firmata's. */
  firmata(bytes: Uint8Array): void;
  /** Bytes of ours that were cut short, or grew too long. */
  broken(): void;
};

/**
 * Takes our messages out of a Firmata stream. Memory is bounded by one message; a message that
 * another interrupts (a board that was reset) is given up and the other taken.
 */
export const createBoardFramer = (on: BoardBytes): ((chunk: Uint8Array) => void) => {
  let held: number[] | undefined;

  return (chunk) => {
    let firmata: number[] = [];
    const passOn = (bytes: readonly number[]) => {
      for (const byte of bytes) firmata.push(byte);
    };
    const giveUp = () => {
      if (held && held[1] === PANIC_SYSEX) on.broken();
      else if (held) passOn(held);
      held = undefined;
    };
    for (const byte of chunk) {
      if (byte === START_SYSEX) {
        giveUp();
        held = [byte];
      } else if (!held) firmata.push(byte);
      else if (byte === END_SYSEX) {
        if (held[1] === PANIC_SYSEX) on.panic(Uint8Array.from(held.slice(2)));
        else passOn([...held, byte]);
        held = undefined;
      } else if (byte >= 0x80 || held.length >= MAX_SYSEX) {
        giveUp();
        firmata.push(byte);
      } else held.push(byte);
    }
    if (firmata.length > 0) on.firmata(Uint8Array.from(firmata));
    firmata = [];
  };
};
