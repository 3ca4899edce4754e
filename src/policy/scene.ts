import type { Fix } from "../domain/fix.ts";
import type { EmergencyData } from "../domain/report.ts";

/** The car's position and track, for the report of an emergency. Pure: `mono` is in milliseconds. */
export type Scene = {
  /** Keeps the newest fix. `mono`: when it was made, not when it was read or decoded. */
  see(fix: Fix, mono: number): void;
  /** Adds a fix that became a report to the track. */
  mark(fix: Fix, mono: number): void;
  at(mono: number): Pick<EmergencyData, "position" | "track">;
};

const TRACK = 10;
/** A position is trusted if it was made this recently, and is this exact if its accuracy is known. */
const TRUSTED_MS = 10_000;
const TRUSTED_M = 100;

type Seen = { readonly fix: Fix; readonly mono: number };

/** A scene without a fix. */
export const createScene = (): Scene => {
  let newest: Seen | undefined;
  let track: readonly Seen[] = [];

  const place = ({ fix, mono }: Seen, now: number) => {
    const { at: _, ...data } = fix;
    const ageMs = Math.max(0, Math.round(now - mono));
    return { ...data, ageMs, trusted: ageMs <= TRUSTED_MS && (fix.accuracyM ?? 0) <= TRUSTED_M };
  };

  return {
    see(fix, mono) {
      newest = { fix, mono };
    },
    mark(fix, mono) {
      track = [...track, { fix, mono }].slice(-TRACK);
    },
    at: (mono) => ({
      ...(newest ? { position: place(newest, mono) } : {}),
      ...(track.length > 0 ? { track: track.map((seen) => place(seen, mono)) } : {}),
    }),
  };
};
