import { Link, type LinkEvents } from "../../src/dispatch/link.ts";
import type { BoardPress, LampPattern } from "../../src/domain/panic.ts";
import type { EmergencyData } from "../../src/domain/report.ts";
import { isoInstant, type Clock } from "../../src/domain/time.ts";
import { createRoutes } from "../../src/domain/wire.ts";
import { openOutbox, type Outbox } from "../../src/outbox/outbox.ts";
import { createLog } from "../../src/runtime/log.ts";
import { EmergencyPart } from "../../src/unit/emergency.ts";
import { Broker, FULL_LIMITS } from "../simulation/broker.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { LifeTime } from "../simulation/life.ts";
import { Network } from "../simulation/network.ts";
import { createDice } from "../simulation/random.ts";
import { SimulatedTime } from "../simulation/time.ts";

export const NOW = Date.UTC(2026, 10, 24, 22);
export const ROOT = "patrol/v1/zrenjanin/zr-117";
export const URLS = ["mqtts://a:8883", "mqtts://b:8883"] as const;
const UNIT = "zrenjanin/zr-117";
const routes = createRoutes("patrol/v1", UNIT);

type Said = EmergencyData & { readonly seq: number; readonly live: boolean };
type Scene = Pick<EmergencyData, "position" | "track" | "vehicle">;

/** One process of the unit: its emergencies, with the real outbox and the real link. */
type Life = {
  readonly process: LifeTime;
  readonly outbox: Outbox;
  readonly link: Link;
  readonly emergency: EmergencyPart;
};

/** A disk, two brokers and a dispatch that outlive the unit. */
export class EmergencyWorld {
  readonly time = new SimulatedTime(NOW);
  readonly disk;
  readonly network: Network;
  readonly brokers: readonly Broker[];
  /** What dispatch has received on topics of episodes; undefined: an empty message. */
  readonly heard: { readonly broker: string; readonly episode: string; readonly said: Said | undefined }[] =
    [];
  confirmed: BoardPress[] = [];
  lamps: { readonly pattern: LampPattern; readonly quiet: boolean; readonly drill: boolean }[] = [];
  errors: string[] = [];
  warnings: string[] = [];
  scene: () => Scene = () => ({});
  /** UTC milliseconds of the host's clock at the start, and how far it is trusted. */
  clock: { at: number; clock: "gnss" | "ntp" | "unset" } = { at: NOW, clock: "gnss" };
  buttons: Record<string, { loop: number; silent: boolean; dark: boolean }> = {
    dash: { loop: 0, silent: false, dark: false },
    knee: { loop: 1, silent: true, dark: true },
  };
  life!: Life;
  readonly #random = createDice(7).random;

  constructor() {
    const { time } = this;
    this.disk = createSimulatedDisk({ time, random: createDice(8).random });
    this.network = new Network(time, () => undefined);
    this.brokers = URLS.map((url) => {
      const broker = new Broker(url, FULL_LIMITS, time, () => undefined);
      this.network.add(url, broker);
      return broker;
    });
    for (const broker of this.brokers) this.listen(broker);
  }

  listen(broker: Broker): Disposable {
    return broker.listen({
      filter: `${ROOT}/emergency/+`,
      receive: ({ topic, payload }) => {
        const episode = topic.slice(topic.lastIndexOf("/") + 1);
        const report: unknown = payload.length === 0 ? undefined : JSON.parse(payload.toString());
        this.heard.push({ broker: broker.name, episode, said: saidIn(report) });
      },
    });
  }

  async start(): Promise<EmergencyPart> {
    const process = new LifeTime(this.time);
    const random = this.#random;
    const log = createLog((line) => {
      const { level, msg }: { level?: string; msg?: string } = JSON.parse(line);
      if (level === "error") this.errors.push(msg ?? "");
      if (level === "warn") this.warnings.push(msg ?? "");
    });
    const at = (mono: number) => ({ at: this.clock.at + mono, clock: this.clock.clock });
    const clock: Clock = {
      mono: () => Math.floor(process.lastedMs),
      now: () => at(Math.floor(process.lastedMs)),
      when: at,
    };
    const settings = { unit: UNIT, clock, time: process, random, maxBytes: 1e9, lingerMs: () => 0 };
    let linked: Link | undefined;
    const on = {
      stored: (lane: Parameters<Link["stored"]>[0]) => linked?.stored(lane),
      fault: () => undefined,
      news: () => undefined,
    };
    const outbox = await this.settle(openOutbox({ disk: this.disk, ...settings, on }));
    const link = new Link({
      brokers: URLS,
      connect: process.port(this.network.connect),
      broker: { clientId: "zrenjanin.zr-117", username: UNIT, keepaliveS: 20 },
      routes,
      clock,
      time: process,
      random,
      compress: (text) => Promise.resolve(Buffer.from(text)),
      outbox,
      sessions: { kept: [], keep: () => undefined },
      maxInFlightBytes: 65_536,
      unheardCounts: () => false,
      unconfirmed: () => false,
      settlesUnheard: false,
      state: (state) => ({ state, unit: UNIT, boot: outbox.boot, version: "test", at: isoInstant(NOW) }),
    });
    linked = link;
    const emergency = new EmergencyPart({
      outbox,
      link,
      clock,
      time: process,
      random,
      log,
      prefix: "patrol/v1",
      buttons: this.buttons,
      scene: () => this.scene(),
    });
    emergency.attach({
      confirm: (press) => this.confirmed.push(press),
      show: (pattern, quiet, drill = false) => this.lamps.push({ pattern, quiet, drill }),
    });
    this.life = { process, outbox, link, emergency };
    return emergency;
  }

  /** Dials. As in the unit's own start, after the board is served. */
  dial(): void {
    const { link, emergency, process } = this.life;
    const mono = () => Math.floor(process.lastedMs);
    const on: LinkEvents = {
      up: (broker) => emergency.give({ kind: "connected", broker, mono: mono() }),
      born: () => undefined,
      down: () => emergency.give({ kind: "listening", listening: false, mono: mono() }),
      silent: () => undefined,
      deserted: () => undefined,
      recovered: () => undefined,
      refused: () => undefined,
      accepted: () => undefined,
      files: () => undefined,
      oversize: () => undefined,
      tooLarge: () => undefined,
      publishing: (report, broker) => emergency.publishing(report, broker),
      delivered: (report, _broker, afterMs) => emergency.delivered(report, afterMs),
      emergencyRefused: (broker) => emergency.give({ kind: "refused", broker }),
      removed: (id, broker, prefix) => emergency.give({ kind: "removed", id, broker, prefix }),
      left: (id, broker, prefix) => emergency.give({ kind: "left", id, broker, prefix }),
      acknowledged: () => undefined,
      heard: (listening) => emergency.give({ kind: "listening", listening, mono: mono() }),
      async message({ topic, payload }, broker) {
        const episode = routes.acknowledged(topic);
        if (episode !== undefined) await emergency.acknowledge(episode, payload, broker);
      },
    };
    link.start(on);
  }

  /** Runs simulated time until the promise has settled. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let over = false;
    const end = () => (over = true);
    promise.then(end, end);
    await this.time.run(this.time.mono() + 60_000, () => over);
    return promise;
  }

  /** Lets `ms` pass, or less if the condition holds before. */
  pass(ms: number, until: () => boolean = () => false): Promise<unknown> {
    return this.time.run(this.time.mono() + ms, until);
  }

  /** The power goes. */
  cut(): void {
    this.life.process.kill();
    this.network.processGone(true);
    this.disk.cut();
  }

  press(number: number, extra: Partial<BoardPress> = {}): void {
    this.life.emergency.press({ board: "0badcafe", number, loop: 0, count: 1, ageMs: 0, ...extra });
  }

  ack(episode: string, stage: string, broker = this.brokers[0]!): void {
    const payload = Buffer.from(JSON.stringify({ stage, by: "operator", at: isoInstant(NOW) }));
    broker.publish(`${ROOT}/emergency/${episode}/ack`, payload, {});
  }

  get episodes() {
    return this.life.outbox.memory.emergency.episodes.map(({ episode }) => episode);
  }

  get lamp(): LampPattern | undefined {
    return this.lamps.at(-1)?.pattern;
  }

  /** Episodes of which a broker keeps a copy. */
  retained(broker: Broker): string[] {
    return broker.retainedTopics().filter((topic) => topic.includes("/emergency/"));
  }
}

const saidIn = (report: unknown): Said | undefined => {
  if (typeof report !== "object" || report === null || !("data" in report)) return undefined;
  return Object.assign({}, report, report.data as Said);
};

export const opened = async (): Promise<EmergencyWorld> => {
  const world = new EmergencyWorld();
  await world.start();
  world.dial();
  await world.pass(3_000);
  return world;
};

/** A press that is on its way: its episode. */
export const inEmergency = async (): Promise<{ world: EmergencyWorld; episode: string }> => {
  const world = await opened();
  world.press(1);
  await world.pass(1_000, () => world.heard.length > 0);
  return { world, episode: world.episodes[0]!.id };
};
