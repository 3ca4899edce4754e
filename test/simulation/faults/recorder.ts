import { DROPPING_BROKER, FORGETFUL_BROKER, LYING_BROKER } from "./network.ts";
import { MINUTE_MS, once, type Fault } from "./fault.ts";

const away: Fault = {
  kind: "recorder away",
  weight: 2,
  meanMs: 5 * MINUTE_MS,
  begin({ dispatch: { recorder } }) {
    if (!recorder) return undefined;
    recorder.away = true;
    return () => (recorder.away = false);
  },
};

/** Its receipts are dated before what they cover. */
const clockBehind: Fault = {
  kind: "recorder's clock behind",
  weight: 1,
  meanMs: 20 * MINUTE_MS,
  begin({ dispatch: { recorder } }, dice) {
    if (!recorder) return undefined;
    recorder.behindMs = dice.between(MINUTE_MS, 20 * MINUTE_MS);
    return () => (recorder.behindMs = 0);
  },
};

/** The recorder's clock falls behind, or is set right, while the car is off. */
const clockChanges: Fault = {
  kind: "recorder's clock changes over a cut",
  weight: 1,
  meanMs: 5 * MINUTE_MS,
  target: () => "unit",
  begin(world, dice) {
    const { recorder } = world.dispatch;
    if (!recorder) return undefined;
    world.kill(true);
    recorder.behindMs = dice.pick([0, 0, dice.between(MINUTE_MS, 120 * MINUTE_MS)]);
    return () => world.start();
  },
};

/** What can be wrong with dispatch's recorder, and what only a recorder can make good. */
export const RECORDER_FAULTS: readonly Fault[] = [
  LYING_BROKER,
  FORGETFUL_BROKER,
  DROPPING_BROKER,
  away,
  clockBehind,
  clockChanges,
  once("recorder crashes", 2, ({ dispatch }, dice) => dispatch.recorder?.crash(dice.chance(0.5))),
  once("recorder restored from a backup", 0.5, ({ dispatch }, dice) => dispatch.recorder?.restore(dice)),
  once("false receipt", 2, ({ dispatch }, dice) => dispatch.recorder?.sayOther(dice)),
];
