import { brokerAddress } from "../../src/dispatch/broker-address.ts";
import { createDial, type ConnectOver, type Place } from "../../src/dispatch/dial.ts";
import { HandshakeError, silentHost, type Open, type Socket } from "../../src/dispatch/opening.ts";
import {
  LinkError,
  type Connect,
  type ConnectionEvents,
  type ConnectOptions,
} from "../../src/dispatch/port.ts";
import type { Time } from "../../src/runtime/ports.ts";
import { pause } from "../../src/runtime/wait.ts";
import type { Broker } from "./broker.ts";
import { SimulatedConnection } from "./connection.ts";
import type { Observe } from "./facts.ts";
import { Lane, Pipe, soundLink, type Conditions, type Modem } from "./pipe.ts";

/** The way to a broker: the addresses of its name, and what the link there is like. */
export type Route = {
  readonly broker: Broker;
  readonly conditions: Conditions;
  /** The same for all routes. */
  readonly modem: Modem;
  /**
   * What is at each address, in the order of the name server: the broker, another one that stands in its
   * place, or undefined: nothing answers there.
   */
  readonly addresses: (Broker | undefined)[];
  /** What lost SYNs add to the time of TCP at an address, milliseconds; asked at each attempt. Absent: nothing. */
  readonly slowTcpMs: Map<number, () => number>;
  /** No way there at all. */
  unreachable: boolean;
};

/** TLS to the certificate of the broker, one way and the other; then those of the unit and CONNECT. */
const HELLO_BYTES = { up: 400, down: 2_500 };
const CONNECT_BYTES = { up: 1_150, down: 150 };

type Bytes = { readonly up: number; readonly down: number };

/** A socket to a host: what `dial.ts` opens. */
type Line = Socket & {
  readonly route: Route;
  /** What is at the address. */
  readonly broker: Broker;
  readonly up: Pipe;
  readonly down: Pipe;
};

const closed = (): Error => new HandshakeError("the connection was closed");

/** Sends one packet and waits for the answer. Rejects with LinkError if the broker goes, with `ended` when the signal fires. */
const exchange = (line: Line, bytes: Bytes, signal: AbortSignal, ended: () => Error): Promise<void> => {
  const { broker, up, down } = line;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (error: Error) => {
    line.destroy();
    reject(error);
  };
  const abort = () => fail(ended());
  signal.addEventListener("abort", abort);
  // The broker may have ended since TCP was open.
  const ifThere = (then: () => void) => () =>
    broker.faults.down ? fail(new LinkError("lost", `${broker.name}: the connection was closed`)) : then();
  up.send(
    bytes.up,
    ifThere(() => {
      if (!broker.faults.hangs) down.send(bytes.down, ifThere(resolve));
    }),
  );
  return promise.finally(() => signal.removeEventListener("abort", abort));
};

/** The network as the unit sees it. `connect` implements the port to a broker. */
export class Network {
  readonly routes = new Map<string, Route>();
  readonly modem: Modem;
  readonly #time: Time;
  readonly #observe: Observe;
  /** Connections of which the unit's end is open. */
  readonly #alive = new Set<SimulatedConnection>();
  /** Connections of which either end is open. */
  readonly #all = new Set<SimulatedConnection>();
  /** Ends the attempts to connect when the unit's process has gone. */
  #process = new AbortController();
  #last = 0;
  /** As the unit's process has learnt. */
  #dial: Connect;

  constructor(time: Time, observe: Observe) {
    this.#time = time;
    this.#observe = observe;
    this.modem = { up: new Lane(time), down: new Lane(time) };
    this.#dial = this.#newDial();
  }

  /** `addresses`: one element an address: whether the broker is there. */
  add(url: string, broker: Broker, addresses = [true]): Route {
    const at = addresses.map((isThere) => (isThere ? broker : undefined));
    const { modem } = this;
    const route = {
      broker,
      conditions: soundLink(),
      modem,
      addresses: at,
      slowTcpMs: new Map(),
      unreachable: false,
    };
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
    this.#dial = this.#newDial();
    for (const connection of this.#all) connection.abandon(cut);
  }

  /** Connections of which the unit's end is open. */
  get connections(): number {
    return this.#alive.size;
  }

  #on(route: Route): SimulatedConnection[] {
    return [...this.#all].filter((connection) => connection.route === route);
  }

  readonly connect: Connect = (url, options, on, given) =>
    this.#dial(url, options, on, AbortSignal.any([given, this.#process.signal]));

  #newDial(): Connect {
    return createDial(
      { lookup: (host) => this.#lookup(host), open: this.#open, connectOver: this.#connectOver },
      this.#time,
    );
  }

  async #lookup(host: string): Promise<readonly string[]> {
    const found = [...this.routes].find(([url]) => brokerAddress(url).host === host);
    if (!found) throw Object.assign(new Error(`${host}: no such name`), { code: "ENOTFOUND" });
    return [...found[1].addresses.keys()].map(String);
  }

  /** TCP and TLS to one address. */
  readonly #open: Open<Line> = async (url, address, _options, reached, signal) => {
    const route = this.routes.get(url)!;
    const slowMs = route.slowTcpMs.get(Number(address))?.() ?? 0;
    await pause(2 * route.conditions.latencyMs + slowMs, signal, this.#time);
    if (!signal.aborted && route.unreachable)
      throw new LinkError("unreachable", `${url}: there is no way to the host`);
    const broker = route.addresses[Number(address)];
    if (!broker) await pause(Infinity, signal, this.#time);
    if (!broker || signal.aborted) throw new Error("the connection was closed");
    if (broker.faults.down) throw new LinkError("refused", `${url}: no broker listens there`);
    reached();
    const up = new Pipe(this.#time, route.conditions, this.modem.up);
    const down = new Pipe(this.#time, route.conditions, this.modem.down);
    const destroy = () => {
      up.close();
      down.close();
    };
    const line = { route, broker, up, down, destroy };
    await exchange(line, HELLO_BYTES, signal, closed);
    return line;
  };

  readonly #connectOver: ConnectOver<Line> = async (target, line, options, on, signal) => {
    const { broker: url, version, place } = target;
    const { limits } = line.broker;
    try {
      await exchange(line, CONNECT_BYTES, signal, () => silentHost(url, "MQTT"));
      if (version > limits.version)
        throw new LinkError("version", `${url}: the broker does not speak this version of MQTT`);
      if (limits.refusesCouriers !== undefined && options.clientId.endsWith(".courier"))
        throw new LinkError(limits.refusesCouriers, `${url}: this client id is refused`);
    } catch (cause) {
      line.destroy();
      place.failed();
      throw cause;
    }
    return this.#accepted(url, line, place, options, on);
  };

  #accepted(
    url: string,
    { route, broker, up, down }: Line,
    place: Place,
    options: ConnectOptions,
    on: ConnectionEvents,
  ): SimulatedConnection {
    const connection = new SimulatedConnection({
      url,
      route,
      broker,
      place,
      options,
      on,
      up,
      down,
      time: this.#time,
      observe: this.#observe,
      number: ++this.#last,
      over: (one) => void this.#alive.delete(one),
      gone: (one) => void this.#all.delete(one),
    });
    this.#alive.add(connection);
    this.#all.add(connection);
    on.accepted(connection);
    return connection;
  }
}
