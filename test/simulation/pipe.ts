import type { Time, Timer } from "../../src/runtime/ports.ts";

/** What a link does to bytes, and what is wrong with it; shared by all connections over it, and changed while they run. */
export type Conditions = {
  latencyMs: number;
  bytesPerS: number;
  /** Nothing passes and nothing is lost: a black hole that opens again. */
  stalled: boolean;
  /** What is sent is gone. */
  swallowing: boolean;
  /** What stalls now comes at once when that ends: a radio holds it, or it is sent again at that moment. */
  held: boolean;
};

export const soundLink = (): Conditions => ({
  latencyMs: 40,
  bytesPerS: 100_000,
  stalled: false,
  swallowing: false,
  held: false,
});

/**
 * The longest wait of TCP between two attempts to send the same bytes. It doubles, so what has stalled for a
 * while is sent again within as long again, and a connection that is new by then is faster (RFC 6298 §5.5).
 */
const RESEND_MS = 120_000;

type Packet = { readonly bytes: number; readonly arrive: () => void; readonly urgent: boolean };

const READ_BYTES = 16_384;
const isLarge = (packet: Pick<Packet, "bytes"> | undefined): boolean =>
  packet !== undefined && packet.bytes > READ_BYTES;

/** What TCP hands to the radio at a time. */
const SEGMENT_BYTES = 1_400;
/** The rest of a large packet leaves at the rate that the link has by then. */
const PIECE_BYTES = 4_096;

/** One direction of the car's modem: the segments of all connections leave one after the other. */
export class Lane {
  /** Infinity: the links are the limit. */
  bytesPerS = Infinity;
  readonly #time: Time;
  readonly #queue: { readonly bytes: number; readonly out: () => void }[] = [];
  #isBusy = false;

  constructor(time: Time) {
    this.#time = time;
  }

  /** `out` is called when the segment has left, also if its connection has been closed meanwhile. */
  send(bytes: number, out: () => void): void {
    this.#queue.push({ bytes, out });
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const segment = this.#queue.shift();
    this.#isBusy = segment !== undefined;
    if (!segment) return;
    this.#time.after((segment.bytes * 1000) / this.bytesPerS, () => {
      segment.out();
      this.#next();
    });
  }
}

/** The modem that all links share. */
export type Modem = { readonly up: Lane; readonly down: Lane };

/** One direction of one connection: packets leave one after the other at the link's rate, and arrive in order. */
export class Pipe {
  readonly #time: Time;
  readonly #conditions: Conditions;
  readonly #lane: Lane | undefined;
  #queue: Packet[] = [];
  #timers = new Set<Timer>();
  #sending = false;
  #arrivesAt = 0;
  #lost = false;
  /** Since when the stalled link keeps the first packet. */
  #stalledAt: number | undefined;
  #held = false;
  #finished = false;
  #closed = false;
  /** The first packet is on its way to the other end. */
  #isPassing = false;
  /** When a part of a large packet came last. */
  #partAt = -Infinity;

  /** `lane`: left out: no modem, a line of its own. */
  constructor(time: Time, conditions: Conditions, lane?: Lane) {
    this.#time = time;
    this.#conditions = conditions;
    this.#lane = lane;
  }

  /** Bytes were swallowed: what comes now would not fit what came before. */
  get lost(): boolean {
    return this.#lost;
  }

  /** See `Connection.arrivedMs`. A packet of more bytes than one read brings comes in parts. */
  get arrivedMs(): number {
    return this.#isPassing && isLarge(this.#queue[0]) ? 0 : this.#time.mono() - this.#partAt;
  }

  /** `urgent`: an emergency, which others of its kind may wait for. */
  send(bytes: number, arrive: () => void, urgent = false): void {
    if (this.#finished || this.#closed) return;
    this.#queue.push({ bytes, arrive, urgent });
    this.pump();
  }

  /** Packets that have not left and are not urgent, their bytes, how long they take, and how long the largest of them. */
  waiting(): {
    readonly behind: number;
    readonly bytes: number;
    readonly waitMs: number;
    readonly largestMs: number;
  } {
    const ms = ({ bytes }: Packet) => (bytes * 1000) / this.#conditions.bytesPerS;
    const others = this.#queue.filter(({ urgent }) => !urgent);
    return {
      behind: others.length,
      bytes: others.reduce((sum, { bytes }) => sum + bytes, 0),
      waitMs: others.reduce((sum, packet) => sum + ms(packet), 0),
      largestMs: others.reduce((most, packet) => Math.max(most, ms(packet)), 0),
    };
  }

  /** Goes on after the conditions have changed. */
  pump(): void {
    const packet = this.#queue[0];
    if (!packet || this.#sending || this.#closed) return;
    if (this.#conditions.stalled) {
      this.#stalledAt ??= this.#time.mono();
      this.#held = this.#conditions.held;
      return;
    }
    this.#sending = true;
    if (this.#stalledAt !== undefined) {
      const stalledMs = this.#time.mono() - this.#stalledAt;
      this.#stalledAt = undefined;
      const waitMs = this.#held ? 0 : Math.min(stalledMs, RESEND_MS);
      this.#after(waitMs, () => {
        this.#sending = false;
        this.pump();
      });
      return;
    }
    this.#isPassing = !this.#conditions.swallowing;
    this.#leave(packet.bytes, () => {
      this.#sending = false;
      this.#isPassing = false;
      this.#queue.shift();
      if (this.#conditions.swallowing) this.#lost = true;
      else this.#travel(packet);
      if (isLarge(packet) && !this.#conditions.swallowing) this.#partAt = this.#time.mono();
      this.pump();
    });
  }

  /** The bytes pass the modem, which other connections use too, and then the link. */
  #leave(bytes: number, out: () => void): void {
    const link = (left: number): void => {
      const piece = isLarge({ bytes }) ? Math.min(left, PIECE_BYTES) : left;
      const next = left > piece ? () => link(left - piece) : out;
      this.#after((piece * 1000) / this.#conditions.bytesPerS, next);
    };
    const pass = (left: number): void => {
      if (this.#closed) return;
      if (left > 0 && this.#lane && this.#lane.bytesPerS < Infinity)
        this.#lane.send(Math.min(left, SEGMENT_BYTES), () => pass(left - SEGMENT_BYTES));
      else link(bytes);
    };
    pass(bytes);
  }

  #travel(packet: Packet): void {
    const now = this.#time.mono();
    this.#arrivesAt = Math.max(now + this.#conditions.latencyMs, this.#arrivesAt);
    this.#after(this.#arrivesAt - now, packet.arrive);
  }

  #after(ms: number, f: () => void): void {
    const timer = this.#time.after(ms, () => {
      this.#timers.delete(timer);
      f();
    });
    this.#timers.add(timer);
  }

  /** No more bytes are written. What was written still leaves and arrives, then the end does. */
  finish(arrive: () => void): void {
    this.send(0, arrive);
    this.#finished = true;
  }

  /** What has not arrived never does. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#queue = [];
  }
}
