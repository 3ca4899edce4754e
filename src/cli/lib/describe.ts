import type * as z from "zod";
import { eventFields } from "../../domain/event-text.ts";
import { WireReport } from "../../domain/report.ts";
import {
  AckMessage,
  CommandMessage,
  DOCTOR_REPLY_ID,
  ReceiptMessage,
  RecorderStateMessage,
  ReplyMessage,
  SilentMessage,
  StateMessage,
} from "../../domain/messages.ts";
import { readMessage } from "../../wire/read.ts";

const place = (p: { lat: number; lon: number }) => `${p.lat.toFixed(6)} ${p.lon.toFixed(6)}`;

/** A press of this or more is said to be held. Both wordings are data: no press has to last. */
const HELD_MS = 1_000;

const held = (ms: number | undefined): string => {
  if (ms === undefined) return "";
  // A press of 26 ms is one too: it is not "0 s".
  const seconds = Math.max(1, Math.round(ms / 100)) / 10;
  return ms < HELD_MS ? `  released after ${seconds} s` : `  held ${seconds} s`;
};

const describeData = (report: WireReport): string => {
  switch (report.kind) {
    case "position": {
      const { data } = report;
      const speed = data.speedKmh === undefined ? "" : `  ${data.speedKmh.toFixed(0)} km/h`;
      const course = data.courseDeg === undefined ? "" : `  ${data.courseDeg.toFixed(0)}°`;
      const accuracy = data.accuracyM === undefined ? "" : `  ±${data.accuracyM.toFixed(0)} m`;
      return `${place(data)}${speed}${course}${accuracy}  ${data.fix}  (${data.reason})`;
    }
    case "event": {
      return `${report.data.type}  ${eventFields(report.data).join("  ")}`;
    }
    case "health": {
      const { gps, outbox, link, rssMiB, cpuPercent } = report.data;
      return `fix ${gps.fix}  ${outbox.records} waiting  ${link.reconnects} reconnects  process ${rssMiB} MiB, ${cpuPercent ?? "?"} % of a core`;
    }
    case "emergency": {
      const { state, button, episode, test, presses, heldMs, attempt } = report.data;
      const counted = `${presses} ${presses === 1 ? "press" : "presses"}`;
      const repeat = attempt > 1 ? `  attempt ${attempt}` : "";
      return `${test ? "DRILL " : ""}${state.toUpperCase()}  button ${button}  ${counted}${held(heldMs)}${repeat}  ${episode}`;
    }
    case "vehicle": {
      const { signals, stale = [] } = report.data;
      const values = Object.entries(signals).map(([path, value]) => `${path}=${String(value)}`);
      return [...values, ...(stale.length === 0 ? [] : [`stale: ${stale.join(", ")}`])].join("  ");
    }
  }
};

/** The unit's name in a topic: the two levels before the last one. */
const unitIn = (topic: string): string => topic.split("/").slice(-3, -1).join("/");

const NO_TIME = "-".padEnd(24);

const stateText = ({
  state,
  reason,
}: {
  readonly state: string;
  readonly reason?: string | undefined;
}): string => `${state.toUpperCase()}${reason === undefined ? "" : `: ${reason}`}`;

const describeReply = (topic: string, { id, ok, error }: z.infer<typeof ReplyMessage>): string => {
  const what =
    id === DOCTOR_REPLY_ID
      ? "`doctor` has tried this broker"
      : `reply to ${id}: ${ok ? "ok" : typeof error === "string" ? error : "refused"}`;
  return `${NO_TIME}  ${unitIn(topic)}  ${what}`;
};

/** Ranges of a receipt that are printed. `--json` has all. */
const RANGES_SHOWN = 5;

const describeReceipt = ({ store, upTo, missing, by }: ReceiptMessage): string => {
  const ranges = missing.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`));
  const more = ranges.length > RANGES_SHOWN ? `, and ${ranges.length - RANGES_SHOWN} more` : "";
  const without = ranges.length === 0 ? "" : `, missing ${ranges.slice(0, RANGES_SHOWN).join(", ")}${more}`;
  return `receipt  stored up to ${upTo} of ${store}${without}, by ${by}`;
};

/** What dispatch's recorder publishes. Undefined: it is something else. */
const describeRecorder = (topic: string, value: unknown): string | undefined => {
  if (topic.endsWith("/receipt")) {
    const { data } = ReceiptMessage.safeParse(value);
    return data && `${data.at}  ${unitIn(topic)}  ${describeReceipt(data)}`;
  }
  if (topic.endsWith("/silent")) {
    const { data } = SilentMessage.safeParse(value);
    return (
      data &&
      `${data.since}  ${unitIn(topic)}  silent since ${data.since}, last heard ${data.last}, expected every ${data.expectedS} s`
    );
  }
  const { data } = RecorderStateMessage.safeParse(value);
  if (!data || !/\/recorder\/[^/]+\/state$/.test(topic)) return undefined;
  return `${data.at ?? NO_TIME}  recorder ${data.recorder}  ${stateText(data)}`;
};

const describeValue = (topic: string, value: unknown): string => {
  const report = WireReport.safeParse(value);
  if (report.success) {
    const { at, unit, kind, seq, live, clock } = report.data;
    const marks = `${live ? "" : " (late)"}${clock === "unset" ? " (clock unset)" : ""}`;
    return `${at}  ${unit}  #${seq}  ${kind.padEnd(9)} ${describeData(report.data)}${marks}`;
  }
  const state = StateMessage.safeParse(value);
  if (state.success) {
    const { at, unit } = state.data;
    return `${at ?? NO_TIME}  ${unit}  ${stateText(state.data)}`;
  }
  const recorder = describeRecorder(topic, value);
  if (recorder !== undefined) return recorder;
  const ack = AckMessage.safeParse(value);
  if (ack.success && topic.endsWith("/ack")) {
    const { stage, by, at } = ack.data;
    return `${at ?? NO_TIME}  ${topic}  ${stage}${by === undefined ? "" : ` by ${by}`}`;
  }
  const reply = ReplyMessage.safeParse(value);
  if (reply.success && topic.endsWith("/reply")) return describeReply(topic, reply.data);
  if (CommandMessage.safeParse(value).success || ReplyMessage.safeParse(value).success) {
    return `${NO_TIME}  ${topic}  ${JSON.stringify(value)}`;
  }
  return `${topic}  not of contract v1: ${JSON.stringify(value)}`;
};

/** Whether a message is a signed configuration, which is no JSON. */
const isBundle = (topic: string, payload: Buffer): boolean => topic.endsWith("/bundle") && payload.length > 0;

/** A message for a person to read: a line for each report in it. */
export const describeMessage = (topic: string, payload: Buffer): readonly string[] => {
  if (isBundle(topic, payload)) return [`${NO_TIME}  ${unitIn(topic)}  a bundle of ${payload.length} bytes`];
  const received = readMessage(topic, payload);
  if (received.kind === "json") return received.values.map((value) => describeValue(topic, value));
  return [received.kind === "cleared" ? `${topic}  removed` : `${topic}  unreadable: ${received.why}`];
};

/** A message for a program to read: one line of JSON. A history batch is a list of reports. */
export const messageAsJson = (topic: string, payload: Buffer, retain: boolean): string => {
  if (isBundle(topic, payload)) return JSON.stringify({ topic, retain, payload: payload.toString("latin1") });
  const received = readMessage(topic, payload);
  const content =
    received.kind === "json"
      ? { payload: topic.endsWith("/history") ? received.values : received.values[0] }
      : received.kind === "cleared"
        ? { payload: null }
        : { unreadable: received.why };
  return JSON.stringify({ topic, retain, ...content });
};
