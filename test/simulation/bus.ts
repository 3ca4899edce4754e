import { SourceError } from "../../src/domain/bytes.ts";
import { passes, type CanFilter, type CanFrame, type CanSource } from "../../src/domain/can.ts";
import type { Time } from "../../src/runtime/ports.ts";
import { Queue } from "./queue.ts";
import type { Dice } from "./random.ts";

/** What the bus speaks: a database and a signal map for it, as a configuration has them. */
export const BUS_DATABASE = `VERSION ""

BU_: CAR

BO_ 256 Motion: 8 CAR
 SG_ Speed : 0|16@1+ (0.01,0) [0|655.35] "km/h" CAR
 SG_ Fuel : 16|8@1+ (0.5,0) [0|100] "%" CAR

BO_ 512 Terminals: 2 CAR
 SG_ Kl15 : 0|1@1+ (1,0) [0|1] "" CAR

BO_ 768 Airbag: 1 CAR
 SG_ Crash : 0|1@1+ (1,0) [0|1] "" CAR

BO_ 1024 Door: 1 CAR
 SG_ DriverOpen : 0|1@1+ (1,0) [0|1] "" CAR
`;

const SIGNALS = {
  "Vehicle.Speed": { from: "Motion.Speed", staleS: 2 },
  "Vehicle.Police.Airbag.IsDeployed": { from: "Airbag.Crash" },
} as const;
const IGNITION = {
  "Vehicle.LowVoltageSystemState": { from: "Terminals.Kl15", map: { 0: "OFF", 1: "ON" } },
} as const;

/** A signal map, as in a configuration. */
export type Signals = Readonly<
  Record<
    string,
    {
      readonly from: string;
      readonly staleS?: number;
      readonly map?: Readonly<Record<string, string>>;
    }
  >
>;

const PERIOD_MS = 500;
/** A unit looks at the ignition each second. */
const NOTICED_MS = 1_100;
const IGNITION_MAPPED = 0.8;
const ID = { motion: 256, terminals: 512, airbag: 768, door: 1024 };

/** The car's bus: it is listened to, falls silent, goes away and returns. */
export class Bus implements CanSource {
  ignition: "on" | "off" = "on";
  /** Nobody on the bus says anything: a pulled plug, or a car asleep. */
  silent = false;
  /** The car stands, whatever its ignition. */
  parked = false;
  speedKmh = 40;
  crashed = false;
  /** Whether the configuration says which signal is the ignition; not every car's does. */
  readonly ignitionMapped: boolean;
  dropped = 0;
  errors = 0;
  #absent = false;
  #said: "on" | "off" | undefined;
  /** After the ignition was switched on nobody can have noticed it before. */
  #offUntil = -Infinity;
  #filters: readonly CanFilter[] = [];
  readonly #queue = new Queue<readonly CanFrame[]>();
  readonly #time: Time;
  readonly #dice: Dice;

  constructor(time: Time, dice: Dice) {
    this.#time = time;
    this.#dice = dice;
    this.ignitionMapped = dice.chance(IGNITION_MAPPED);
    time.every(PERIOD_MS, () => this.#speak());
  }

  async *listen(filters: readonly CanFilter[], signal: AbortSignal): AsyncGenerator<readonly CanFrame[]> {
    if (this.#absent) throw new SourceError("absent", "can0 is not there");
    this.#filters = filters;
    yield [];
    yield* this.#queue.read(signal);
  }

  /** The interface goes away. */
  leave(): void {
    this.#absent = true;
    this.#queue.fail(new SourceError("down", "can0 is down"));
  }

  comeBack(): void {
    this.#absent = false;
  }

  /** The controller has switched itself off. */
  busOff(): void {
    this.errors++;
    this.#queue.fail(new SourceError("bus-off", "can0 is off the bus"));
  }

  /** A door opens: a signal that comes with an event only. */
  door(open: boolean): void {
    if (!this.silent && !this.#absent) this.#send([this.#frame(ID.door, [open ? 1 : 0])]);
  }

  /** The reader's process stands still, or goes on. */
  hold(held: boolean): void {
    this.#queue.hold(held);
  }

  processGone(): void {
    this.#queue.processGone();
  }

  /** The signal map that the unit's configuration has. */
  get signals(): Signals {
    return this.ignitionMapped ? { ...SIGNALS, ...IGNITION } : SIGNALS;
  }

  /** What a listener can know of the ignition: a car that fell silent after `off` is off, after `on` nobody knows. */
  get knownIgnition(): "on" | "off" | "unknown" {
    if (!this.ignitionMapped) return "unknown";
    if (this.speaks && this.ignition === "on" && this.#said === "off") return "off";
    if (this.speaks) return this.#time.mono() < this.#offUntil ? "off" : this.ignition;
    return this.#said === "off" ? "off" : "unknown";
  }

  get standing(): boolean {
    return this.parked || this.ignition === "off";
  }

  get speaks(): boolean {
    return !this.silent && !this.#absent;
  }

  #speak(): void {
    if (!this.speaks) return;
    if (this.#said === "off" && this.ignition === "on") this.#offUntil = this.#time.mono() + NOTICED_MS;
    this.#said = this.ignition;
    this.speedKmh = !this.standing ? Math.max(0, this.speedKmh + this.#dice.between(-3, 3)) : 0;
    const speed = Math.min(0xffff, Math.round(this.speedKmh * 100));
    this.#send([
      this.#frame(ID.motion, [speed & 0xff, speed >> 8, 100, 0, 0, 0, 0, 0]),
      this.#frame(ID.terminals, [this.ignition === "on" ? 1 : 0, 0]),
      this.#frame(ID.airbag, [this.crashed ? 1 : 0]),
    ]);
  }

  #send(frames: readonly CanFrame[]): void {
    const wanted = frames.filter((frame) => passes(this.#filters, frame));
    if (wanted.length > 0) this.#queue.push(wanted);
  }

  #frame(id: number, data: readonly number[]): CanFrame {
    return { t: this.#time.host() / 1000, bus: "can0", id, extended: false, data: Uint8Array.from(data) };
  }
}
