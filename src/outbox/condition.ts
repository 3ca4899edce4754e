import { faultOf, type OutboxFault } from "./fault.ts";

/**
 * `opening`: the store is being opened and scanned. `reopening`: it failed and is tried again; the vital
 * file works. `away`: not even the vital file can be written, so nothing remembers numbers or memory.
 */
export type DiskState =
  | { readonly kind: "opening" }
  | { readonly kind: "open" }
  | { readonly kind: "reopening"; readonly cause: unknown }
  | { readonly kind: "away"; readonly cause: unknown };

/** Whether the store and the vital file can be written, and why not. Reports each change once. */
export class Condition {
  readonly #isOpen: () => boolean;
  readonly #fault: (fault: OutboxFault | undefined) => void;
  #storeCause: unknown;
  #vitalCause: unknown;
  #faulty = false;

  /** `isOpen`: whether the store can be used. `away`: why the vital file cannot be written, if it cannot. */
  constructor(isOpen: () => boolean, fault: (fault: OutboxFault | undefined) => void, away: unknown) {
    this.#isOpen = isOpen;
    this.#fault = fault;
    this.#vitalCause = away;
  }

  get state(): DiskState {
    if (this.#vitalCause !== undefined) return { kind: "away", cause: this.#vitalCause };
    if (this.#isOpen()) return { kind: "open" };
    if (this.#storeCause === undefined) return { kind: "opening" };
    return { kind: "reopening", cause: this.#storeCause };
  }

  /** The vital file cannot be written. */
  get away(): boolean {
    return this.#vitalCause !== undefined;
  }

  /** A fault was reported, and its end was not. */
  get faulty(): boolean {
    return this.#faulty;
  }

  /** Why the store could not be used the last time; undefined if it could. */
  get storeCause(): unknown {
    return this.#storeCause;
  }

  storeFailed(cause: unknown): void {
    this.#storeCause = cause;
    this.report();
  }

  storeWorks(): void {
    this.#storeCause = undefined;
    this.report();
  }

  /** Returns whether it could be written before. The caller then calls `report` when it is ready for it. */
  vitalFailed(cause: unknown): boolean {
    const before = !this.away;
    this.#vitalCause = cause;
    return before;
  }

  vitalWorks(): void {
    const was = this.away;
    this.#vitalCause = undefined;
    if (was) this.report();
  }

  /** Reports a fault, or its end, unless it was reported already. */
  report(): void {
    const { state } = this;
    const faulty = state.kind === "away" || state.kind === "reopening";
    if (faulty === this.#faulty) return;
    this.#faulty = faulty;
    this.#fault(faulty ? faultOf(state.cause) : undefined);
  }
}
