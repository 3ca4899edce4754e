import type { BoardFault, BoardHealth, BoardPress, LampPattern, LoopState } from "../src/domain/panic.ts";
import type { FromBoard, ToBoard } from "./protocol.ts";

/**
 * The host's side of the line as a value. `advance` decides, `panic-board.ts` performs; neither
 * this file nor `advance.ts` reads a clock or a line. Times are monotonic milliseconds.
 */

/** What lamp and sounder are to show. */
type Wish = { readonly pattern: LampPattern; readonly quiet: boolean; readonly drill: boolean };

type Connection =
  | { readonly is: "closed" }
  /** Open, and no valid message of ours yet. `name`: another firmware has reported this name once. */
  | {
      readonly is: "greeting";
      readonly openedAt: number;
      readonly heardAt: number;
      readonly name?: string;
    }
  /** The same foreign name came twice: johnny-five is being loaded. */
  | { readonly is: "attaching"; readonly openedAt: number; readonly name: string }
  /** Another firmware, served by johnny-five. */
  | { readonly is: "stock"; readonly openedAt: number; readonly name: string }
  /** Our firmware. Without `met`, its presses wait: only a hello says which numbers are new. */
  | {
      readonly is: "ours";
      readonly openedAt: number;
      readonly heardAt: number;
      readonly met: boolean;
      /** A hello has come on this connection. */
      readonly greeted: boolean;
      readonly health: Omit<BoardHealth, "connected" | "degraded">;
    };

export type Open = Exclude<Connection, { is: "closed" }>;
export type Ours = Extract<Connection, { is: "ours" }>;

export type BoardState = {
  readonly connection: Connection;
  readonly wish: Wish;
  /** The state reported last of each loop. */
  readonly loops: readonly LoopState[];
  /** The fault reported last, until the recovery. */
  readonly fault?: BoardFault;
};

export const INITIAL: BoardState = {
  connection: { is: "closed" },
  wish: { pattern: "idle", quiet: false, drill: false },
  loops: [],
};

export type Input =
  | { readonly is: "opened"; readonly at: number }
  /** A valid message of ours. */
  | { readonly is: "message"; readonly at: number; readonly message: FromBoard }
  /** Bytes that are not ours. */
  | { readonly is: "firmata"; readonly at: number; readonly bytes: Uint8Array }
  /** Each `refreshMs` while the line is open. */
  | { readonly is: "tick"; readonly at: number }
  /** johnny-five has been loaded. */
  | { readonly is: "attached" }
  /** johnny-five reads a press. */
  | { readonly is: "stock-press"; readonly loop: number }
  /** The line could not be opened, or is gone. */
  | { readonly is: "ended"; readonly fault?: { readonly code: BoardFault; readonly detail: string } }
  | { readonly is: "wish"; readonly wish: Wish }
  | { readonly is: "confirm"; readonly number: number };

export type Effect =
  | { readonly do: "send"; readonly message: ToBoard }
  | { readonly do: "ask-name" }
  /** Load johnny-five for this connection; `attached` follows. */
  | { readonly do: "attach" }
  /** Forget johnny-five; with `reset`, the board first forgets what johnny-five asked of it. */
  | { readonly do: "detach"; readonly reset: boolean }
  | { readonly do: "feed-stock"; readonly bytes: Uint8Array }
  | { readonly do: "show-stock"; readonly wish: Wish }
  /** Our board answers: the next reopening need not wait long. */
  | { readonly do: "answered" }
  | { readonly do: "close"; readonly code: BoardFault; readonly detail: string }
  | { readonly do: "hello"; readonly board: string; readonly lastNumber: number }
  | { readonly do: "press"; readonly press: BoardPress }
  | { readonly do: "loop"; readonly loop: number; readonly state: LoopState }
  | { readonly do: "fault"; readonly code: BoardFault; readonly detail: string }
  | { readonly do: "recovered"; readonly detail: string };

export type Step = { readonly state: BoardState; readonly effects: readonly Effect[] };

export type Timing = {
  /** The wish is sent this often; it also tells the board that the host lives. */
  readonly refreshMs: number;
  /** No message of ours for this long after opening: ask what firmware it is. */
  readonly identifyMs: number;
  /** No message for this long is a fault; for twice as long, the port is opened anew. */
  readonly silentMs: number;
};

/** What does not change while the unit runs. */
export type Setting = {
  /** The name of the port in faults. */
  readonly path: string;
  /** The loops that have a button; nothing is reported of the others. */
  readonly loops: readonly number[];
  /** The loops whose presses the board must not show by itself. */
  readonly darkLoops: readonly number[];
  readonly timing: Timing;
};

/** One step after another. */
export const followedBy = ({ state, effects }: Step, next: (state: BoardState) => Step): Step => {
  const step = next(state);
  return { state: step.state, effects: [...effects, ...step.effects] };
};

/** Reports a fault, unless it is the one that stands. An unplugged board is absent: that is no news. */
export const report = (state: BoardState, code: BoardFault, detail: string): Step =>
  state.fault === code || (state.fault === "unplugged" && code === "absent")
    ? { state, effects: [] }
    : { state: { ...state, fault: code }, effects: [{ do: "fault", code, detail }] };

export const healthOf = ({ connection }: BoardState): BoardHealth => {
  if (connection.is === "ours") return { ...connection.health, connected: connection.met };
  if (connection.is === "stock") return { connected: true, firmware: connection.name, degraded: true };
  return { connected: false };
};
