import type { PanicBoard } from "../domain/panic.ts";
import type { Timer } from "../runtime/ports.ts";
import type { Core } from "./core.ts";
import type { EmergencyPart } from "./emergency.ts";

/** The longest loan. An update takes 12 s; a bad line makes it longer. A program that was killed gives nothing back. */
const LOAN_S = 120;

const SLOT = { part: "panic-board", code: "programming" } as const;

/**
 * Lends the board's port to the program that updates its firmware. Dispatch gets an event at both ends, and the
 * fault `programming` is active in between: nobody receives a press then.
 */
export class BoardLoan {
  readonly #core: Pick<Core, "event" | "faults" | "options">;
  readonly #emergency: Pick<EmergencyPart, "status">;
  readonly #board: PanicBoard | undefined;
  #loan: { readonly since: number; readonly firmware: string | undefined; timer: Timer } | undefined;

  constructor(
    core: Pick<Core, "event" | "faults" | "options">,
    emergency: Pick<EmergencyPart, "status">,
    board: PanicBoard | undefined,
  ) {
    this.#core = core;
    this.#emergency = emergency;
    this.#board = board;
  }

  /** Resolves when the port is closed; with a reason if it is not lent. Another call makes the loan last longer. */
  async lend(): Promise<string | undefined> {
    const board = this.#board;
    if (!board) return "no panic board is configured";
    if (this.#emergency.status.episodes.some(({ test, state }) => !test && state !== "cleared"))
      return "an emergency is open: try again when it is over";
    const { faults, event, options } = this.#core;
    const { time } = options.ports;
    const timer = time.after(LOAN_S * 1_000, () => this.takeBack());
    if (this.#loan) {
      this.#loan.timer[Symbol.dispose]();
      this.#loan.timer = timer;
    } else {
      const { firmware } = board.health;
      this.#loan = { since: time.mono(), firmware, timer };
      event({
        type: "firmware",
        state: "started",
        maxS: LOAN_S,
        ...(firmware === undefined ? {} : { firmware }),
      });
      faults.add(SLOT, `the panic board is being programmed: no press is received for ${LOAN_S} s at most`);
    }
    await board.lend();
    return undefined;
  }

  /** Opens the port again, if it is lent. */
  takeBack(): undefined {
    const loan = this.#loan;
    if (!loan) return;
    this.#loan = undefined;
    loan.timer[Symbol.dispose]();
    this.#board?.takeBack();
    const { faults, event, options } = this.#core;
    const seconds = Math.round((options.ports.time.mono() - loan.since) / 100) / 10;
    event({ type: "firmware", state: "ended", seconds });
    faults.clear(SLOT, `the unit has the panic board again, after ${seconds} s`);
  }

  [Symbol.dispose](): void {
    this.#loan?.timer[Symbol.dispose]();
  }
}
