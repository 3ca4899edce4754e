/** What the list needs of the running service's status at one moment. Absent: not known. */
export type Seen = {
  readonly boot: number;
  /** sha256 of the configuration file with which the service runs, hex. */
  readonly config: string;
  readonly clock: "gnss" | "ntp" | "unset";
  /** UTC milliseconds; worth what `clock` says. */
  readonly at: number;
  readonly position?:
    | { readonly accuracyM?: number | undefined; readonly satellites?: number | undefined }
    | undefined;
  /** By VSS path: the newest value, unless it is stale. */
  readonly signals: Readonly<Record<string, SignalValue | undefined>>;
  /** `degraded`: another firmware than ours. */
  readonly board?:
    | {
        readonly connected: boolean;
        readonly firmware?: string | undefined;
        readonly degraded?: boolean | undefined;
      }
    | undefined;
  readonly drillArmed: boolean;
  readonly episodes: readonly SeenEpisode[];
  /** UTC milliseconds. */
  readonly certificateExpiresAt?: number | undefined;
};

export type SignalValue = number | boolean | string;

export type SeenEpisode = {
  readonly episode: string;
  /** A drill. */
  readonly test: boolean;
  readonly state: string;
  readonly button: string;
  readonly legs: Legs;
};

/** When an episode reached each stage, milliseconds since the press. */
export type Legs = {
  readonly [stage in "stored" | "sent" | "received" | "accepted" | "cleared"]?: number | undefined;
};

/** Whether an episode is open: it blocks a further drill. */
export const isOpen = ({ state }: SeenEpisode): boolean => state !== "cleared";

/** Whether a real emergency is open. */
export const isEmergency = ({ episodes }: Seen): boolean => episodes.some((one) => !one.test && isOpen(one));
