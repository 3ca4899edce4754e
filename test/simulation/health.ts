import { soundBroker } from "./broker.ts";
import type { Route } from "./network.ts";

/** A press must pass in good time: slower links are not called healthy. */
const HEALTHY_BYTES_PER_S = 8_000;
const HEALTHY_LATENCY_MS = 500;

/** The way to the broker is open, it answers, and dispatch listens there. */
export const isReachable = ({ broker, conditions, addresses, unreachable }: Route, listened: boolean) =>
  listened &&
  !unreachable &&
  addresses.includes(broker) &&
  !conditions.stalled &&
  !conditions.swallowing &&
  !broker.faults.down &&
  !broker.faults.hangs;

/** Reachable, and nothing at all is wrong with the broker or its link. */
export const isHealthy = (route: Route, listened: boolean): boolean => {
  const { broker, conditions, modem } = route;
  const { refuses, hangsUp, drops, ...faults } = broker.faults;
  const { refuses: _refuses, hangsUp: _hangsUp, drops: _drops, ...sound } = soundBroker();
  return (
    isReachable(route, listened) &&
    JSON.stringify(faults) === JSON.stringify(sound) &&
    !TOPICS.some(drops) &&
    !TOPICS.some((topic) =>
      DEEDS.some((deed) => refuses(topic, deed) !== undefined || hangsUp(topic, deed) !== undefined),
    ) &&
    Math.min(conditions.bytesPerS, modem.up.bytesPerS, modem.down.bytesPerS) >= HEALTHY_BYTES_PER_S &&
    conditions.latencyMs <= HEALTHY_LATENCY_MS
  );
};

const DEEDS = ["publish", "subscribe"] as const;

/** One topic of each kind: a broker that refuses, or hangs up on, any of them is not healthy. */
const TOPICS = [
  "state",
  "position",
  "vehicle",
  "emergency/01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "event",
  "health",
  "history",
  "reply",
  "command",
  "receipt",
  "emergency/01ARZ3NDEKTSV4RRFFQ69G5FAV/ack",
].map((topic) => `patrol/v1/zrenjanin/zr-117/${topic}`);
