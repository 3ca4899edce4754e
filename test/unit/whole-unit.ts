import { gzipSync } from "node:zlib";
import { BUILT_MS } from "../../src/domain/built.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { readDocument } from "../../src/settings/document.ts";
import { settingsOf } from "../../src/settings/load.ts";
import type { StatusActions } from "../../src/status/server.ts";
import { startUnit, type UnitOptions } from "../../src/unit/start.ts";
import type { BoardListener, PanicBoard } from "../../src/domain/panic.ts";
import { readMessage } from "../../src/wire/read.ts";
import { Broker, FULL_LIMITS, type BrokerLimits } from "../simulation/broker.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { LifeTime } from "../simulation/life.ts";
import { Network } from "../simulation/network.ts";
import { createDice } from "../simulation/random.ts";
import { SimulatedTime } from "../simulation/time.ts";

type Json = Record<string, unknown>;

/** A whole unit on simulated ports. */
export const openWorld = (
  limits: readonly Partial<BrokerLimits>[] = [{}, {}],
  listening: readonly boolean[] = [],
) => {
  const time = new SimulatedTime(Date.UTC(2026, 10, 24, 22));
  const network = new Network(time, () => undefined);
  const disk = createSimulatedDisk({ time, random: createDice(8).random });
  const heard: { broker: string; topic: string; report: Json; at: number }[] = [];
  const brokers = limits.map((some, n) => {
    const broker = new Broker(`b${n}`, { ...FULL_LIMITS, ...some }, time, () => undefined);
    if (listening[n] !== false)
      broker.listen({
        filter: "patrol/v1/#",
        receive({ topic, payload }) {
          const received = readMessage(topic, payload);
          if (received.kind === "json")
            for (const value of received.values)
              heard.push({ broker: broker.name, topic, report: value as Json, at: time.mono() });
        },
      });
    return { url: `mqtts://b${n}:8883`, broker, route: network.add(`mqtts://b${n}:8883`, broker) };
  });
  const { random } = createDice(7);
  /** The computer's own clock: whether NTP disciplines it, and by how much it is behind. */
  const host = { synchronised: true, behindMs: 0 };
  const logs: Json[] = [];
  const confirmed: Json[] = [];
  const lamps: string[] = [];
  const all = brokers.map(({ url }) => url);
  const start = async (
    extra = "",
    recorded = false,
    id = "zr-117",
    dispatch = "",
    urls = all,
    more: Pick<UnitOptions, "installed" | "bundle"> = {},
  ) => {
    const process = new LifeTime(time);
    const text = `
unit: { directorate: zrenjanin, id: ${id} }
gps: { port: /dev/ttyACM0 }
dispatch: { brokers: ${JSON.stringify(urls)}, ${dispatch} }
outbox: { path: /simulated/outbox, maxMiB: 8 }
panic: { port: /dev/ttyUSB0, buttons: { dash: { loop: 0 } } }
${extra}`;
    const { settings, faults } = settingsOf(readDocument(text, "car.yaml"));
    if (!settings || faults.length > 0) throw new Error(JSON.stringify(faults));
    let page!: StatusActions;
    let listener!: BoardListener;
    const at =
      (level: string) =>
      (msg: string, fields = {}) =>
        void logs.push({ level, msg, ...fields });
    const starting = startUnit({
      settings,
      config: "0".repeat(64),
      configFaults: [],
      recorded,
      ...more,
      ports: {
        time: process,
        random,
        clock: createClock({
          mono: () => process.lastedMs,
          hostNow: () => time.host() - host.behindMs,
          ntpSynchronised: () => host.synchronised,
          builtMs: BUILT_MS,
        }),
        log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
        // A dead life writes nothing: what it had begun is decided by `cut`.
        disk: {
          path: disk.path,
          lock: process.port(() => disk.lock()),
          readVital: process.port(() => disk.readVital()),
          writeVital: process.port((place: number, bytes: Buffer) => disk.writeVital(place, bytes)),
          writeSpare: process.port((place: number, bytes: Buffer) => disk.writeSpare(place, bytes)),
          removeSpare: process.port(() => disk.removeSpare()),
          hasStore: process.port(() => disk.hasStore()),
          openStore: process.port(async (opening) => {
            const store = await disk.openStore(opening);
            return {
              ...store,
              batch: process.port((...args: Parameters<typeof store.batch>) => store.batch(...args)),
              close: process.port(() => store.close()),
            };
          }),
          setAside: process.port(() => disk.setAside()),
          space: () => disk.space(),
          releaseBallast: () => disk.releaseBallast(),
          restoreBallast: () => disk.restoreBallast(),
        },
        connect: process.port(network.connect),
        compress: (body) => Promise.resolve(gzipSync(body)),
        gps: async function* (signal) {
          await new Promise((resolve) => signal.addEventListener("abort", resolve));
          yield* [];
        },
        board: (on): PanicBoard => {
          listener = on;
          return {
            health: { connected: true },
            asked: Promise.resolve(),
            confirm: (press) =>
              void confirmed.push(
                Object.assign({ life: process.dead ? "dead" : "alive", t: time.mono() }, press),
              ),
            show: (pattern) => void (process.dead || lamps.push(pattern)),
            lend: () => Promise.resolve(),
            takeBack: () => undefined,
            [Symbol.asyncDispose]: () => Promise.resolve(),
          };
        },
        can: undefined,
        power: { schedule: () => Promise.resolve(), cancel: () => Promise.resolve() },
        machine: () => ({ rssMiB: 1 }),
        page: async (on) => {
          page = on;
          return { port: 0, [Symbol.asyncDispose]: () => Promise.resolve() };
        },
      },
    });
    let over = false;
    void starting
      .catch(() => undefined) // awaited below
      .finally(() => (over = true));
    await time.run(time.mono() + 10_000, () => over);
    const life = await starting;
    return { unit: life, page, board: listener, process };
  };
  const wait = (ms: number, until: () => boolean = () => false) => time.run(time.mono() + ms, until);
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false;
    promise.then(
      () => (over = true),
      () => (over = true),
    );
    await wait(600_000, () => over);
    return promise;
  };
  const events = () =>
    heard
      .filter(({ topic }) => topic.endsWith("/event") || topic.endsWith("/history"))
      .map(({ report }) => report["data"] as Json);
  return { time, network, disk, brokers, host, heard, logs, confirmed, lamps, start, wait, settle, events };
};
