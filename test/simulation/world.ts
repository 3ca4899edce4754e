import { createHash } from "node:crypto";
import type { ByteSource } from "../../src/domain/bytes.ts";
import type { CanSource } from "../../src/domain/can.ts";
import type { CountedPresses } from "../../src/domain/memory.ts";
import type { Connect } from "../../src/dispatch/port.ts";
import { StoreError } from "../../src/outbox/port.ts";
import type { Random, Time } from "../../src/runtime/ports.ts";
import type { Tty } from "../../src/runtime/tty.ts";
import { Board } from "./board.ts";
import { Broker, FULL_LIMITS, type BrokerLimits } from "./broker.ts";
import { Bus, type Signals } from "./bus.ts";
import { Dispatch } from "./dispatch.ts";
import type { EpisodeOnDisk, Fact, Observe, What } from "./facts.ts";
import { Gps } from "./gps.ts";
import { isHealthy, isReachable } from "./health.ts";
import { Checker } from "./invariants.ts";
import { LifeTime } from "./life.ts";
import { Network } from "./network.ts";
import { Power } from "./power.ts";
import { createDice, type Dice } from "./random.ts";
import { SimulatedTime } from "./time.ts";

/** Everything that the unit gets from outside. `D`: the port to its disk. */
export type UnitPorts<D> = {
  readonly time: Time;
  /** How long this life has lasted, milliseconds: the time of the process began earlier. */
  readonly lastedMs: () => number;
  readonly random: Random;
  readonly disk: D;
  readonly connect: Connect;
  /** The addresses of the brokers, as configured. */
  readonly brokers: readonly string[];
  /** Opens the serial line to the panic board. */
  readonly openLine: () => Promise<Tty>;
  readonly gps: ByteSource;
  readonly can: CanSource;
  /** The signal map for BUS_DATABASE. */
  readonly signals: Signals;
  readonly power: Pick<Power, "powerOff" | "cancel">;
  /** What the second button is like, as configured. */
  readonly secondButton: SecondButton;
  /** A line of the log. */
  readonly say: (line: object) => void;
};

export type SecondButton = "loud" | "silent" | "dark";

/** A unit that runs. Disposing stops it clean. */
export type RunningUnit = AsyncDisposable & {
  /** Reports that are neither delivered nor declared. */
  pending(): Promise<number>;
  /** Its queues, maps and buffers, each with its stated limit. */
  queues(): readonly { readonly name: string; readonly length: number; readonly limit: number }[];
  /** The next press is a drill. */
  drill(): void;
  /** Resolves when it asks to be stopped and started anew. */
  readonly restart: Promise<unknown>;
};
type StartUnit<D> = (ports: UnitPorts<D>) => Promise<RunningUnit>;

const ADOPTED = "an emergency goes on as its report in the store says";

/** What a power cut would leave. */
export type Durable = {
  readonly episodes: readonly EpisodeOnDisk[];
  readonly presses: readonly CountedPresses[];
};

/**
 * What can be wrong with a disk. `full`, `read-only`, `refuses`, `vital-refuses`, `slow`, `hangs` (writes), `answers-nothing`:
 * for a while. `tears`: the next batch fails half-way. `rots`: a record. `breaks`: the store must be repaired. `forgets`: the
 * newest memory is lost.
 */
export type DiskTrouble =
  | "full"
  | "read-only"
  | "refuses"
  | "vital-refuses"
  | "slow"
  | "hangs"
  | "answers-nothing"
  | "tears"
  | "rots"
  | "breaks"
  | "forgets";

/** The disk as the world sees it: it outlives the unit. `D`: the port that a life of the unit gets. */
export type WorldDisk<D> = {
  open(life: LifeTime): D;
  /** The process has gone. With `cut`, so has what was not synced. */
  processGone(cut: boolean): void;
  readonly durable: Durable;
  /** Whether it accepts writes in good time, at least those of the vital file. */
  readonly writable: boolean;
  /** Whether it answers reads at all. */
  readonly readable: boolean;
  /** Whether it has lied or torn since it was last asked. */
  takeDamage(): boolean;
  /** Begins a trouble. Returns a function that ends it; undefined: it is over already, or does not apply. */
  hurt(trouble: DiskTrouble): (() => void) | undefined;
  /** Called after each change of what is durable. */
  changed: () => void;
};

export type WorldOptions<D> = {
  readonly seed: number;
  readonly start: StartUnit<D>;
  readonly createDisk: (time: Time, dice: Dice) => WorldDisk<D>;
  /** What both brokers announce; left out: drawn from the seed. */
  readonly limits?: BrokerLimits;
  /** Whether dispatch has a recorder; left out: drawn from the seed. */
  readonly records?: boolean;
  /** Keeps every fact, and every line of the log, as a line. */
  readonly trace?: boolean;
};

const ROOT = "patrol/v1/zrenjanin/zr-117";
const BEGINS_AT = Date.UTC(2026, 10, 22, 8);
const SECOND_MS = 1_000;
const BOARD_ID = "1a2b3c4d";
/** A stop that takes longer is a kill: as systemd does it. */
const STOP_MS = 5_000;
/** So often brokers save what they hold; mosquitto's `autosave_interval` is 30 minutes. */
const SAVED_EACH_MS = 600_000;
/** As RestartSec in systemd/patrol-unit.service. */
const RESTART_MS = 2_000;

/** A car, its unit, the brokers, dispatch: everything that one seed decides. */
export class World<D> {
  readonly time = new SimulatedTime(BEGINS_AT);
  readonly dice: Dice;
  readonly checker = new Checker();
  readonly brokers: readonly Broker[];
  readonly network: Network;
  readonly dispatch: Dispatch;
  readonly board: Board;
  readonly gps: Gps;
  readonly bus: Bus;
  readonly power: Power;
  readonly disk: WorldDisk<D>;
  /** Every fact, one JSON line each, if they are kept. */
  readonly trace: string[] = [];
  readonly #o: WorldOptions<D>;
  readonly #digest = createHash("sha256");
  readonly #said = new Map<string, string>();
  readonly #secondButton: SecondButton;
  readonly #goesOn: Dice;
  #awaitsDisk = false;
  #life: { readonly time: LifeTime; unit: RunningUnit | undefined } | undefined;
  #lives = 0;

  constructor(options: WorldOptions<D>) {
    this.#o = options;
    const dice = createDice(options.seed);
    const { time } = this;
    this.dice = dice;
    this.#goesOn = dice.stream("goes on");
    this.disk = options.createDisk(time, dice.stream("disk"));
    this.disk.changed = () => {
      this.#observeDisk();
      this.#awaitDisk();
    };
    this.brokers = ["a", "b"].map(
      (name) =>
        new Broker(name, options.limits ?? drawLimits(dice.stream(`broker ${name}`)), time, this.observe),
    );
    this.network = new Network(time, this.observe);
    for (const broker of this.brokers) this.network.add(urlOf(broker), broker, [true, true]);
    const dispatchDice = dice.stream("dispatch");
    this.dispatch = new Dispatch({
      time,
      dice: dispatchDice,
      observe: this.observe,
      brokers: this.brokers,
      root: ROOT,
      records: options.records ?? dice.stream("recorder").chance(0.5),
    });
    this.board = new Board({ time, dice: dice.stream("board"), observe: this.observe, id: BOARD_ID });
    this.bus = new Bus(time, dice.stream("bus"));
    this.gps = new Gps(time, dice.stream("gps"), { at: BEGINS_AT, standing: () => this.bus.standing });
    this.#secondButton = dice.stream("buttons").pick(["loud", "silent", "dark"]);
    this.power = new Power(time, this.observe, () => this.#circumstances(), {
      shutdown: () => void this.stop(),
      cut: () => this.kill(true),
    });
    time.every(SECOND_MS, () => this.#second());
    time.every(SAVED_EACH_MS, () => this.brokers.forEach((broker) => broker.save()));
  }

  readonly observe: Observe = (what: What): void => {
    const fact: Fact = { ...what, at: this.time.mono() };
    const line = JSON.stringify(fact);
    this.#digest.update(line);
    if (this.#o.trace) this.trace.push(line);
    this.checker.see(fact);
  };

  /** SHA-256 of all facts so far: two runs of one seed have the same. */
  get digest(): string {
    return this.#digest.copy().digest("hex");
  }

  get running(): boolean {
    return this.#life !== undefined;
  }

  get unit(): RunningUnit | undefined {
    return this.#life?.unit;
  }

  /** Starts the unit, unless it runs. A disk that answers nothing holds its program, too: then it starts after that. */
  start(): void {
    if (this.#life) return;
    this.#awaitsDisk = !this.disk.readable;
    if (this.#awaitsDisk) return;
    const life = { time: new LifeTime(this.time), unit: undefined as RunningUnit | undefined };
    this.#life = life;
    this.observe({ what: "unit", running: true });
    this.observeHealth();
    this.#o.start(this.#portsOf(life.time)).then(
      (unit) => {
        if (this.#life !== life) return;
        life.unit = unit;
        void unit.restart.then(() => (this.#life === life ? this.restart() : undefined));
      },
      (cause: unknown) => {
        if (this.#life === life) this.#notStarted(cause);
      },
    );
  }

  /** The disk has never accepted a write, and does not now: the service manager starts the unit again. */
  #notStarted(cause: unknown): void {
    if (!(cause instanceof StoreError)) {
      const detail = cause instanceof Error ? cause.stack! : String(cause);
      this.observe({ what: "exception", detail: `start: ${detail}` });
      return;
    }
    this.kill(false);
    this.time.after(RESTART_MS, () => this.start());
  }

  #portsOf(life: LifeTime): UnitPorts<D> {
    return {
      time: life,
      lastedMs: () => life.lastedMs,
      random: this.dice.stream(`unit ${++this.#lives}`).random,
      disk: this.disk.open(life),
      connect: life.port(this.network.connect),
      brokers: this.brokers.map(urlOf),
      openLine: life.port(this.board.openLine),
      gps: this.gps.source,
      can: this.bus,
      signals: this.bus.signals,
      power: {
        powerOff: life.port((ms: number) => this.power.powerOff(ms)),
        cancel: () => (life.dead ? undefined : this.power.cancel()),
      },
      secondButton: this.#secondButton,
      say: (line) => {
        if (!life.dead && "why" in line && line["why"] === "renewed-today")
          this.observe({ what: "renewed-today" });
        if (!life.dead && "fault" in line && line["fault"] === "restored") this.observe({ what: "renewed" });
        if (!life.dead && "msg" in line && line.msg === ADOPTED && "episode" in line)
          this.observe({ what: "adopted", episode: String(line.episode) });
        if (this.#o.trace && !life.dead) this.trace.push(JSON.stringify({ log: line, at: this.time.mono() }));
      },
    };
  }

  /** The process is gone from one moment to the next; with `cut` the computer's power as well. */
  kill(cut: boolean): void {
    this.#awaitsDisk = false;
    const life = this.#life;
    if (!life) return;
    this.#life = undefined;
    life.time.kill();
    this.observe({ what: "unit", running: false });
    this.network.processGone(cut);
    this.board.line.processGone();
    this.gps.processGone();
    this.bus.processGone();
    this.disk.processGone(cut);
  }

  /**
   * The process stands still (SIGSTOP, a computer that is overloaded). Its timers and what it reads wait. The
   * network is no part of it: what brokers send is still read.
   */
  standStill(): void {
    const life = this.#life;
    if (!life) return;
    life.time.standStill();
    this.#hold(true);
    this.observe({ what: "unit", running: false });
  }

  /** It goes on. By chance its timers or its lines come first. */
  goOn(): void {
    const life = this.#life;
    if (!life?.time.stands) return;
    this.observe({ what: "unit", running: true });
    const timersFirst = this.#goesOn.chance(0.5);
    if (timersFirst) life.time.goOn();
    this.#hold(false);
    if (!timersFirst) life.time.goOn();
  }

  #hold(held: boolean): void {
    this.board.line.hold(held);
    this.gps.hold(held);
    this.bus.hold(held);
  }

  /** SIGTERM: it stops clean, or is killed after five seconds. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (!life?.unit) {
      this.kill(false);
      return;
    }
    const timer = this.time.after(STOP_MS, () => this.#life === life && this.kill(false));
    try {
      await life.unit[Symbol.asyncDispose]();
    } catch (cause) {
      this.observe({ what: "exception", detail: `stop: ${String(cause)}` });
    }
    timer[Symbol.dispose]();
    if (this.#life === life) this.kill(false);
  }

  async restart(): Promise<void> {
    await this.stop();
    this.start();
  }

  /** Says which brokers are healthy and reachable; called after each change, and each second. */
  observeHealth(): void {
    for (const [url, route] of this.network.routes) {
      const listened = this.dispatch.listens(route.broker);
      const health = { healthy: isHealthy(route, listened), reachable: isReachable(route, listened) };
      this.#observeChange(url, { what: "broker", broker: route.broker.name, ...health });
    }
  }

  /** Observes a fact that says how something is, if it has changed. */
  #observeChange(key: string, what: What): void {
    const said = JSON.stringify(what);
    if (this.#said.get(key) === said) return;
    this.#said.set(key, said);
    this.observe(what);
  }

  /** A start that a disk without an answer holds up begins again after that. */
  #awaitDisk(): void {
    if (this.disk.readable) {
      if (this.#awaitsDisk) this.start();
    } else if (this.#life && !this.#life.unit) {
      this.kill(false);
      this.#awaitsDisk = true;
    }
  }

  #observeDisk(): void {
    this.#observeChange("writable", { what: "disk", writable: this.disk.writable });
    const damaged = this.disk.takeDamage();
    const what: What = { what: "durable", ...this.disk.durable, damaged };
    if (damaged) this.observe(what);
    else this.#observeChange("disk", what);
  }

  #second(): void {
    this.observeHealth();
    for (const [url, { broker }] of this.network.routes) {
      const since = broker.waitingSince;
      const waiting = since === undefined ? {} : { since };
      this.#observeChange(`waits ${url}`, { what: "waiting", broker: broker.name, ...waiting });
    }
    for (const queue of this.unit?.queues() ?? []) {
      if (queue.length > queue.limit) this.observe({ what: "queue", ...queue });
    }
    this.observe({ what: "second" });
  }

  #circumstances() {
    const open = this.disk.durable.episodes.filter(({ state }) => state !== "cleared").length;
    return { ignition: this.bus.knownIgnition, emergencies: open + this.board.told };
  }

  /** Lets `ms` pass, or less if an invariant is violated. What throws is a violation too. */
  async run(ms: number): Promise<void> {
    try {
      await this.time.run(this.time.mono() + ms, () => this.checker.violation !== undefined);
    } catch (cause) {
      this.observe({ what: "exception", detail: cause instanceof Error ? cause.stack! : String(cause) });
    }
  }
}

const urlOf = (broker: Broker): string => `mqtts://${broker.name}:8883`;

/** What a broker that allows a unit one client id may do at the CONNECT of a courier. */
const ID_REFUSALS = ["unauthorised", "failed", "lost"] as const;

/** A broker may have fewer messages in flight than the client allows, which it can say only with MQTT 5. */
const drawDelivery = (dice: Dice): Pick<BrokerLimits, "version" | "inFlight" | "resendsAfterMs"> => {
  const version = dice.chance(0.15) ? 4 : 5;
  return {
    version,
    inFlight: dice.pick(version === 5 ? [10, FULL_LIMITS.inFlight] : [1, 5, 20]),
    resendsAfterMs: dice.chance(0.15) ? 30_000 : 0,
  };
};

/** Most brokers are large; some are small, old or of another make. */
const drawLimits = (dice: Dice): BrokerLimits => ({
  ...drawDelivery(dice),
  receiveMaximum: dice.pick([1, 2, 10, 20, 100, FULL_LIMITS.receiveMaximum, FULL_LIMITS.receiveMaximum]),
  maximumPacketSize: dice.pick([2_000, 10_000, 1_000_000, FULL_LIMITS.maximumPacketSize]),
  retainedToWildcards: dice.chance(0.8),
  refusesCouriers: dice.chance(0.25) ? dice.pick(ID_REFUSALS) : undefined,
});

/** A world whatever its disk: what faults work on. */
export type AnyWorld = Omit<World<unknown>, never>;
