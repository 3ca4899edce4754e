import type { Time } from "../runtime/ports.ts";
import { pause } from "../runtime/wait.ts";
import { Addresses, type Lookup } from "./addresses.ts";
import { classify } from "./faults.ts";
import { CredentialFiles, type CredentialsError } from "./pem.ts";
import {
  LinkError,
  type Connect,
  type Connection,
  type ConnectionEvents,
  type ConnectOptions,
  type LinkFault,
} from "./port.ts";
import { Turns } from "./turns.ts";
import { Versions } from "./versions.ts";
import { brokerAddress, HandshakeError, openSocket, type OpenSocket } from "./socket.ts";

/**
 * Makes an accepted connection from the address of a broker: looks up the name, opens a socket, chooses
 * the version of MQTT.
 */

/** The time limit from looking up the name to an accepted connection, for all addresses together. */
const CONNECT_MS = 10_000;
/** If an address has not opened by then, the next one is tried at the same time (RFC 8305 §8: 250 ms at least). */
const NEXT_ADDRESS_MS = 500;
/**
 * If a broker has not answered CONNECT within CONNACK_MS and has another address, that address is used.
 * CONNACKS_MS is for all addresses together, because a press must be at dispatch within 10 s.
 */
const CONNACK_MS = 2_500;
const CONNACKS_MS = 4_500;
/** CONNACK takes one round trip, the socket one (TCP) or more (TLS): it is not given up for less than this many sockets. */
const CONNACK_ROUND_TRIPS = 2;

/** One address among those of a broker's name, with what has become of connections to it. */
export type Place = {
  /** See `Connection`. */
  readonly others: number;
  readonly untried: () => number;
  readonly doubted: () => void;
  /** A connection to it has failed, or could not be made. */
  readonly failed: () => void;
};

type Target = { readonly broker: string; readonly version: 4 | 5 };

/** Sends CONNECT over an open socket. Rejects with LinkError after closing the socket. */
export type ConnectOver = (
  target: Target & { readonly place: Place; readonly unusableFile: CredentialsError | undefined },
  socket: OpenSocket,
  options: ConnectOptions,
  on: ConnectionEvents,
  time: Time,
  signal: AbortSignal,
) => Promise<Connection>;

const noAnswer = (broker: string): LinkError =>
  new LinkError("timeout", `${broker}: the host does not answer`);

/** The host has accepted the connection. `protocol`: what did not answer on it. */
export const silentHost = (broker: string, protocol: "MQTT" | "TLS"): LinkError =>
  new LinkError(
    "timeout",
    `${broker}: the connection was open, but no ${protocol} answer came: is the port right?`,
  );

const isSilentTls = (cause: unknown): boolean => cause instanceof HandshakeError;

/** One attempt with one version of MQTT. */
type Attempt = {
  readonly target: Target;
  /** In the order in which to try them. */
  readonly addresses: readonly string[];
  readonly placeOf: (address: string) => Place;
  readonly files: CredentialFiles;
  readonly from: string | undefined;
  readonly options: ConnectOptions;
  readonly on: ConnectionEvents;
  readonly time: Time;
  readonly signal: AbortSignal;
};

/** `tookMs`: how long the address took, so at least one round trip. */
type Opened = {
  readonly address: string;
  readonly socket: OpenSocket;
  readonly tookMs: number;
  readonly unusableFile: CredentialsError | undefined;
};

const NO_FILES = { pem: {}, kept: undefined };

/**
 * The first of some addresses that opens. Each next one is tried when the one before has failed, or has not
 * opened within `NEXT_ADDRESS_MS`; the others are closed. Rejects with LinkError.
 */
const openFirst = async (
  { target: { broker }, placeOf, files, from, options, time, signal }: Attempt,
  addresses: readonly string[],
): Promise<Opened> => {
  const losers = new AbortController();
  const either = AbortSignal.any([signal, losers.signal]);
  const open = async (address: string): Promise<Opened> => {
    if (either.aborted) throw noAnswer(broker);
    const begunAt = time.mono();
    const target = brokerAddress(broker);
    const { pem, kept } = target.secure ? files.read(options) : NO_FILES;
    const socket = await openSocket(target, address, pem, either, from).catch((cause: unknown) => {
      // One that another address has overtaken has not failed. One that took all the time there was has.
      if (!losers.signal.aborted) placeOf(address).failed();
      throw cause;
    });
    if (!either.aborted) {
      // Two sockets may open at once. The other attempts see this before they continue.
      losers.abort();
      return { address, socket, tookMs: time.mono() - begunAt, unusableFile: kept };
    }
    socket.socket.destroy();
    throw noAnswer(broker);
  };
  let before: Promise<unknown> = Promise.resolve();
  const attempts = addresses.map((address, n) => {
    const turn = Promise.race([before.catch(() => undefined), pause(NEXT_ADDRESS_MS * n, either, time)]);
    const attempt = turn.then(() => open(address));
    before = attempt;
    return attempt;
  });
  try {
    return await Promise.any(attempts);
  } catch (cause) {
    const causes: unknown[] = cause instanceof AggregateError ? cause.errors : [];
    if (signal.aborted) throw causes.some(isSilentTls) ? silentHost(broker, "TLS") : noAnswer(broker);
    throw classify(broker, cause instanceof AggregateError ? cause.errors[0] : cause);
  } finally {
    losers.abort();
  }
};

/** Faults that say more about a broker than that one of its addresses cannot be reached. */
const ANSWERS: ReadonlySet<LinkFault> = new Set(["version", "unauthorised", "credentials-unreadable"]);

/**
 * The first address that accepts. Sockets are opened in parallel, but only one at a time sends CONNECT: a
 * broker closes a connection when another one has the same client id. A refusal of one address does not
 * count for the others, which can be other hosts.
 */
const connectAny = async (connectOver: ConnectOver, attempt: Attempt): Promise<Connection> => {
  const { target, addresses, placeOf, options, on, time, signal } = attempt;
  const patienceMs = Math.min(CONNACK_MS, CONNACKS_MS / addresses.length);
  let left = addresses;
  let answered: LinkError | undefined;
  let failed: LinkError | undefined;
  while (left.length > 0 && !signal.aborted) {
    const asked = left;
    const patience = new AbortController();
    try {
      // oxlint-disable-next-line no-await-in-loop -- one address after the other
      const { address, socket, tookMs, unusableFile } = await openFirst(attempt, left);
      left = left.filter((one) => one !== address);
      // On a slow network CONNACK is as slow as the socket was.
      const waitMs = Math.max(patienceMs, CONNACK_ROUND_TRIPS * tookMs);
      using _ = left.length > 0 ? time.after(waitMs, () => patience.abort()) : undefined;
      const either = AbortSignal.any([signal, patience.signal]);
      const here = { ...target, place: placeOf(address), unusableFile };
      // oxlint-disable-next-line no-await-in-loop
      return await connectOver(here, socket, options, on, time, either);
    } catch (cause) {
      const error = classify(target.broker, cause);
      if (ANSWERS.has(error.code)) answered ??= error;
      else failed ??= error;
      // No address has opened.
      if (left === asked) break;
    }
  }
  throw answered ?? failed ?? noAnswer(target.broker);
};

/**
 * Connects with MQTT 5, or with 3.1.1 if the broker refuses 5 or hangs up on it again and again. `from`: see
 * `openSocket`.
 */
export const createDial = (connectOver: ConnectOver, time: Time, lookup: Lookup, from?: string): Connect => {
  const names = new Addresses(lookup, time);
  const turns = new Turns();
  const versions = new Versions();
  const files = new CredentialFiles();
  return async (broker, options, on, signal) => {
    const patience = new AbortController();
    using _ = time.after(CONNECT_MS, () => patience.abort());
    const deadline = AbortSignal.any([signal, patience.signal]);
    const found = await names.of(brokerAddress(broker).host, deadline).catch((cause: unknown) => {
      throw classify(broker, cause);
    });
    const addresses = turns.order(broker, found);
    const placeOf = (address: string): Place => ({
      others: addresses.length - 1,
      untried: () => turns.untried(broker, address, time.mono()),
      doubted: () => turns.doubted(broker, address, time.mono()),
      failed: () => turns.failed(broker, address, time.mono()),
    });
    const attempt = async (version: 4 | 5): Promise<Connection> => {
      const target = { broker, version };
      const connection = await connectAny(connectOver, {
        target,
        addresses: turns.order(broker, addresses),
        placeOf,
        files,
        from,
        options,
        on,
        time,
        signal: deadline,
      });
      versions.accepted(broker, version);
      return connection;
    };
    try {
      return await attempt(versions.of(broker));
    } catch (error) {
      if (!(error instanceof LinkError) || !versions.failed(broker, error.code) || deadline.aborted)
        throw error;
      return attempt(4);
    }
  };
};
