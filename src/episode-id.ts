import { createHash } from "node:crypto";
import { ulid } from "ulid";
import type { BoardPress } from "./domain/panic.ts";

/** The time in the id is coarse: the same press, told again, must not get another by a few milliseconds. */
const TIME_MS = 65_536;

/**
 * The id of the episode that a press opens, a ULID: its second half is made of the board's id and
 * the press's number, and so names the press. A unit that was killed while its disk took nothing
 * hears the press again, and goes on under the same id: dispatch does not see two emergencies.
 * @param pressedAt UTC milliseconds
 */
export const episodeIdOf = ({ board, number }: BoardPress, pressedAt: number): string => {
  if (number === 0) return ulid(pressedAt); // a board without a latch tells nothing again
  const bytes = createHash("sha256").update(`${board} ${number}`).digest().values();
  return ulid(pressedAt - (pressedAt % TIME_MS), () => bytes.next().value! / 256);
};
