/**
 * Whether the unit makes progress. If it does not, its watchdog is not fed, and the service manager starts it anew: what
 * was confirmed is on disk, and the board repeats what was not. Pure: the caller reads clock and parts.
 */

/**
 * A card that is busy with itself answers within seconds. A unit whose disk has hung works from memory, but what
 * it learns then is lost with the power.
 */
export const DISK_STUCK_MS = 60_000;
/**
 * The link tries a broker at least each minute, each attempt ends within a minute, and a connection without an answer
 * is closed after 1.5 keepalives. Five minutes without any of these is a fault of the link itself.
 */
export const LINK_STUCK_MS = 300_000;

/** What is seen of the parts at one moment. Milliseconds. */
export type Signs = {
  /** On a clock that never jumps. */
  readonly mono: number;
  /** Whether the disk leaves a write or a read without an answer. A disk that refuses does answer. */
  readonly isDiskSilent: boolean;
  /** For how long the link has done nothing, although it has something to do. */
  readonly linkStillMs: number;
};

/** Since when the disk has been silent; undefined: it answers. */
export type Progress = { readonly diskSilentSince: number | undefined };

export const PROGRESS: Progress = { diskSilentSince: undefined };

/** What was seen before, and what is seen now. */
export const observeProgress = (before: Progress, { mono, isDiskSilent }: Signs): Progress => ({
  diskSilentSince: isDiskSilent ? (before.diskSilentSince ?? mono) : undefined,
});

/** Why the unit should be started anew. Undefined: it makes progress. */
export const stuckBecause = (
  { diskSilentSince }: Progress,
  { mono, linkStillMs }: Signs,
): string | undefined => {
  if (diskSilentSince !== undefined && mono - diskSilentSince >= DISK_STUCK_MS)
    return `the disk has not answered for ${DISK_STUCK_MS / 1000} s`;
  if (linkStillMs >= LINK_STUCK_MS) return `the link has done nothing for ${LINK_STUCK_MS / 1000} s`;
  return undefined;
};
