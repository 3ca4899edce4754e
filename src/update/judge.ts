import type { Opened } from "../bundle/envelope.ts";
import { isMeant } from "../bundle/format.ts";
import { ofDates } from "../bundle/judge.ts";
import type { Architecture, Package, Release } from "./release.ts";
import { isAbove } from "./release.ts";

/** Decides what becomes of a release in a car. Pure. */

export type Circumstances = {
  /** The unit's name, `directorate/id`. Undefined: it has none yet. */
  readonly unit: string | undefined;
  /** Undefined: there is no package for this machine. */
  readonly architecture: Architecture | undefined;
  /** The version in force. */
  readonly inForce: string;
  /** Another version is on trial. */
  readonly trial: string | undefined;
  /** Versions that were taken back in this car. Empty for an installation by hand. */
  readonly takenBack: readonly string[];
  /** UTC milliseconds. Undefined: the time cannot be trusted. */
  readonly now: number | undefined;
  /** An emergency is open. A drill does not count. */
  readonly emergency: boolean;
  /** The ignition is known to be off: the power may go while the release is written. */
  readonly onBattery: boolean;
};

type RefusalCode =
  | Extract<Opened, { kind: "invalid" }>["code"]
  | "recipient"
  | "version"
  | "taken-back"
  | "architecture"
  | "expired"
  | "package";

export type Verdict =
  /** This package is to be unpacked. */
  | { readonly kind: "take"; readonly wanted: Package & { readonly architecture: Architecture } }
  /** It cannot be taken now, and may be later. */
  | {
      readonly kind: "wait";
      readonly code: "clock" | "not-yet" | "emergency" | "battery" | "trial" | "disk";
      readonly says: string;
    }
  | { readonly kind: "refuse"; readonly code: RefusalCode; readonly says: string };

export const refuse = (code: RefusalCode, says: string) => ({ kind: "refuse", code, says }) as const;
export const wait = (code: Extract<Verdict, { kind: "wait" }>["code"], says: string) =>
  ({ kind: "wait", code, says }) as const;

const ofSigned = (
  release: Release,
  { unit, inForce, takenBack, now }: Circumstances,
): Verdict | undefined => {
  const { for: recipient, version } = release;
  if (unit !== undefined && !isMeant(recipient, unit))
    return refuse("recipient", `it is for ${recipient}, and this unit is ${unit}`);
  if (!isAbove(version, inForce))
    return refuse("version", `version ${version} is not above ${inForce}, which is in force`);
  if (takenBack.includes(version))
    return refuse(
      "taken-back",
      `version ${version} was taken back here: to install it all the same, run \`flash release\` in the car`,
    );
  const dated = ofDates(release, now);
  if (dated?.kind === "refuse") return refuse("expired", dated.says);
  return dated && wait(dated.code === "clock" ? "clock" : "not-yet", dated.says);
};

/** What becomes of a release whose signature is right. */
export const judge = (release: Release, circumstances: Circumstances): Verdict => {
  const verdict = ofSigned(release, circumstances);
  if (verdict) return verdict;
  const { architecture, trial, emergency, onBattery } = circumstances;
  const found = architecture && release.packages[architecture];
  if (!found)
    return refuse("architecture", `it has no package for this computer (${architecture ?? "unknown"})`);
  if (trial !== undefined)
    return wait("trial", `version ${trial} is on trial: try again when that trial is over`);
  if (emergency) return wait("emergency", "an emergency is open: try again when it is over");
  if (onBattery) return wait("battery", "the ignition is off: try again when it is on");
  return { kind: "take", wanted: { ...found, architecture } };
};
