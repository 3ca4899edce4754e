import * as z from "zod";
import { gzipSync } from "node:zlib";
// The unit loads it at the first sentence about satellites: that would be real I/O.
import "nmea-simple";
import { createPanicBoard } from "../../../firmware-bridge/panic-board.ts";
import { BUILT_MS } from "../../../src/domain/built.ts";
import type { BoardListener, PanicBoard } from "../../../src/domain/panic.ts";
import type { Disk } from "../../../src/outbox/port.ts";
import { createClock } from "../../../src/runtime/clock.ts";
import type { Log } from "../../../src/runtime/log.ts";
import type { StatusActions } from "../../../src/status/server.ts";
import { startUnit, type Unit, type UnitOptions } from "../../../src/unit/start.ts";
import type { RunningUnit, UnitPorts } from "../world.ts";
import { configure } from "./config.ts";
import { watchPorts } from "./queues.ts";

const CONFIG = "0".repeat(64);

/** The lines of the log become part of the trace. */
const logOf = (say: UnitPorts<Disk>["say"]): Log => {
  const at =
    (level: string) =>
    (msg: string, fields = {}) =>
      say({ level, msg, ...fields });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
};

/** A board that does not answer as ours is taken for a stock one; it says nothing that way either. */
const attachStock = () =>
  Promise.resolve({ receive: () => undefined, show: () => undefined, close: () => undefined });

const boardOf =
  ({ openLine, time, random }: UnitPorts<Disk>, { panic }: UnitOptions["settings"]) =>
  (on: BoardListener): PanicBoard => {
    const buttons = typeof panic === "object" ? Object.values(panic.buttons) : [];
    const options = {
      path: "/dev/ttyUSB0",
      openLine,
      random,
      time,
      loops: buttons.map(({ loop }) => loop),
      darkLoops: buttons.filter(({ dark }) => dark).map(({ loop }) => loop),
      mayTest: true,
      lampSense: false,
      attachStock,
    };
    return createPanicBoard(options, on);
  };

const optionsOf = (ports: UnitPorts<Disk>, opened: (on: StatusActions) => void): UnitOptions => {
  const { time, lastedMs, random, disk, connect, brokers, gps, can, signals, secondButton, power, say } =
    ports;
  const { settings, mapping } = configure({ brokers, signals, secondButton });
  return {
    settings,
    config: CONFIG,
    configFaults: [],
    recorded: false,
    ports: {
      time,
      random,
      clock: createClock({
        mono: () => lastedMs(),
        hostNow: () => time.host(),
        ntpSynchronised: () => false,
        builtMs: BUILT_MS,
      }),
      log: logOf(say),
      disk,
      connect,
      compress: (text) => Promise.resolve(gzipSync(text, { level: 1 })),
      gps,
      board: boardOf(ports, settings),
      can: { source: can, mapping },
      power: {
        schedule: (inS) => power.powerOff(inS * 1_000),
        cancel: async () => power.cancel(),
      },
      machine: () => ({ rssMiB: 0 }),
      page: async (on) => {
        opened(on);
        return { port: 0, [Symbol.asyncDispose]: () => Promise.resolve() };
      },
    },
  };
};

const Waiting = z.object({
  outbox: z.object({ records: z.number() }),
  link: z.object({ custody: z.object({ unreceipted: z.number() }) }),
});

const runningOf = (unit: Unit, page: StatusActions, queues: RunningUnit["queues"]): RunningUnit => ({
  async pending() {
    const status = Waiting.safeParse(await page.status());
    if (!status.success) return Infinity;
    const { outbox, link } = status.data;
    // What waits for a receipt has left.
    return outbox.records - link.custody.unreceipted;
  },
  queues,
  drill: () => void page.drill(),
  restart: unit.restart,
  [Symbol.asyncDispose]: () => unit[Symbol.asyncDispose](),
});

/** The unit itself, on simulated ports. */
export const startRealUnit = async (ports: UnitPorts<Disk>): Promise<RunningUnit> => {
  const page = Promise.withResolvers<StatusActions>();
  const { queues, ...watched } = watchPorts(ports);
  const unit = await startUnit(optionsOf({ ...ports, ...watched }, page.resolve));
  return runningOf(unit, await page.promise, queues);
};
