import { FULL_LIMITS, type BrokerFaults } from "../broker.ts";
import type { Route } from "../network.ts";
import { soundLink, type Conditions } from "../pipe.ts";
import type { Dice } from "../random.ts";
import type { AnyWorld } from "../world.ts";
import { MINUTE_MS, type Fault } from "./fault.ts";
import { emergencyRefusal, publishRefusal, refusal, subscribeRefusal } from "./refusals.ts";

const anyBroker = (world: AnyWorld, dice: Dice): string => dice.pick(world.brokers).name;

const routeTo = (world: AnyWorld, name: string): Route => {
  for (const route of world.network.routes.values()) if (route.broker.name === name) return route;
  throw new Error(`no way to ${name}`);
};

/** A broker fault that sets one of its switches for a while. */
const brokerFault = <K extends keyof BrokerFaults>(
  kind: string,
  weight: number,
  key: K,
  sound: BrokerFaults[K],
  broken: (dice: Dice) => BrokerFaults[K],
): Fault => ({
  kind,
  weight,
  meanMs: 3 * MINUTE_MS,
  target: anyBroker,
  begin(world, dice, name) {
    const { broker } = routeTo(world, name);
    broker.faults[key] = broken(dice);
    return () => (broker.faults[key] = sound);
  },
});

/** Limits of a broker change when it restarts with another configuration. */
const limited = (
  kind: string,
  weight: number,
  limits: (dice: Dice) => Partial<BrokerFaults>,
  sound: Partial<BrokerFaults>,
): Fault => ({
  kind,
  weight,
  meanMs: 3 * MINUTE_MS,
  target: anyBroker,
  begin(world, dice, name) {
    const { broker } = routeTo(world, name);
    Object.assign(broker.faults, limits(dice));
    broker.restart({ sessions: false, retained: false });
    return () => {
      Object.assign(broker.faults, sound);
      broker.restart({ sessions: false, retained: false });
    };
  },
});

const { receiveMaximum, maximumPacketSize } = FULL_LIMITS;

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
    // To what is sound, not to what was before: that may have been another fault, which has ended since.
    const keys = Object.keys(broken);
    const sound = Object.entries(soundLink()).filter(([key]) => keys.includes(key));
    return () => world.network.change(route, Object.fromEntries(sound));
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
    route.addresses[0] = false;
    return () => (route.addresses[0] = true);
  },
};

export const NETWORK_FAULTS: readonly Fault[] = [
  brokerDown,
  brokerFault("broker hangs", 2, "hangs", false, () => true),
  brokerFault("birth hangs up", 2, "birthHangsUp", false, () => true),
  hasCodes(brokerFault("broker refuses", 3, "refuses", () => undefined, refusal)),
  hasCodes(brokerFault("broker refuses emergencies", 2, "refuses", () => undefined, emergencyRefusal)),
  hasCodes(brokerFault("broker refuses everything", 1, "refuses", () => undefined, publishRefusal)),
  hasCodes(brokerFault("broker refuses subscriptions", 1, "refuses", () => undefined, subscribeRefusal)),
  hasCodes(
    limited("small packets only", 2, (dice) => ({ maximumPacketSize: dice.int(300, 900) }), {
      maximumPacketSize,
    }),
  ),
  limited(
    "no PUBACK for the birth",
    2,
    (dice) => ({ muteBirth: true, receiveMaximum: dice.pick([1, 1, 2, receiveMaximum]) }),
    { muteBirth: false, receiveMaximum },
  ),
  brokerFault("slow PUBACK", 2, "slowMs", 0, (dice) => Math.round(dice.between(500, 20_000))),
  brokerFault("no PUBACK for emergencies", 2, "mute", false, () => true),
  linkFault("link stalls", 3, MINUTE_MS, () => ({ stalled: true })),
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
  noCoverage,
  hasCodes(nobodyListens),
  deadAddress,
];

/** A broker that lies loses reports for good: only a recorder's receipts find them. Not in the plan without one. */
export const LYING_BROKER = brokerFault("broker lies", 1, "lies", false, () => true);
