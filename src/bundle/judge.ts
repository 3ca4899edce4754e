import { isOfCar } from "../domain/faults.ts";
import { faultText, type SettingsFault } from "../settings/fault.ts";
import { RENEWED_FILE } from "../settings/root.ts";
import type { Opened } from "./envelope.ts";
import { isMeant, type Content } from "./format.ts";

/** Decides what becomes of a bundle (contract 1.1 §8). Pure. */

export type Circumstances = {
  /** The unit's name, `directorate/id`. Undefined: it has none yet, and takes that of its first bundle. */
  readonly unit: string | undefined;
  /** The configuration in force. `sha256`: of the bundle that brought it. Undefined: there is none. */
  readonly inForce: { readonly version: number; readonly sha256?: string | undefined } | undefined;
  /** UTC milliseconds. Undefined: the time cannot be trusted. */
  readonly now: number | undefined;
  /** An emergency is open. A drill does not count. */
  readonly emergency: boolean;
  /** `hand`: a technician installs it. `dispatch`: it came over the link, and may come again. */
  readonly from: "hand" | "dispatch";
  /** The outbox's folder in force. Undefined: there is no configuration. */
  readonly outbox?: string | undefined;
  /** Versions that failed their trial. */
  readonly failed: readonly number[];
};

/** The bundle's configuration as this car would run it, with its own `local.yaml`. */
export type Merged = {
  readonly unit: string | undefined;
  /** The outbox's folder. Undefined: the configuration cannot be used. */
  readonly outbox?: string | undefined;
  readonly faults: readonly SettingsFault[];
};

type RefusalCode =
  | Extract<Opened, { kind: "invalid" }>["code"]
  | "recipient"
  | "version"
  | "failed"
  | "expired"
  | "trust"
  | "renames"
  | "moves-outbox"
  | "invalid";

export type Verdict =
  /** It must be staged and checked together with `local.yaml`; then it is judged again. */
  | { readonly kind: "check" }
  | { readonly kind: "take" }
  /** It is what is in force, or has failed and came again: nothing happens, and nothing is reported. */
  | { readonly kind: "ignore" }
  /** It cannot be taken now, and may be later. */
  | { readonly kind: "wait"; readonly code: "clock" | "not-yet" | "emergency"; readonly says: string }
  | { readonly kind: "refuse"; readonly code: RefusalCode; readonly says: string };

const refuse = (code: RefusalCode, says: string) => ({ kind: "refuse", code, says }) as const;

const ofVersion = (
  { version }: Content,
  sha256: string,
  { inForce, from, failed }: Circumstances,
): Verdict | undefined => {
  if (from === "dispatch" && inForce?.version === version && inForce.sha256 === sha256)
    return { kind: "ignore" };
  if (from === "dispatch" && failed.includes(version)) return { kind: "ignore" };
  return inForce && version <= inForce.version
    ? refuse("version", `version ${version} is not above version ${inForce.version}, which is in force`)
    : undefined;
};

/** What its dates say of what is signed. `now`: UTC milliseconds; undefined: not known. Undefined: nothing against it. */
export const ofDates = (
  { notBefore, expires }: Pick<Content, "notBefore" | "expires">,
  now: number | undefined,
): Extract<Verdict, { kind: "wait" | "refuse" }> | undefined => {
  if (notBefore === undefined && expires === undefined) return undefined;
  if (now === undefined) {
    const says = "it has a date, and the time is not known yet: try again when the receiver has a fix";
    return { kind: "wait", code: "clock", says };
  }
  if (expires !== undefined && Date.parse(expires) <= now)
    return refuse("expired", `it expired at ${expires}`);
  return notBefore !== undefined && Date.parse(notBefore) > now
    ? { kind: "wait", code: "not-yet", says: `it is valid from ${notBefore} on` }
    : undefined;
};

/** The key that signs must stay: otherwise a unit could be left without a key that anybody has. */
const ofTrust = ({ trust }: Content, signer: string): Verdict | undefined => {
  if (!trust) return undefined;
  if (trust.retire.includes(signer)) return refuse("trust", `it retires the key ${signer}, which signed it`);
  return trust.add.some(({ name }) => name === signer)
    ? refuse("trust", `it replaces the key ${signer}, which signed it`)
    : undefined;
};

const notForUs = (content: Content, unit: string): Verdict | undefined =>
  isMeant(content.for, unit)
    ? undefined
    : refuse("recipient", `it is for ${content.for}, and this unit is ${unit}`);

const firstLine = (faults: readonly SettingsFault[]): string => {
  const [first] = faults;
  const more = faults.length === 1 ? "" : ` (and ${faults.length - 1} more)`;
  return first ? `${faultText(first)}${more}` : "";
};

/** What the bundle would make of this car. */
const ofMerged = (
  content: Content,
  { unit, outbox, faults }: Merged,
  { unit: own, outbox: ownOutbox = outbox }: Circumstances,
): Verdict => {
  // A certificate that comes with the bundle must be right. That of the car is another matter.
  const wrong = faults.filter(({ part, code, file }) => file === RENEWED_FILE || !isOfCar(part, code));
  if (wrong.length > 0) return refuse("invalid", firstLine(wrong));
  if (unit === undefined) return refuse("invalid", "the configuration gives no unit");
  if (own !== undefined && unit !== own)
    return refuse(
      "renames",
      `it would rename the unit ${own} to ${unit}: that is done by hand in local.yaml`,
    );
  // After a trial that failed nothing would read what was stored meanwhile: a confirmed press, too.
  if (outbox !== ownOutbox)
    return refuse(
      "moves-outbox",
      `it would move outbox.path from ${ownOutbox} to ${outbox}: that is done by hand, in local.yaml, with the service stopped and the folder moved`,
    );
  return notForUs(content, unit) ?? { kind: "take" };
};

/**
 * What becomes of a bundle: signature, recipient, version, dates, emergency, and at last its configuration.
 * `merged`: undefined until it has been checked.
 */
export const judge = (opened: Opened, circumstances: Circumstances, merged: Merged | undefined): Verdict => {
  if (opened.kind === "invalid") return refuse(opened.code, opened.says);
  const { content, signer, sha256 } = opened;
  const { unit, emergency } = circumstances;
  const verdict =
    (unit === undefined ? undefined : notForUs(content, unit)) ??
    ofVersion(content, sha256, circumstances) ??
    ofTrust(content, signer) ??
    ofDates(content, circumstances.now);
  if (verdict) return verdict;
  if (emergency)
    return { kind: "wait", code: "emergency", says: "an emergency is open: try again when it is over" };
  return merged ? ofMerged(content, merged, circumstances) : { kind: "check" };
};
