import { isUtf8 } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { StateMessage } from "../domain/messages.ts";
import { reasonOf } from "../runtime/log.ts";
import { judge, type Origin } from "./judge.ts";
import type { Accepted, Rejected } from "./report.ts";
import { parseStorable } from "./storable.ts";
import type { UnitTopic } from "./topics.ts";

/** What a message of a unit holds. Pure. */

/** A unit sends at most 1,000 reports at once. A batch that opens to more than this is refused. */
const HISTORY_BYTES = 16 * 1024 * 1024;
export const HISTORY_REPORTS = 5_000;
/** A single report. The contract's largest, an emergency with its track, has about 2.4 kB. */
export const REPORT_BYTES = 1024 * 1024;
/** The console stops reading a batch after so many rejected reports. */
const SHOWN_REJECTED = 50;

export type Opened = {
  readonly accepted: readonly Accepted[];
  readonly rejected: readonly Rejected[];
  /** Of `state`. */
  readonly state?: StateMessage;
};
const NOTHING: Opened = { accepted: [], rejected: [] };

type Verdicts = { accepted: Accepted[]; rejected: Rejected[] };
/** Work that may take long, in steps of some milliseconds; what is known after each. */
export type Steps = Generator<Opened, Opened>;

const refused = (topic: string, bytes: Uint8Array, reason: string): Opened => ({
  accepted: [],
  rejected: [{ topic, reason, bytes }],
});

const judgeText = (text: string, origin: Origin, into: Verdicts): void => {
  const bytes = () => Buffer.from(text);
  let value: unknown;
  try {
    value = parseStorable(text);
  } catch (cause) {
    into.rejected.push({ topic: origin.topic, reason: reasonOf(cause), bytes: bytes() });
    return;
  }
  const verdict = judge(value, origin, bytes);
  if (verdict.kind === "accepted") into.accepted.push(verdict.accepted);
  else into.rejected.push(verdict.rejected);
};

/** Yields after each report. */
function* openHistory(origin: Origin, payload: Buffer): Steps {
  let unpacked: Buffer;
  try {
    unpacked = gunzipSync(payload, { maxOutputLength: HISTORY_BYTES });
  } catch (cause) {
    const tooLarge = cause instanceof RangeError;
    const reason = tooLarge ? `opens to more than ${HISTORY_BYTES} bytes` : `not gzip: ${reasonOf(cause)}`;
    return refused(origin.topic, payload, reason);
  }
  if (!isUtf8(unpacked)) return refused(origin.topic, payload, "not UTF-8");
  const lines = unpacked
    .toString("utf8")
    .split("\n", HISTORY_REPORTS + 1)
    .filter((line) => line !== "");
  if (lines.length === 0) return refused(origin.topic, payload, "a batch without a report");
  if (lines.length > HISTORY_REPORTS)
    return refused(origin.topic, payload, `more than ${HISTORY_REPORTS} reports in one batch`);
  const into: Verdicts = { accepted: [], rejected: [] };
  yield into;
  for (const line of lines) {
    judgeText(line, origin, into);
    yield into;
  }
  return into;
}

const openState = (topic: string, unit: string, payload: Buffer): Opened => {
  let value: unknown;
  try {
    value = parseStorable(payload.toString("utf8"));
  } catch (cause) {
    return refused(topic, payload, reasonOf(cause));
  }
  const state = StateMessage.safeParse(value);
  if (!state.success) return refused(topic, payload, "not a state message of the contract");
  if (state.data.unit !== unit) return refused(topic, payload, `unit ${state.data.unit} is not its topic's`);
  return { ...NOTHING, state: state.data };
};

/**
 * Opens a message on a topic of a unit: a batch in many steps, another one in one. Never throws. An empty payload only
 * removes a retained copy.
 */
export function* openSteps(topic: string, where: UnitTopic, payload: Buffer): Steps {
  if (payload.length === 0 || where.channel === "silent") return NOTHING;
  const origin = { topic, unit: where.unit, episode: where.episode };
  if (where.channel === "history") return yield* openHistory(origin, payload);
  if (payload.length > REPORT_BYTES) return refused(topic, payload, `larger than ${REPORT_BYTES} bytes`);
  if (!isUtf8(payload)) return refused(topic, payload, "not UTF-8");
  if (where.channel === "state") return openState(topic, where.unit, payload);
  const into: Verdicts = { accepted: [], rejected: [] };
  judgeText(payload.toString("utf8"), origin, into);
  return into;
}

/** The same at once, to be looked at: of a batch with many rejected reports only the beginning. */
export const openMessage = (topic: string, where: UnitTopic, payload: Buffer): Opened => {
  const steps = openSteps(topic, where, payload);
  for (let step = steps.next(); ; step = steps.next())
    if (step.done || step.value.rejected.length >= SHOWN_REJECTED) return step.value;
};

/** Opens one line of a file of exported reports, which have no `live`. */
export const openLine = (file: string, line: string): Opened => {
  const into: Verdicts = { accepted: [], rejected: [] };
  const bytes = () => Buffer.from(line);
  try {
    const value: unknown = parseStorable(line);
    const whole = typeof value === "object" && value !== null ? { live: false, ...value } : value;
    const verdict = judge(whole, { topic: file, unit: undefined }, bytes);
    if (verdict.kind === "accepted") into.accepted.push(verdict.accepted);
    else into.rejected.push(verdict.rejected);
  } catch (cause) {
    into.rejected.push({ topic: file, reason: reasonOf(cause), bytes: bytes() });
  }
  return into;
};
