import { buttonOnLoop, type BoardPress } from "../domain/panic.ts";
import type { HealthData } from "../domain/report.ts";
import { knownAt, type Clock } from "../domain/time.ts";
import type { Outbox } from "../outbox/outbox.ts";
import { daysOf, isOverdue, pressedAt, watchedAt, type ButtonDays } from "../policy/button-tests.ts";
import type { Faults } from "./faults.ts";

export type ButtonTestsOptions = {
  readonly buttons: Readonly<Record<string, { readonly loop: number }>>;
  /** Days after which a button that nobody has pressed is a fault. */
  readonly everyDays: number;
  readonly outbox: Pick<Outbox, "memory" | "remember">;
  readonly clock: Clock;
  readonly faults: Pick<Faults, "add" | "clear">;
};

const CODE = { part: "panic-loop", code: "untested" } as const;

const lastPress = (button: string, { lastPressDays, watchedDays }: ButtonDays): string =>
  lastPressDays === undefined
    ? `${button} has been watched for ${watchedDays} days and was not pressed`
    : `${button} was last pressed ${lastPressDays} days ago`;

/**
 * Keeps when each button was last pressed, and reports a fault for one that nobody has pressed for too
 * long. Counts with a trusted time only: while there is none, nothing changes.
 */
export class ButtonTests {
  readonly #options: ButtonTestsOptions;
  readonly #names: readonly string[];
  /**
   * Presses whose time is not known yet, on the clock of `mono`: the newest of each button. Lost with the
   * process: then the button counts as pressed when it was pressed before.
   */
  readonly #untimed = new Map<string, number>();
  /** The buttons with a fault, and the words of it. */
  readonly #faulty = new Map<string, string>();

  constructor(options: ButtonTestsOptions) {
    this.#options = options;
    this.#names = Object.keys(options.buttons);
  }

  /** A press of unknown age says nothing about when: it is not counted. */
  press({ loop, ageMs }: BoardPress): void {
    const [name, button] = buttonOnLoop(this.#options.buttons, loop);
    if (!button || ageMs === undefined) return;
    const mono = this.#options.clock.mono() - ageMs;
    this.#untimed.set(name, Math.max(mono, this.#untimed.get(name) ?? -Infinity));
    this.tick();
  }

  /** Called about once a second. */
  tick(): void {
    const now = this.#now();
    if (now === undefined) return;
    const { outbox } = this.#options;
    const before = outbox.memory.buttons ?? [];
    const buttons = this.#withPresses(watchedAt(before, this.#names, now), now);
    if (buttons !== before) outbox.remember({ buttons: [...buttons] });
    for (const [button, days] of this.#days(now)) this.#judge(button, days);
  }

  /** Empty while the time is not known. */
  health(): Pick<NonNullable<HealthData["panicBoard"]>, "buttons"> {
    const now = this.#now();
    if (now === undefined) return {};
    return { buttons: Object.fromEntries(this.#days(now)) };
  }

  #now(): number | undefined {
    return knownAt(this.#options.clock.now());
  }

  #withPresses(known: ReturnType<typeof watchedAt>, now: number): ReturnType<typeof watchedAt> {
    let all = known;
    for (const [button, mono] of this.#untimed) {
      const { at, clock } = this.#options.clock.when(mono);
      if (clock === "unset") continue;
      this.#untimed.delete(button);
      all = pressedAt(all, button, Math.min(at, now));
    }
    return all;
  }

  /** The configured buttons that are known, by name. */
  #days(now: number): (readonly [string, ButtonDays])[] {
    return (this.#options.outbox.memory.buttons ?? [])
      .filter(({ button }) => this.#names.includes(button))
      .map((one) => [one.button, daysOf(one, now)]);
  }

  #judge(button: string, days: ButtonDays): void {
    const { faults, everyDays } = this.#options;
    const where = button;
    if (!isOverdue(days, everyDays)) {
      if (this.#faulty.delete(button)) faults.clear({ ...CODE, where }, lastPress(button, days));
      return;
    }
    const detail = `${lastPress(button, days)} (limit ${everyDays}): press it as a drill: patrol-unit drill`;
    // Its words change once a day.
    if (this.#faulty.get(button) === detail) return;
    this.#faulty.set(button, detail);
    faults.add({ ...CODE, where }, detail);
  }
}
