import { promptDispatch, sloppyDispatch, twoDesks, type Manners } from "../dispatch.ts";
import { soundLink } from "../pipe.ts";
import type { Dice } from "../random.ts";
import type { AnyWorld } from "../world.ts";
import { MINUTE_MS, once, type Fault } from "./fault.ts";
import { hold, lose, TUNNEL_MS } from "./network.ts";

/** A minute, and the way of the press. On a slow disk its episode may appear only after another minute. */
const DRILL_MS = 130_000;
/** A day: a command can wait in the broker's session, or until the unit knows the time. */
const DRILL_COMMAND_MS = 86_400_000;
const CRASH_MS = 10_000;
/** More than the unit sends at once, and fewer than it remembers. */
const COMMANDS_AT_ONCE = 60;

const ignitionOff: Fault = {
  kind: "ignition off",
  weight: 2,
  meanMs: 5 * MINUTE_MS,
  begin(world) {
    world.bus.ignition = "off";
    return () => {
      world.bus.ignition = "on";
      // It also gives the computer its power back.
      world.start();
    };
  },
};

const parked: Fault = {
  kind: "parked",
  weight: 1,
  meanMs: 15 * MINUTE_MS,
  begin({ bus }) {
    bus.parked = true;
    return () => (bus.parked = false);
  },
};

/** A manned car stands still and its bus is silent: only the last signals are known. */
const plugPulled: Fault = {
  kind: "parked and silent",
  weight: 2,
  meanMs: 20 * MINUTE_MS,
  begin({ bus }) {
    bus.parked = true;
    bus.silent = true;
    return () => {
      bus.parked = false;
      bus.silent = false;
    };
  },
};

const dispatchBehaves = (kind: string, manners: () => Partial<Manners>): Fault => ({
  kind,
  weight: 2,
  meanMs: 10 * MINUTE_MS,
  begin({ dispatch }) {
    Object.assign(dispatch.manners, manners());
    return () => Object.assign(dispatch.manners, promptDispatch());
  },
});

type Command = {
  readonly id: string;
  readonly kind: string;
  readonly expiresAt: string;
  [more: string]: unknown;
};

const soundCommand = (world: AnyWorld, dice: Dice): Command => ({
  id: `c${dice.int(1, 1_000_000_000)}`,
  kind: dice.pick(["ping", "ping", "report", "restart", "drill"]),
  expiresAt: new Date(world.time.host() + 10 * MINUTE_MS).toISOString(),
  forS: 60,
});

const COMMANDS: readonly ((command: Command, dice: Dice) => readonly Buffer[])[] = [
  (command) => [json(command)],
  (command) => [json(command), json(command)],
  (command) => [json({ ...command, expiresAt: "2020-01-01T00:00:00.000Z" })],
  (command) => [json({ ...command, expiresAt: "2099-01-01T00:00:00.000Z" })],
  (command) => [json({ ...command, kind: "self-destruct" })],
  (command) => [json({ ...command, expiresAt: "soon" })],
  (command) => [Buffer.from(JSON.stringify(command).slice(0, 20))],
  (command, dice) => [json({ ...command, filler: "x".repeat(dice.pick([10_000, 100_000, 2_000_000])) })],
];

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

const command = (world: AnyWorld, dice: Dice): void => {
  const broker = dice.pick(world.brokers);
  const make = dice.pick(COMMANDS);
  const sound = soundCommand(world, dice);
  if (sound.kind === "drill") world.observe({ what: "drill", validMs: DRILL_COMMAND_MS });
  for (const payload of make(sound, dice)) world.dispatch.command(broker, payload);
};

/** Dispatch asks a lot of a car whose link is slow: each command makes an event. Then somebody presses. */
const manyCommandsAndPress: Fault = {
  kind: "many commands and a press",
  weight: 1,
  meanMs: MINUTE_MS,
  target: (world, dice) => dice.pick(world.brokers).name,
  begin(world, dice, name) {
    const routes = [...world.network.routes.values()].filter(({ broker }) => broker.name === name);
    for (const route of routes) {
      world.network.change(route, { bytesPerS: 2_000 });
      for (let n = 0; n < COMMANDS_AT_ONCE; n++) {
        // Soon forgotten: the unit remembers 256 at once, and refuses more.
        const expiresAt = new Date(world.time.host() + MINUTE_MS).toISOString();
        const asked = { ...soundCommand(world, dice), kind: "ping", expiresAt };
        world.dispatch.command(route.broker, json(asked));
      }
    }
    world.time.after(dice.between(500, 8_000), () => world.board.press(dice.int(0, 1), 200));
    return () => {
      for (const route of routes) world.network.change(route, { bytesPerS: soundLink().bytesPerS });
    };
  },
};

const drill = (world: AnyWorld): void => {
  if (!world.unit) return;
  world.observe({ what: "drill", validMs: DRILL_MS });
  world.unit.drill();
};

/** A press that waits on the board until nobody knows how old it is, and a drill that is asked for before it comes. */
const oldPressAndDrill = (world: AnyWorld): void => {
  const { board, time } = world;
  board.unplug();
  board.press(0, 200);
  time.after(1_000, () => board.reset("line"));
  time.after(4_000, () => {
    drill(world);
    board.plug();
  });
};

const burst = (world: AnyWorld, dice: Dice): void => {
  const presses = dice.int(2, 20);
  for (let i = 0; i < presses; i++) {
    world.time.after(i * 150, () => world.board.press(dice.int(0, 1), 80));
  }
};

/** Dispatch sees the emergency. */
const BEFORE_TUNNEL_MS = 2_000;

/** An operator tries again after this time. */
const ENDS_AGAIN_MS = [5_000, 11_000];

/** In a tunnel or a dead zone the officer presses again, and dispatch ends the emergency: neither knows of the other. */
const endCrossesPress: Fault = {
  kind: "end crosses a press",
  weight: 3,
  meanMs: TUNNEL_MS,
  begin(world, dice) {
    const press = () => world.board.press(dice.int(0, 1), 200);
    press();
    let end = (): void => undefined;
    const begin = world.time.after(BEFORE_TUNNEL_MS, () => {
      end = dice.chance(0.5) ? hold(world, dice) : lose(world, dice);
      // Nothing happens on the operator's screen.
      const ends = dice.pick([1, 2, 3]);
      const apartMs = dice.pick(ENDS_AGAIN_MS);
      for (let n = 0; n < ends; n++)
        world.time.after(n * apartMs + dice.between(100, 3_000), () =>
          // Not every operator's desk is at every broker.
          world.dispatch.endAll(dice.chance(0.5) ? [dice.pick(world.brokers)] : undefined),
        );
      // During the first of them, or after the last.
      const pressedAfter = dice.pick([0, ends - 1]);
      world.time.after(pressedAfter * apartMs + dice.between(100, 3_000), press);
    });
    return () => {
      begin[Symbol.dispose]();
      end();
    };
  },
};

const crash: Fault = {
  kind: "crash",
  weight: 0.3,
  meanMs: CRASH_MS,
  begin(world) {
    world.observe({ what: "alarm", by: "airbag" });
    world.bus.crashed = true;
    return () => (world.bus.crashed = false);
  },
};

/** What officers and dispatch do: the work of the unit rather than its troubles. */
export const PEOPLE: readonly Fault[] = [
  once("press", 8, ({ board }, dice) => board.press(dice.int(0, 1), dice.pick([80, 150, 400, 3_000]))),
  once("short press", 1, ({ board }, dice) => board.press(dice.int(0, 1), dice.between(5, 60))),
  once("held press", 1, ({ board }) => board.press(0, 90_000)),
  once("burst of presses", 1, burst),
  once("press and drill", 2, (world, dice) => {
    drill(world);
    world.board.press(dice.int(0, 1), 200);
  }),
  once("old press and drill", 1, oldPressAndDrill),
  once("drill", 1, drill),
  once("command", 4, command),
  once("door", 4, ({ bus }, dice) => bus.door(dice.chance(0.5))),
  crash,
  ignitionOff,
  parked,
  plugPulled,
  dispatchBehaves("sloppy dispatch", sloppyDispatch),
  dispatchBehaves("two desks", twoDesks),
  manyCommandsAndPress,
  endCrossesPress,
];
