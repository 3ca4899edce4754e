import type { Fix } from "../../domain/fix.ts";
import { DAY_MS } from "./fields.ts";
import type { Statement } from "./statement.ts";

/**
 * Assembles the sentences of one epoch into one fix.
 *
 * An epoch is all sentences of one time of day. It is given out when the sentence arrives that
 * ends this receiver's cycle; which one that is, is learnt from where the time of day changes.
 * Until it is learnt, and in a cycle that lacks it, the first sentence of the next epoch ends
 * this one. No timer is involved, so a recording decodes exactly as the receiver did.
 */
export type EpochCause = "void" | "simulated" | "stale" | "duplicate" | "undated" | "malformed";

export type EpochSink = {
  fix(fix: Fix): void;
  reject(cause: EpochCause): void;
};

export type EpochAssembler = {
  push(formatter: string, talker: string, statement: Statement): void;
  /** No more sentences will come: gives out what is complete in itself. */
  end(): void;
};

/** Receivers print one instant with different precision (…24.758 and …24.76). */
const SAME_INSTANT_MS = 10;
/** Receivers step back by leap seconds when the almanac arrives: seen in the field at once. */
const LEAP_STEP_MS = 20_000;
/** A clock that went back further is believed when it has advanced this many times since. */
const BACKWARD_EPOCHS = 3;
/** Fixes remembered to know a repeated one by its time and place: 20 s at 10 Hz. */
const REMEMBERED_FIXES = 200;
/** Cycles without the learnt last sentence, or with others behind it, before learning anew. */
const RELEARN_CYCLES = 2;
/** Below this a course over ground is noise: a standing car has none. */
const STANDING_KMH = 1.5;
/**
 * Metres of horizontal 1σ error per unit of HDOP, where the receiver sends no GST: user equivalent
 * range error of the civil service with today's space segment, autonomous and with corrections.
 */
const RANGE_ERROR_M = { autonomous: 3, differential: 1.5, rtkFloat: 0.3, rtkFixed: 0.02 };

/** Sentences that carry a position and its time: only they open an epoch. Best source first. */
const POSITION_FORMATTERS = ["RMC", "GGA", "GNS", "GLL"] as const;
type PositionFormatter = (typeof POSITION_FORMATTERS)[number];

const isPositionFormatter = (formatter: string): formatter is PositionFormatter =>
  (POSITION_FORMATTERS as readonly string[]).includes(formatter);

type Epoch = {
  tod: number;
  date: number | undefined;
  readonly by: Map<string, Statement>;
  readonly talkers: Set<string>;
  done: boolean;
  last: string;
  /** The last sentence that came after the epoch was given out. */
  late: string | undefined;
};

const rangeErrorM = (quality: number | undefined): number => {
  if (quality === 4) return RANGE_ERROR_M.rtkFixed;
  if (quality === 5) return RANGE_ERROR_M.rtkFloat;
  return quality === 2 ? RANGE_ERROR_M.differential : RANGE_ERROR_M.autonomous;
};

const round = (value: number, places: number) => Math.round(value * 10 ** places) / 10 ** places;

/** Everything but the time: from the epoch's statements, best source first. */
const describe = (at: number, place: { lat: number; lon: number }, by: Epoch["by"]): Fix => {
  const gga = by.get("GGA");
  const gns = by.get("GNS");
  const gsa = by.get("GSA");
  const source = gga?.place ? gga : gns?.place ? gns : undefined;
  const altM = source?.altM;
  const satellites = source?.satellites;
  const hdop = source?.hdop ?? gsa?.hdop;
  const quality = source?.quality;
  const inferred = altM !== undefined && (satellites ?? 4) >= 4 ? 3 : 2;
  const dimension = gsa?.dimension ?? inferred;
  const motion = by.get("RMC")?.speedKmh === undefined ? by.get("VTG") : by.get("RMC");
  const speedKmh = motion?.speedKmh;
  const moving = speedKmh === undefined || speedKmh >= STANDING_KMH;
  const courseDeg = moving ? motion?.courseDeg : undefined;
  const accuracyM = by.get("GST")?.sigmaM ?? (hdop === undefined ? undefined : hdop * rangeErrorM(quality));
  return {
    at,
    lat: place.lat,
    lon: place.lon,
    fix: dimension === 3 ? "3d" : "2d",
    ...(dimension === 3 && altM !== undefined ? { altM } : {}),
    ...(speedKmh === undefined ? {} : { speedKmh: round(speedKmh, 2) }),
    ...(courseDeg === undefined ? {} : { courseDeg }),
    ...(quality === undefined ? {} : { quality }),
    ...(satellites === undefined ? {} : { satellites }),
    ...(hdop === undefined ? {} : { hdop }),
    ...(accuracyM === undefined ? {} : { accuracyM: round(accuracyM, 2) }),
  };
};

export const createEpochAssembler = (sink: EpochSink): EpochAssembler => {
  let epoch: Epoch | undefined;
  /** GST and ZDA may lead their epoch: kept until a sentence with a place opens it. */
  let ahead: { readonly tod: number; readonly by: Map<string, Statement> } | undefined;
  /**
   * VTG has no time and some receivers lead with it: it counts only between two sentences of one
   * epoch. A speed of the next second would be wrong; without it the speed is absent.
   */
  let untimedMotion: Statement | undefined;
  let calendar: { date: number; tod: number } | undefined;
  let ender: string | undefined;
  let misses = 0;
  let lateness = { formatter: "", cycles: 0 };
  let lastAt = -Infinity;
  let backward = { at: -Infinity, epochs: 0 };
  const recent = new Map<number, string>();

  /** The date of an epoch that has none of its own: the last known day, or the one next to it. */
  const dateOf = (tod: number): number | undefined => {
    if (!calendar) return undefined;
    const step = tod - calendar.tod;
    if (step < -DAY_MS / 2) return calendar.date + DAY_MS;
    return step > DAY_MS / 2 ? calendar.date - DAY_MS : calendar.date;
  };

  const inOrder = (at: number): boolean => {
    if (at >= lastAt - LEAP_STEP_MS) return true;
    backward = { at, epochs: at > backward.at ? backward.epochs + 1 : 1 };
    return backward.epochs >= BACKWARD_EPOCHS;
  };

  const remember = (at: number, where: string): void => {
    lastAt = at;
    backward = { at: -Infinity, epochs: 0 };
    recent.set(at, where);
    if (recent.size > REMEMBERED_FIXES) recent.delete(recent.keys().next().value ?? at);
  };

  const judge = (e: Epoch): void => {
    const date = e.date ?? dateOf(e.tod);
    if (date !== undefined) calendar = { date, tod: e.tod };
    let best: Statement | undefined;
    for (const formatter of POSITION_FORMATTERS) {
      const statement = e.by.get(formatter);
      if (statement?.verdict) return sink.reject(statement.verdict);
      if (statement?.place) best ??= statement;
    }
    if (!best?.place) return sink.reject("void");
    if (date === undefined) return sink.reject("undated");
    const at = date + (best.tod ?? e.tod);
    const where = `${best.place.lat} ${best.place.lon}`;
    if (at <= lastAt && recent.get(at) === where) return sink.reject("duplicate");
    if (!inOrder(at)) return sink.reject("stale");
    remember(at, where);
    sink.fix(describe(at, best.place, e.by));
  };

  const giveOut = (e: Epoch): void => {
    e.done = true;
    judge(e);
  };

  const learn = (e: Epoch, endedBySentence: boolean): void => {
    if (!endedBySentence) {
      misses++;
      if (ender === undefined || misses >= RELEARN_CYCLES) {
        ender = e.last;
        misses = 0;
      }
      return;
    }
    misses = 0;
    if (e.late === undefined) {
      lateness = { formatter: "", cycles: 0 };
      return;
    }
    const cycles = e.late === lateness.formatter ? lateness.cycles + 1 : 1;
    lateness = { formatter: e.late, cycles };
    if (cycles >= RELEARN_CYCLES) ender = e.late;
  };

  const close = (): void => {
    if (!epoch) return;
    const endedBySentence = epoch.done;
    if (!epoch.done) giveOut(epoch);
    learn(epoch, endedBySentence);
    epoch = undefined;
  };

  const open = (tod: number): Epoch => {
    close();
    epoch = {
      tod,
      date: undefined,
      by: new Map(),
      talkers: new Set(),
      done: false,
      last: "",
      late: undefined,
    };
    if (ahead && Math.abs(ahead.tod - tod) < SAME_INSTANT_MS) {
      for (const [formatter, statement] of ahead.by) {
        epoch.by.set(formatter, statement);
        epoch.date ??= statement.date;
      }
    }
    ahead = undefined;
    untimedMotion = undefined;
    return epoch;
  };

  const add = (e: Epoch, formatter: string, statement: Statement): void => {
    if (untimedMotion && statement.tod !== undefined) {
      e.by.set("VTG", untimedMotion);
      untimedMotion = undefined;
    }
    if (!e.by.has(formatter)) e.by.set(formatter, statement);
    // A verdict is never shadowed by an earlier, kinder sentence of another talker.
    else if (statement.verdict && !e.done) e.by.set(formatter, statement);
    e.date ??= statement.date;
    if (e.done) {
      // Too late for this epoch, but the next ones may have no date of their own.
      if (statement.date !== undefined) calendar = { date: statement.date, tod: e.tod };
      e.late = formatter;
      return;
    }
    e.last = formatter;
    if (formatter === ender) giveOut(e);
  };

  return {
    push(formatter, talker, statement) {
      if (statement.malformed) {
        sink.reject("malformed");
        return;
      }
      if (formatter === "VTG") {
        untimedMotion = statement;
        return;
      }
      const { tod } = statement;
      if (!isPositionFormatter(formatter)) {
        const belongs = epoch && (tod === undefined || Math.abs(tod - epoch.tod) < SAME_INSTANT_MS);
        if (belongs && epoch) add(epoch, formatter, statement);
        else if (tod !== undefined) {
          if (!ahead || Math.abs(tod - ahead.tod) >= SAME_INSTANT_MS) ahead = { tod, by: new Map() };
          ahead.by.set(formatter, statement);
        }
        if (statement.date !== undefined && tod !== undefined) {
          calendar = { date: statement.date, tod };
        }
        return;
      }
      if (tod === undefined) {
        // Without a time it can only spoil: a void that names no instant spoils the open epoch.
        if (epoch && !epoch.done && statement.verdict) add(epoch, formatter, statement);
        else sink.reject(statement.verdict ?? "void");
        return;
      }
      const source = talker + formatter;
      // What says the same again with another time is the next epoch, however fast they come.
      const next = epoch && tod !== epoch.tod && epoch.talkers.has(source);
      const current = epoch && !next && Math.abs(tod - epoch.tod) < SAME_INSTANT_MS ? epoch : open(tod);
      if (current.talkers.has(source)) {
        sink.reject("duplicate");
        return;
      }
      current.talkers.add(source);
      add(current, formatter, statement);
    },
    end: close,
  };
};
