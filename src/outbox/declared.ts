/**
 * Gap events that are pending, and where the numbers lie that they declare. Those numbers are settled in
 * the ledger when the gap is made. If its record is lost before it is delivered, nothing else says that
 * they were never delivered: they must be declared again.
 *
 * What a gap keeps is not stored: a gap that is made again keeps whatever is pending by then, and declares
 * the rest of `from`..`to`. Numbers in it that dispatch has are then declared as well, which is no loss.
 *
 * An entry stands for one gap event (`first` equals `last`) or, beyond DECLARED_MAX, for all of those
 * between two numbers.
 */
export type Declared = readonly [first: number, last: number, from: number, to: number];

/** With more, the two neighbours that lie closest are joined: every batch writes them all. */
export const DECLARED_MAX = 64;

/** How many numbers two entries would declare together that neither declares alone. */
const spareOf = ([, , from, to]: Declared, [, , low, high]: Declared): number =>
  Math.max(to, high) - Math.min(from, low) + 1 - (to - from + 1) - (high - low + 1);

const joinNearest = (entries: Declared[]): void => {
  let best = 0;
  const spareAt = (n: number): number => spareOf(entries[n]!, entries[n + 1]!);
  for (let n = 1; n < entries.length - 1; n++) if (spareAt(n) < spareAt(best)) best = n;
  const [first, , from, to] = entries[best]!;
  const [, last, low, high] = entries[best + 1]!;
  entries.splice(best, 2, [first, last, Math.min(from, low), Math.max(to, high)]);
};

/** A gap event with a number above all others declares numbers in from..to. */
export const noteGap = (entries: Declared[], seq: number, from: number, to: number): void => {
  entries.push([seq, seq, from, to]);
  while (entries.length > DECLARED_MAX) joinNearest(entries);
};

/** Removes the entry of a gap event that may have been this one; returns it. */
export const takeGap = (entries: Declared[], seq: number): Declared | undefined => {
  const at = entries.findIndex(([first, last]) => first <= seq && seq <= last);
  return at < 0 ? undefined : entries.splice(at, 1)[0];
};

/**
 * An event is settled. `pendingIn`: the highest event still pending between two numbers. Events are
 * delivered in order, so an entry of several is looked at when its last one is settled.
 */
export const gapSettled = (
  entries: Declared[],
  seq: number,
  pendingIn: (first: number, last: number) => number | undefined,
): void => {
  const at = entries.findIndex(([, last]) => last === seq);
  const entry = entries[at];
  if (!entry) return;
  const highest = entry[0] === seq ? undefined : pendingIn(entry[0], seq - 1);
  if (highest === undefined) entries.splice(at, 1);
  else entries[at] = [entry[0], highest, entry[2], entry[3]];
};
