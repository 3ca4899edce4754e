import type { Time } from "../../src/runtime/ports.ts";
import {
  LinkError,
  type Connect,
  type ConnectionEvents,
  type ConnectOptions,
} from "../../src/dispatch/port.ts";
import type { Place as AddressPlace } from "../../src/dispatch/dial.ts";
import { Turns } from "../../src/dispatch/turns.ts";
import { SimulatedConnection } from "./connection.ts";
import type { Broker } from "./broker.ts";
import type { Observe } from "./facts.ts";
import { Pipe, soundLink, type Conditions } from "./pipe.ts";

/** The way to a broker: the addresses of its name, and what the link there is like. */
export type Route = {
  readonly broker: Broker;
  readonly conditions: Conditions;
  /**
   * What is at each address, in the order of the name server: the broker, another one that stands in its
   * place, or undefined: nothing answers there.
   */
  readonly addresses: (Broker | undefined)[];
  /** No way there at all. */
  unreachable: boolean;
};

/** As the MQTT client's: without CONNACK until then, there is no connection. */
const CONNECT_MS = 10_000;
/** As in `dial.ts`: all addresses of a name together, if there is another one to go on to. */
const CONNACKS_MS = 4_500;
/** As Node's `autoSelectFamilyAttemptTimeout`: the next address is tried after it. */
const NEXT_ADDRESS_MS = 250;
/** TLS and CONNECT, one way and the other. */
const HELLO_BYTES = { up: 1_500, down: 3_500 };

/** The network as the unit sees it. `connect` implements the port to a broker. */
export class Network {
  readonly routes = new Map<string, Route>();
  readonly #time: Time;
  readonly #observe: Observe;
  /** Connections of which the unit's end is open. */
  readonly #open = new Set<SimulatedConnection>();
  /** Connections of which either end is open. */
  readonly #all = new Set<SimulatedConnection>();
  /** Ends the attempts to connect when the unit's process has gone. */
  #process = new AbortController();
  #last = 0;
  /** As the unit's process knows them. */
  #turns = new Turns();

  constructor(time: Time, observe: Observe) {
    this.#time = time;
    this.#observe = observe;
  }

  /** `addresses`: one element an address: whether the broker is there. */
  add(url: string, broker: Broker, addresses = [true]): Route {
    const at = addresses.map((isThere) => (isThere ? broker : undefined));
    const route = { broker, conditions: soundLink(), addresses: at, unreachable: false };
    this.routes.set(url, route);
    return route;
  }

  /** Changes the conditions of a link; what waited at a stall goes on, what lost bytes is reset. */
  change(route: Route, conditions: Partial<Conditions>): void {
    Object.assign(route.conditions, conditions);
    for (const connection of this.#on(route)) connection.conditionsChanged();
  }

  /** The connections of a route end with a reset; both sides notice. */
  reset(route: Route): void {
    for (const connection of this.#on(route)) connection.reset();
  }

  /** The broker's end is gone and the unit's end does not know. */
  halfOpen(route: Route): void {
    for (const connection of this.#on(route)) connection.halfOpen();
  }

  /** The unit's process has gone: the kernel closes what it had open. `cut`: the power went, and nothing is closed. */
  processGone(cut: boolean): void {
    this.#process.abort();
    this.#process = new AbortController();
    this.#turns = new Turns();
    for (const connection of this.#all) connection.abandon(cut);
  }

  /** Connections of which the unit's end is open. */
  get connections(): number {
    return this.#open.size;
  }

  #on(route: Route): SimulatedConnection[] {
    return [...this.#all].filter((connection) => connection.route === route);
  }

  readonly connect: Connect = async (url, options, on, given) => {
    const signal = AbortSignal.any([given, this.#process.signal]);
    const route = this.routes.get(url);
    if (!route) throw new LinkError("unknown-host", `${url}: the host name is not known`);
    const begun = this.#time.mono();
    const turnMs = CONNACKS_MS / route.addresses.length;
    for (let left = route.addresses.length; ; left--) {
      // oxlint-disable-next-line no-await-in-loop -- one address after the other
      const at = await this.#reach(url, route, signal);
      const up = new Pipe(this.#time, route.conditions);
      const down = new Pipe(this.#time, route.conditions);
      try {
        // oxlint-disable-next-line no-await-in-loop
        await this.#greet(
          url,
          at,
          { up, down },
          left > 1 ? turnMs : begun + CONNECT_MS - this.#time.mono(),
          signal,
        );
      } catch (cause) {
        const mayGoOn = cause instanceof LinkError && cause.code === "timeout" && left > 1;
        if (!mayGoOn || signal.aborted) throw cause;
        continue;
      }
      if (signal.aborted) throw new LinkError("timeout", `${url}: given up`);
      const { refusesCouriers } = at.broker.limits;
      if (refusesCouriers !== undefined && options.clientId.endsWith(".courier"))
        throw new LinkError(refusesCouriers, `${url}: this client id is refused`);
      return this.#accepted(url, { route, ...at }, options, on, { up, down });
    }
  };

  /** A broker that only speaks 3.1.1 hangs up on the first try. */
  async #greet(url: string, at: Place, pipes: Pipes, ms: number, signal: AbortSignal): Promise<void> {
    const tries = at.broker.limits.version === 5 ? 1 : 2;
    // oxlint-disable-next-line no-await-in-loop
    for (let n = 0; n < tries; n++) await this.#hello(url, at, pipes, ms, signal);
  }

  /** A TCP connection to the first address that answers, in the order of `dial.ts`. */
  async #reach(url: string, route: Route, signal: AbortSignal): Promise<Place> {
    const addresses = this.#turns.order(url, [...route.addresses.keys()].map(String));
    const live = addresses.findIndex((address) => route.addresses[Number(address)]);
    const dead = live < 0 ? CONNECT_MS : live * NEXT_ADDRESS_MS;
    await this.#pause(Math.min(CONNECT_MS, dead + 2 * route.conditions.latencyMs), signal);
    if (signal.aborted) throw new LinkError("timeout", `${url}: given up`);
    if (route.unreachable) throw new LinkError("unreachable", `${url}: there is no way to the host`);
    for (const address of addresses.slice(0, Math.max(0, live)))
      this.#turns.failed(url, address, this.#time.mono());
    const address = addresses[live] ?? "";
    const broker = route.addresses[Number(address)];
    if (live < 0 || !broker) throw new LinkError("timeout", `${url}: the host does not answer`);
    const place: Place = {
      broker,
      others: addresses.length - 1,
      untried: () => this.#turns.untried(url, address, this.#time.mono()),
      doubted: () => this.#turns.doubted(url, address, this.#time.mono()),
      failed: () => this.#turns.failed(url, address, this.#time.mono()),
    };
    if (!broker.faults.down) return place;
    place.failed();
    throw new LinkError("refused", `${url}: no broker listens there`);
  }

  /** CONNECT and CONNACK over the pipes, or the end of patience. */
  #hello(
    url: string,
    { broker, failed }: Place,
    { up, down }: Pipes,
    ms: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (code: "timeout" | "lost", why: string) => {
      if (code === "timeout") failed();
      up.close();
      down.close();
      reject(new LinkError(code, `${url}: ${why}`));
    };
    const abort = () => fail("timeout", "given up");
    const timer = this.#time.after(Math.max(0, ms), () => fail("timeout", "the host does not answer"));
    signal.addEventListener("abort", abort);
    // It may have ended since TCP was open.
    const ifThere = (then: () => void) => () =>
      broker.faults.down ? fail("lost", "the connection was closed") : then();
    up.send(
      HELLO_BYTES.up,
      ifThere(() => {
        if (!broker.faults.hangs) down.send(HELLO_BYTES.down, ifThere(resolve));
      }),
    );
    return promise.finally(() => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", abort);
    });
  }

  #accepted(
    url: string,
    { route, broker, ...place }: Place & { readonly route: Route },
    options: ConnectOptions,
    on: ConnectionEvents,
    pipes: Pipes,
  ): SimulatedConnection {
    const connection = new SimulatedConnection({
      url,
      route,
      broker,
      place,
      options,
      on,
      ...pipes,
      time: this.#time,
      observe: this.#observe,
      number: ++this.#last,
      over: (one) => void this.#open.delete(one),
      gone: (one) => void this.#all.delete(one),
    });
    this.#open.add(connection);
    this.#all.add(connection);
    return connection;
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => resolve();
    const timer = this.#time.after(ms, end);
    signal.addEventListener("abort", end);
    return promise.finally(() => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", end);
    });
  }
}

/** An address, and what is there. */
type Place = AddressPlace & { readonly broker: Broker };

type Pipes = { readonly up: Pipe; readonly down: Pipe };
