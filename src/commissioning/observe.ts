import { BOARD_FIRMWARE } from "../domain/panic.ts";
import { fail, notFitted, pass, type Progress, type Waiting } from "./list.ts";
import { isTried, type Plan, type Step } from "./plan.ts";
import type { Seen } from "./seen.ts";

/** What a status says about the steps that need nothing but a status. */

const DAY_MS = 86_400_000;
/** A longer silence between two statuses interrupts a step that must hold without a break. */
export const BREAK_MS = 5_000;

type On<K extends Waiting["on"]> = Waiting & { readonly on: K };

const still = (why: string): Progress => ({ state: "waiting", on: "status", why });

const clock = ({ clock: trust }: Seen): Progress =>
  trust === "unset"
    ? still("the time is not known: it comes with the first fix, or from NTP")
    : pass({ clock: trust });

const certificate = ({ clock: trust, at, certificateExpiresAt }: Seen, { limits }: Plan): Progress => {
  if (certificateExpiresAt === undefined) return still("the service cannot read the certificate");
  if (trust === "unset") return still("the time is not known, so its days cannot be counted");
  const days = Math.floor((certificateExpiresAt - at) / DAY_MS);
  const figures = { days, expiresAt: new Date(certificateExpiresAt).toISOString() };
  if (days >= limits.certificateDays) return pass(figures);
  const reason = days < 0 ? "the certificate has expired" : `the certificate is valid for ${days} days only`;
  return fail(`${reason} (at least ${limits.certificateDays}): enrol request, then enrol install`, figures);
};

const firmware = ({ board }: Seen): Progress => {
  if (!board?.connected) return still("the panic board does not answer");
  if (board.degraded)
    return fail("the panic board has another firmware than ours, without a latch: flash firmware");
  if (board.firmware === undefined) return still("the panic board has not said its firmware yet");
  const figures = { firmware: board.firmware, released: BOARD_FIRMWARE };
  if (board.firmware === BOARD_FIRMWARE) return pass(figures);
  return fail(
    `the panic board has firmware ${board.firmware}, and this release brings ${BOARD_FIRMWARE}: flash firmware`,
    figures,
  );
};

/** The progress of a step that one snapshot decides: clock, certificate or firmware. */
export const observeStatus = ({ kind }: Step, seen: Seen, plan: Plan): Progress => {
  if (kind === "clock") return clock(seen);
  if (kind === "certificate") return certificate(seen, plan);
  return firmware(seen);
};

const tenth = (value: number): number => Math.round(value * 10) / 10;

/** No fix counts now: a good one must hold from its beginning on. */
export const noFix = (why: string): Progress => ({ state: "waiting", on: "fix", worstM: 0, why });

/** A fix that is accurate enough, without a break for the time of the limits. */
export const observeFix = (
  before: On<"fix">,
  { position }: Seen,
  { limits }: Plan,
  mono: number,
): Progress => {
  if (!position) return noFix("the receiver has no fix");
  const { accuracyM, satellites } = position;
  if (accuracyM === undefined) return noFix("the receiver does not say how accurate its fix is");
  if (accuracyM > limits.accuracyM)
    return noFix(`the fix is exact to ${tenth(accuracyM)} m only (limit ${limits.accuracyM} m)`);
  const since = before.since ?? mono;
  const worstM = Math.max(before.worstM, accuracyM);
  const least = Math.min(before.satellites ?? Infinity, satellites ?? Infinity);
  const seconds = Math.floor((mono - since) / 1_000);
  if (seconds < limits.holdS) {
    const why = `the fix has been good for ${seconds} s of ${limits.holdS} s`;
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
    const reason = `it is received, and nobody can change it here: it reads ${value}`;
    return notFitted("cannot-be-tried", reason, { value });
  }
  if (before.first === undefined) return { ...before, first: value };
  return value === before.first ? before : pass({ from: before.first, to: value });
};
