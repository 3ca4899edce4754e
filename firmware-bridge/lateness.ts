import type { Input } from "./state.ts";

/**
 * How late a message of the board is read. The board gives the age of a press at the time of sending. If this
 * process stood still, the message has waited in the line's buffer since then, and the press is that much
 * older. Heartbeats show how long: they carry the board's uptime. Pure.
 */

/** The newest heartbeat or hello. Times are milliseconds on the clock that never jumps. */
export type Beat = {
  readonly uptimeS: number;
  readonly readAt: number;
  /** When a board with this clock would have started, from the newest message that was read as it came. */
  readonly startedAt: number;
  readonly lateMs: number;
};

/** Heartbeats come each second. Two that are read so far apart did not wait in a buffer. */
const PACED_MS = { min: 500, max: 1_500 };
/** Less is no standstill: a hello gives whole seconds, and the system may be busy. */
const LATE_MS = 1_500;
/** What waited in the buffer is read in one go. A message that is read later was sent later. */
const SAME_GO_MS = 100;

/** The newest beat after a message with this uptime was read at `at`. */
export const beatAfter = (before: Beat | undefined, uptimeS: number, at: number): Beat => {
  const startedAt = at - uptimeS * 1_000;
  const passedMs = at - (before?.readAt ?? -Infinity);
  const isPaced = passedMs >= PACED_MS.min && passedMs <= PACED_MS.max;
  // A lower uptime: the board was reset.
  if (!before || uptimeS < before.uptimeS || isPaced) return { uptimeS, readAt: at, startedAt, lateMs: 0 };
  const lateMs = startedAt - before.startedAt;
  return { uptimeS, readAt: at, startedAt: before.startedAt, lateMs: lateMs > LATE_MS ? lateMs : 0 };
};

/**
 * How late a message is that is read at `at`: right, or up to a second too much, since it was sent after
 * the heartbeat.
 */
export const lateMsAt = (beat: Beat | undefined, at: number): number =>
  beat && at - beat.readAt <= SAME_GO_MS ? beat.lateMs : 0;

const pressOf = (input: Input): string | undefined =>
  input.is === "message" && input.message.kind === "press"
    ? `${input.message.press.board} ${input.message.press.number}`
    : undefined;

/** Drops every press that is repeated later in the same read: the last repeat has waited least. */
export const withoutRepeats = (inputs: readonly Input[]): readonly Input[] => {
  const last = new Map(inputs.map((input) => [pressOf(input), input]));
  return inputs.filter((input) => {
    const press = pressOf(input);
    return press === undefined || last.get(press) === input;
  });
};
