import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import { encodeFromBoard } from "../../firmware-bridge/protocol.ts";
import type { LoopState } from "../../src/domain/panic.ts";
import type { Time, Timer } from "../../src/runtime/ports.ts";
import type { Tty } from "../../src/runtime/tty.ts";
import { BoardLatch } from "./board-latch.ts";
import { BoardLamp } from "./board-lamp.ts";
import { firmataGreeting, readHostMessage, type HostMessage } from "./board-wire.ts";
import type { Observe } from "./facts.ts";
import type { Dice } from "./random.ts";
import { SerialLine } from "./serial-line.ts";

/** The chip's MCUSR. */
const RESET = { power: 1, line: 2, brownOut: 4, watchdog: 8 } as const;
export type Reset = keyof typeof RESET;

const LOOPS = 4;
/** Optiboot, then the firmware's own start. */
const BOOT_MS = 1_000;
const BELIEVED_MS = 18;
const RELEASE_MS = 20;
/** A loop at rest, of 255. */
const LEVEL = 128;
/** A press this long must arrive. */
const KEPT_MS = 50;
const FAULT_MS = 200;
const STUCK_MS = 60_000;
const REPEAT_MS = 250;
const HEARTBEAT_MS = 1_000;
const SUPPLY_MV = 5_000;

export type BoardOptions = {
  readonly time: Time;
  readonly dice: Dice;
  readonly observe: Observe;
  /** Eight hex digits. */
  readonly id: string;
  /** Its DTR capacitor is fitted: opening the port resets it. */
  readonly resetsOnOpen?: boolean;
};

/** Closed from `since` in this life until `until`, on the clock of `mono`. */
type Contact = {
  readonly until: number;
  since: number;
  /** The press that it has become in this life. 0: it is counted with another one. */
  press?: { readonly number: number; readonly latchedAt: number } | undefined;
};

/** The panic board as the serial line and fingers see it: firmware-bridge/PROTOCOL.md, firmware 1.2 and the releases of 1.4. */
export class Board {
  readonly line: SerialLine;
  readonly #o: BoardOptions;
  readonly #latch: BoardLatch;
  readonly #lamp: BoardLamp;
  readonly #contacts = new Map<number, Contact>();
  readonly #wires: LoopState[] = Array.from({ length: LOOPS }, () => "normal");
  #timers = new Set<Disposable>();
  #power = true;
  #running = false;
  #startedAt = 0;
  #cause: Reset = "power";
  #told = new Set<number>();
  #receive: (chunk: Uint8Array) => void = () => undefined;

  constructor(options: BoardOptions) {
    this.#o = options;
    this.line = new SerialLine(options.time, options.dice, {
      receive: (bytes) => this.#running && this.#receive(bytes),
      opened: () => options.resetsOnOpen && this.reset("line"),
    });
    this.#latch = new BoardLatch(options.time);
    this.#lamp = new BoardLamp(options.time, options.observe, (loop) =>
      this.#latch.waiting.some((press) => press.loop === loop),
    );
    this.#boot("power");
  }

  /** The port to the line, for the host. */
  readonly openLine = (): Promise<Tty> => this.line.open();

  get lamp(): string {
    return this.#lamp.shown;
  }

  get power(): boolean {
    return this.#power;
  }

  /** Presses that no host has confirmed. */
  get waiting(): number {
    return this.#latch.waiting.length;
  }

  /** Those of them that it has told. A host that has heard nothing of a press cannot know it. */
  get told(): number {
    return this.#latch.waiting.filter(({ number }) => this.#told.has(number)).length;
  }

  // What fingers, wires and the car's supply do.

  /** Closes a button's contact for `ms`. */
  press(loop: number, ms: number): void {
    const now = this.#o.time.mono();
    if (this.#contacts.has(loop)) return;
    const contact: Contact = { until: now + ms, since: now };
    this.#contacts.set(loop, contact);
    this.#o.time.after(ms, () => {
      this.#contacts.delete(loop);
      if (this.#running) this.#opened(loop, contact);
    });
    if (this.#running) this.#feel(loop);
  }

  /** Breaks or shortens a loop's wire, or mends it. */
  wire(loop: number, state: "normal" | "open" | "short"): void {
    this.#wires[loop] = state;
    this.#later(FAULT_MS, () => {
      if (this.#wires[loop] === state) this.#say({ kind: "loop", loop, state: this.#stateOf(loop) });
    });
  }

  setPower(on: boolean): void {
    if (on === this.#power) return;
    this.#power = on;
    if (on) this.#boot("power");
    else this.#halt();
  }

  reset(cause: Reset): void {
    if (!this.#power) return;
    this.#halt();
    this.#boot(cause);
  }

  unplug(): void {
    this.line.unplug();
    this.observeLine();
  }

  plug(): void {
    this.line.plug();
    this.observeLine();
  }

  /** Bytes flip with this likelihood, both ways. */
  setNoise(noise: number): void {
    this.line.noise = noise;
    this.observeLine();
  }

  observeLine(): void {
    const sound = this.#running && this.line.plugged && this.line.noise === 0;
    this.#o.observe({ what: "line", sound });
  }

  // The firmware.

  #halt(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
    // Given a number, and not in the EEPROM.
    for (const { number, count, latchedAt } of this.#latch.waiting) {
      if (latchedAt === undefined || this.#latch.isKept(number) || count > 1) continue;
      this.#o.observe({ what: "unkept", press: this.#name(number) });
    }
    this.#latch.stop();
    this.#running = false;
    this.#lamp.dark();
    this.observeLine();
  }

  #boot(cause: Reset): void {
    this.#cause = cause;
    this.#later(BOOT_MS, () => this.#start());
  }

  #start(): void {
    this.#running = true;
    this.#startedAt = this.#o.time.mono();
    this.#told = new Set();
    this.#receive = createBoardFramer({
      panic: (body) => this.#hear(readHostMessage(body)),
      firmata: (bytes) => {
        if (Buffer.from(bytes).includes(Buffer.of(0xf0, 0x79, 0xf7))) this.line.send(firmataGreeting());
      },
      broken: () => undefined,
    });
    this.#latch.begin();
    this.#lamp.begin();
    this.line.send(firmataGreeting());
    this.#hello();
    this.#round();
    this.#timers.add(this.#o.time.every(REPEAT_MS, () => this.#round()));
    this.#timers.add(this.#o.time.every(HEARTBEAT_MS, () => this.#heartbeat()));
    // A button that is held over a reset is a press of the new life.
    for (const [loop, contact] of this.#contacts) {
      contact.press = undefined;
      contact.since = this.#startedAt;
      this.#feel(loop);
    }
    this.observeLine();
  }

  #feel(loop: number): void {
    this.#later(BELIEVED_MS, () => {
      const contact = this.#contacts.get(loop);
      if (!contact || contact.press || this.#wires[loop] !== "normal") return;
      this.#latched(loop, contact);
    });
  }

  /** The contact has opened. The board says so once it believes it, and what press that was. */
  #opened(loop: number, { press, since }: Contact): void {
    const isPress = press !== undefined && press.number !== 0;
    const now = this.#o.time.mono();
    if (isPress) this.#o.observe({ what: "released", press: this.#name(press.number), heldMs: now - since });
    this.#later(RELEASE_MS, () => {
      const heldMs = isPress ? Math.floor(this.#o.time.mono() - press.latchedAt) : 0;
      const release = isPress ? { release: { number: press.number, heldMs } } : {};
      this.#say({ kind: "loop", loop, state: this.#stateOf(loop), level: LEVEL, ...release });
    });
  }

  #latched(loop: number, contact: Contact): void {
    const { until } = contact;
    const { number, own } = this.#latch.press(loop);
    contact.press = { number: own ? number : 0, latchedAt: this.#o.time.mono() };
    const long = until - (this.#o.time.mono() - BELIEVED_MS) >= KEPT_MS;
    // One that a full latch only counts does not outlive a reset.
    this.#o.observe({ what: "press", press: this.#name(number), kept: long && own });
    this.#lamp.pressed(loop);
    this.#say({ kind: "loop", loop, state: "pressed" });
    this.#later(STUCK_MS, () => {
      if (this.#contacts.get(loop)?.until === until) this.#say({ kind: "loop", loop, state: "stuck" });
    });
    this.#sendPress(number);
  }

  #stateOf(loop: number): LoopState {
    return this.#contacts.get(loop)?.press ? "pressed" : this.#wires[loop]!;
  }

  #round(): void {
    for (const { number } of this.#latch.waiting) this.#sendPress(number);
  }

  #sendPress(number: number): void {
    const press = this.#latch.waiting.find((one) => one.number === number);
    if (!press || !this.line.plugged) return;
    const { loop, count, latchedAt } = press;
    const ageKnown = latchedAt !== undefined;
    if (!this.#told.has(number)) this.#o.observe({ what: "handed", press: this.#name(number), ageKnown });
    this.#told.add(number);
    const age = ageKnown ? { ageMs: Math.floor(this.#o.time.mono() - latchedAt) } : {};
    this.#say({ kind: "press", press: { board: this.#o.id, number, loop, count, ...age } });
  }

  #heartbeat(): void {
    this.#say({
      kind: "heartbeat",
      board: this.#o.id,
      uptimeS: this.#uptimeS(),
      loops: this.#wires.map((_, loop) => this.#stateOf(loop)),
      supplyMv: SUPPLY_MV,
      resetCause: RESET[this.#cause],
      pending: this.waiting,
      pattern: this.#lamp.number,
    });
  }

  #hello(): void {
    this.#say({
      kind: "hello",
      protocol: 1,
      firmware: "1.2",
      board: this.#o.id,
      lastNumber: this.#latch.lastNumber,
      loops: LOOPS,
      resetCause: RESET[this.#cause],
      uptimeS: this.#uptimeS(),
    });
  }

  #hear(message: HostMessage | undefined): void {
    if (!message) return;
    this.#lamp.hostLives();
    if (message.kind === "query") this.#hello();
    else if (message.kind === "show") this.#lamp.show(message);
    else if (this.#latch.confirm(message.number)) {
      this.#o.observe({ what: "confirmed", press: this.#name(message.number) });
    }
  }

  #say(message: Parameters<typeof encodeFromBoard>[0]): void {
    this.line.send(encodeFromBoard(message));
  }

  #uptimeS(): number {
    return Math.floor((this.#o.time.mono() - this.#startedAt) / 1000);
  }

  #name(number: number): string {
    return `${this.#o.id}#${number}`;
  }

  /** A timer of this life: a reset ends it. */
  #later(ms: number, f: () => void): void {
    const timer: Timer = this.#o.time.after(ms, () => {
      this.#timers.delete(timer);
      f();
    });
    this.#timers.add(timer);
  }
}
