import type { EventView, RawMessage } from "../../domain/fleet.ts";
import type { Opened } from "../open-message.ts";
import type { StoredReport } from "../report.ts";
import type { UnitTopic } from "../topics.ts";
import type { Way } from "./car.ts";
import { cut } from "./cut.ts";
import { EventData } from "./data.ts";
import { Ring } from "./ring.ts";
import { stampOf, timeOf, type Correction, type Stamp } from "./stamp.ts";

/** The newest events and raw messages of the fleet. */

/** Of a raw message and of an event's value so many letters are kept. */
const RAW_LETTERS = 2_000;
const VALUE_LETTERS = 1_000;
const FIELDS = 40;

/** A message as it came. `where`: undefined if the topic is none that a unit publishes to. */
export type Heard = {
  readonly topic: string;
  readonly where: UnitTopic | undefined;
  readonly retain: boolean;
  readonly payload: Buffer;
  /** What it holds; undefined if it was not opened. */
  readonly opened: Opened | undefined;
};

const rawText = ({ where, payload, opened }: Heard): string => {
  if (where?.channel !== "history")
    return cut(payload.subarray(0, RAW_LETTERS * 4).toString("utf8"), RAW_LETTERS);
  const lines: string[] = [];
  let letters = 0;
  for (const { report } of opened?.accepted ?? []) {
    if (letters > RAW_LETTERS) break;
    const line = `${report.seq} ${report.kind} ${report.data}`;
    letters += line.length;
    lines.push(line);
  }
  return cut(lines.join("\n"), RAW_LETTERS);
};

const fieldText = (value: unknown): string =>
  cut(typeof value === "string" ? value : (JSON.stringify(value) ?? ""), VALUE_LETTERS);

type KeptEvent = Omit<EventView, "n" | "at"> & { readonly stamp: Stamp };

export class Records {
  readonly #events: Ring<KeptEvent>;
  readonly #raw: Ring<Omit<RawMessage, "n">>;

  /** Beyond each limit the oldest go. */
  constructor({ events, raw }: { readonly events: number; readonly raw: number }) {
    this.#events = new Ring(events);
    this.#raw = new Ring(raw);
  }

  keepRaw(heard: Heard, now: number): void {
    const { topic, retain, payload, opened } = heard;
    const rejected = (opened?.rejected ?? []).slice(0, 5).map(({ reason }) => cut(reason, 500));
    this.#raw.add({
      at: now,
      topic: cut(topic, 300),
      retain,
      bytes: payload.length,
      text: rawText(heard),
      rejected,
    });
  }

  /** A report of kind `event`. */
  keepEvent(report: StoredReport, way: Way): void {
    const data = EventData.safeParse(JSON.parse(report.data)).data;
    if (!data) return;
    const { type, ...rest } = data;
    const fields = Object.entries(rest)
      .slice(0, FIELDS)
      .map(([name, value]): [string, string] => [cut(name, 100), fieldText(value)]);
    const isLate = way === "history" || !report.live;
    this.#events.add({ unit: report.unit, type, fields, isLate, stamp: stampOf(report) });
  }

  get lastEvent(): number {
    return this.#events.last;
  }

  eventsAfter(n: number, correctionsOf: (unit: string) => readonly Correction[]): EventView[] {
    return this.#events.after(n).map(({ n: number, value: { unit, type, fields, isLate, stamp } }) => {
      const { at } = timeOf(stamp, correctionsOf(unit));
      return { n: number, unit, at, type, fields, isLate };
    });
  }

  rawAfter(n: number): RawMessage[] {
    return this.#raw.after(n).map(({ n: number, value: { at, topic, retain, bytes, text, rejected } }) => ({
      n: number,
      at,
      topic,
      retain,
      bytes,
      text,
      rejected,
    }));
  }
}
