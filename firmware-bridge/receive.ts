import { isOlder } from "./firmware-version.ts";
import type { BoardPress, LampPattern, LoopState, ResetCause } from "../src/domain/panic.ts";
import { observe, type Sign } from "./condition.ts";
import { beatAfter, lateMsAt } from "./lateness.ts";
import { PATTERNS, PROTOCOL, type FromBoard } from "./protocol.ts";
import {
  report,
  followedBy,
  type BoardState,
  type Effect,
  type Open,
  type Ours,
  type Setting,
  type Step,
} from "./state.ts";

/** Decides what to do with a valid message of our firmware. Pure. */

const LOOPS = 4;

/** Bits of the chip's MCUSR. Power-on can set the others too, so it is checked first. */
const POWER = 1;
const RESET_LINE = 2;
const BROWN_OUT = 4;
const WATCHDOG = 8;

const resetCauseOf = (bits: number): ResetCause => {
  if (bits & POWER) return "power";
  if (bits & BROWN_OUT) return "brown-out";
  if (bits & WATCHDOG) return "watchdog";
  return bits & RESET_LINE ? "reset-line" : "unknown";
};

/** Firmware 1.1 ignores a pattern that it does not know. This is the nearest known one. */
const OLDER: Partial<Record<LampPattern, LampPattern>> = {
  "no-link": "idle",
  done: "idle",
  refused: "fault",
};
const KNOWS_ALL = "1.2";
const patternFor = (firmware: string | undefined, pattern: LampPattern): LampPattern =>
  firmware === undefined || !isOlder(firmware, KNOWS_ALL) ? pattern : (OLDER[pattern] ?? pattern);

/** Sends the wish to our board, or passes it on to johnny-five. */
export const show = (
  { connection, wish }: BoardState,
  { darkLoops, mayTest }: Setting,
): readonly Effect[] => {
  if (connection.is === "closed" || connection.is === "attaching") return [];
  if (connection.is === "stock") return [{ do: "show-stock", wish }];
  const firmware = connection.is === "ours" ? connection.health.firmware : undefined;
  const pattern = patternFor(firmware, wish.pattern);
  return [{ do: "send", message: { kind: "show", ...wish, pattern, darkLoops, mayTest } }];
};

/** Volts at the input for a reading of 0 to 255. It is relative to the supply, which is taken as 5 V. */
const voltsOf = (reading: number): number => (reading * 5) / 256;

const onLoop = (
  state: BoardState,
  loop: number,
  now: LoopState,
  reading: number | undefined,
  setting: Setting,
): Step => {
  const before = state.loops[loop] ?? "normal";
  const loops = Array.from({ length: Math.max(state.loops.length, loop + 1) }, (_, i) =>
    i === loop ? now : (state.loops[i] ?? "normal"),
  );
  const isNews = before !== now && setting.loops.includes(loop);
  const level = reading === undefined ? {} : { level: voltsOf(reading) };
  return { state: { ...state, loops }, effects: isNews ? [{ do: "loop", loop, state: now, ...level }] : [] };
};

/** What a hello or a heartbeat says of the board's supply, lamp and resets. */
const onSign = (state: BoardState, sign: Sign, { lampSense }: Setting): Step => {
  const { condition, news } = observe(state.condition, sign, lampSense);
  return {
    state: { ...state, condition },
    effects: news.map(({ trouble, faulty, detail }) => ({ do: "trouble", trouble, faulty, detail })),
  };
};

type Hello = Extract<FromBoard, { kind: "hello" }>;

/** The longest time from a reset until the boot loader starts the firmware. */
const BOOT_MS = 2_500;

/** Whether opening the line, `openMs` ago, has probably reset the board. */
const startedByOpening = (hello: Hello, openMs: number): boolean => {
  const cause = resetCauseOf(hello.resetCause);
  if (openMs - (hello.uptimeS + 1) * 1000 > BOOT_MS) return false;
  if (cause === "reset-line") return hello.uptimeS * 1000 <= openMs;
  // The boot loader has cleared the cause. In its first second, a board that was plugged in just before the
  // opening looks the same.
  return cause === "unknown" && (hello.uptimeS + 1) * 1000 <= openMs;
};

/** Until then a query may still be answered: bytes come late, and in lumps. More answers than are due would look like resets. */
const ASK_AGAIN_MS = 100;

/** While a hello is awaited it is asked for repeatedly: so many answers can follow the first one. */
const ANSWERS_DUE = 3;

const onHello = (state: BoardState, ours: Ours, hello: Hello, setting: Setting): Step => {
  const { firmware, uptimeS } = hello;
  // What a board said before its reset is over. Its next heartbeat tells anew.
  const isStart = ours.hello === "current" && ours.answersDue === 0;
  const known = isStart ? {} : ours.health;
  const health = { ...known, firmware, uptimeS, resetCause: resetCauseOf(hello.resetCause) };
  const isFirst = ours.hello === "missing";
  const answersDue = ours.hello === "current" ? Math.max(0, ours.answersDue - 1) : ANSWERS_DUE;
  const met: Step = {
    state: {
      ...state,
      connection: {
        ...ours,
        hello: "current",
        answersDue,
        health,
        beat: beatAfter(ours.beat, uptimeS, ours.heardAt),
      },
    },
    effects: [{ do: "hello", board: hello.board, lastNumber: hello.lastNumber }, { do: "answered" }],
  };
  const wasReset = isFirst && startedByOpening(hello, ours.heardAt - ours.openedAt);
  const judged = followedBy(met, (now) => {
    if (hello.protocol !== PROTOCOL) {
      const detail = `the panic board speaks protocol ${hello.protocol}, this release ${PROTOCOL}: flash its firmware`;
      return report(now, "protocol", detail);
    }
    // `reset-by-opening` ends only at the next opening that does not reset the board.
    if (now.fault === undefined || (now.fault === "reset-by-opening" && (wasReset || !isFirst)))
      return { state: now, effects: [] };
    const { fault: _, ...rest } = now;
    const detail = `the panic board answers, firmware ${firmware}`;
    return { state: rest, effects: [{ do: "recovered", detail }] };
  });
  const warned = followedBy(judged, (now) =>
    wasReset && now.fault === undefined
      ? report(
          now,
          "reset-by-opening",
          `opening ${setting.path} has reset the panic board, which sees no press for about a second: cut the trace of its DTR capacitor, or remove the reset jumper`,
        )
      : { state: now, effects: [] },
  );
  const sign = { at: ours.heardAt, board: hello.board, uptimeS, isFirst: ours.beat === undefined, isStart };
  const observed = followedBy(warned, (now) => onSign(now, sign, setting));
  return followedBy(observed, (now) => ({ state: now, effects: show(now, setting) }));
};

const onHeartbeat = (
  state: BoardState,
  ours: Ours,
  message: Extract<FromBoard, { kind: "heartbeat" }>,
  setting: Setting,
): Step => {
  const { loops, supplyMv, supplyCalibrated, uptimeS } = message;
  const health = {
    ...ours.health,
    loops,
    supplyMv,
    uptimeS,
    resetCause: resetCauseOf(message.resetCause),
    ...(supplyCalibrated === undefined ? {} : { supplyCalibrated }),
    ...(message.levels === undefined ? {} : { levelsV: message.levels.map(voltsOf) }),
  };
  const beat = beatAfter(ours.beat, uptimeS, ours.heardAt);
  const sign = { ...message, at: ours.heardAt, isFirst: ours.beat === undefined };
  let step: Step = onSign({ ...state, connection: { ...ours, health, beat } }, sign, setting);
  for (const [loop, now] of loops.entries())
    step = followedBy(step, (before) => onLoop(before, loop, now, message.levels?.[loop], setting));
  // The wish is repeated each second anyway, but a board that was reset gets it at once.
  const wanted = PATTERNS.indexOf(patternFor(health.firmware, state.wish.pattern));
  return message.pattern === wanted
    ? step
    : followedBy(step, (now) => ({ state: now, effects: show(now, setting) }));
};

/** A press as it is read: the board gave its age when it sent the message. */
const asRead = (press: BoardPress, { beat, heardAt }: Ours): BoardPress => {
  const lateMs = Math.round(lateMsAt(beat, heardAt));
  return press.ageMs === undefined || lateMs === 0 ? press : { ...press, ageMs: press.ageMs + lateMs };
};

const onPress = (state: BoardState, ours: Ours, press: BoardPress): Step => {
  // If the hello is missing, it has been requested, and the board will repeat the press.
  if (ours.hello !== "current") return { state, effects: [] };
  const { board, number } = press;
  const release = ours.releases.find((one) => one.number === number);
  const effects: Effect[] = [{ do: "press", press: asRead(press, ours) }];
  if (release) effects.push({ do: "released", release: { board, number, heldMs: release.heldMs } });
  return { state, effects };
};

type LoopMessage = Extract<FromBoard, { kind: "loop" }>;

const onLoopMessage = (state: BoardState, ours: Ours, message: LoopMessage, setting: Setting): Step => {
  const { loop, state: now, level, release } = message;
  if (loop >= LOOPS) return { state, effects: [] };
  // Before the first heartbeat of a connection, use the last reported states of the loops.
  const before = ours.health.loops ?? Array.from({ length: LOOPS }, (_, i) => state.loops[i] ?? "normal");
  const others = ours.releases.filter((one) => one.loop !== loop);
  const connection: Ours = {
    ...ours,
    health: { ...ours.health, loops: before.with(loop, now) },
    releases: release ? [...others, { loop, ...release }] : ours.releases,
  };
  const step = onLoop({ ...state, connection }, loop, now, level, setting);
  const { board } = ours;
  if (!release || board === undefined || ours.hello !== "current") return step;
  return { ...step, effects: [...step.effects, { do: "released", release: { board, ...release } }] };
};

const onMessage = (state: BoardState, ours: Ours, message: FromBoard, setting: Setting): Step => {
  switch (message.kind) {
    case "hello":
      return onHello(state, ours, message, setting);
    case "heartbeat":
      return onHeartbeat(state, ours, message, setting);
    case "press":
      return onPress(state, ours, message.press);
    // The clients that update or calibrate a board ask for them, not the unit.
    case "supply":
    case "update":
      return { state, effects: [] };
    case "loop":
      return onLoopMessage(state, ours, message, setting);
  }
};

/** The id of the board that has sent a message; undefined: the message has none. */
const senderOf = (message: FromBoard): string | undefined => {
  if (message.kind === "loop") return undefined;
  return message.kind === "press" ? message.press.board : message.board;
};

/**
 * The connection after a message of ours at `at`. A board with another id was plugged in behind the open
 * line: nothing is known of it yet.
 */
const heardFrom = (connection: Open, sender: string | undefined, at: number): Ours => {
  const known = connection.is === "ours" ? connection : undefined;
  const board = sender ?? known?.board;
  return known && (known.board === undefined || known.board === board)
    ? { ...known, heardAt: at, board }
    : {
        is: "ours",
        openedAt: connection.openedAt,
        heardAt: at,
        board,
        hello: "missing",
        answersDue: 0,
        askedAt: -Infinity,
        health: {},
        releases: [],
      };
};

/** A valid message of ours was received: so it is our board, whatever its Firmata greeting looked like. */
export const receive = (
  state: BoardState,
  connection: Open,
  at: number,
  message: FromBoard,
  setting: Setting,
): Step => {
  const heard = heardFrom(connection, senderOf(message), at);
  const asks = heard.hello !== "current" && message.kind !== "hello" && at - heard.askedAt >= ASK_AGAIN_MS;
  const ours: Ours = asks ? { ...heard, askedAt: at } : heard;
  const effects: Effect[] = [];
  if (connection.is === "attaching" || connection.is === "stock") effects.push({ do: "detach", reset: true });
  if (asks) effects.push({ do: "send", message: { kind: "query" } });
  return followedBy({ state: { ...state, connection: ours }, effects }, (now) =>
    onMessage(now, ours, message, setting),
  );
};
