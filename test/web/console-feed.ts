import { openConsole, type Console, type ConsoleOptions } from "../../src/recorder/console/server.ts";
import { heardMessage } from "../../src/recorder/console/heard.ts";
import { pageFolder, StaticFiles } from "../../src/runtime/http-files.ts";
import { systemTime } from "../../src/runtime/time.ts";

/** A console of this process without a broker, and what a test lets it hear. */

export type TestConsole = AsyncDisposable & {
  readonly url: string;
  readonly acks: { unit: string; episode: string; stage: string; by: string }[];
  /** A message below the unit's topic. */
  say(unit: string, channel: string, payload: Buffer | object | string, retain?: boolean): void;
  /** A report of a unit; its numbers rise. */
  report(unit: string, kind: string, data: object, more?: object): void;
};

export const openTestConsole = async (more: Partial<ConsoleOptions> = {}): Promise<TestConsole> => {
  const acks: TestConsole["acks"] = [];
  const console: Console = await openConsole({
    listen: "127.0.0.1:0",
    files: new StaticFiles(pageFolder("console")),
    async acknowledge(ack) {
      acks.push(ack);
      return undefined;
    },
    isConnected: () => true,
    time: systemTime,
    ...more,
  });
  const numbers = new Map<string, number>();
  const say = (unit: string, channel: string, payload: Buffer | object | string, retain = false): void => {
    const bytes = Buffer.isBuffer(payload)
      ? payload
      : Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));
    console.hear(heardMessage("patrol/v1", `patrol/v1/${unit}/${channel}`, bytes, retain));
  };
  return {
    url: `${more.tls ? "https" : "http"}://127.0.0.1:${console.port}/`,
    acks,
    say,
    report(unit, kind, data, fields = {}) {
      const seq = (numbers.get(unit) ?? 0) + 1;
      numbers.set(unit, seq);
      const channel = kind === "emergency" && "episode" in data ? `emergency/${String(data.episode)}` : kind;
      say(unit, channel, {
        v: 1,
        unit,
        store: "k3v9q0ab",
        boot: 1,
        seq,
        kind,
        at: new Date().toISOString(),
        clock: "gnss",
        mono: seq * 1_000,
        live: true,
        data,
        ...fields,
      });
    },
    [Symbol.asyncDispose]: () => console[Symbol.asyncDispose](),
  };
};

/** The health of a car with a panic board. */
export const healthOf = (more: object = {}): object => ({
  uptimeS: 3_600,
  version: "0.1.0",
  config: "0",
  rssMiB: 64.2,
  diskFreeMiB: 18_220,
  outbox: { records: 0, bytes: 40_960 },
  link: { broker: "mqtts://dispatch-a:8883", reconnects: 1, rttMs: 42 },
  gps: { fix: "3d", satellites: 11, sentences: 21_000, rejected: {} },
  can: { frames: 1_000_000, dropped: 0, state: "active" },
  panicBoard: { connected: true },
  ...more,
});

type SimulatedCar = { readonly unit: string; lat: number; lon: number; courseDeg: number; speedKmh: number };

/** Cars that drive about a town. `random`: as Math.random. */
export class SimulatedFleet {
  readonly #console: TestConsole;
  readonly #random: () => number;
  readonly cars: readonly SimulatedCar[];

  constructor(console: TestConsole, count: number, random: () => number) {
    this.#console = console;
    this.#random = random;
    this.cars = Array.from({ length: count }, (_, n) => ({
      unit: `${["zrenjanin", "novi-sad", "kikinda"][n % 3]}/zr-${101 + n}`,
      lat: 45.38 + (random() - 0.5) * 0.16,
      lon: 20.39 + (random() - 0.5) * 0.24,
      courseDeg: random() * 360,
      speedKmh: random() * 80,
    }));
  }

  /** Each car connects and says how it is. */
  begin(): void {
    for (const [n, { unit }] of this.cars.entries()) {
      this.#console.say(unit, "state", {
        state: "online",
        unit,
        store: "k3v9q0ab",
        boot: 1,
        connection: 1,
        version: "0.1.0",
      });
      this.#console.report(
        unit,
        "health",
        healthOf(n % 17 === 5 ? { panicBoard: { connected: false } } : {}),
      );
      this.drive(n);
    }
  }

  /** One position of a car, 5 s after the one before. */
  drive(n: number): void {
    const car = this.cars[n]!;
    car.courseDeg = (car.courseDeg + (this.#random() - 0.5) * 50 + 360) % 360;
    car.speedKmh = Math.max(5, Math.min(90, car.speedKmh + (this.#random() - 0.5) * 14));
    const metres = (car.speedKmh / 3.6) * 5;
    const course = (car.courseDeg * Math.PI) / 180;
    car.lat += (metres * Math.cos(course)) / 111_320;
    car.lon += (metres * Math.sin(course)) / 78_000;
    const { lat, lon, courseDeg, speedKmh } = car;
    this.#console.report(car.unit, "position", {
      lat,
      lon,
      courseDeg,
      speedKmh,
      fix: "3d",
      accuracyM: 3,
      reason: "interval",
    });
  }
}
