import { createHash } from "node:crypto";
import type { BoardPress } from "../domain/panic.ts";
import type { Random } from "../runtime/ports.ts";

/**
 * ULID: Crockford's base 32, 10 characters of time (48 bits, milliseconds) and 16 random ones (80 bits).
 * https://github.com/ulid/spec
 */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_LETTERS = 10;
const OTHER_LETTERS = 16;
const LATEST = 2 ** 48 - 1;
/** The time in the id of a press is coarse, so that a repetition of the press gets the same id. */
const TIME_MS = 65_536;

const timeLetters = (at: number): string => {
  // A wrong clock gives a wrong time, but always an id.
  let left = Number.isFinite(at) ? Math.min(LATEST, Math.max(0, Math.floor(at))) : 0;
  let letters = "";
  for (let n = 0; n < TIME_LETTERS; n++) {
    letters = ALPHABET[left % 32]! + letters;
    left = Math.floor(left / 32);
  }
  return letters;
};

/** A new ULID. `at`: UTC milliseconds. */
export const newEpisodeId = (at: number, random: Random): string =>
  timeLetters(at) + Array.from({ length: OTHER_LETTERS }, () => ALPHABET[Math.floor(random() * 32)]).join("");

/**
 * The id of the episode that a press opens. Its second part is a hash of the board's id and the press's
 * number. If the unit is killed while its disk cannot be written, the board repeats the press and the
 * unit makes the same id: dispatch does not see two emergencies. `pressedAt`: UTC milliseconds.
 */
export const episodeIdOf = ({ board, number }: BoardPress, pressedAt: number, random: Random): string => {
  if (number === 0) return newEpisodeId(pressedAt, random); // a board without a latch repeats nothing
  const bytes = createHash("sha256").update(`${board} ${number}`).digest();
  const letters = Array.from(bytes.subarray(0, OTHER_LETTERS), (byte) => ALPHABET[byte % 32]);
  return timeLetters(pressedAt - (pressedAt % TIME_MS)) + letters.join("");
};
