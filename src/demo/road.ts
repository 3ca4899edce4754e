import { openSerialLine, type SerialLine } from "../runtime/pty.ts";
import type { Time, Timer } from "../runtime/ports.ts";
import { busLines } from "./bus.ts";
import { BUS } from "./car-settings.ts";
import { drive, type Moment } from "./drive.ts";
import { epochOf } from "./receiver.ts";
import { ZRENJANIN_AT_ONCE } from "./route.ts";
import { skyOf } from "./sky.ts";

/** The road: it moves the car on, and gives its receiver and its bus what they would say. */
export type RoadOptions = {
  readonly time: Time;
  /** The receiver's serial line. */
  readonly link: string;
  /** Frames on the bus, as lines of `candump -L`. */
  readonly frames: (lines: readonly string[]) => void;
};

const TENTH_MS = 100;
const TENTHS = 10;
/** After cover a receiver needs this long for its first fix, seconds. */
const REACQUIRE_S = 2;

export class Road implements Disposable {
  readonly #options: RoadOptions;
  readonly #moments: Generator<Moment, never>;
  readonly #begun: number;
  readonly #timer: Timer;
  #moment: Moment;
  #tenths = 0;
  #line: SerialLine | undefined;
  #busy = false;
  #powered = true;
  /** Seconds for which the receiver sees no satellites. */
  #blindS = 0;

  constructor(options: RoadOptions) {
    const { time, link } = options;
    this.#options = options;
    this.#moments = drive(ZRENJANIN_AT_ONCE, time.host());
    this.#moment = this.#moments.next().value;
    this.#begun = time.mono();
    this.#line = openSerialLine(link);
    this.#timer = time.every(TENTH_MS, () => this.#catchUp());
  }

  /** The car is under cover. */
  cover(on: boolean): void {
    this.#blindS = on ? Infinity : REACQUIRE_S;
  }

  /** Pulls the receiver's plug, or puts it back. */
  unplug(on: boolean): void {
    if (on) {
      this.#line?.[Symbol.dispose]();
      this.#line = undefined;
    } else this.#line ??= openSerialLine(this.#options.link);
  }

  /** Without power the receiver and the bus say nothing. The car rolls on. */
  power(on: boolean): void {
    this.#powered = on;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#line?.[Symbol.dispose]();
  }

  #catchUp(): void {
    const due = Math.floor((this.#options.time.mono() - this.#begun) / TENTH_MS);
    // After a stall only the newest tenths are sent: a bus and a receiver do not repeat what nobody heard.
    for (; this.#tenths < due; this.#tenths++) this.#tenth(due - this.#tenths <= TENTHS);
  }

  #tenth(isNow: boolean): void {
    const tenth = this.#tenths % TENTHS;
    if (tenth === 0 && this.#tenths > 0) {
      this.#moment = this.#moments.next().value;
      this.#blindS = Math.max(0, this.#blindS - 1);
    }
    if (!isNow || !this.#powered) return;
    if (tenth === 0) this.#say();
    this.#options.frames(busLines(this.#moment, tenth, BUS, this.#options.time.host()));
  }

  /** Sends one epoch. If the last one is still being written, nobody reads: this one is lost, as on a serial line. */
  #say(): void {
    if (!this.#line || this.#busy) return;
    const isBlind = this.#blindS > 0;
    const moment = isBlind ? { ...this.#moment, fixed: false } : this.#moment;
    this.#busy = true;
    const done = (): void => {
      this.#busy = false;
    };
    this.#line.write(epochOf(moment) + skyOf(moment, isBlind)).then(done, done);
  }
}
