/**
 * Decides when the computer is switched off after the ignition is off. Pure: time is an argument, in
 * milliseconds of a clock that never jumps.
 *
 * A power-off is scheduled a minute ahead, so that a press, or any other objection in that minute, can
 * still cancel it.
 */
export type PowerSettings = {
  /** Seconds after the ignition went off; at least 300. */
  readonly offAfterS: number;
};

type PowerNews =
  | { readonly what: "ignition-on" }
  /** `offInS`: when the computer will be switched off; absent if it will not. */
  | { readonly what: "ignition-off"; readonly offInS?: number }
  | { readonly what: "power-off"; readonly offInS: number }
  /** `reason` is absent if the unit stops: then nothing watches the power-off any more. */
  | { readonly what: "power-off-cancelled"; readonly reason?: PowerObjection };

/** Why a power-off must not take place. */
type PowerObjection = "press" | "emergency" | "ignition" | "moving";

export type PowerCircumstances = {
  /** Undefined: unknown. The computer is not switched off while the ignition is unknown. */
  readonly ignition: "on" | "off" | undefined;
  /** The receiver or the bus shows that the car moves. */
  readonly moving: boolean;
  readonly emergency: boolean;
};

export type PowerInput =
  /** Given about once a second. */
  | { readonly type: "look"; readonly circumstances: PowerCircumstances; readonly mono: number }
  /** A button was pressed, whatever becomes of it. */
  | { readonly type: "press"; readonly mono: number }
  /** The unit stops. It may start again with another configuration, or not at all. */
  | { readonly type: "stop"; readonly mono: number }
  /** How the last `cancel` ended. */
  | { readonly type: "cancelled" | "not-cancelled"; readonly mono: number };

export type PowerEffect =
  | { readonly type: "report"; readonly news: PowerNews }
  | { readonly type: "schedule"; readonly inS: number }
  | { readonly type: "cancel" };

type Rest =
  /** There is an objection to a power-off. */
  | { readonly type: "busy" }
  /** There has been no objection since then. */
  | { readonly type: "idle"; readonly sinceMs: number }
  | { readonly type: "scheduled"; readonly atMs: number }
  /** A power-off must not take place; `asked`: the service manager has not answered yet. */
  | { readonly type: "cancelling"; readonly sinceMs: number | undefined; readonly asked: boolean };

export type PowerState = {
  /** The last known state of the ignition. */
  readonly ignition: "on" | "off" | undefined;
  readonly rest: Rest;
};

type Advanced = { readonly state: PowerState; readonly effects: readonly PowerEffect[] };

/** Between the request and the power-off: the time in which it can be cancelled. */
const POWER_OFF_DELAY_S = 60;
/** A power-off that was requested and did not come is requested again after this time. */
const ASK_AGAIN_MS = 300_000;
/** A power-off that could not be cancelled has taken place by then, or never will. */
const CANCEL_FOR_MS = (POWER_OFF_DELAY_S + 30) * 1_000;

/**
 * The state at start. A power-off that this service scheduled before it was restarted may be
 * pending: the first look cancels it.
 */
export const initialPower: PowerState = {
  ignition: undefined,
  rest: { type: "cancelling", sinceMs: undefined, asked: false },
};

const objectionTo = ({ ignition, moving, emergency }: PowerCircumstances): PowerObjection | undefined => {
  if (emergency) return "emergency";
  if (moving) return "moving";
  return ignition === "off" ? undefined : "ignition";
};

const report = (news: PowerNews): PowerEffect => ({ type: "report", news });

/** There is an objection: a scheduled power-off must be cancelled. */
const object = (rest: Rest, reason: PowerObjection, mono: number): [Rest, PowerEffect[]] => {
  if (rest.type === "scheduled")
    return [
      { type: "cancelling", sinceMs: mono, asked: true },
      [{ type: "cancel" }, report({ what: "power-off-cancelled", reason })],
    ];
  return rest.type === "cancelling" ? keepCancelling(rest, mono) : [{ type: "busy" }, []];
};

const keepCancelling = (rest: Extract<Rest, { type: "cancelling" }>, mono: number): [Rest, PowerEffect[]] => {
  const sinceMs = rest.sinceMs ?? mono;
  if (rest.asked) return [rest, []];
  if (mono - sinceMs >= CANCEL_FOR_MS) return [{ type: "busy" }, []];
  return [{ type: "cancelling", sinceMs, asked: true }, [{ type: "cancel" }]];
};

/** There is no objection to a power-off. */
const consent = (rest: Rest, { offAfterS }: PowerSettings, mono: number): [Rest, PowerEffect[]] => {
  const schedule: [Rest, PowerEffect[]] = [
    { type: "scheduled", atMs: mono },
    [{ type: "schedule", inS: POWER_OFF_DELAY_S }, report({ what: "power-off", offInS: POWER_OFF_DELAY_S })],
  ];
  switch (rest.type) {
    case "cancelling":
      return keepCancelling(rest, mono);
    case "busy":
      return [{ type: "idle", sinceMs: mono }, []];
    case "idle":
      return mono - rest.sinceMs >= offAfterS * 1_000 ? schedule : [rest, []];
    case "scheduled":
      return mono - rest.atMs >= ASK_AGAIN_MS ? schedule : [rest, []];
  }
};

/** What to report about the ignition. The first known state is reported only if it is off. */
const ignitionNews = (
  before: PowerState["ignition"],
  now: PowerState["ignition"],
  settings: PowerSettings | undefined,
): PowerEffect[] => {
  if (now === undefined || now === before) return [];
  if (now === "off")
    return [report({ what: "ignition-off", ...(settings ? { offInS: settings.offAfterS } : {}) })];
  return before === undefined ? [] : [report({ what: "ignition-on" })];
};

const look = (
  { ignition, rest }: PowerState,
  { circumstances, mono }: Extract<PowerInput, { type: "look" }>,
  settings: PowerSettings | undefined,
): Advanced => {
  const objection = objectionTo(circumstances);
  const [next, effects] =
    settings === undefined
      ? [rest, []]
      : objection === undefined
        ? consent(rest, settings, mono)
        : object(rest, objection, mono);
  return {
    state: { ignition: circumstances.ignition ?? ignition, rest: next },
    effects: [...ignitionNews(ignition, circumstances.ignition, settings), ...effects],
  };
};

/**
 * A power-off that is still to come is cancelled: the next start may have no `power` and would leave it
 * alone. One whose minute is over has begun: it is the reason for the stop.
 */
const stop = (state: PowerState, mono: number): Advanced => {
  const { ignition, rest } = state;
  if (rest.type === "cancelling" && rest.sinceMs !== undefined) {
    const [next, effects] = keepCancelling(rest, mono);
    return { state: { ignition, rest: next }, effects };
  }
  if (rest.type !== "scheduled" || mono - rest.atMs >= POWER_OFF_DELAY_S * 1_000)
    return { state, effects: [] };
  return {
    state: { ignition, rest: { type: "cancelling", sinceMs: mono, asked: true } },
    effects: [{ type: "cancel" }, report({ what: "power-off-cancelled" })],
  };
};

/**
 * The state after an input, and what to do: perform the effects in order, one after another. `settings`
 * undefined: only the ignition is reported.
 */
export const advancePower = (
  state: PowerState,
  input: PowerInput,
  settings: PowerSettings | undefined,
): Advanced => {
  const { ignition, rest } = state;
  switch (input.type) {
    case "look":
      return look(state, input, settings);
    case "press": {
      if (settings === undefined) return { state, effects: [] };
      const [next, effects] = object(rest, "press", input.mono);
      return { state: { ignition, rest: next }, effects };
    }
    case "stop":
      return stop(state, input.mono);
    case "cancelled":
      return { state: { ignition, rest: rest.type === "cancelling" ? { type: "busy" } : rest }, effects: [] };
    case "not-cancelled": {
      const next = rest.type === "cancelling" ? { ...rest, asked: false } : rest;
      return { state: { ignition, rest: next }, effects: [] };
    }
  }
};
