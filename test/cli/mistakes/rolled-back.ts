import { begin, supervise, type Running, type Supervision } from "../../../src/bundle/supervise.ts";
import { machineBoot } from "../../../src/runtime/machine-boot.ts";
import { systemTime } from "../../../src/runtime/time.ts";
import type { Time } from "../../../src/runtime/ports.ts";
import { storeOf, type Car, type Pick } from "./car.ts";

/** Bundles that are valid and do not work: a service takes them over, and goes back by itself. */

const timer = { [Symbol.dispose]: () => undefined };
const TRIAL_MS = 300_000;
/** Starts of a service that crashes, at most. */
const MAX_STARTS = 5;

/** A clock that is as fast as the service asks for it. */
const fastTime = (): Time => {
  let nowMs = 0;
  return {
    mono: () => nowMs,
    host: () => nowMs,
    after(ms, f) {
      setImmediate(() => {
        nowMs += ms;
        f();
      });
      return timer;
    },
    every: () => timer,
    soon: () => timer,
  };
};

const superviseOn = (car: Car): Supervision => ({
  store: storeOf(car),
  time: fastTime(),
  lock: () => Promise.resolve(timer),
  machineBoot: machineBoot(),
});

/** A service that no broker answers. */
const UNREACHED: Running = {
  reached: () => false,
  proven: () => false,
  inEmergency: () => false,
  couldCarry: () => true,
  changed: () => undefined,
  hasNews: () => false,
  report: () => undefined,
  written: () => Promise.resolve(),
};

const failed = (cause: unknown): never => {
  throw cause;
};

/** Starts the service until it runs with another version. Returns why. */
const crash = async (car: Car): Promise<string | undefined> => {
  const on = superviseOn(car);
  for (let starts = 0; starts < MAX_STARTS; starts++) {
    // oxlint-disable-next-line no-await-in-loop -- one start after the other
    const begun = await begin({ ...on, time: systemTime }, failed);
    if (begun?.back !== undefined) return begun.back;
  }
  return undefined;
};

/** Runs the service until it goes back. Returns why. */
const reachNobody = async (car: Car): Promise<string | undefined> => {
  const on = superviseOn(car);
  const begun = await begin({ ...on, time: systemTime }, failed);
  if (!begun) return undefined;
  const signal = AbortSignal.timeout(10_000);
  return supervise(on, begun, UNREACHED, { trialMs: TRIAL_MS, signal, failed });
};

export type RolledBack = {
  readonly kind: string;
  readonly times: number;
  readonly brokers: (pick: Pick) => string;
  readonly serve: (car: Car) => Promise<string | undefined>;
  readonly says: RegExp;
};

export const ROLLED_BACK: readonly RolledBack[] = [
  {
    kind: "a bundle that names a broker that does not exist",
    times: 6,
    brokers: (pick) => `mqtts://no-such-broker-${pick.int(99)}:8883`,
    serve: reachNobody,
    says: /^configuration 3 goes back to 2: dispatch was not reached/,
  },
  {
    kind: "a bundle that crashes the unit",
    times: 6,
    brokers: () => "mqtts://dispatch-a:8883",
    serve: crash,
    says: /^the service crashed 3 times with it$/,
  },
];
