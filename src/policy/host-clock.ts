/**
 * Whether this computer's clock should be set by the receiver's time. Pure: the caller reads the clocks. The unit itself may
 * not set it: a helper with that one capability does, and checks again.
 */

/** A clock that is closer is right enough for certificates and logs, and is not stepped. */
const RIGHT_MS = 1_000;
/** The helper may have failed, or somebody has set the clock again: it is asked again after this. */
const AGAIN_MS = 30_000;

/** Milliseconds; UTC where nothing else is said. */
export type Clocks = {
  /** A clock that never jumps. */
  readonly mono: number;
  /** This computer's clock. */
  readonly host: number;
  /** The time that the unit trusts, if it trusts any: the receiver's, or that of a host which NTP disciplines. */
  readonly trusted: number | undefined;
  /** NTP disciplines the host: it knows better, and brings the clock to the right time by itself. */
  readonly synchronised: boolean;
};

/** What is remembered from one look to the next. */
export type HostClock = {
  /** When the time was last handed over, on the clock that never jumps. */
  readonly handedAt: number | undefined;
  /** The host's clock minus the one that never jumps. */
  readonly offset: number | undefined;
};

export const HOST_CLOCK: HostClock = { handedAt: undefined, offset: undefined };

export type Judgement = {
  readonly next: HostClock;
  /** The trusted time should be handed to the helper now. */
  readonly handOver: boolean;
  /** Somebody has set the clock since the last look: a certificate that was not valid yet may be valid now. */
  readonly wasSet: boolean;
};

/** Decides, at one look at the clocks. */
export const judgeHostClock = (
  before: HostClock,
  { mono, host, trusted, synchronised }: Clocks,
): Judgement => {
  const offset = host - mono;
  const isOff = trusted !== undefined && Math.abs(trusted - host) > RIGHT_MS;
  const isDue = before.handedAt === undefined || mono - before.handedAt >= AGAIN_MS;
  const handOver = isOff && isDue && !synchronised;
  return {
    next: { handedAt: handOver ? mono : before.handedAt, offset },
    handOver,
    wasSet: before.offset !== undefined && Math.abs(offset - before.offset) > RIGHT_MS,
  };
};
