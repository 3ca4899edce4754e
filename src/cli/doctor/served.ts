import { readInstead } from "../../sources/can/driver.ts";
import { missingCanLibrary } from "../../sources/can/library.ts";
import type { UnitSettings } from "../../settings/load.ts";
import type { ActiveFault } from "../../domain/snapshot.ts";
import { isOfDevice, loopWord } from "../lib/active-fault.ts";
import { cureOf } from "./cure.ts";
import { sound, trouble, type Finding } from "./finding.ts";
import type { Service } from "./service.ts";
import { boardFinding, gpsFinding, type DeviceFault } from "./verdicts.ts";

/** The devices that the running service has open: it is asked, because they cannot be opened twice. */

const SEE_LOG = "see the service's log";

/**
 * What the service reports about one part: the newest fault of the device itself. A fault with a place is one of
 * a panic board that works.
 */
const servedFault = ({ faults }: Service, part: string): DeviceFault | undefined =>
  faults.findLast(
    (one) => one.part === part && isOfDevice(one) && (part !== "panic-board" || one.where === undefined),
  );

const servedCan = async (service: Service, can: UnitSettings["can"]): Promise<Finding | undefined> => {
  if (!service.can) return undefined;
  const { state, frames, dropped } = service.can;
  const instead = can && (await readInstead(can.driver));
  if (state === "heard")
    return sound("can", `${frames} frames, ${dropped} dropped${instead === undefined ? "" : `; ${instead}`}`);
  const library = can && state === "failed" ? await missingCanLibrary(can.driver) : undefined;
  if (library) return trouble("can", library.says, library.cure);
  const fault = servedFault(service, "can");
  if (!fault) return trouble("can", `no mapped frame arrives (${state})`, "switch the ignition on");
  return trouble("can", fault.detail, cureOf("can", fault.code) ?? SEE_LOG, fault.code !== "not-configured");
};

const servedBoard = (service: Service): Finding | undefined => {
  const { panicBoard: board } = service;
  if (!board || board.connected) return board && boardFinding(board.loops ?? {});
  const fault = servedFault(service, "panic-board");
  const cure = fault && cureOf("panic-board", fault.code);
  return trouble("panic", fault?.detail ?? "the board does not answer", cure ?? "check its plug", true);
};

/** Whether a finding says what a fault of the service says. */
const isSaid = ({ part, code, where, detail }: ActiveFault, findings: readonly Finding[]): boolean =>
  findings.some(
    ({ says }) =>
      says.includes(detail) ||
      detail.startsWith(says) ||
      (part === "panic-loop" && says.includes(`${where}: ${loopWord(code)}`)),
  );

/**
 * Every active fault of the service that no finding says already, but those of the link and of the
 * configuration file.
 */
const servedRest = ({ faults }: Service, said: readonly Finding[]): Finding[] =>
  faults
    .filter((fault) => fault.part !== "link" && isOfDevice(fault) && !isSaid(fault, said))
    .map(({ part, code, detail }) => trouble(part, detail, cureOf(part, code) ?? SEE_LOG));

/** The devices, as the running service reports them, and its other faults. */
export const servedDevices = async (
  service: Service,
  { gps, can }: Pick<UnitSettings, "gps" | "can">,
): Promise<Finding[]> => {
  const found = [
    gps && gpsFinding(service.gps.sentences, service.gps.fix, servedFault(service, "gps"), gps.port),
    await servedCan(service, can),
    servedBoard(service),
  ].filter((finding) => finding !== undefined);
  return [...found, ...servedRest(service, found)];
};
