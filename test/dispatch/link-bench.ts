import { gzipSync } from "node:zlib";
import { Link, type LinkEvents } from "../../src/dispatch/link.ts";
import { LinkError, type Connect } from "../../src/dispatch/port.ts";
import { laneOf, type Lane } from "../../src/domain/pending.ts";
import type { EmergencyUpdate, Report } from "../../src/domain/report.ts";
import type { Clock } from "../../src/domain/time.ts";
import { createRoutes } from "../../src/domain/wire.ts";
import type { Time } from "../../src/runtime/ports.ts";
import { readMessage } from "../../src/wire/read.ts";
import { Broker, FULL_LIMITS, type BrokerLimits } from "../simulation/broker.ts";
import { Network } from "../simulation/network.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { emergency } from "./reports.ts";

const UNIT = "zrenjanin/zr-117";
export const ROOT = `patrol/v1/${UNIT}`;
export const EPISODE = emergency(1).data.episode;

const openOutbox = () => {
  let pending: Report[] = [];
  const refused: number[] = [];
  let connection = 0;
  const drop = (reports: readonly Pick<Report, "seq">[]): void => {
    pending = pending.filter(({ seq }) => !reports.some((one) => one.seq === seq));
  };
  return {
    boot: 1,
    madeHere: () => true,
    get pending() {
      return pending;
    },
    refused,
    add: (...reports: Report[]) => void pending.push(...reports),
    sending: () => undefined,
    acknowledge: drop,
    settle: drop,
    refuse(reports: readonly Pick<Report, "seq">[]) {
      refused.push(...reports.map(({ seq }) => seq));
      drop(reports);
    },
    async read(lane: Lane, after: number, limit: number) {
      const reports = pending
        .filter(({ kind, seq }) => laneOf(kind) === lane && seq > after)
        .toSorted((a, b) => a.seq - b.seq)
        .slice(0, limit);
      return { reports, cursor: reports.at(-1)?.seq ?? after };
    },
    oldest: () => Math.min(1_000_000, ...pending.map(({ seq }) => seq)),
    nextConnection: () => ++connection,
  };
};

/** A link to `brokers`, and what it reports. */
export const openLink = (brokers: readonly string[], connect: Connect, time: Time) => {
  const outbox = openOutbox();
  const clock: Clock = {
    now: () => ({ at: time.host(), clock: "gnss" }),
    when: (mono: number) => ({ at: time.host() - time.mono() + mono, clock: "gnss" }),
    mono: () => time.mono(),
  };
  const link = new Link({
    brokers,
    connect,
    broker: { clientId: "zrenjanin.zr-117", username: UNIT, keepaliveS: 20 },
    routes: createRoutes("patrol/v1", UNIT),
    clock,
    time,
    random: () => 0.5,
    compress: (text) => Promise.resolve(gzipSync(text)),
    outbox,
    sessions: { kept: [], keep: () => undefined },
    maxInFlightBytes: 512 * 1024,
    unheardCounts: () => false,
    unconfirmed: () => false,
    settlesUnheard: false,
    state: (state, connection, reason) => ({
      state,
      unit: UNIT,
      boot: 1,
      connection,
      version: "1",
      ...(reason === undefined ? {} : { reason }),
    }),
  });
  const copies = new Set<string>();
  /** Brokers on which a copy is left. */
  const left: string[] = [];
  const ups: string[] = [];
  const downs: LinkError[] = [];
  const refusals: string[] = [];
  const delivered: string[] = [];
  /** Brokers that did not accept an emergency. */
  const withheld: string[] = [];
  const messages: string[] = [];
  const on: LinkEvents = {
    born: () => undefined,
    up: (broker) => void ups.push(broker),
    down: (error) => void downs.push(error),
    silent: () => undefined,
    deserted: () => undefined,
    recovered: () => undefined,
    refused: (broker, topic, why) => void refusals.push(`${broker} ${topic}: ${why}`),
    accepted: () => undefined,
    files: () => undefined,
    oversize: () => undefined,
    tooLarge: () => undefined,
    publishing(_report, broker) {
      copies.add(broker);
      return undefined;
    },
    delivered: ({ seq }, broker) => void delivered.push(`${seq} ${broker}`),
    emergencyRefused: (broker) => void withheld.push(broker),
    removed: (_episode, broker, prefix) => void (prefix === undefined && copies.delete(broker)),
    left: (_episode, broker) => void left.push(broker),
    acknowledged: () => undefined,
    heard: () => undefined,
    message({ payload }) {
      messages.push(payload.toString());
      return Promise.resolve();
    },
  };
  return {
    outbox,
    link,
    on,
    copies,
    left,
    ups,
    downs,
    refusals,
    delivered,
    withheld,
    /** The payloads of what dispatch has sent. */
    messages,
    start: () => link.start(on),
    /** The unit stores an emergency and hands it to the link, as the ring does. */
    press(report: EmergencyUpdate) {
      outbox.add(report);
      link.stored("emergency");
      link.emergency(report, [...copies]);
    },
  };
};

/** A link to simulated brokers at which dispatch listens. */
export const open = (
  limits: readonly Partial<BrokerLimits>[] = [{}, {}],
  listening = [true, true],
  /** Whether an attempt to connect fails. */
  refuses: (broker: string, clientId: string) => boolean = () => false,
) => {
  const time = new SimulatedTime(Date.UTC(2026, 10, 22));
  const network = new Network(time, () => undefined);
  const heard: { broker: string; topic: string; report: Report; at: number }[] = [];
  const brokers = limits.map((some, n) => {
    const broker = new Broker(`b${n}`, { ...FULL_LIMITS, ...some }, time, () => undefined);
    const listen = () =>
      broker.listen({
        filter: "patrol/v1/#",
        receive({ topic, payload }) {
          const received = readMessage(topic, payload);
          if (received.kind !== "json" || topic.endsWith("/state")) return;
          for (const value of received.values)
            heard.push({ broker: broker.name, topic, report: value as Report, at: time.mono() });
        },
      });
    if (listening[n]) listen();
    return { url: `mqtts://b${n}:8883`, broker, route: network.add(`mqtts://b${n}:8883`, broker), listen };
  });
  return {
    time,
    network,
    brokers,
    heard,
    ...openLink(
      brokers.map(({ url }) => url),
      (url, options, on, signal) =>
        refuses(url, options.clientId)
          ? Promise.reject(new LinkError("unreachable", url))
          : network.connect(url, options, on, signal),
      time,
    ),
    wait: (ms: number) => time.run(time.mono() + ms),
    async until(what: string, done: () => boolean, withinMs = 20_000) {
      const from = time.mono();
      await time.run(from + withinMs, done);
      if (!done()) throw new Error(`waited ${withinMs} ms for ${what}`);
      return time.mono() - from;
    },
    retained: () => brokers.filter(({ broker }) => broker.retained(`${ROOT}/emergency/${EPISODE}`)).length,
  };
};
export type Bench = ReturnType<typeof open>;

export const up = async (bench: Bench): Promise<void> => {
  bench.start();
  await bench.until("the link", () => bench.ups.length > 0);
  await bench.wait(1_000);
};
export const arrived = (bench: Bench, seq: number) => () =>
  bench.heard.some(({ report }) => report.seq === seq);
