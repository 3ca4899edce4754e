/** What the panic board and the unit say to each other, whatever carries it. */
export const LOOP_STATES = ["normal", "pressed", "open", "short", "stuck"] as const;
export type LoopState = (typeof LOOP_STATES)[number];

/** Patterns of lamp and sounder that the unit can ask for; the board runs them. */
export const LAMP_PATTERNS = [
  "idle",
  "no-link",
  "stored",
  "sent",
  "received",
  "accepted",
  "fault",
  "silent",
  "done",
  "refused",
] as const;
export type LampPattern = (typeof LAMP_PATTERNS)[number];

/** Patterns that the board shows by itself: a press that no host has answered; no host at all. */
export type OwnPattern = "latched" | "no-host";

/** One press, as latched by the board. (`board`, `number`) names it for ever. */
export type BoardPress = {
  /** The board's own id, 8 hex digits. */
  readonly board: string;
  /** Counts up; never reused by the board. 0: the board has no latch and no numbers. */
  readonly number: number;
  readonly loop: number;
  /** Presses that this one stands for: more than 1 only when sixteen were waiting. */
  readonly count: number;
  /** Milliseconds since the contact closed; absent where the board was reset in between. */
  readonly ageMs?: number;
};

/** The button on a loop, by its configured name; a loop without one is named after its number. */
export const buttonOnLoop = <B extends { readonly loop: number }>(
  buttons: Readonly<Record<string, B>>,
  loop: number,
): readonly [name: string, button: B | undefined] =>
  Object.entries(buttons).find(([, button]) => button.loop === loop) ?? [`loop-${loop}`, undefined];

export type BoardHealth = {
  readonly connected: boolean;
  readonly firmware?: string;
  readonly loops?: readonly LoopState[];
  readonly supplyMv?: number;
  /** No latch and no supervision: another firmware than ours. */
  readonly degraded?: boolean;
};

export type BoardFault = "absent" | "denied" | "unplugged" | "silent" | "not-ours" | "protocol" | "failed";

export type BoardListener = {
  /** A board answers: its id, and the number that it gave last. */
  hello(board: string, lastNumber: number): void;
  press(press: BoardPress): void;
  /** Told once for each change of fault. */
  fault(code: BoardFault, detail: string): void;
  recovered(detail: string): void;
  loop(loop: number, state: LoopState): void;
};

/** The port to the board. What is said to it is repeated until it is heard. */
export type PanicBoard = AsyncDisposable & {
  readonly health: BoardHealth;
  /** The press is on disk: the board need not keep it. */
  confirm(press: BoardPress): void;
  /** `quiet`: no sounder. `drill`: the pattern is of a drill. */
  show(pattern: LampPattern, quiet: boolean, drill?: boolean): void;
};
