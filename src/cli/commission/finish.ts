import { openReport, signReport } from "../../bundle/signed-report.ts";
import type { List } from "../../commissioning/list.ts";
import { resultOf } from "../../commissioning/report.ts";
import { SIGNED_BYTES, type CommissioningReport } from "../../domain/commissioning.ts";
import { VERSION } from "../../domain/version.ts";
import { VSS_VERSION } from "../../domain/vss.ts";
import { systemTime } from "../../runtime/time.ts";
import { askUnit } from "../lib/ask-unit.ts";
import { CommandError, EXIT } from "../lib/command.ts";
import { lockRoot } from "../lib/root.ts";
import { statusOf, type Car } from "./car.ts";
import { keep, nextNumber, type Kept } from "./keep.ts";
import { reportPage } from "./page.ts";

/** Ends a list: the report is signed, kept, and handed to the service. */

const DONE = 204;

const configurationOf = async ({
  store,
  configuration,
}: Car): Promise<CommissioningReport["configuration"]> => {
  const { current } = await store.disk();
  const about = current === undefined ? undefined : await store.about(current);
  return {
    sha256: configuration.sha256,
    ...(current === undefined ? {} : { version: current }),
    ...(about ? { signer: about.signer } : {}),
  };
};

const clockIn = (trust: string): CommissioningReport["clock"] =>
  trust === "gnss" || trust === "ntp" ? trust : "unset";

/** Throws a CommandError (1) if the service was restarted since the list ended. */
const reportOf = async (
  car: Car,
  list: List,
  technician: string,
  number: number,
): Promise<CommissioningReport> => {
  const { unit, store, boot, at, clock, panicBoard } = await statusOf(car.address);
  if (list.seen && list.seen.status.boot !== boot)
    throw new CommandError(EXIT.failed, "the service was restarted: begin again");
  const firmware = panicBoard?.firmware;
  return {
    v: 1,
    kind: "commissioning",
    id: `${store}-${boot}-${number}`,
    unit,
    store: store ?? "",
    boot,
    at: at ?? new Date().toISOString(),
    clock: at === undefined ? "unset" : clockIn(clock),
    technician,
    versions: { software: VERSION, vss: VSS_VERSION, ...(firmware === undefined ? {} : { firmware }) },
    configuration: await configurationOf(car),
    ...resultOf(list, systemTime.mono()),
  };
};

export type Finished = Kept & {
  readonly report: CommissioningReport;
  readonly sha256: string;
};

/** Signs and keeps the report of a list. Throws a CommandError. */
export const finish = async (car: Car, list: List, technician: string): Promise<Finished> => {
  const { root, files, key, chain } = car;
  using _lock = await lockRoot(root);
  const number = await nextNumber(root, files);
  const signed = await signReport(await reportOf(car, list, technician, number), key, chain);
  // Read back as anybody will read it.
  const opened = await openReport(signed);
  if ("refused" in opened)
    throw new CommandError(
      EXIT.failed,
      `the report cannot be made (${opened.refused}; limit ${SIGNED_BYTES} bytes)`,
    );
  const { report, sha256, kid } = opened;
  const kept = await keep(root, files, number, { signed, page: reportPage(report, sha256, kid) });
  return { ...kept, report, sha256 };
};

/** Hands the signed report to the service, which tells dispatch. Throws a CommandError if it does not accept it. */
export const handOver = async ({ address }: Car, signed: string): Promise<void> => {
  const { status, text } = await askUnit(
    address,
    "/commissioning",
    "POST",
    JSON.stringify({ report: signed }),
  );
  if (status !== DONE)
    throw new CommandError(EXIT.failed, `dispatch is not told: ${text.trim()} (${status})`);
};
