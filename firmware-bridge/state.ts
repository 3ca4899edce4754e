import type {
  BoardFault,
  BoardHealth,
  BoardPress,
  BoardRelease,
  BoardTrouble,
  LampPattern,
  LoopState,
} from "../src/domain/panic.ts";
import { UNKNOWN, type Condition } from "./condition.ts";
import type { Beat } from "./lateness.ts";
import type { FromBoard, ToBoard } from "./protocol.ts";

/**
 * The state of the host's side of the line. `advance` decides, `bridge.ts` performs. Neither this file
 * nor `advance.ts` reads a clock or a line. Times are milliseconds on the clock that never jumps.
 */

/** What the lamp and the sounder should show. */
type Wish = { readonly pattern: LampPattern; readonly quiet: boolean; readonly drill: boolean };

type Release = { readonly loop: number; readonly number: number; readonly heldMs: number };

type Connection =
  | { readonly is: "closed" }
  /**
   * The line is open, without a valid message of ours yet. `name`: another firmware has reported this
   * name once. `noise`: bytes were received at this rate, and nothing valid. `loader`: our boot loader was asked,
   * and these bytes have come since; `answers`: it has answered.
   */
  | {
      readonly is: "greeting";
      readonly openedAt: number;
      readonly heardAt: number;
      readonly name?: string;
      readonly noise?: true;
      readonly loader?: Uint8Array | "answers";
    }
  /** Another firmware has reported the same name twice: johnny-five is being loaded. */
  | { readonly is: "attaching"; readonly openedAt: number; readonly name: string }
  /** Another firmware, served by johnny-five. */
  | { readonly is: "stock"; readonly openedAt: number; readonly name: string }
  /** Our firmware. Presses count only while its hello is current: only a hello shows which numbers are new. */
  | {
      readonly is: "ours";
      readonly openedAt: number;
      readonly heardAt: number;
      /** The id of the board; undefined: no message with an id has come yet. */
      readonly board: string | undefined;
      /** `missing`: none on this connection. `outdated`: the board was silent after it, and may have been reset. */
      readonly hello: "missing" | "outdated" | "current";
      /** How many hellos may still answer earlier queries. Any further one means that the board has started. */
      readonly answersDue: number;
      /** When a message was last answered with a query for the missing hello. */
      readonly askedAt: number;
      /** Undefined: neither a hello nor a heartbeat has come yet. */
      readonly beat?: Beat;
      /** The newest release of each loop: its press may be read later, because the line lost it at first. */
      readonly releases: readonly Release[];
      readonly health: Omit<BoardHealth, "connected" | "degraded" | "resetsInHour">;
    };

export type Open = Exclude<Connection, { is: "closed" }>;
export type Ours = Extract<Connection, { is: "ours" }>;

export type BoardState = {
  readonly connection: Connection;
  readonly wish: Wish;
  /** The last reported state of each loop. */
  readonly loops: readonly LoopState[];
  /** When the last tick was, or the line was opened. */
  readonly tickedAt: number;
  /** The first tick after the process last stood still. */
  readonly wentOnAt: number;
  /** The last reported fault, until the recovery. */
  readonly fault?: BoardFault;
  /** The rate of the line, by its place in the setting. It stays for the next line. */
  readonly rate: number;
  readonly condition: Condition;
};

export const INITIAL: BoardState = {
  connection: { is: "closed" },
  wish: { pattern: "idle", quiet: false, drill: false },
  loops: [],
  tickedAt: 0,
  wentOnAt: -Infinity,
  rate: 0,
  condition: UNKNOWN,
};

export type Input =
  | { readonly is: "opened"; readonly at: number }
  /** A valid message of ours. */
  | { readonly is: "message"; readonly at: number; readonly message: FromBoard }
  /** Bytes that are not ours. */
  | { readonly is: "firmata"; readonly at: number; readonly bytes: Uint8Array }
  /** Each `refreshMs` while the line is open. */
  | { readonly is: "tick"; readonly at: number }
  /** The line has the rate that was wanted. */
  | { readonly is: "retuned" }
  /** johnny-five has been loaded. */
  | { readonly is: "attached" }
  /** johnny-five has read a press. */
  | { readonly is: "stock-press"; readonly at: number; readonly loop: number }
  /** The line could not be opened, or has ended. Without a fault it was lent, or the unit stops. */
  | { readonly is: "ended"; readonly fault?: { readonly code: BoardFault; readonly detail: string } }
  | { readonly is: "wish"; readonly wish: Wish }
  /** The press of this board is on disk. */
  | { readonly is: "confirm"; readonly board: string; readonly number: number };

export type Effect =
  | { readonly do: "send"; readonly message: ToBoard }
  | { readonly do: "ask-name" }
  /** Ask whether our boot loader is there. */
  | { readonly do: "ask-loader" }
  /** Firmata's system reset: what an earlier client has asked for ends, and the line is free. */
  | { readonly do: "reset-firmata" }
  /** Change the line's rate; `retuned` follows. */
  | { readonly do: "retune"; readonly baud: number }
  /** Load johnny-five for this connection; `attached` follows. */
  | { readonly do: "attach" }
  /** Detach johnny-five. `reset`: also reset the board's Firmata, which johnny-five has configured. */
  | { readonly do: "detach"; readonly reset: boolean }
  | { readonly do: "feed-stock"; readonly bytes: Uint8Array }
  | { readonly do: "show-stock"; readonly wish: Wish }
  /** Our board has answered: the next pause before reopening is short. */
  | { readonly do: "answered" }
  | { readonly do: "close"; readonly code: BoardFault; readonly detail: string }
  | { readonly do: "hello"; readonly board: string; readonly lastNumber: number }
  | { readonly do: "press"; readonly press: BoardPress }
  | { readonly do: "released"; readonly release: BoardRelease }
  | { readonly do: "loop"; readonly loop: number; readonly state: LoopState; readonly level?: number }
  | { readonly do: "fault"; readonly code: BoardFault; readonly detail: string }
  | { readonly do: "recovered"; readonly detail: string }
  | {
      readonly do: "trouble";
      readonly trouble: BoardTrouble;
      readonly faulty: boolean;
      readonly detail: string;
    };

export type Step = { readonly state: BoardState; readonly effects: readonly Effect[] };

export type Timing = {
  /** How often the wish is sent. It also shows the board that the host is alive. */
  readonly refreshMs: number;
  /** After this long without a message of ours, the firmware's name is requested. */
  readonly identifyMs: number;
  /** No message for this long is a fault. After twice as long, the port is closed and reopened. */
  readonly silentMs: number;
};

/** What does not change while the unit runs. */
export type Setting = {
  /** The name of the port in faults. */
  readonly path: string;
  /** The rates of boards, the likeliest first. */
  readonly bauds: readonly number[];
  /** The loops that have a button. The others are not reported. */
  readonly loops: readonly number[];
  /** The loops whose presses the board must not show by itself. */
  readonly darkLoops: readonly number[];
  /** The board may blink and tick at its next power-up. */
  readonly mayTest: boolean;
  /** A sense resistor is in the lamp's return wire. */
  readonly lampSense: boolean;
  readonly timing: Timing;
};

/** A step followed by another one, which begins with its state. */
export const followedBy = ({ state, effects }: Step, next: (state: BoardState) => Step): Step => {
  const step = next(state);
  return { state: step.state, effects: [...effects, ...step.effects] };
};

/**
 * Reports a fault, unless it is reported already. After `unplugged`, `absent` is not reported: it is the
 * same fault.
 */
export const report = (state: BoardState, code: BoardFault, detail: string): Step =>
  state.fault === code || (state.fault === "unplugged" && code === "absent")
    ? { state, effects: [] }
    : { state: { ...state, fault: code }, effects: [{ do: "fault", code, detail }] };

/** The board's health as far as the line shows it. */
export const healthOf = ({ connection, condition }: BoardState): BoardHealth => {
  if (connection.is === "ours") {
    const resetsInHour = condition.resets.length;
    return { ...connection.health, resetsInHour, connected: connection.hello === "current" };
  }
  if (connection.is === "stock") return { connected: true, firmware: connection.name, degraded: true };
  return { connected: false };
};
