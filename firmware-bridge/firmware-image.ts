import { cksum } from "./crc.ts";
import { readHex } from "./simulator/hex.ts";

/** A firmware that a boot loader of the panic board starts: pages of flash, and the seal in the last of them. */

export const PAGE_BYTES = 128;
/** `firmware/handover.h`. */
const SEAL_AT = 0x7bfa;
export const SEAL_PAGE = 0x7b80;
const MIN_BYTES = 0x100;

/** `at`: its address in bytes. */
export type Page = { readonly at: number; readonly bytes: Uint8Array };

export type FirmwareImage = {
  /** The firmware itself, from address 0, without a gap. */
  readonly pages: readonly Page[];
  /** The page of the seal. */
  readonly seal: Page;
  /** What the seal says. A board answers the same about its own firmware. */
  readonly bytes: number;
  readonly crc: number;
};

/**
 * Reads an image as Intel HEX. Throws an error if it is damaged, or if it has no seal that fits: no board
 * would start it.
 */
export const readFirmware = (text: string): FirmwareImage => {
  const flash = readHex(text);
  const memory = Buffer.from(flash.buffer);
  const bytes = memory.readUInt16LE(SEAL_AT);
  const crc = memory.readUInt32LE(SEAL_AT + 2);
  if (bytes < MIN_BYTES || bytes > SEAL_PAGE || cksum(memory.subarray(0, bytes)) !== crc)
    throw new Error(
      "the image has no valid seal, and a board would not start it: build it with its Makefile",
    );
  const pageAt = (at: number): Page => ({ at, bytes: Uint8Array.from(memory.subarray(at, at + PAGE_BYTES)) });
  const pages = Array.from({ length: Math.ceil(bytes / PAGE_BYTES) }, (_, i) => pageAt(i * PAGE_BYTES));
  return { pages, seal: pageAt(SEAL_PAGE), bytes, crc };
};
