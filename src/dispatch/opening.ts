import type { Time } from "../runtime/ports.ts";
import { pause, within } from "../runtime/wait.ts";
import { classify } from "./faults.ts";
import { LinkError, type ConnectOptions } from "./port.ts";

/** Opens a socket to whichever of a broker's addresses answers first. */

/** If an address has not opened by then, the next one is tried at the same time (RFC 8305 §8: 250 ms at least). */
const NEXT_ADDRESS_MS = 500;
/**
 * How long a round of sockets lasts, and at least how many times what TCP took: on a slow network the sockets of the next
 * round would slow down those of this one.
 */
const AGAIN_MS = 5_000;
const AGAIN_ROUND_TRIPS = 4;

export type Socket = {
  /** Closes it at once. */
  destroy(): void;
};

/**
 * Opens TCP, and TLS where the broker has it, to one address. Calls `reached` when TCP is open. Rejects with LinkError,
 * HandshakeError, or the system's error; closes the socket when the signal fires.
 */
export type Open<S extends Socket> = (
  broker: string,
  address: string,
  options: ConnectOptions,
  reached: () => void,
  signal: AbortSignal,
) => Promise<S>;

/** The connection was closed after TCP was open and before the TLS handshake was done. */
export class HandshakeError extends Error {}

export const noAnswer = (broker: string): LinkError =>
  new LinkError("timeout", `${broker}: the host does not answer`);

/** The host has accepted the connection. `protocol`: what did not answer on it. */
export const silentHost = (broker: string, protocol: "MQTT" | "TLS"): LinkError =>
  new LinkError(
    "timeout",
    `${broker}: the connection was open, but no ${protocol} answer came: is the port right?`,
  );

/** `tookMs`: how long the socket took, so at least one round trip. */
export type Opened<S extends Socket> = {
  readonly address: string;
  readonly socket: S;
  readonly tookMs: number;
};

export type Opening<S extends Socket> = {
  readonly broker: string;
  /** In the order in which to try them. */
  readonly addresses: readonly string[];
  readonly open: (address: string, reached: () => void, signal: AbortSignal) => Promise<S>;
  /** A socket to the address could not be opened. */
  readonly failed: (address: string) => void;
  readonly time: Time;
  readonly signal: AbortSignal;
};

const causesOf = (thrown: unknown): unknown[] =>
  thrown instanceof AggregateError ? thrown.errors.flatMap(causesOf) : [thrown];

/** One socket on its way. */
type Attempt<S> = {
  readonly opened: Promise<S>;
  /** How long TCP took. Undefined: it is not open. */
  readonly tcpMs: () => number | undefined;
  /** Closes it if TCP is not open. */
  readonly endUnanswered: () => void;
};

/** Opens a socket when it is its `turn`. */
const begin = <S>(
  open: (reached: () => void, signal: AbortSignal) => Promise<S>,
  turn: Promise<unknown>,
  time: Time,
  signal: AbortSignal,
): Attempt<S> => {
  const unanswered = new AbortController();
  let tcpMs: number | undefined;
  const opened = turn.then(() => {
    const begunAt = time.mono();
    const reached = () => void (tcpMs = time.mono() - begunAt);
    return open(reached, AbortSignal.any([signal, unanswered.signal]));
  });
  return {
    opened,
    tcpMs: () => tcpMs,
    endUnanswered() {
      if (tcpMs === undefined) unanswered.abort();
    },
  };
};

/**
 * Opens a round of sockets, then another round after `AGAIN_MS` or more, until one socket opens or all have failed. A socket
 * that has TCP by then is kept, because its handshake may only be slow. The new one is for the case that what it sent is lost.
 * A socket without TCP is closed: the kernel repeats a SYN ever more rarely.
 */
const persist = async <S>(
  round: () => readonly Attempt<S>[],
  time: Time,
  signal: AbortSignal,
  older: readonly Promise<S>[] = [],
): Promise<S> => {
  const attempts = round();
  const first = Promise.any([...older, ...attempts.map(({ opened }) => opened)]);
  const lastTurnMs = NEXT_ADDRESS_MS * (attempts.length - 1);
  if ((await within(AGAIN_MS + lastTurnMs, first, time)) || signal.aborted) return first;
  for (const { endUnanswered } of attempts) endUnanswered();
  const tcpMs = attempts.map((attempt) => attempt.tcpMs());
  // If one has no TCP, the others do not show how slow the network is: perhaps a host is.
  const slowestMs = Math.max(0, ...(tcpMs.every((ms) => ms !== undefined) ? tcpMs : []));
  const moreMs = AGAIN_ROUND_TRIPS * slowestMs - AGAIN_MS;
  if (moreMs > 0 && ((await within(moreMs, first, time)) || signal.aborted)) return first;
  return persist(round, time, signal, [first]);
};

/**
 * Connects to the first address that opens, and closes the others. Each next address is tried when the one before has
 * failed, or has not opened within `NEXT_ADDRESS_MS`. As long as one of them may still open, those that have failed are
 * tried again: coverage or the host may be back. Rejects with LinkError when all have failed.
 */
export const openFirst = async <S extends Socket>(opening: Opening<S>): Promise<Opened<S>> => {
  const { broker, addresses, time, signal } = opening;
  const losers = new AbortController();
  const either = AbortSignal.any([signal, losers.signal]);
  const open = async (address: string, reached: () => void, one: AbortSignal): Promise<Opened<S>> => {
    if (one.aborted) throw noAnswer(broker);
    const begunAt = time.mono();
    const socket = await opening.open(address, reached, one).catch((cause: unknown) => {
      // Closed because another socket has won: no failure. Closed because its time was over: one.
      if (!losers.signal.aborted) opening.failed(address);
      throw cause;
    });
    if (!one.aborted) {
      // Two sockets may open at once. The other attempts see this before they continue.
      losers.abort();
      return { address, socket, tookMs: time.mono() - begunAt };
    }
    socket.destroy();
    throw noAnswer(broker);
  };
  const round = (): readonly Attempt<Opened<S>>[] => {
    let before: Promise<unknown> = Promise.resolve();
    return addresses.map((address, n) => {
      const turn = Promise.race([before.catch(() => undefined), pause(NEXT_ADDRESS_MS * n, either, time)]);
      const attempt = begin((reached, one) => open(address, reached, one), turn, time, either);
      before = attempt.opened;
      return attempt;
    });
  };
  try {
    return await persist(round, time, either);
  } catch (thrown) {
    const causes = causesOf(thrown);
    if (signal.aborted)
      throw causes.some((cause) => cause instanceof HandshakeError)
        ? silentHost(broker, "TLS")
        : noAnswer(broker);
    throw classify(broker, causes[0]);
  } finally {
    losers.abort();
  }
};
