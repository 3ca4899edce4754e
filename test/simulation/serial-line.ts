import type { Time } from "../../src/runtime/ports.ts";
import type { Tty } from "../../src/runtime/tty.ts";
import { Pipe, type Conditions } from "./pipe.ts";
import type { Dice } from "./random.ts";

/** N_TTY holds 4 KiB; what comes beyond it is lost. */
const TTY_BYTES = 4_096;
/** 38,400 baud, 8N1. */
const BYTES_PER_S = 3_840;
const LATENCY_MS = 1;

export type DeviceEnd = {
  receive(bytes: Uint8Array): void;
  /** The host has opened the port. */
  opened(): void;
};

/** A serial line between a host and a device: a cable that is unplugged, bytes that flip, one opener at a time. */
export class SerialLine {
  /** How likely it is that a byte flips. */
  noise = 0;
  readonly #time: Time;
  readonly #dice: Dice;
  readonly #device: DeviceEnd;
  readonly #conditions: Conditions = {
    latencyMs: LATENCY_MS,
    bytesPerS: BYTES_PER_S,
    stalled: false,
    swallowing: false,
    held: false,
  };
  #plugged = true;
  /** The host's process stands still. */
  #stands = false;
  #host: HostEnd | undefined;
  #toHost: Pipe;

  constructor(time: Time, dice: Dice, device: DeviceEnd) {
    this.#time = time;
    this.#dice = dice;
    this.#device = device;
    this.#toHost = new Pipe(time, this.#conditions);
  }

  get plugged(): boolean {
    return this.#plugged;
  }

  /** The port to the line. Rejects with the system's error. */
  async open(): Promise<Tty> {
    if (!this.#plugged) throw new Error("ENOENT: No such file or directory");
    if (this.#host) throw new Error("Error Resource temporarily unavailable Cannot lock port");
    const host = new HostEnd(new Pipe(this.#time, this.#conditions), {
      write: (bytes) => this.#device.receive(this.#flip(bytes)),
      closed: () => (this.#host = undefined),
    });
    this.#host = host;
    this.#device.opened();
    return host;
  }

  /** The device sends; nobody may listen. */
  send(bytes: Uint8Array): void {
    if (!this.#host) return;
    this.#toHost.send(bytes.length, () => this.#host?.take(this.#flip(bytes), this.#stands));
  }

  unplug(): void {
    this.#plugged = false;
    this.#toHost.close();
    this.#host?.fail(new Error("it hung up"));
    this.#host = undefined;
  }

  plug(): void {
    if (this.#plugged) return;
    this.#plugged = true;
    this.#toHost = new Pipe(this.#time, this.#conditions);
  }

  /** The host's process stands still, or goes on: what is sent meanwhile waits in the buffer. */
  hold(held: boolean): void {
    this.#stands = held;
    if (!held) this.#host?.goOn();
  }

  /** The host's process has gone. */
  processGone(): void {
    this.#stands = false;
    this.#host?.abandon();
    this.#host = undefined;
  }

  #flip(bytes: Uint8Array): Uint8Array {
    if (this.noise === 0) return Uint8Array.from(bytes);
    return bytes.map((byte) => (this.#dice.chance(this.noise) ? byte ^ (1 << this.#dice.int(0, 7)) : byte));
  }
}

type HostEvents = { readonly write: (bytes: Uint8Array) => void; readonly closed: () => void };

class HostEnd implements Tty {
  readonly #toDevice: Pipe;
  readonly #on: HostEvents;
  #held: number[] = [];
  #reading: PromiseWithResolvers<Uint8Array | undefined> | undefined;
  #over: { readonly error?: Error } | undefined;
  #abandoned = false;

  constructor(toDevice: Pipe, on: HostEvents) {
    this.#toDevice = toDevice;
    this.#on = on;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#abandoned) return new Promise(() => undefined);
    if (this.#over?.error) throw this.#over.error;
    if (this.#over) return undefined;
    if (this.#held.length > 0) return this.#drain();
    this.#reading = Promise.withResolvers();
    return this.#reading.promise;
  }

  write(bytes: Uint8Array): void {
    if (this.#abandoned) return;
    if (this.#over) throw new Error("the line is closed");
    this.#toDevice.send(bytes.length, () => this.#on.write(bytes));
  }

  /** Both ends agree on the rate. */
  setBaud(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    if (this.#over) return Promise.resolve();
    this.#over = {};
    this.#toDevice.close();
    this.#on.closed();
    this.#reading?.resolve(undefined);
    return Promise.resolve();
  }

  /** Its process has gone: nothing of it goes on. */
  abandon(): void {
    this.#abandoned = true;
    this.#over = {};
    this.#toDevice.close();
  }

  fail(error: Error): void {
    if (this.#over) return;
    this.#over = { error };
    this.#toDevice.close();
    this.#reading?.reject(error);
  }

  /** `stands`: nobody reads it now. */
  take(bytes: Uint8Array, stands: boolean): void {
    if (this.#over) return;
    for (const byte of bytes) if (this.#held.length < TTY_BYTES) this.#held.push(byte);
    if (!stands) this.goOn();
  }

  /** Gives the reader what waits. */
  goOn(): void {
    if (this.#over || this.#held.length === 0) return;
    const reading = this.#reading;
    this.#reading = undefined;
    if (reading) reading.resolve(this.#drain());
  }

  #drain(): Uint8Array {
    const bytes = Uint8Array.from(this.#held);
    this.#held = [];
    return bytes;
  }
}
