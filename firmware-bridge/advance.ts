import { lent } from "./condition.ts";
import { firmwareNames, isOurName } from "./firmware-name.ts";
import { LOADER_BAUD } from "./rates.ts";
import { receive, show } from "./receive.ts";
import {
  report,
  followedBy,
  type BoardState,
  type Effect,
  type Input,
  type Open,
  type Setting,
  type Step,
} from "./state.ts";
import { answerTo, SYNC } from "./stk500.ts";

const QUERY: Effect = { do: "send", message: { kind: "query" } };
const RESET: Effect = { do: "reset-firmata" };

/** The answer has 2 bytes; noise may come before it. */
const MAX_LOADER_BYTES = 64;

const silence = (path: string): string =>
  `${path} is open, but no panic board answers: is it another device, or not programmed?`;

const noFirmware = (path: string): string =>
  `the board at ${path} answers with its boot loader, and not with a firmware: run \`patrol-unit flash firmware\``;

/**
 * Why no firmware of ours is served on this line. A boot loader that has answered on the line before may answer
 * late on this one: until the line is closed, the fault stays as it is.
 */
const silenceOf = ({ connection, fault }: BoardState, { path }: Setting, isClosing = false) =>
  connection.is === "greeting" && (connection.loader === "answers" || (fault === "boot-loader" && !isClosing))
    ? ({ code: "boot-loader", detail: noFirmware(path) } as const)
    : ({ code: "silent", detail: silence(path) } as const);

/** What came after the boot loader was asked. */
const readLoader = (state: BoardState, asked: Uint8Array, bytes: Uint8Array, setting: Setting): Step => {
  const { connection } = state;
  if (connection.is !== "greeting") return { state, effects: [] };
  const received = Uint8Array.of(...asked, ...bytes).subarray(0, MAX_LOADER_BYTES);
  const answer = answerTo(SYNC, received);
  const isLoader = answer !== undefined && answer !== "wrong";
  const known: BoardState = {
    ...state,
    connection: { ...connection, loader: isLoader ? "answers" : received },
  };
  if (!isLoader) return { state: known, effects: [] };
  const { code, detail } = silenceOf(known, setting);
  return report(known, code, detail);
};

/**
 * A Firmata board has reported the name of its firmware. Our board does so too; our own query then identifies
 * it. A damaged byte can change our name, but hardly twice in the same way: so a name must be reported twice.
 */
const readName = (state: BoardState, at: number, name: string): Step => {
  const { connection } = state;
  if (connection.is !== "greeting") return { state, effects: [] };
  if (isOurName(name)) return { state, effects: [QUERY] };
  const { openedAt } = connection;
  return connection.name === name
    ? {
        state: { ...state, connection: { is: "attaching", openedAt, name } },
        effects: [{ do: "attach" }],
      }
    : {
        state: { ...state, connection: { ...connection, heardAt: at, name } },
        effects: [QUERY, { do: "ask-name" }],
      };
};

const readFirmata = (
  state: BoardState,
  connection: Open,
  { at, bytes }: Extract<Input, { is: "firmata" }>,
  setting: Setting,
): Step => {
  if (connection.is === "stock") return { state, effects: [{ do: "feed-stock", bytes }] };
  let step: Step = { state, effects: [] };
  if (connection.is !== "greeting") return step;
  const names = firmwareNames(bytes);
  if (names.length === 0) {
    const noisy: BoardState = { ...state, connection: { ...connection, noise: true } };
    return connection.loader instanceof Uint8Array
      ? readLoader(noisy, connection.loader, bytes, setting)
      : { state: noisy, effects: [] };
  }
  for (const name of names) step = followedBy(step, (now) => readName(now, at, name));
  return step;
};

/** Intervals after the last tick. A tick that comes later: the process stood still. */
const STOOD_INTERVALS = 2;

/** How long the process has stood still since the last tick. */
const stoodMsAt = ({ tickedAt }: BoardState, at: number, { timing }: Setting): number => {
  const passedMs = at - tickedAt;
  return passedMs > STOOD_INTERVALS * timing.refreshMs ? passedMs - timing.refreshMs : 0;
};

/**
 * The state at a tick. Time in which the process stood still is no silence of the board: what the board sent
 * meanwhile is still to be read.
 */
const ticked = (state: BoardState, connection: Open, at: number, setting: Setting): BoardState => {
  const stoodMs = stoodMsAt(state, at, setting);
  const heard = "heardAt" in connection ? { heardAt: Math.min(at, connection.heardAt + stoodMs) } : {};
  const wentOnAt = stoodMs > 0 ? at : state.wentOnAt;
  return { ...state, tickedAt: at, wentOnAt, connection: { ...connection, ...heard } };
};

/**
 * A press on another firmware, which gives no ages. If the process has just stood still, nobody knows how
 * old it is.
 */
const stockPress = (
  state: BoardState,
  { at, loop }: Extract<Input, { is: "stock-press" }>,
  setting: Setting,
): Step => {
  if (state.connection.is !== "stock") return { state, effects: [] };
  const justStood = stoodMsAt(state, at, setting) > 0 || at - state.wentOnAt < setting.timing.refreshMs;
  const age = justStood ? {} : { ageMs: 0 };
  return {
    state,
    effects: [{ do: "press", press: { board: "stock", number: 0, loop, count: 1, ...age } }],
  };
};

/**
 * Tries the next rate if bytes come and nothing valid, or if nothing comes: another firmware speaks only if it is
 * asked. A board that is still starting is waited for.
 */
const retune = (state: BoardState, at: number, { bauds, timing }: Setting): Step => {
  const { connection } = state;
  const next = (state.rate + 1) % bauds.length;
  const baud = bauds[next];
  if (
    connection.is !== "greeting" ||
    connection.name !== undefined ||
    baud === undefined ||
    next === state.rate
  )
    return { state, effects: [] };
  if (!connection.noise && at - connection.openedAt < timing.identifyMs) return { state, effects: [] };
  const { noise: _, ...quiet } = connection;
  return { state: { ...state, rate: next, connection: quiet }, effects: [{ do: "retune", baud }] };
};

/**
 * Asks, once on each line, whether our boot loader is there, before the board is reported as silent. A loader that
 * would start a firmware by itself has done so by then. It waits on for each question, so a second one could keep it.
 * Nothing may be written shortly before: the loader forgets a broken command only after a pause.
 */
const askLoader = (state: BoardState, at: number, { bauds, timing }: Setting): Step | undefined => {
  const { connection } = state;
  if (connection.is !== "greeting" || connection.loader || connection.name !== undefined || connection.noise)
    return undefined;
  if (bauds[state.rate] !== LOADER_BAUD || at - connection.openedAt < timing.identifyMs) return undefined;
  const asked: BoardState = { ...state, connection: { ...connection, loader: new Uint8Array(0) } };
  return { state: asked, effects: [{ do: "ask-loader" }] };
};

/** The line has another rate: whoever is there is asked again. */
const retuned = (state: BoardState): Step => ({
  state,
  effects: state.connection.is === "greeting" ? [RESET, QUERY, { do: "ask-name" }] : [],
});

const tick = (state: BoardState, at: number, setting: Setting): Step => {
  const { connection } = state;
  const { timing } = setting;
  if (connection.is === "closed") return { state, effects: [] };
  const loader = askLoader(state, at, setting);
  if (loader) return loader;
  const effects: Effect[] = [];
  const isUnknown = connection.is === "greeting" || connection.is === "attaching";
  if (isUnknown || (connection.is === "ours" && connection.hello !== "current")) effects.push(QUERY);
  if (connection.is === "greeting" && at - connection.openedAt >= timing.identifyMs)
    effects.push({ do: "ask-name" });
  const asked: Step = { state, effects: [...effects, ...show(state, setting)] };
  const step = followedBy(asked, (now) => retune(now, at, setting));
  // Another firmware has no heartbeat.
  if (connection.is === "attaching" || connection.is === "stock") return step;
  const quietMs = at - connection.heardAt;
  if (quietMs < timing.silentMs) return step;
  const isClosing = quietMs >= 2 * timing.silentMs;
  const { code, detail } = silenceOf(state, setting, isClosing);
  const silent = followedBy(step, (now) =>
    report(
      // The board must send a hello again: every other message from it is answered with a query.
      connection.is === "ours" && connection.hello === "current"
        ? { ...now, connection: { ...connection, hello: "outdated" } }
        : now,
      code,
      detail,
    ),
  );
  if (!isClosing) return silent;
  return followedBy(silent, (now) => ({ state: now, effects: [{ do: "close", code, detail }] }));
};

const attached = (state: BoardState, setting: Setting): Step => {
  const { connection } = state;
  if (connection.is !== "attaching") return { state, effects: [] };
  const { name } = connection;
  const detail = `the board runs ${name}: presses are read, but not latched, and loops are not supervised`;
  return followedBy(
    report({ ...state, connection: { ...connection, is: "stock" } }, "not-ours", detail),
    (now) => ({
      state: now,
      effects: show(now, setting),
    }),
  );
};

const ended = (state: BoardState, { fault }: Extract<Input, { is: "ended" }>): Step => {
  const { is } = state.connection;
  const effects: Effect[] = is === "attaching" || is === "stock" ? [{ do: "detach", reset: false }] : [];
  const condition = fault ? state.condition : lent(state.condition);
  const closed: Step = { state: { ...state, condition, connection: { is: "closed" } }, effects };
  return fault ? followedBy(closed, (now) => report(now, fault.code, fault.detail)) : closed;
};

/** Inputs that count only while the line is open. */
const onLine = (
  state: BoardState,
  input: Extract<Input, { is: "message" | "firmata" | "tick" }>,
  setting: Setting,
): Step => {
  const { connection } = state;
  if (connection.is === "closed") return { state, effects: [] };
  switch (input.is) {
    case "message":
      return receive(state, connection, input.at, input.message, setting);
    case "firmata":
      return readFirmata(state, connection, input, setting);
    case "tick":
      return tick(ticked(state, connection, input.at, setting), input.at, setting);
  }
};

/**
 * Confirms a press to the board whose press it is. Another board can have a press of its own with the same
 * number. If the confirmation is dropped, the board repeats the press and is confirmed then.
 */
const confirm = (state: BoardState, { board, number }: Extract<Input, { is: "confirm" }>): Step => {
  const { connection } = state;
  const isItsBoard = connection.is === "ours" && connection.board === board;
  return isItsBoard && number > 0
    ? { state, effects: [{ do: "send", message: { kind: "confirm", number } }] }
    : { state, effects: [] };
};

/** The next state of the host's side of the line, and the effects to perform in order. Pure. */
export const advance = (state: BoardState, input: Input, setting: Setting): Step => {
  switch (input.is) {
    case "opened": {
      const connection = { is: "greeting", openedAt: input.at, heardAt: input.at } as const;
      return { state: { ...state, connection, tickedAt: input.at }, effects: [RESET, QUERY] };
    }
    case "message":
    case "firmata":
    case "tick":
      return onLine(state, input, setting);
    case "attached":
      return attached(state, setting);
    case "stock-press":
      return stockPress(state, input, setting);
    case "ended":
      return ended(state, input);
    case "wish": {
      const wished = { ...state, wish: input.wish };
      return { state: wished, effects: show(wished, setting) };
    }
    case "retuned":
      return retuned(state);
    case "confirm":
      return confirm(state, input);
  }
};
