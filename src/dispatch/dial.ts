import type { Time, Timer } from "../runtime/ports.ts";
import { MqttVersion, type ConnectFailure } from "../wire/mqtt-version.ts";
import { Addresses, type Lookup } from "./addresses.ts";
import { AttemptLimit } from "./attempt-limit.ts";
import { brokerAddress } from "./broker-address.ts";
import { classify } from "./faults.ts";
import { noAnswer, openFirst, type Open, type Socket } from "./opening.ts";
import {
  LinkError,
  type Connect,
  type Connection,
  type ConnectionEvents,
  type ConnectOptions,
  type LinkFault,
} from "./port.ts";
import { Turns } from "./turns.ts";

/**
 * Makes an accepted connection from the address of a broker: looks up the name, opens a socket, chooses
 * the version of MQTT.
 */

/** The time limit from looking up the name to an accepted connection, for all addresses together, and again with 3.1.1. */
const CONNECT_MS = 10_000;
/** The same while an emergency waits: the next attempt looks the name up again, and takes its addresses in another order. */
const HURRIED_CONNECT_MS = 5_000;
/**
 * If a broker has not answered CONNECT within CONNACK_MS and has another address, that address is used.
 * CONNACKS_MS is for all addresses together, because a press must be at dispatch within 10 s.
 */
const CONNACK_MS = 2_500;
const CONNACKS_MS = 4_500;
/** CONNACK takes one round trip, the socket one (TCP) or more (TLS): it is awaited for at least so many times what that took. */
const CONNACK_ROUND_TRIPS = 2;

/** One address among those of a broker's name, with what has become of connections to it. */
export type Place = {
  readonly address: string;
  /** See `Connection`. */
  readonly others: number;
  readonly untried: () => number;
  readonly doubted: () => void;
  /** A connection to it has failed, or could not be made. */
  readonly failed: () => void;
};

type Target = { readonly broker: string; readonly version: 4 | 5 };

/** Sends CONNECT over an open socket. Rejects with LinkError after closing the socket. */
export type ConnectOver<S> = (
  target: Target & { readonly place: Place },
  socket: S,
  options: ConnectOptions,
  on: ConnectionEvents,
  signal: AbortSignal,
) => Promise<Connection>;

/** What reaches the network. */
export type DialPorts<S extends Socket> = {
  readonly lookup: Lookup;
  readonly open: Open<S>;
  readonly connectOver: ConnectOver<S>;
};

/** One attempt with one version of MQTT. */
type Attempt<S extends Socket> = {
  readonly target: Target;
  /** In the order in which to try them. */
  readonly addresses: readonly string[];
  readonly placeOf: (address: string) => Place;
  readonly ports: DialPorts<S>;
  readonly options: ConnectOptions;
  readonly on: ConnectionEvents;
  readonly time: Time;
  readonly limit: AttemptLimit;
  /** The caller's, or that of `limit`. */
  readonly signal: AbortSignal;
};

/** Faults that say more about a broker than that one of its addresses cannot be reached. */
const ANSWERS: ReadonlySet<LinkFault> = new Set(["version", "unauthorised", "credentials-unreadable"]);

/**
 * How long one of so many addresses is awaited, once one of them has opened in `tookMs`: on a slow network its answer to
 * CONNECT, and what the next one does, are as slow as that.
 */
const shareMs = (addresses: number, tookMs: number): number => {
  const patienceMs = addresses === 1 ? CONNACKS_MS : Math.min(CONNACK_MS, CONNACKS_MS / addresses);
  return Math.max(patienceMs, CONNACK_ROUND_TRIPS * tookMs);
};

/** Calls `late` after `ms`, or when the signal fires, whichever comes last. Without a signal it is never called. */
const inHurry = (hurry: AbortSignal | undefined, ms: number, late: () => void, time: Time): Disposable => {
  let timer: Timer | undefined;
  const dueAt = time.mono() + ms;
  const begin = () => void (timer = time.after(Math.max(0, dueAt - time.mono()), late));
  if (hurry?.aborted) begin();
  else hurry?.addEventListener("abort", begin, { once: true });
  return {
    [Symbol.dispose]() {
      hurry?.removeEventListener("abort", begin);
      timer?.[Symbol.dispose]();
    },
  };
};

/**
 * The first address that accepts. Sockets are opened in parallel, but only one at a time sends CONNECT: a
 * broker closes a connection when another one has the same client id. A refusal of one address does not
 * count for the others, which can be other hosts.
 */
const connectAny = async <S extends Socket>(attempt: Attempt<S>): Promise<Connection> => {
  const { target, addresses, placeOf, ports, options, on, time, limit, signal } = attempt;
  const { broker } = target;
  const open = async (address: string, reached: () => void, either: AbortSignal): Promise<S> => {
    let isOpen = false;
    const entered = () => {
      isOpen = true;
      limit.entered();
      reached();
    };
    try {
      return await ports.open(broker, address, options, entered, either);
    } catch (cause) {
      if (isOpen) limit.left();
      throw cause;
    }
  };
  let left = addresses;
  let answered: LinkError | undefined;
  let failed: LinkError | undefined;
  /** Undefined: no address has opened, and the first may take all the time there is. */
  let share: number | undefined;
  while (left.length > 0 && !signal.aborted) {
    const asked = left;
    const opening = new AbortController();
    const patience = new AbortController();
    try {
      using _opening = share === undefined ? undefined : time.after(share, () => opening.abort());
      // oxlint-disable-next-line no-await-in-loop -- one address after the other
      const { address, socket, tookMs } = await openFirst({
        broker,
        addresses: left,
        open,
        failed: (at) => placeOf(at).failed(),
        time,
        signal: AbortSignal.any([signal, opening.signal]),
      });
      left = left.filter((one) => one !== address);
      share = shareMs(addresses.length, tookMs);
      const late = () => patience.abort();
      // If no address is left, and there is no hurry, only the limit of the attempt counts.
      using _ =
        left.length > 0
          ? time.after(share, late)
          : inHurry(options.hurry, Math.max(share, CONNACKS_MS), late, time);
      const either = AbortSignal.any([signal, patience.signal]);
      const here = { ...target, place: placeOf(address) };
      // oxlint-disable-next-line no-await-in-loop
      return await ports.connectOver(here, socket, options, on, either).catch((cause: unknown) => {
        limit.left();
        throw cause;
      });
    } catch (cause) {
      const error = classify(broker, cause);
      if (ANSWERS.has(error.code)) answered ??= error;
      else failed ??= error;
      // No address has opened.
      if (left === asked) break;
    }
  }
  throw answered ?? failed ?? noAnswer(broker);
};

const failureOf = (code: LinkFault): ConnectFailure =>
  code === "version" || code === "lost" ? code : "other";

/** Connects with MQTT 5, or with 3.1.1 if the broker refuses 5 or hangs up on it again and again. */
export const createDial = <S extends Socket>(ports: DialPorts<S>, time: Time): Connect => {
  const names = new Addresses(ports.lookup, time);
  const turns = new Turns();
  const versions = new Map<string, MqttVersion>();
  return async (broker, options, on, signal) => {
    const limited = (): AttemptLimit => {
      const limitMs = options.hurry?.aborted ? HURRIED_CONNECT_MS : CONNECT_MS;
      return new AttemptLimit(time, limitMs, options.patient ?? false);
    };
    const either = (limit: AttemptLimit): AbortSignal => AbortSignal.any([signal, limit.signal]);
    using limit = limited();
    const found = await names.of(brokerAddress(broker).host, either(limit)).catch((cause: unknown) => {
      throw classify(broker, cause);
    });
    const addresses = turns.order(broker, found);
    const placeOf = (address: string): Place => ({
      address,
      others: addresses.length - 1,
      untried: () => turns.untried(broker, address, time.mono()),
      doubted: () => turns.doubted(broker, address, time.mono()),
      failed: () => turns.failed(broker, address, time.mono()),
    });
    const asked = versions.get(broker) ?? new MqttVersion();
    versions.set(broker, asked);
    const attempt = async (version: 4 | 5, within: AttemptLimit): Promise<Connection> => {
      const connection = await connectAny({
        target: { broker, version },
        addresses: turns.order(broker, addresses),
        placeOf,
        ports,
        options,
        on,
        time,
        limit: within,
        signal: either(within),
      });
      asked.accepted(version);
      return connection;
    };
    try {
      return await attempt(asked.first, limit);
    } catch (error) {
      if (!(error instanceof LinkError) || !asked.failed(failureOf(error.code)) || signal.aborted)
        throw error;
      // The broker has answered, perhaps after its host was silent for most of the time.
      using again = limited();
      return await attempt(4, again);
    }
  };
};
