import { BOARD_FIRMWARE } from "../domain/panic.ts";
import { fail, notFitted, pass, type Progress, type Waiting } from "./list.ts";
import { isTried, type Plan, type Step } from "./plan.ts";
import { say, type Saying } from "./saying.ts";
import type { Seen } from "./seen.ts";

/** What a status says about the steps that need nothing but a status. */

const DAY_MS = 86_400_000;
/** A longer silence between two statuses interrupts a step that must hold without a break. */
export const BREAK_MS = 5_000;

type On<K extends Waiting["on"]> = Waiting & { readonly on: K };

const still = (why: Saying): Progress => ({ state: "waiting", on: "status", why });

const clock = ({ clock: trust }: Seen): Progress =>
  trust === "unset" ? still(say("no-time")) : pass({ clock: trust });

const certificate = ({ clock: trust, at, certificateExpiresAt }: Seen, { limits }: Plan): Progress => {
  if (certificateExpiresAt === undefined) return still(say("no-certificate"));
  if (trust === "unset") return still(say("no-days"));
  const days = Math.floor((certificateExpiresAt - at) / DAY_MS);
  const figures = { days, expiresAt: new Date(certificateExpiresAt).toISOString() };
  if (days >= limits.certificateDays) return pass(figures);
  const least = limits.certificateDays;
  return fail(days < 0 ? say("expired", least) : say("expires", days, least), figures);
};

const firmware = ({ board }: Seen): Progress => {
  if (!board?.connected) return still(say("board-away"));
  if (board.degraded) return fail(say("board-foreign"));
  if (board.firmware === undefined) return still(say("board-unsaid"));
  const figures = { firmware: board.firmware, released: BOARD_FIRMWARE };
  if (board.firmware === BOARD_FIRMWARE) return pass(figures);
  return fail(say("board-old", board.firmware, BOARD_FIRMWARE), figures);
};

/** The progress of a step that one snapshot decides: clock, certificate or firmware. */
export const observeStatus = ({ kind }: Step, seen: Seen, plan: Plan): Progress => {
  if (kind === "clock") return clock(seen);
  if (kind === "certificate") return certificate(seen, plan);
  return firmware(seen);
};

const tenth = (value: number): number => Math.round(value * 10) / 10;

/** No fix counts now: a good one must hold from its beginning on. */
export const noFix = (why: Saying): Progress => ({ state: "waiting", on: "fix", worstM: 0, why });

/** A fix that is accurate enough, without a break for the time of the limits. */
export const observeFix = (
  before: On<"fix">,
  { position }: Seen,
  { limits }: Plan,
  mono: number,
): Progress => {
  if (!position) return noFix(say("no-fix"));
  const { accuracyM, satellites } = position;
  if (accuracyM === undefined) return noFix(say("fix-unsaid"));
  if (accuracyM > limits.accuracyM) return noFix(say("fix-poor", tenth(accuracyM), limits.accuracyM));
  const since = before.since ?? mono;
  const worstM = Math.max(before.worstM, accuracyM);
  const least = Math.min(before.satellites ?? Infinity, satellites ?? Infinity);
  const seconds = Math.floor((mono - since) / 1_000);
  if (seconds < limits.holdS) {
    const why = say("fix-good", seconds, limits.holdS);
    return {
      state: "waiting",
      on: "fix",
      since,
      worstM,
      ...(least === Infinity ? {} : { satellites: least }),
      why,
    };
  }
  return pass({
    worstAccuracyM: tenth(worstM),
    seconds,
    ...(least === Infinity ? {} : { satellites: least }),
  });
};

/** A signal that changes between two values that are both known. One that nobody can change must be received. */
export const observeSignal = (
  before: On<"signal">,
  path: string,
  { signals }: Seen,
  plan: Plan,
): Progress => {
  const value = signals[path];
  if (value === undefined) return before;
  if (!isTried(plan.fitted, path)) {
    return notFitted("cannot-be-tried", say("signal-untriable", `${value}`), { value });
  }
  if (before.first === undefined) return { ...before, first: value };
  return value === before.first ? before : pass({ from: before.first, to: value });
};
