import type { BoardTrouble } from "../src/domain/panic.ts";

/**
 * What is wrong with a board that works: its supply is low, its lamp's wire is cut, it is reset again and again.
 * Decided from its hellos and heartbeats. Pure. Times are milliseconds on the clock that never jumps.
 */

/** One hello or heartbeat. What the firmware does not send is undefined. */
export type Sign = {
  readonly at: number;
  readonly board: string;
  readonly uptimeS: number;
  /** Undefined or 0: not measured. */
  readonly supplyMv?: number;
  readonly supplyCalibrated?: boolean;
  /** 0 to 255 for 0 to half the supply. */
  readonly lampReading?: number;
  /** The first message of a connection: the board may have been reset meanwhile. */
  readonly isFirst: boolean;
  /** A hello that nobody has asked for: the board has started. */
  readonly isStart?: boolean;
};

/** `signs`: heartbeats in a row that say otherwise than `is`. */
type Belief = { readonly is: boolean; readonly signs: number };

export type Condition = {
  readonly board?: string;
  readonly uptimeS: number;
  readonly at: number;
  /** When the board was reset within the last hour, MAX_RESETS at most: then the oldest is dropped. */
  readonly resets: readonly number[];
  readonly isRestless: boolean;
  /** See `lent`. */
  readonly wasLent?: true;
  readonly supply: Belief;
  readonly lamp: Belief;
};

type News = {
  readonly trouble: BoardTrouble;
  readonly faulty: boolean;
  readonly detail: string;
};

const CALM: Belief = { is: false, signs: 0 };
export const UNKNOWN: Condition = {
  uptimeS: 0,
  at: 0,
  resets: [],
  isRestless: false,
  supply: CALM,
  lamp: CALM,
};

const HOUR_MS = 3_600_000;
const MAX_RESETS = 100;
/** More resets than this within an hour are a fault. It ends after an hour without a reset. */
const RESETS_AN_HOUR = 3;
/** A start that seems to be later by more than this, and by more than the two clocks differ, was another start. */
const START_MS = 3_000;
const CLOCKS_DIFFER = 0.01;
/** The board counts milliseconds in 32 bits. */
const UPTIME_ENDS_S = 2 ** 32 / 1_000;

/** A regulated 5 V is never below this. The brown-out detector resets the chip at 4.3 V. */
const LOW_MV = 4_700;
/** The reference of a board that is not calibrated is up to 9 % off: 5 V reads 4,583 mV at the least. */
const LOW_UNCALIBRATED_MV = 4_500;
/** The supply is good again when it is this much higher. */
const HYSTERESIS_MV = 100;
/** Heartbeats, one a second. */
const SUPPLY_SIGNS = 5;
/** At rest the lamp is lit each 3.2 s. */
const LAMP_SIGNS = 7;
/** 0.1 V: the lamp's current makes 0.25 V or more. */
const LAMP_READING = 10;

const weigh = ({ is, signs }: Belief, says: boolean, limit: number): Belief => {
  if (says === is) return { is, signs: 0 };
  return signs + 1 < limit ? { is, signs: signs + 1 } : { is: says, signs: 0 };
};

/** Whether the board has been reset since the last sign. Within a connection, a late message proves nothing. */
const wasReset = (before: Condition, { at, uptimeS, isFirst, isStart }: Sign): boolean => {
  if (before.board === undefined || before.wasLent) return false;
  if (isStart) return true;
  const passedMs = at - before.at;
  const toleranceMs = START_MS + CLOCKS_DIFFER * passedMs;
  const laterMs = passedMs - (uptimeS - before.uptimeS) * 1_000;
  // The counter wraps after 49.7 days: no reset, if the uptime is what it should be after a wrap.
  if (uptimeS < before.uptimeS) return Math.abs(laterMs - UPTIME_ENDS_S * 1_000) > toleranceMs;
  return isFirst && laterMs > toleranceMs;
};

const resetsAfter = (before: Condition, sign: Sign): Pick<Condition, "resets" | "isRestless"> => {
  const recent = before.resets.filter((at) => sign.at - at < HOUR_MS);
  const resets = wasReset(before, sign) ? [...recent, sign.at].slice(-MAX_RESETS) : recent;
  const isRestless = resets.length > RESETS_AN_HOUR || (before.isRestless && resets.length > 0);
  return { resets, isRestless };
};

const supplyAfter = ({ supply }: Condition, { supplyMv = 0, supplyCalibrated }: Sign): Belief => {
  if (supplyMv === 0) return supply;
  const lowMv = supplyCalibrated ? LOW_MV : LOW_UNCALIBRATED_MV;
  return weigh(supply, supplyMv < lowMv + (supply.is ? HYSTERESIS_MV : 0), SUPPLY_SIGNS);
};

const volts = (mv: number | undefined): string => ((mv ?? 0) / 1_000).toFixed(2);
const calibration = ({ supplyCalibrated }: Sign): string =>
  supplyCalibrated ? "" : " (not calibrated: 9 % more or less)";

const newsOf = (before: Condition, now: Condition, sign: Sign): readonly News[] => {
  const news: News[] = [];
  const supply = `the panic board's supply is ${volts(sign.supplyMv)} V${calibration(sign)}`;
  if (now.supply.is !== before.supply.is)
    news.push({
      trouble: "supply-low",
      faulty: now.supply.is,
      detail: now.supply.is ? `${supply}: it needs regulated 5 V` : supply,
    });
  if (now.lamp.is !== before.lamp.is)
    news.push({
      trouble: "lamp-cut",
      faulty: now.lamp.is,
      detail: now.lamp.is
        ? "no current flows through the lamp of the panic board: look for a broken wire or a dead LED"
        : "the lamp of the panic board is lit again",
    });
  if (now.isRestless !== before.isRestless)
    news.push({
      trouble: "resets",
      faulty: now.isRestless,
      detail: now.isRestless
        ? `the panic board was reset ${now.resets.length} times within an hour: look for a loose plug or a weak supply`
        : "the panic board was not reset for an hour",
    });
  return news;
};

/** The line was given to somebody who may have reset the board: the next sign proves nothing. */
export const lent = (condition: Condition): Condition => ({ ...condition, wasLent: true });

/** What one sign of a board changes. `lampSense`: a sense resistor is fitted. */
export const observe = (
  before: Condition,
  sign: Sign,
  lampSense: boolean,
): { readonly condition: Condition; readonly news: readonly News[] } => {
  const { board, at, uptimeS, lampReading } = sign;
  // Another board has its own resets. Supply and lamp are the car's: their next signs tell.
  const isOther = before.board !== undefined && before.board !== board;
  const condition: Condition = {
    board,
    at,
    uptimeS,
    ...(isOther ? { resets: [], isRestless: false } : resetsAfter(before, sign)),
    supply: supplyAfter(before, sign),
    lamp:
      lampSense && lampReading !== undefined
        ? weigh(before.lamp, lampReading < LAMP_READING, LAMP_SIGNS)
        : before.lamp,
  };
  return { condition, news: newsOf(before, condition, sign) };
};
