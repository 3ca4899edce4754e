import { Broker, FULL_LIMITS, soundBroker, type BrokerFaults } from "../broker.ts";
import type { Route } from "../network.ts";
import { soundLink, type Conditions } from "../pipe.ts";
import type { Dice } from "../random.ts";
import { episodeOf } from "../topics.ts";
import type { AnyWorld } from "../world.ts";
import { MINUTE_MS, type Fault } from "./fault.ts";
import {
  emergencyRefusal,
  hangsUpOnBirth,
  hangsUpOnOneTopic,
  publishRefusal,
  refusal,
  subscribeRefusal,
} from "./refusals.ts";

const DAY_MS = 86_400_000;

const anyBroker = (world: AnyWorld, dice: Dice): string => dice.pick(world.brokers).name;

const routeTo = (world: AnyWorld, name: string): Route => {
  for (const route of world.network.routes.values()) if (route.broker.name === name) return route;
  throw new Error(`no way to ${name}`);
};

/** The values of a sound link or broker at the keys of what is broken. What was there before may be another fault. */
const soundAt = <T extends object>(sound: T, broken: Partial<T>): Partial<T> => {
  const keys = Object.keys(broken);
  return Object.fromEntries(Object.entries(sound).filter(([key]) => keys.includes(key))) as Partial<T>;
};

/** A broker that behaves differently for a while. */
const brokerFault = (
  kind: string,
  weight: number,
  behaviour: (dice: Dice) => Partial<BrokerFaults>,
): Fault => ({
  kind,
  weight,
  meanMs: 3 * MINUTE_MS,
  target: anyBroker,
  begin(world, dice, name) {
    const { faults } = routeTo(world, name).broker;
    const broken = behaviour(dice);
    Object.assign(faults, broken);
    return () => Object.assign(faults, soundAt(soundBroker(), broken));
  },
});

/** Limits of a broker change when it restarts with another configuration. */
const atRestart = (fault: Fault): Fault => ({
  ...fault,
  begin(world, dice, name) {
    const end = fault.begin(world, dice, name);
    const restart = () => routeTo(world, name).broker.restart({ sessions: false, retained: false });
    restart();
    return () => {
      end?.();
      restart();
    };
  },
});

/** Conditions of a link for a while. */
const linkFault = (
  kind: string,
  weight: number,
  meanMs: number,
  conditions: (dice: Dice) => Partial<Conditions>,
): Fault => ({
  kind,
  weight,
  meanMs,
  target: anyBroker,
  begin(world, dice, name) {
    const route = routeTo(world, name);
    const broken = conditions(dice);
    world.network.change(route, broken);
    return () => world.network.change(route, soundAt(soundLink(), broken));
  },
});

/** Something that happens to a link or broker from one moment to the next. */
const shock = (
  kind: string,
  weight: number,
  act: (world: AnyWorld, route: Route, dice: Dice) => void,
): Fault => ({
  kind,
  weight,
  meanMs: 0,
  target: anyBroker,
  begin(world, dice, name) {
    act(world, routeTo(world, name), dice);
    return undefined;
  },
});

const brokerDown: Fault = {
  kind: "broker down",
  weight: 2,
  meanMs: 3 * MINUTE_MS,
  target: anyBroker,
  begin(world, dice, name) {
    const { broker } = routeTo(world, name);
    broker.faults.down = true;
    broker.restart({ sessions: dice.chance(0.2), retained: dice.chance(0.2) });
    return () => (broker.faults.down = false);
  },
};

/** 3.1.1 has no reason codes: what is refused or heard by nobody is acknowledged and lost, and nobody can know. */
const hasCodes = (fault: Fault): Fault => ({
  ...fault,
  begin(world, dice, name) {
    return routeTo(world, name).broker.limits.version === 5 ? fault.begin(world, dice, name) : undefined;
  },
});

const noCoverage: Fault = {
  kind: "no coverage",
  weight: 3,
  meanMs: 4 * MINUTE_MS,
  begin(world) {
    const routes = [...world.network.routes.values()];
    for (const route of routes) {
      route.unreachable = true;
      world.network.change(route, { stalled: true });
    }
    return () => {
      for (const route of routes) {
        route.unreachable = false;
        world.network.change(route, { stalled: false });
      }
    };
  },
};

const SLOW_LATENCY_MS = 400;

/** All links share one slow modem, as on 2G; sometimes after a dead zone. */
const slowModem: Fault = {
  kind: "slow modem",
  weight: 3,
  meanMs: 2 * MINUTE_MS,
  begin(world, dice) {
    const { modem, routes } = world.network;
    const deadZone = dice.chance(0.5) ? noCoverage.begin(world, dice, "") : undefined;
    const upBytesPerS = dice.pick([1_500, 4_000]);
    const set = (bytesPerS: number, latencyMs: number) => {
      modem.up.bytesPerS = bytesPerS;
      modem.down.bytesPerS = 2 * bytesPerS;
      for (const route of routes.values()) world.network.change(route, { latencyMs });
    };
    set(upBytesPerS, SLOW_LATENCY_MS);
    const coverage = world.time.after(dice.between(5_000, 30_000), () => deadZone?.());
    return () => {
      coverage[Symbol.dispose]();
      deadZone?.();
      set(Infinity, soundLink().latencyMs);
    };
  },
};

/** A tunnel: the radio keeps what is sent, and delivers it when the car comes out. Nothing is lost, all of it is late. */
export const hold = ({ network }: AnyWorld, dice: Dice): (() => void) => {
  const all = [...network.routes.values()];
  const routes = dice.chance(0.5) ? all : [dice.pick(all)];
  for (const route of routes) network.change(route, { stalled: true, held: true });
  return () => {
    for (const route of routes) network.change(route, { stalled: false, held: false });
  };
};
export const TUNNEL_MS = 15_000;

/** A dead zone, in which one broker may be there again some seconds before the other. */
export const lose = ({ network, time }: AnyWorld, dice: Dice): (() => void) => {
  const all = [...network.routes.values()];
  const first = dice.pick(all);
  const set = (routes: typeof all, isLost: boolean): void => {
    for (const route of routes) {
      route.unreachable = isLost;
      network.change(route, { stalled: isLost });
    }
  };
  set(all, true);
  const back = time.after(dice.between(5_000, 30_000), () => set([first], false));
  return () => {
    back[Symbol.dispose]();
    set(all, false);
  };
};

const radioHolds: Fault = { kind: "radio holds", weight: 2, meanMs: TUNNEL_MS, begin: hold };

const nobodyListens: Fault = {
  kind: "nobody listens",
  weight: 2,
  meanMs: 2 * MINUTE_MS,
  target: anyBroker,
  begin(world, _dice, name) {
    const { broker } = routeTo(world, name);
    world.dispatch.leave(broker);
    return () => world.dispatch.arrive(broker);
  },
};

const deadAddress: Fault = {
  kind: "dead address",
  weight: 1,
  meanMs: 5 * MINUTE_MS,
  target: anyBroker,
  begin(world, _dice, name) {
    const route = routeTo(world, name);
    route.addresses[0] = undefined;
    return () => (route.addresses[0] = route.broker);
  },
};

/** After one lost SYN TCP sends the next, after that one more (RFC 6298 §2). Most often none is lost. */
const SYNS_MS = [0, 0, 0, 1_000, 3_000];

/** SYNs to one address get lost, on the way or at a host that is too busy. */
const slowAddress: Fault = {
  kind: "slow address",
  weight: 2,
  meanMs: 5 * MINUTE_MS,
  target: anyBroker,
  begin(world, dice, name) {
    const { slowTcpMs, addresses } = routeTo(world, name);
    const at = dice.int(0, addresses.length - 1);
    slowTcpMs.set(at, () => dice.pick(SYNS_MS));
    return () => void slowTcpMs.delete(at);
  },
};

/**
 * How a host is of no use: it refuses connections, or accepts them for nothing. 3.1.1 has no codes to say so: reports would be lost there.
 * One without a subscriber is missing: see README.md.
 */
const uselessHost = (dice: Dice, version: 4 | 5): Partial<BrokerFaults> => {
  const silent: Partial<BrokerFaults> = { slowMs: DAY_MS };
  const hangsUp = (topic: string) => (episodeOf(topic) === undefined ? undefined : ("instead" as const));
  const without = [silent, { ...silent, hangsUp }, { hangs: true }, { down: true }];
  const refuses = publishRefusal(dice);
  return dice.pick(version === 5 ? [...without, { refuses }, { hangsUp }] : without);
};

/** One address of the name leads to another host, which is of no use. */
const uselessAddress: Fault = {
  kind: "useless address",
  weight: 2,
  meanMs: 5 * MINUTE_MS,
  target: anyBroker,
  begin(world, dice, name) {
    const route = routeTo(world, name);
    const { limits } = route.broker;
    const host = new Broker(`${name}'`, limits, world.time, world.observe);
    Object.assign(host.faults, uselessHost(dice, limits.version));
    const at = dice.int(0, route.addresses.length - 1);
    route.addresses[at] = host;
    if (dice.chance(0.7)) world.network.reset(route);
    return () => {
      route.addresses[at] = route.broker;
      host.faults.down = true;
      host.restart({ sessions: true, retained: true });
    };
  },
};

export const NETWORK_FAULTS: readonly Fault[] = [
  brokerDown,
  brokerFault("broker hangs", 2, () => ({ hangs: true })),
  brokerFault("birth hangs up", 2, () => ({ hangsUp: hangsUpOnBirth })),
  brokerFault("broker hangs up", 2, (dice) => ({ hangsUp: hangsUpOnOneTopic(dice) })),
  hasCodes(brokerFault("broker refuses", 3, (dice) => ({ refuses: refusal(dice) }))),
  hasCodes(brokerFault("broker refuses emergencies", 2, (dice) => ({ refuses: emergencyRefusal(dice) }))),
  hasCodes(brokerFault("broker refuses everything", 1, (dice) => ({ refuses: publishRefusal(dice) }))),
  hasCodes(brokerFault("broker refuses subscriptions", 1, (dice) => ({ refuses: subscribeRefusal(dice) }))),
  hasCodes(
    atRestart(brokerFault("small packets only", 2, (dice) => ({ maximumPacketSize: dice.int(300, 900) }))),
  ),
  atRestart(
    brokerFault("no PUBACK for the birth", 2, (dice) => ({
      muteBirth: true,
      receiveMaximum: dice.pick([1, 1, 2, FULL_LIMITS.receiveMaximum]),
    })),
  ),
  brokerFault("slow PUBACK", 2, (dice) => ({ slowMs: Math.round(dice.between(500, 20_000)) })),
  brokerFault("no PUBACK for emergencies", 2, () => ({ mute: true })),
  linkFault("link stalls", 3, MINUTE_MS, () => ({ stalled: true })),
  radioHolds,
  linkFault("link swallows", 2, MINUTE_MS, () => ({ swallowing: true })),
  linkFault("link slow", 3, 5 * MINUTE_MS, (dice) => ({
    bytesPerS: dice.pick([500, 2_000, 5_000]),
    latencyMs: dice.pick([100, 600, 2_000]),
  })),
  shock("link reset", 3, (world, route) => world.network.reset(route)),
  shock("link half-open", 2, (world, route) => world.network.halfOpen(route)),
  shock("broker restarts", 2, (_world, { broker }, dice) =>
    broker.restart({ sessions: dice.chance(0.5), retained: dice.chance(0.3) }),
  ),
  shock("broker crashes", 2, (_world, { broker }) => broker.crash()),
  noCoverage,
  slowModem,
  hasCodes(nobodyListens),
  deadAddress,
  slowAddress,
  uselessAddress,
];

/** A broker that lies loses reports for good: only a recorder's receipts find them. Not in the plan without one. */
export const LYING_BROKER = brokerFault("broker lies", 1, () => ({ lies: true }));

const TELEMETRY = /\/(position|vehicle|health|history)$/;

/** The same for telemetry only, for long enough that the unit finds it out and leaves the broker. */
export const DROPPING_BROKER: Fault = {
  ...brokerFault("broker drops telemetry", 1, () => ({ drops: (topic) => TELEMETRY.test(topic) })),
  meanMs: 15 * MINUTE_MS,
};

const EMERGENCY = /\/emergency\//;

const forgets = brokerFault("broker drops emergencies", 4, () => ({
  drops: (topic) => EMERGENCY.test(topic),
}));

/** Dispatch has accepted the emergency, and has not ended it yet. */
const ACCEPTED_MS = 3_000;
/** So often it is pressed again within so long. */
const PRESSES = 4;
const PRESSED_MS = 8_000;

/**
 * The same for emergencies only, as a broker's rules may forget them. Sometimes they do so between the presses of one
 * emergency: the first of them are at dispatch.
 */
export const FORGETFUL_BROKER: Fault = {
  ...forgets,
  begin(world, dice, name) {
    if (dice.chance(0.3)) return forgets.begin(world, dice, name);
    const press = () => world.board.press(dice.int(0, 1), 200);
    press();
    let end: (() => void) | undefined;
    const begin = world.time.after(ACCEPTED_MS, () => {
      end = forgets.begin(world, dice, name);
      for (let n = 0; n < PRESSES; n++) world.time.after(dice.between(0, PRESSED_MS), press);
    });
    return () => {
      begin[Symbol.dispose]();
      end?.();
    };
  },
};
