import { statSync } from "node:fs";
import { errorCode } from "../../runtime/system-words.ts";
import { trustedKeys } from "../../bundle/install.ts";
import { openFiles } from "../../bundle/files.ts";
import { Store } from "../../bundle/store.ts";
import { trialOf, wayBack } from "../../bundle/trial.ts";
import type { UnitSettings } from "../../settings/load.ts";
import { certificateFileOf, currentConfigOf, type Root } from "../../settings/root.ts";
import { daysUntil, expiryOf } from "../lib/expiry.ts";
import { sound, trouble, warning, type Finding } from "./finding.ts";
import type { Service } from "./service.ts";

/** What is below a root: the unit's certificate, the trusted keys, and the configuration in force. */

/**
 * The time by which a certificate is judged, UTC milliseconds: `own`, this machine's, or else that of the running
 * service, which may have it from its receiver. Undefined: neither is known.
 */
export const certificateTime = (
  own: number | undefined,
  service: Pick<Service, "at" | "clock"> | undefined,
): number | undefined =>
  own ?? (service?.at === undefined || service.clock === "unset" ? undefined : Date.parse(service.at));

/** A certificate that expires sooner should be renewed now. */
const SOON_DAYS = 30;

const certificate = (root: Root, { dispatch }: UnitSettings, now: number | undefined): Finding => {
  const expiresAt = expiryOf(dispatch.cert);
  const renew = `patrol-unit enrol request --root ${root.dir} --out FILE.csr; install the certificate with enrol install`;
  if (expiresAt === undefined) {
    const says = "this unit has no certificate";
    return dispatch.password === undefined ? trouble("identity", says, renew) : warning("identity", says);
  }
  const day = new Date(expiresAt).toISOString().slice(0, 10);
  if (now === undefined) return sound("identity", `the certificate expires on ${day}; the time is not known`);
  const days = daysUntil(expiresAt, now);
  if (days < 0) return trouble("identity", `the certificate expired on ${day}`, renew);
  const says = `the certificate expires on ${day}, in ${days} days`;
  return days < SOON_DAYS ? warning("identity", says, renew) : sound("identity", says);
};

const inForce = async (store: Store): Promise<Finding> => {
  const [disk, state] = await Promise.all([store.disk(), store.state()]);
  const { current } = disk;
  if (current === undefined) return warning("bundle", "the configuration has no version: it has no way back");
  const about = await store.about(current);
  const origin = about ? `for ${about.for}, signed by ${about.signer}` : "not from a bundle";
  const says = `version ${current}, ${origin}`;
  const trial = trialOf(disk, state);
  const back = wayBack(disk, state);
  if (!trial) return sound("bundle", back === undefined ? says : `${says}; previous version ${back}`);
  const counted = Math.floor(trial.countedMs / 1000);
  const next = back === undefined ? "there is no version to go back to" : `else version ${back} returns`;
  return warning("bundle", `${says}, on trial: dispatch was not reached in ${counted} s; ${next}`);
};

/**
 * Findings about the root of a configuration; none if it has no root. `now`: UTC milliseconds; undefined: the
 * time is not known.
 */
export const rootFindings = async (
  root: Root | undefined,
  settings: UnitSettings,
  now: number | undefined,
): Promise<Finding[]> => {
  if (!root) return [];
  const files = openFiles(root.dir);
  const keys = await trustedKeys(root, files);
  const trust =
    keys.length > 0
      ? sound("trust", `bundles signed by ${keys.map(({ name }) => name).join(", ")} are accepted`)
      : trouble(
          "trust",
          "no key is trusted: no bundle can be installed",
          `copy headquarters' public key to ${root.trust}/NAME.pem`,
        );
  return [certificate(root, settings, now), trust, await inForce(new Store(root, files))];
};

/** Whether a file is not there. One that this user may not look at may be there. */
const isMissing = (path: string): boolean => {
  try {
    statSync(path);
    return false;
  } catch (cause) {
    return errorCode(cause) === "ENOENT";
  }
};

/**
 * What a car lacks that has no configuration yet: after its package was installed, for example. The service waits for the
 * configuration. Undefined: it has one.
 */
export const waitingFindings = (root: Root | undefined): readonly Finding[] | undefined => {
  if (!root || !isMissing(currentConfigOf(root))) return undefined;
  const { dir } = root;
  const init = `patrol-unit init --root ${dir} lays it out and finds the devices`;
  const enrol = `after that: patrol-unit enrol request --root ${dir} --out FILE.csr, then enrol install`;
  return [
    trouble("config", `${dir} has no configuration yet: the service waits for one`, init),
    ...(!isMissing(certificateFileOf(root))
      ? []
      : [trouble("identity", "this unit has no certificate yet", enrol)]),
  ];
};
