import { fail, notFitted, pass, type Entry, type List, type Progress } from "./list.ts";
import type { Fitted, Plan, Power, Step } from "./plan.ts";
import { quote, say } from "./saying.ts";

/** Where each step of the list begins. Some end at once: the car lacks the part. */

const NO_STATUS = say("unanswered");

const onStatus: Progress = { state: "waiting", on: "status", why: NO_STATUS };

const beginButton = (buttons: Fitted["buttons"]): Progress => {
  if (buttons === "none") return notFitted("not-configured", say("board-none"));
  if (buttons === "missing") return fail(say("board-missing"));
  if (buttons.length === 0) return fail(say("no-buttons"));
  return { state: "waiting", on: "button", drill: { phase: "not-armed", missed: 0 } };
};

/** A signal that cannot be mapped is not in the list of signals: it must not be overlooked. */
const beginConfiguration = ({ faults }: Fitted): Progress => {
  const [first, ...others] = faults;
  if (!first) return pass();
  const says = others.length === 0 ? quote(first.says) : say("more", first.says, others.length);
  return fail(says, { faults: faults.length });
};

const beginSignal = ({ signals, faults }: Fitted): Progress => {
  const fault = faults.find(({ part }) => part === "can");
  if (fault && (signals ?? []).length === 0) return fail([...say("bus-faulty"), ...quote(fault.says)]);
  if (signals === undefined) return notFitted("not-configured", say("no-bus"));
  if (signals.length === 0) return notFitted("not-configured", say("no-signals"));
  return { state: "waiting", on: "signal" };
};

const beginPower = (power: Power): Progress => {
  if (power.kind === "never") return notFitted("not-configured", say("power-never"));
  if (power.kind === "faulty") return fail(quote(power.reason));
  if (power.tried) return { state: "waiting", on: "power-off", ignition: "on" };
  return notFitted("cannot-be-tried", say("power-declared", power.offAfterS), { offAfterS: power.offAfterS });
};

const beginStep = ({ kind }: Step, fitted: Fitted): Progress => {
  switch (kind) {
    case "configuration":
      return beginConfiguration(fitted);
    case "clock":
    case "certificate":
      return onStatus;
    case "firmware":
      return fitted.buttons === "none" || fitted.buttons === "missing"
        ? notFitted("not-configured", say("board-missing"))
        : onStatus;
    case "broker":
      return {
        state: "waiting",
        on: "broker",
        tries: 0,
        isBeingTried: false,
        nextAt: -Infinity,
        why: say("broker-untried"),
      };
    case "fix":
      return { state: "waiting", on: "fix", worstM: 0, why: NO_STATUS };
    case "button":
      return beginButton(fitted.buttons);
    case "signal":
      return beginSignal(fitted);
    case "power-off":
      return beginPower(fitted.power);
  }
};

/** A list that begins at `mono`. `asks`: a person says when a drill is armed. */
export const beginList = (plan: Plan, mono: number, asks: boolean): List => ({
  plan,
  entries: plan.steps.map((step): Entry => {
    const progress = beginStep(step, plan.fitted);
    return progress.state === "waiting" ? { step, progress } : { step, progress, endedAt: mono };
  }),
  beganAt: mono,
  before: [],
  asks,
});
