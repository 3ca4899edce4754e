/** When the computer is switched off behind the ignition. Pure: time is an argument, milliseconds. */
export type PowerSettings = {
  /** Seconds after the ignition went off; at least 300. */
  readonly offAfterS: number;
};

export type PowerNews =
  | { readonly what: "ignition-on" }
  /** `offInS`: when the computer will be switched off, where it will. */
  | { readonly what: "ignition-off"; readonly offInS?: number }
  | { readonly what: "power-off" };

export type PowerCircumstances = {
  /** Undefined: not known; what is not known switches nothing off. */
  readonly ignition: "on" | "off" | undefined;
  /** The receiver sees the car move, whatever its bus says. */
  readonly moving: boolean;
  readonly emergency: boolean;
};

export type PowerPolicy = {
  /** What has changed, or is to be done, now. */
  look(circumstances: PowerCircumstances, mono: number): PowerNews | undefined;
};

/** A power-off that was asked for and did not come is asked for again. */
const ASK_AGAIN_MS = 300_000;

export const createPowerPolicy = (settings: PowerSettings | undefined): PowerPolicy => {
  let known: "on" | "off" | undefined;
  /** Since when nothing has spoken against switching off. */
  let idleSince = 0;
  let askedAt: number | undefined;
  return {
    look({ ignition, moving, emergency }, mono) {
      if (ignition !== "off" || moving || emergency || known !== "off") {
        idleSince = mono;
        askedAt = undefined;
      }
      if (ignition !== known && ignition !== undefined) {
        const first = known === undefined;
        known = ignition;
        if (ignition === "off")
          return { what: "ignition-off", ...(settings ? { offInS: settings.offAfterS } : {}) };
        return first ? undefined : { what: "ignition-on" };
      }
      if (!settings || mono - idleSince < settings.offAfterS * 1000) return undefined;
      if (askedAt !== undefined && mono - askedAt < ASK_AGAIN_MS) return undefined;
      askedAt = mono;
      return { what: "power-off" };
    },
  };
};
