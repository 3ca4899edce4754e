import { Store } from "../../src/bundle/store.ts";
import { begin, supervise, type Begun, type Running, type Supervision } from "../../src/bundle/supervise.ts";
import { beginTrial, type Result } from "../../src/bundle/trial.ts";
import type { Time } from "../../src/runtime/ports.ts";
import { rootAt } from "../../src/settings/root.ts";
import { SimulatedFiles } from "./simulated-files.ts";

export const TRIAL_MS = 60_000;
export const DISK_FAILS = new Error("the disk cannot be written");
const timer = { [Symbol.dispose]: () => undefined };

const expectDiskFault = (cause: unknown): void => {
  if (cause !== DISK_FAILS) throw cause;
};

/** A service on a root, on a clock that is as fast as the service asks for it. */
export class Bench {
  readonly store: Store;
  readonly results: Result[] = [];
  readonly state = {
    reached: false,
    emergency: false,
    covered: true,
    outbox: "works" as "works" | "fails" | "hangs",
  };
  isLocked = false;
  /** How often it was tried to write the reports while that failed. */
  attempts = 0;
  boot = "machine-1";
  /** Called once each second of the simulated time. */
  everySecond: (second: number) => void = () => undefined;
  #nowMs = 0;

  constructor(files: SimulatedFiles) {
    this.store = new Store(rootAt("/root"), files);
  }

  get seconds(): number {
    return this.#nowMs / 1000;
  }

  readonly #time: Time = {
    mono: () => this.#nowMs,
    host: () => this.#nowMs,
    after: (ms, f) => {
      const due = setImmediate(() => {
        this.#nowMs += ms;
        this.everySecond(this.seconds);
        f();
      });
      return { [Symbol.dispose]: () => clearImmediate(due) };
    },
    every: () => timer,
    soon: () => timer,
  };

  get on(): Supervision {
    return {
      store: this.store,
      time: this.#time,
      lock: () => {
        this.isLocked = true;
        return Promise.resolve({ [Symbol.dispose]: () => void (this.isLocked = false) });
      },
      machineBoot: this.boot,
    };
  }

  async start(failed = expectDiskFault): Promise<Begun> {
    const begun = await begin(this.on, failed);
    if (!begun) throw new Error("there is no configuration");
    return begun;
  }

  /** Runs until the unit must be started anew, or for so many seconds. */
  async run(begun: Begun, seconds = 1_000, failed = expectDiskFault): Promise<string | undefined> {
    const stop = new AbortController();
    const until = this.seconds + seconds;
    const before = this.everySecond;
    this.everySecond = (second) => {
      before(second);
      if (second >= until) stop.abort();
    };
    const running: Running = {
      reached: () => this.state.reached,
      proven: () => this.state.reached,
      inEmergency: () => this.state.emergency,
      couldCarry: () => this.state.covered,
      changed: () => undefined,
      hasNews: () => false,
      report: (result) => void this.results.push(result),
      written: () => this.#written(),
    };
    return supervise(this.on, begun, running, { trialMs: TRIAL_MS, signal: stop.signal, failed });
  }

  #written(): Promise<void> {
    if (this.state.outbox === "works") return Promise.resolve();
    if (this.state.outbox === "hangs") return new Promise(() => undefined);
    this.attempts++;
    return Promise.reject(DISK_FAILS);
  }

  async install(version: number): Promise<void> {
    await this.store.stage([{ name: "patrol-unit.yaml", bytes: Buffer.from(`${version}`) }], undefined);
    const state = beginTrial(
      await this.store.disk(),
      await this.store.state(),
      { version, signer: "hq" },
      this.boot,
    );
    await this.store.switchToStaged(version, state, undefined);
  }

  async current(): Promise<number | undefined> {
    return (await this.store.disk()).current;
  }
}

/** Version 1 has passed its trial; version 2, if it is asked for, is on trial. */
export const benchWith = (...versions: number[]): Promise<Bench> =>
  benchOn(new SimulatedFiles(), ...versions);
export const benchOn = async (files: SimulatedFiles, ...versions: number[]): Promise<Bench> => {
  await files.makeFolder("/root");
  const bench = new Bench(files);
  for (const version of versions) {
    await bench.install(version);
    if (version === 1) await bench.store.writeState({ v: 1, failed: [], results: [] });
  }
  return bench;
};
