import type { Sentence } from "./sentence.ts";

/** All GSV sentences of one group: what one constellation's receiver sees, on one signal. */
export type GsvGroup = {
  readonly talker: string;
  /** What follows the address, one a sentence, in order. */
  readonly bodies: readonly string[];
  /** When its first sentence arrived, milliseconds. */
  readonly mono: number;
};

/** Groups that are kept: seven constellations with a few signals each. The oldest is dropped. */
const MAX_GROUPS = 32;
/** Receivers send their satellites every second, some every five. Older ones are not shown. */
const SHOWN_MS = 15_000;
/** A group that takes longer is incomplete. */
const GROUP_MS = 2_000;

const COMMA = 0x2c;
const ZERO = 0x30;

/**
 * The signal id, or "". NMEA 4.1 appends it to the fields of a body: total, number, count of satellites,
 * then four fields a satellite.
 */
const signalOf = (body: string): string => {
  let commas = 0;
  for (let i = 0; i < body.length; i++) if (body.charCodeAt(i) === COMMA) commas++;
  return commas >= 3 && (commas - 2) % 4 === 1 ? body.slice(body.lastIndexOf(",") + 1) : "";
};

/** The digit at `index`, which is a sentence's number or their total: 1 to 9, or 0 if there is none. */
const digitAt = (body: string, index: number): number => {
  const digit = body.charCodeAt(index) - ZERO;
  return digit >= 1 && digit <= 9 && body.charCodeAt(index + 1) === COMMA ? digit : 0;
};

type OpenGroup = {
  readonly talker: string;
  readonly total: number;
  readonly bodies: string[];
  readonly mono: number;
};

/**
 * Keeps the newest whole group of each constellation and signal, unread: nothing is parsed until somebody
 * looks. A group counts only if its sentences arrive in order, from the first to the last, with no other
 * sentence between them. A partial group is never shown.
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
    const total = digitAt(body, 0);
    const number = digitAt(body, 2);
    if (number === 1 && total > 0) this.#open = { talker, total, bodies: [body], mono };
    else if (this.#continues(talker, total, number, mono)) this.#open?.bodies.push(body);
    else this.#open = undefined;
    if (this.#open && number === total) this.#close(this.#open);
  }

  /** The groups that are recent enough to show, oldest first. `mono`: now, milliseconds. */
  at(mono: number): readonly GsvGroup[] {
    return [...this.#whole.values()].filter((group) => mono - group.mono <= SHOWN_MS);
  }

  #continues(talker: string, total: number, number: number, mono: number): boolean {
    const open = this.#open;
    return (
      open !== undefined &&
      open.talker === talker &&
      open.total === total &&
      number === open.bodies.length + 1 &&
      mono - open.mono <= GROUP_MS
    );
  }

  #close(group: OpenGroup): void {
    this.#open = undefined;
    const key = group.talker + signalOf(group.bodies[0] ?? "");
    // Reinsert it at the end: the first entry of the map is always the oldest.
    this.#whole.delete(key);
    this.#whole.set(key, group);
    if (this.#whole.size > MAX_GROUPS) this.#whole.delete(this.#whole.keys().next().value ?? "");
  }
}
