import type { Time, Timer } from "../../src/runtime/ports.ts";
import { PATTERNS, type HostMessage } from "./board-wire.ts";
import type { Observe } from "./facts.ts";

const HOST_LOST_MS = 5_000;
const NO_HOST = PATTERNS.indexOf("no-host");
const LATCHED = PATTERNS.indexOf("latched");
const STAGES = { first: PATTERNS.indexOf("stored"), last: PATTERNS.indexOf("accepted") };

/** The lamp, as in `panic.c`: the host's wish, `latched` by itself, `no-host` after five seconds of silence. */
export class BoardLamp {
  readonly #time: Time;
  readonly #observe: Observe;
  readonly #waits: (loop: number) => boolean;
  #wanted = NO_HOST;
  #shown: number | undefined;
  #dark = 0;
  #unanswered = false;
  #hostLost: Timer | undefined;

  /** `waits`: whether a press of this loop is not confirmed. */
  constructor(time: Time, observe: Observe, waits: (loop: number) => boolean) {
    this.#time = time;
    this.#observe = observe;
    this.#waits = waits;
  }

  get number(): number {
    return this.#shown ?? NO_HOST;
  }

  get shown(): string {
    return this.#shown === undefined ? "off" : (PATTERNS[this.#shown] ?? "off");
  }

  begin(): void {
    this.#wanted = NO_HOST;
    this.#unanswered = false;
    this.#light();
  }

  /** No power, or in reset. */
  dark(): void {
    this.#hostLost?.[Symbol.dispose]();
    this.#set(undefined);
  }

  pressed(loop: number): void {
    if (!this.#isDark(loop)) this.#unanswered = true;
    this.#light();
  }

  show(message: Extract<HostMessage, { kind: "show" }>): void {
    if (message.pattern >= PATTERNS.length) return;
    this.#wanted = message.pattern;
    this.#dark = message.dark;
    if (!this.#visible()) this.#unanswered = false;
    this.#light();
  }

  hostLives(): void {
    this.#hostLost?.[Symbol.dispose]();
    this.#hostLost = this.#time.after(HOST_LOST_MS, () => {
      this.#unanswered = false;
      this.#wanted = NO_HOST;
      this.#light();
    });
  }

  #isDark(loop: number): boolean {
    return (this.#dark & (1 << loop)) !== 0;
  }

  #visible(): boolean {
    return [0, 1, 2, 3].some((loop) => !this.#isDark(loop) && this.#waits(loop));
  }

  #light(): void {
    const stage = this.#wanted >= STAGES.first && this.#wanted <= STAGES.last;
    this.#set(!stage && (this.#visible() || this.#unanswered) ? LATCHED : this.#wanted);
  }

  #set(pattern: number | undefined): void {
    if (pattern === this.#shown) return;
    this.#shown = pattern;
    this.#observe({ what: "lamp", lamp: this.shown });
  }
}
