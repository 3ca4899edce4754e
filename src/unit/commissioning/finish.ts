import { openReport, signReport } from "../../bundle/signed-report.ts";
import type { Files } from "../../bundle/port.ts";
import type { Store } from "../../bundle/store.ts";
import type { List } from "../../commissioning/list.ts";
import { resultOf } from "../../commissioning/report.ts";
import { SIGNED_BYTES, type CommissioningReport } from "../../domain/commissioning.ts";
import type { Snapshot } from "../../domain/snapshot.ts";
import { VERSION } from "../../domain/version.ts";
import { VSS_VERSION } from "../../domain/vss.ts";
import type { Root } from "../../settings/root.ts";
import type { Identity } from "./identity.ts";
import { keep, nextNumber, type Kept } from "./keep.ts";
import { reportPage } from "./report-page.ts";

/** Ends a list: the report is signed and kept. */

/** The root on which a car is commissioned. */
export type Place = { readonly root: Root; readonly files: Files; readonly store: Store };

/** A list that has ended. */
export type Ended = {
  readonly list: List;
  readonly technician: string;
  /** The unit as it is now. */
  readonly snapshot: Snapshot;
  /** sha256 of the configuration in force, hex. */
  readonly config: string;
  /** Now, on the clock of the list. */
  readonly mono: number;
};

export type Finished = Kept & {
  readonly number: number;
  readonly report: CommissioningReport;
  /** The signed report. */
  readonly jws: string;
  /** Of the signed report, hex. */
  readonly sha256: string;
};

/** The report cannot be made. The message is a sentence for a technician. */
export class ReportError extends Error {
  readonly code = "REPORT";
}

const configurationOf = async (
  { store }: Place,
  sha256: string,
): Promise<CommissioningReport["configuration"]> => {
  const { current } = await store.disk();
  const about = current === undefined ? undefined : await store.about(current);
  return {
    sha256,
    ...(current === undefined ? {} : { version: current }),
    ...(about ? { signer: about.signer } : {}),
  };
};

const clockIn = (trust: string): CommissioningReport["clock"] =>
  trust === "gnss" || trust === "ntp" ? trust : "unset";

const reportOf = async (
  place: Place,
  { list, technician, snapshot, config, mono }: Ended,
  number: number,
): Promise<CommissioningReport> => {
  const { unit, store, boot, at, clock, panicBoard } = snapshot;
  if (list.seen && list.seen.status.boot !== boot)
    throw new ReportError("the service was restarted: begin again");
  const firmware = panicBoard?.firmware;
  return {
    v: 1,
    kind: "commissioning",
    id: `${store}-${boot}-${number}`,
    unit,
    store: store ?? "",
    boot,
    at: at ?? new Date(0).toISOString(),
    clock: at === undefined ? "unset" : clockIn(clock),
    technician,
    versions: { software: VERSION, vss: VSS_VERSION, ...(firmware === undefined ? {} : { firmware }) },
    configuration: await configurationOf(place, config),
    ...resultOf(list, mono),
  };
};

/**
 * Signs and keeps the report of a list. The root must be locked. Throws ReportError if the service was restarted since
 * the list ended, or the report is too large.
 */
export const finish = async (place: Place, { key, chain }: Identity, ended: Ended): Promise<Finished> => {
  const { root, files } = place;
  const number = await nextNumber(root, files);
  const signed = await signReport(await reportOf(place, ended, number), key, chain);
  // Read back as anybody will read it.
  const opened = await openReport(signed);
  if ("refused" in opened)
    throw new ReportError(`the report cannot be made (${opened.refused}; limit ${SIGNED_BYTES} bytes)`);
  const { report, sha256, kid } = opened;
  const kept = await keep(root, files, number, { signed, page: reportPage(report, sha256, kid) });
  return { ...kept, number, report, jws: signed, sha256 };
};
