import { size } from "../../domain/runs.ts";
import { declare, EMPTY_LEDGER, highest, lost, receive, type Ledger } from "../ledger.ts";
import type { Declaration } from "../report.ts";
import { EMPTY, RunSet } from "../run-set.ts";

/**
 * Which numbers of one (unit, store) the console has seen. It counts from the first number that came live:
 * what was before it belongs to the time in which nobody looked. Pure.
 */
export type Numbers = {
  readonly store: string;
  /** The first number that is counted; 0: none yet. */
  readonly base: number;
  readonly ledger: Ledger;
  /** Numbers below `base`, only to recognise what comes twice. */
  readonly older: RunSet;
};

/** Runs that are missing, or older runs. Beyond it those with the lowest numbers are forgotten. */
const RUNS = 1_000;

export const noNumbers = (store: string): Numbers => ({
  store,
  base: 0,
  ledger: EMPTY_LEDGER,
  older: EMPTY,
});

const beginAt = (numbers: Numbers, base: number): Numbers => ({
  ...numbers,
  base,
  ledger: { ...EMPTY_LEDGER, received: base > 1 ? RunSet.of([[1, base - 1]]) : EMPTY },
});

/**
 * If too many runs are missing, the lower half is no longer tracked. A number of it that comes twice later is then shown
 * twice.
 */
const bounded = (numbers: Numbers): Numbers => {
  const missing = numbers.ledger.missing.first(RUNS + 1);
  if (missing.length <= RUNS) return numbers;
  const end = missing[RUNS / 2]![1];
  const { received } = numbers.ledger;
  return {
    ...numbers,
    base: end + 1,
    ledger: {
      ...numbers.ledger,
      received: received.add(1, end),
      missing: numbers.ledger.missing.remove(1, end),
    },
  };
};

/** Undefined: the number has come before. `begins`: counting may begin with it. */
export const sawNumber = (numbers: Numbers, seq: number, begins: boolean): Numbers | undefined => {
  const { base, ledger, older } = numbers;
  if (base === 0 && begins && !older.has(seq)) return sawNumber(beginAt(numbers, seq), seq, false);
  if (base === 0 || seq < base) {
    if (older.has(seq)) return undefined;
    const next = older.add(seq, seq);
    const runs = next.first(RUNS + 1);
    return { ...numbers, older: runs.length > RUNS ? RunSet.of(runs.slice(RUNS / 2)) : next };
  }
  const next = receive(ledger, seq);
  return next && bounded({ ...numbers, ledger: next });
};

/** A gap declares numbers as lost. Those below `base` are not counted. */
export const declaredLost = (numbers: Numbers, gap: Declaration): Numbers => {
  if (numbers.base === 0 || gap.to < numbers.base) return numbers;
  const ledger = declare(numbers.ledger, { ...gap, from: Math.max(gap.from, numbers.base) });
  const runs = ledger.declared.get(gap.reason)?.first(RUNS + 1) ?? [];
  if (runs.length <= RUNS) return { ...numbers, ledger };
  const kept = RunSet.of(runs.slice(RUNS / 2));
  return { ...numbers, ledger: { ...ledger, declared: new Map(ledger.declared).set(gap.reason, kept) } };
};

/** Missing ranges that are shown. */
const SHOWN = 100;

export const missingCount = ({ ledger }: Numbers): number => size(ledger.missing.runs);

export const numbersView = (numbers: Numbers) => ({
  store: numbers.store,
  from: numbers.base,
  upTo: numbers.base === 0 ? 0 : highest(numbers.ledger),
  missing: numbers.ledger.missing.first(SHOWN),
  missingCount: missingCount(numbers),
  declared: [...numbers.ledger.declared.keys()].map((reason) => ({
    reason,
    count: size(lost(numbers.ledger, reason)),
  })),
});
