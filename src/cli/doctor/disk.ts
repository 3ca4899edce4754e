import { statfsSync } from "node:fs";
import { probe } from "../../outbox/disk.ts";
import { DiskError } from "../../outbox/port.ts";
import { cardYears, CARD_AMPLIFICATION, ERASURES } from "../../outbox/wear.ts";
import { reasonOf } from "../../runtime/log.ts";
import { systemWords } from "../../runtime/system-words.ts";
import { sound, trouble, type Finding } from "./finding.ts";
import type { Service } from "./service.ts";

const LOW_DISK_MIB = 256;
const MIB = 1024 * 1024;
const DAY_S = 86_400;

const unwritable = (path: string, cause: unknown): string =>
  cause instanceof DiskError && cause.cause !== undefined
    ? `${path} cannot be written: ${systemWords("write", cause.cause)}`
    : reasonOf(cause);

/** Writes to the outbox's disk and estimates the life of its card. `path`: the outbox folder. */
export const tryDisk = async (path: string, service: Service | undefined): Promise<Finding[]> => {
  const begun = performance.now();
  let folder: string;
  try {
    folder = await probe(path);
  } catch (cause) {
    // The service's own fault says it already.
    if (service?.faults.some(({ part, code }) => part === "outbox" && code.startsWith("disk-"))) return [];
    return [trouble("disk", unwritable(path, cause), "is it mounted, writable and not full?")];
  }
  const { blocks, bavail, bsize } = statfsSync(folder);
  const freeMiB = Math.floor((bavail * bsize) / MIB);
  const says = `${freeMiB} MiB free, a synced write takes ${(performance.now() - begun).toFixed(0)} ms`;
  const room =
    freeMiB < LOW_DISK_MIB
      ? trouble("disk", says, "make room: the outbox needs it while there is no coverage")
      : sound("disk", says);
  if (service?.writtenMiB === undefined || service.uptimeS < 60)
    return [room, sound("card", "its life can be estimated once the service has run for a minute")];
  const perDay = (service.writtenMiB / service.uptimeS) * DAY_S;
  const years = cardYears(blocks * bsize, perDay * MIB);
  const span = years >= 100 ? "over 100" : `about ${years.toFixed(years < 10 ? 1 : 0)}`;
  const life = `${perDay.toFixed(0)} MiB a day: ${span} years (${ERASURES} erasures, ${CARD_AMPLIFICATION} writes inside the card for each)`;
  return [
    room,
    years < 5
      ? trouble("card", life, "use an industrial card; a better link causes fewer writes")
      : sound("card", life),
  ];
};
