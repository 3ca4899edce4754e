import type { Sentence } from "./sentence.ts";

/** All GSV sentences of one group: what one constellation's receiver sees, on one signal. */
export type GsvGroup = {
  readonly talker: string;
  /** What follows the address, one a sentence, in order. */
  readonly bodies: readonly string[];
  /** When its first sentence arrived, milliseconds. */
  readonly mono: number;
};

/** NMEA numbers the sentences of a group with one digit. */
const MAX_SENTENCES = 9;
/** Groups that are kept: seven constellations with a few signals each. The oldest is dropped. */
const MAX_GROUPS = 32;
/** Receivers send their satellites every second, some every five. Older ones are not shown. */
const SHOWN_MS = 15_000;
/** A group that takes longer has a break in it. */
const GROUP_MS = 2_000;

const COMMA = 0x2c;

/**
 * The signal that NMEA 4.1 names in one more field behind the satellites, or "": total, number
 * and count of satellites, then four fields each.
 */
const signalOf = (body: string): string => {
  let commas = 0;
  for (let i = 0; i < body.length; i++) if (body.charCodeAt(i) === COMMA) commas++;
  return commas >= 3 && (commas - 2) % 4 === 1 ? body.slice(body.lastIndexOf(",") + 1) : "";
};

type OpenGroup = { talker: string; key: string; total: string; bodies: string[]; mono: number };

/**
 * Keeps the newest whole group of each constellation and signal, unread: nothing is parsed until
 * somebody looks. A group counts only if its sentences come one behind the other, from the first
 * to the last; half a group is never shown.
 */
export class SatelliteGroups {
  readonly #whole = new Map<string, GsvGroup>();
  #open: OpenGroup | undefined;

  /** Any valid sentence, in the order of arrival at `mono`. */
  push({ talker, formatter, body }: Sentence, mono: number): void {
    if (formatter !== "GSV" || talker === "P") {
      this.#open = undefined;
      return;
    }
    const [total = "", number = ""] = body.split(",", 2);
    if (number === "1") {
      const key = `${talker}${signalOf(body)}`;
      this.#open = { talker, key, total, bodies: [body], mono };
    } else if (this.#continues(talker, total, number, mono)) this.#open?.bodies.push(body);
    else this.#open = undefined;
    if (number === total) this.#close();
  }

  /** The groups that say something about now, oldest first. */
  at(mono: number): readonly GsvGroup[] {
    return [...this.#whole.values()].filter((group) => mono - group.mono <= SHOWN_MS);
  }

  #continues(talker: string, total: string, number: string, mono: number): boolean {
    const open = this.#open;
    return (
      open !== undefined &&
      open.talker === talker &&
      open.total === total &&
      open.bodies.length < MAX_SENTENCES &&
      number === String(open.bodies.length + 1) &&
      mono - open.mono <= GROUP_MS
    );
  }

  #close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (!open) return;
    // Behind the others: the first of the map is always the oldest.
    this.#whole.delete(open.key);
    this.#whole.set(open.key, { talker: open.talker, bodies: open.bodies, mono: open.mono });
    if (this.#whole.size > MAX_GROUPS) this.#whole.delete(this.#whole.keys().next().value ?? "");
  }
}
