import type { Report } from "../domain/report.ts";

/**
 * What becomes of a report that does not fit into the largest packet of a broker. `refuse`: the outbox
 * declares it, or splits it if it is a gap. `fault`: it waits, and that is a fault. `wait`: another broker
 * may accept it.
 */
export type Fate = "refuse" | "fault" | "wait";

export type Circumstances = {
  /** It is the newest report of an episode that is open, or whose end is not delivered. */
  readonly isCurrent: boolean;
  /** Every broker has said that it accepts no packet of this size. */
  readonly nobodyTakes: boolean;
};

/** Contract §4: what fits no broker is declared `too-large`. An emergency never is: it waits. Pure. */
export const fateOf = (report: Report, { isCurrent, nobodyTakes }: Circumstances): Fate => {
  // A gap is split, which loses nothing, so it does not wait for a broker that accepts more.
  if (report.kind === "event" && report.data.type === "gap") return "refuse";
  if (!nobodyTakes) return "wait";
  return isCurrent ? "fault" : "refuse";
};
