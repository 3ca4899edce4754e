import type { Arrival, Fix, TimeVerdict } from "../../domain/fix.ts";
import { Calendar } from "./calendar.ts";
import { Cycle } from "./cycle.ts";
import { describeFix } from "./describe.ts";
import { FixOrder } from "./order.ts";
import type { Statement } from "./statement.ts";

/** Why an epoch did not become a fix. */
export type EpochCause =
  | "void"
  | "simulated"
  | "stale"
  | "duplicate"
  | "undated"
  | "malformed"
  | Exclude<TimeVerdict, Arrival["time"]>;

/**
 * Judges the time of a fix before the fix is emitted. `at`: UTC milliseconds; `mono`: when its first
 * sentence arrived; `dated`: a sentence has named this date since the last fix.
 */
export type TimeJudge = (at: number, mono: number, dated: boolean) => TimeVerdict;

export type EpochSink = {
  fix(fix: Fix, arrival: Arrival): void;
  reject(cause: EpochCause): void;
  readonly judge: TimeJudge;
};

/** Receivers print one instant with different precision (…24.758 and …24.76). */
const SAME_INSTANT_MS = 10;

/** Sentences that carry a position and its time: only they open an epoch. Best source first. */
const POSITION_FORMATTERS = ["RMC", "GGA", "GNS", "GLL"] as const;

/**
 * The most position sentences in one epoch, counted by talker and formatter. Receivers send four
 * formatters of one to five talkers. More are rejected as duplicates.
 */
const MAX_SOURCES = 32;

const isPositionFormatter = (formatter: string): boolean =>
  (POSITION_FORMATTERS as readonly string[]).includes(formatter);

const sameInstant = (tod: number, other: number): boolean => Math.abs(tod - other) < SAME_INSTANT_MS;

type Epoch = {
  readonly tod: number;
  /** When its first sentence arrived. */
  readonly mono: number;
  date: number | undefined;
  /**
   * By formatter, whatever the talker: one receiver may send a GN RMC with GP and GL GGAs (SiRFstarV). So two
   * receivers on one line cannot be told apart by their talkers.
   */
  readonly by: Map<string, Statement>;
  readonly talkers: Set<string>;
  /** The fix was emitted or rejected. Later sentences are late. */
  done: boolean;
  last: string;
  /** The last sentence after that. */
  late: string | undefined;
};

/** The best statement of an epoch that has a place, or why there is none. */
const bestOf = (by: Epoch["by"]): Statement | "void" | "simulated" => {
  let best: Statement | undefined;
  for (const formatter of POSITION_FORMATTERS) {
    const statement = by.get(formatter);
    if (statement?.verdict) return statement.verdict;
    if (statement?.place) best ??= statement;
  }
  return best ?? "void";
};

/**
 * Assembles the sentences of one epoch into one fix.
 *
 * An epoch is all sentences of one time of day. Its fix is emitted when the sentence arrives that ends
 * this receiver's cycle. `Cycle` learns which sentence that is. Before it is learned, and in a cycle
 * without that sentence, the first sentence of the next epoch ends this one. No timer is involved, so a
 * recording decodes exactly as the live stream did. The age of a fix counts from its first sentence, not
 * from when it is emitted. Memory: two epochs, and the time and place of 200 fixes.
 */
export class EpochAssembler {
  readonly #sink: EpochSink;
  readonly #calendar = new Calendar();
  readonly #cycle = new Cycle();
  readonly #order = new FixOrder();
  #epoch: Epoch | undefined;
  /** GST and ZDA may lead their epoch: kept until a sentence with a place opens it. */
  #ahead: { readonly tod: number; readonly by: Map<string, Statement> } | undefined;
  /**
   * VTG has no time, and some receivers send it first. It is used only between two sentences of one
   * epoch: otherwise its speed may belong to the next second.
   */
  #untimedMotion: Statement | undefined;

  constructor(sink: EpochSink) {
    this.#sink = sink;
  }

  /** A valid sentence that arrived at `mono`. */
  push(formatter: string, talker: string, statement: Statement, mono: number): void {
    if (statement.malformed) {
      this.#sink.reject("malformed");
    } else if (formatter === "VTG") {
      this.#untimedMotion = statement;
    } else if (isPositionFormatter(formatter)) {
      this.#position(formatter, talker, statement, mono);
    } else {
      this.#detail(formatter, statement);
    }
  }

  /** No more sentences of this epoch will come: emits its fix. */
  end(): void {
    const epoch = this.#epoch;
    if (!epoch) return;
    const endedByEnder = epoch.done;
    if (!epoch.done) this.#emit(epoch);
    this.#cycle.learn(epoch.last, epoch.late, endedByEnder);
    this.#epoch = undefined;
  }

  #position(formatter: string, talker: string, statement: Statement, mono: number): void {
    const epoch = this.#epoch;
    const { tod } = statement;
    if (tod === undefined) {
      // A sentence without a time gives no fix, but if it is void, the open epoch is void too.
      if (epoch && !epoch.done && statement.verdict) this.#add(epoch, formatter, statement);
      else this.#sink.reject(statement.verdict ?? "void");
      return;
    }
    const source = talker + formatter;
    // The same sentence with another time begins the next epoch, however soon it follows.
    const next = epoch && tod !== epoch.tod && epoch.talkers.has(source);
    const current = epoch && !next && sameInstant(tod, epoch.tod) ? epoch : this.#open(tod, mono);
    if (current.talkers.has(source) || current.talkers.size >= MAX_SOURCES) {
      this.#sink.reject("duplicate");
      return;
    }
    current.talkers.add(source);
    this.#add(current, formatter, statement);
  }

  /** A sentence without a place: GSA, GST, ZDA. */
  #detail(formatter: string, statement: Statement): void {
    const epoch = this.#epoch;
    const { tod } = statement;
    if (epoch && (tod === undefined || sameInstant(tod, epoch.tod))) {
      this.#add(epoch, formatter, statement);
    } else if (tod !== undefined) {
      if (!this.#ahead || !sameInstant(tod, this.#ahead.tod)) this.#ahead = { tod, by: new Map() };
      this.#ahead.by.set(formatter, statement);
    }
    if (statement.date !== undefined && tod !== undefined) this.#calendar.set(statement.date, tod);
  }

  #open(tod: number, mono: number): Epoch {
    this.end();
    const epoch: Epoch = {
      tod,
      mono,
      date: undefined,
      by: new Map(),
      talkers: new Set(),
      done: false,
      last: "",
      late: undefined,
    };
    this.#epoch = epoch;
    if (this.#ahead && sameInstant(this.#ahead.tod, tod)) {
      for (const [formatter, statement] of this.#ahead.by) {
        epoch.by.set(formatter, statement);
        epoch.date ??= statement.date;
      }
    }
    this.#ahead = undefined;
    this.#untimedMotion = undefined;
    return epoch;
  }

  #add(epoch: Epoch, formatter: string, statement: Statement): void {
    if (this.#untimedMotion && statement.tod !== undefined) {
      epoch.by.set("VTG", this.#untimedMotion);
      this.#untimedMotion = undefined;
    }
    if (!epoch.by.has(formatter)) epoch.by.set(formatter, statement);
    // A verdict of void or simulated overrides an earlier sentence of another talker.
    else if (statement.verdict && !epoch.done) epoch.by.set(formatter, statement);
    epoch.date ??= statement.date;
    if (epoch.done) {
      // Too late for this epoch, but the next ones may have no date of their own.
      if (statement.date !== undefined) this.#calendar.set(statement.date, epoch.tod);
      epoch.late = formatter;
      return;
    }
    epoch.last = formatter;
    if (formatter === this.#cycle.ender) this.#emit(epoch);
  }

  #emit(epoch: Epoch): void {
    epoch.done = true;
    const cause = this.#judge(epoch);
    if (cause !== undefined) this.#sink.reject(cause);
  }

  #judge(epoch: Epoch): EpochCause | undefined {
    const known = this.#calendar.instant(epoch.tod, epoch.date);
    const best = bestOf(epoch.by);
    if (typeof best === "string") return best;
    if (!best.place) return "void";
    if (known === undefined) return "undated";
    const at = known - epoch.tod + (best.tod ?? epoch.tod);
    const where = `${best.place.lat} ${best.place.lon}`;
    if (this.#order.repeats(at, where)) return "duplicate";
    const ordered = this.#order.allows(at);
    const time = this.#sink.judge(at, epoch.mono, this.#calendar.takeConfirmation());
    if (time === "disputed" || time === "implausible") return time;
    if (!ordered) return "stale";
    this.#order.remember(at, where);
    this.#sink.fix(describeFix(at, best.place, epoch.by), { mono: epoch.mono, time });
    return undefined;
  }
}
