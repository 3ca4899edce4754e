import { LightUnit } from "./light-unit.ts";
import { Measurements } from "./measurements.ts";
import type { Share } from "./messages.ts";
import { watchedConnect } from "./watched-connect.ts";

/** One unit of the fleet, with what is seen of it. */

/** An emergency stays open for so long once dispatch has received it. Then it is cleared, again and again. */
const CLEAR_MS = 3_000;
const CLEAR_AGAIN_MS = 2_000;

export class Member {
  readonly unit: LightUnit;
  readonly measured: Measurements;
  #connections = 0;
  #accepted: (() => void) | undefined;
  #episode: string | undefined;
  /** When the emergency is to be cleared, Date.now; undefined: none is open, or dispatch has not received it. */
  #clearAt: number | undefined;
  /** The emergency that dispatch had not received at the mark. */
  #marked: string | undefined;

  constructor(index: number, { urls, login }: Share, warn: (msg: string, fields: object) => void) {
    const [directorate, id] = [`fleet-${index % 10}`, `u-${index}`];
    const measured = new Measurements(`${directorate}/${id}`);
    const connect = watchedConnect(index, {
      accepted: () => {
        this.#connections++;
        this.#accepted?.();
      },
      ended: () => this.#connections--,
      position: (report, at) => measured.position(report, at),
      emergency: (episode, report) => {
        this.#episode = episode;
        measured.emergency(report);
      },
      receipt: (receipt, at) => measured.receipt(receipt, at),
    });
    this.measured = measured;
    this.unit = new LightUnit(index, {
      directorate,
      id,
      // Half the fleet begins at each of two brokers, a third at each of three.
      brokers: urls.map((_, n) => urls[(n + index) % urls.length]!),
      login,
      connect,
      lamp: (pattern) => this.#lamp(pattern),
      say: (level, msg, fields) => {
        if (level === "warn" || level === "error") warn(msg, fields);
      },
    });
  }

  get isConnected(): boolean {
    return this.#connections > 0;
  }

  /** An emergency was published, and the lamp has not gone back to idle. */
  get isOpen(): boolean {
    return this.#episode !== undefined;
  }

  mark(): void {
    this.#marked = this.#clearAt === undefined ? this.#episode : undefined;
    this.measured.mark();
  }

  /** Dispatch has not received the emergency that was open at the mark. */
  get isUnanswered(): boolean {
    return this.#marked !== undefined && this.#marked === this.#episode && this.#clearAt === undefined;
  }

  /** Starts it, and resolves when a broker has accepted it. */
  async start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#accepted = resolve;
    await this.unit.start();
    await promise;
  }

  /** Presses the button, unless an emergency is open. */
  press(): void {
    if (!this.unit.isRunning || this.#episode !== undefined) return;
    this.measured.pressed(Date.now());
    this.unit.press();
  }

  /** The emergency that a person at dispatch should clear now, if there is one. */
  toClear(now: number): string | undefined {
    if (this.#clearAt === undefined || now < this.#clearAt) return undefined;
    this.#clearAt = now + CLEAR_AGAIN_MS;
    return this.#episode;
  }

  #lamp(pattern: string): void {
    if (pattern === "received" && this.#clearAt === undefined) {
      this.measured.received(Date.now());
      this.#clearAt = Date.now() + CLEAR_MS;
    }
    if (pattern === "idle" || pattern === "no-link") {
      this.#clearAt = undefined;
      this.#episode = undefined;
    }
  }
}
