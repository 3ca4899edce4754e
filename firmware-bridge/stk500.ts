/** The part of STK500 version 1 (Atmel AVR061) that boot loaders speak. Pure. */

const END = 0x20;
const IN_SYNC = 0x14;
const OK = 0x10;
const FLASH = 0x46;

/** A command, and how many bytes its answer carries between IN_SYNC and OK. */
export type Command = { readonly bytes: Uint8Array; readonly answers: number };

const command = (bytes: Iterable<number>, answers = 0): Command => ({
  bytes: Uint8Array.of(...bytes, END),
  answers,
});

export const SYNC = command([0x30]);
export const ENTER = command([0x50]);
export const LEAVE = command([0x51]);
export const READ_SIGNATURE = command([0x75], 3);
/** Our boot loader answers HARDWARE_OURS, others 3. */
export const READ_HARDWARE = command([0x41, 0x80], 1);
export const HARDWARE_OURS = 0x50;
export const READ_MAJOR = command([0x41, 0x81], 1);

/** Where the next page is read or written; `at` in bytes. */
export const setAddress = (at: number): Command => command([0x55, (at >> 1) & 0xff, at >> 9]);
export const writePage = (bytes: Uint8Array): Command =>
  command([0x64, bytes.length >> 8, bytes.length & 0xff, FLASH, ...bytes]);
export const readPage = (length: number): Command =>
  command([0x74, length >> 8, length & 0xff, FLASH], length);

/**
 * What a loader has answered: the bytes that the answer carries; undefined: it is not complete, which it never is
 * if the loader refuses a command that reads; `wrong`: this is no answer to the command, or it was refused. Bytes
 * before IN_SYNC are noise.
 */
export const answerTo = ({ answers }: Command, received: Uint8Array): Uint8Array | "wrong" | undefined => {
  const answer = received.subarray(Math.max(0, received.indexOf(IN_SYNC)));
  const last = answer[answers + 1];
  if (answer[0] !== IN_SYNC || last === undefined) return undefined;
  return last === OK ? Uint8Array.from(answer.subarray(1, answers + 1)) : "wrong";
};
