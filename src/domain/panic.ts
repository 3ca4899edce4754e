/** The panic board as the unit sees it, independent of the serial protocol. */

/** The version of the firmware that this release brings, as a board reports it. */
export const BOARD_FIRMWARE = "1.7";

export const LOOP_STATES = ["normal", "pressed", "open", "short", "stuck", "degraded"] as const;
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

/** The result of a bundle, for a technician without a screen. */
export type BundleSign = Extract<LampPattern, "done" | "refused">;

/** Patterns that the board shows by itself: a press that no host has answered; no host at all. */
export type OwnPattern = "latched" | "no-host";

/** Why the board last started. `unknown`: its boot loader has cleared the chip's record. */
export type ResetCause = "power" | "brown-out" | "watchdog" | "reset-line" | "unknown";

/** One press, as latched by the board. (`board`, `number`) identifies it. */
export type BoardPress = {
  /** The id of the board, 8 hex digits. */
  readonly board: string;
  /** Counts up; a number is never reused. 0: the board has no latch and no numbers. */
  readonly number: number;
  readonly loop: number;
  /** Presses that this one stands for: with further ones within 300 ms, and with those that found sixteen pending. */
  readonly count: number;
  /** Milliseconds since the contact closed; absent if nobody knows: the board was reset since, for example. */
  readonly ageMs?: number;
};

/** The contact of a press has opened again. (`board`, `number`) identifies the press. */
export type BoardRelease = Pick<BoardPress, "board" | "number"> & {
  /** Milliseconds from the latch of the press to the end of its contact, by the board's clock. */
  readonly heldMs: number;
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
  /** Volts at each loop's input, at a supply of 5 V; 2.5 at rest. Absent: firmware 1.2 or older. */
  readonly levelsV?: readonly number[];
  readonly supplyMv?: number;
  /** False: `supplyMv` is up to 9 % off. Absent: firmware 1.3 or older, which cannot be calibrated. */
  readonly supplyCalibrated?: boolean;
  /** How often the board was reset within the last hour, as far as this process has seen. */
  readonly resetsInHour?: number;
  /** Whole seconds since the board started; wraps to 0 after 49.7 days. */
  readonly uptimeS?: number;
  readonly resetCause?: ResetCause;
  /** No latch and no supervision: another firmware than ours. */
  readonly degraded?: boolean;
};

export type BoardFault =
  | "absent"
  | "denied"
  | "unplugged"
  | "silent"
  | "boot-loader"
  | "not-ours"
  | "protocol"
  | "reset-by-opening"
  | "failed";

/** What is wrong with a board that works. */
export type BoardTrouble = "supply-low" | "lamp-cut" | "resets";

export type BoardListener = {
  /** A board has answered. `lastNumber`: the number of its newest press. */
  hello(board: string, lastNumber: number): void;
  press(press: BoardPress): void;
  /** Called after `press`, again if the press is repeated; never if the board did not say it or the line lost it. */
  released(release: BoardRelease): void;
  /** Called once for each change of fault. */
  fault(code: BoardFault, detail: string): void;
  recovered(detail: string): void;
  /** Called once for each change. Troubles come and go independently of one another and of faults. */
  trouble(trouble: BoardTrouble, faulty: boolean, detail: string): void;
  /** `level`: volts at the board's input without a press, at a supply of 5 V; firmware 1.3 and newer. */
  loop(loop: number, state: LoopState, level?: number): void;
};

/** The port to the board. */
export type PanicBoard = AsyncDisposable & {
  readonly health: BoardHealth;
  /** Resolves when the first query has been written to the board, or its line could not be opened. */
  readonly asked: Promise<void>;
  /**
   * Tells the board that the press is on disk, so that it can forget the press. The board repeats the
   * press until this reaches it.
   */
  confirm(press: BoardPress): void;
  /**
   * Sets the pattern, which is sent to the board again each second. `quiet`: no sounder. `drill`: the
   * pattern belongs to a drill.
   */
  show(pattern: LampPattern, quiet: boolean, drill?: boolean): void;
  /** Closes the port until `takeBack`, so that another program can use it. Resolves when it is closed. */
  lend(): Promise<void>;
  takeBack(): void;
};
