import { LINK_FAULTS } from "../../dispatch/port.ts";
import type { ActiveFault } from "../../domain/snapshot.ts";
import { isOfDevice } from "../lib/active-fault.ts";
import { withoutAddress } from "../../unit/try-broker.ts";
import { cureOf } from "./cure.ts";
import { isFailed, trouble, warning, type Finding } from "./finding.ts";
import type { Service } from "./service.ts";

/** The link of the running service, beside doctor's own attempts. */

/** Faults that mean that the broker is not there: exit 69. */
const NOT_THERE: ReadonlySet<string> = new Set([
  "refused",
  "unknown-host",
  "unreachable",
  "timeout",
  "stalled",
]);
const IS_CONNECTION: ReadonlySet<string> = new Set(LINK_FAULTS);

/** Whether doctor's own attempt has found the same. */
const isFound = ({ where = "", detail }: ActiveFault, own: readonly Finding[]): boolean =>
  own.some(
    (one) => isFailed(one) && one.part === `broker ${where}` && one.says === withoutAddress(where, detail),
  );

const cureFor = (faults: readonly ActiveFault[]): string =>
  [...new Set(faults.map(({ part, code }) => cureOf(part, code) ?? "see the service's log"))].join(" ");

const notConnected = (
  fault: string | undefined,
  all: readonly ActiveFault[],
  news: readonly ActiveFault[],
): Finding => {
  const says = "the service is not connected";
  const isAbsent = all.some(({ code }) => NOT_THERE.has(code));
  if (news.length > 0)
    return trouble(
      "link",
      `${says}: ${news.map(({ detail }) => detail).join("; ")}`,
      cureFor(news),
      isAbsent,
    );
  if (all.length > 0) return trouble("link", `${says}: see the brokers`, cureFor(all), isAbsent);
  return fault === undefined
    ? warning("link", `${says} yet`, "run doctor again in a few seconds")
    : trouble(
        "link",
        `${says}: ${fault}`,
        cureOf("link", fault) ?? "see the service's log",
        NOT_THERE.has(fault),
      );
};

/**
 * What the service says of its link. `own`: doctor's findings on the brokers; a fault that they have is not
 * said twice. Being not connected is a failure, also if doctor has reached every broker.
 */
export const servedLink = ({ link, faults }: Service, own: readonly Finding[]): Finding[] => {
  const all = faults.filter((fault) => fault.part === "link" && isOfDevice(fault));
  const news = all.filter((fault) => !isFound(fault, own));
  const isOffline = link !== undefined && link.broker === undefined;
  const isWhy = ({ code }: ActiveFault): boolean => isOffline && IS_CONNECTION.has(code);
  return [
    ...(isOffline ? [notConnected(link.fault, all.filter(isWhy), news.filter(isWhy))] : []),
    ...news
      .filter((fault) => !isWhy(fault))
      .map((fault) => trouble("link", fault.detail, cureFor([fault]), NOT_THERE.has(fault.code))),
  ];
};
