import type { Reset } from "../board.ts";
import type { GpsFaults } from "../gps.ts";
import { WILD_DATES } from "../gps.ts";
import type { Dice } from "../random.ts";
import type { AnyWorld } from "../world.ts";
import { MINUTE_MS, once, type Fault } from "./fault.ts";

const DAY_MS = 86_400_000;
const LOOPS = [0, 1, 2, 3];
const RESETS: readonly Reset[] = ["line", "brownOut", "watchdog"];

const gpsFault = <K extends keyof GpsFaults>(
  kind: string,
  key: K,
  sound: GpsFaults[K],
  broken: (dice: Dice) => GpsFaults[K],
): Fault => ({
  kind,
  weight: 1,
  meanMs: 2 * MINUTE_MS,
  begin({ gps }, dice) {
    gps.faults[key] = broken(dice);
    return () => (gps.faults[key] = sound);
  },
});

const gpsUnplugged: Fault = {
  kind: "receiver unplugged",
  weight: 1,
  meanMs: MINUTE_MS,
  begin({ gps }) {
    gps.unplug();
    return () => (gps.faults.absent = false);
  },
};

const busSilent: Fault = {
  kind: "bus silent",
  weight: 2,
  meanMs: 10 * MINUTE_MS,
  begin({ bus }) {
    bus.silent = true;
    return () => (bus.silent = false);
  },
};

const busAway: Fault = {
  kind: "bus away",
  weight: 1,
  meanMs: 2 * MINUTE_MS,
  begin({ bus }) {
    bus.leave();
    return () => bus.comeBack();
  },
};

const boardUnplugged: Fault = {
  kind: "board unplugged",
  weight: 1,
  meanMs: MINUTE_MS / 2,
  begin({ board }) {
    board.unplug();
    return () => board.plug();
  },
};

const boardPower: Fault = {
  kind: "board without power",
  weight: 1,
  meanMs: MINUTE_MS / 4,
  begin({ board }) {
    board.setPower(false);
    return () => board.setPower(true);
  },
};

const boardNoise: Fault = {
  kind: "noise on the line",
  weight: 2,
  meanMs: MINUTE_MS,
  begin({ board }, dice) {
    board.setNoise(dice.pick([0.001, 0.005, 0.02]));
    return () => board.setNoise(0);
  },
};

/** The board is plugged in, and some of its greeting is broken on the line. */
const greetingBroken: Fault = {
  kind: "greeting broken",
  weight: 1,
  meanMs: 2_000,
  begin({ board }, dice) {
    board.unplug();
    board.setNoise(dice.pick([0.01, 0.05]));
    board.plug();
    return () => board.setNoise(0);
  },
};

const loopBroken: Fault = {
  kind: "loop broken",
  weight: 1,
  meanMs: 2 * MINUTE_MS,
  target: (_world, dice) => String(dice.pick(LOOPS)),
  begin({ board }, dice, loop) {
    board.wire(Number(loop), dice.pick(["open", "short"]));
    return () => board.wire(Number(loop), "normal");
  },
};

/** The unit's process or its computer goes away for a while. */
const unitGone = (kind: string, weight: number, meanMs: number, act: (world: AnyWorld) => void): Fault => ({
  kind,
  weight,
  meanMs,
  target: () => "unit",
  begin(world) {
    act(world);
    return () => world.start();
  },
});

const standsStill: Fault = {
  kind: "process stands still",
  weight: 2,
  meanMs: 20_000,
  target: () => "unit",
  begin(world) {
    world.standStill();
    return () => world.goOn();
  },
};

export const CAR_FAULTS: readonly Fault[] = [
  gpsFault("receiver silent", "silent", false, () => true),
  gpsFault("receiver garbage", "garbage", false, () => true),
  gpsFault("sentences torn", "torn", 0, (dice) => dice.between(0.01, 0.5)),
  gpsFault("no fix", "noFix", false, () => true),
  gpsFault("receiver's time wrong", "wrongByMs", 0, (dice) => Math.round(dice.between(-30, 30) * DAY_MS)),
  gpsFault("position jumps", "jumpDegrees", 0, (dice) => dice.pick([1, 5, -20])),
  gpsUnplugged,
  once("wild date", 1, ({ gps }, dice) => gps.say(dice.pick(WILD_DATES))),
  once("host clock jumps", 1, ({ time }, dice) => time.jumpHost(dice.between(-DAY_MS, DAY_MS))),
  busSilent,
  busAway,
  once("bus off", 1, ({ bus }) => bus.busOff()),
  boardUnplugged,
  boardPower,
  boardNoise,
  greetingBroken,
  loopBroken,
  once("board reset", 2, ({ board }, dice) => board.reset(dice.pick(RESETS))),
  unitGone("unit killed", 2, 2_000, (world) => world.kill(false)),
  unitGone("power cut", 2, MINUTE_MS / 2, (world) => world.kill(true)),
  unitGone("unit restarted", 1, 2_000, (world) => void world.stop()),
  standsStill,
];
