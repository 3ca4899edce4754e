import { gzipSync } from "node:zlib";
import * as z from "zod";
import type { Connect } from "../../src/dispatch/port.ts";
import { BUILT_MS } from "../../src/domain/built.ts";
import type { BoardListener, LampPattern, PanicBoard } from "../../src/domain/panic.ts";
import { openOutbox } from "../../src/outbox/outbox.ts";
import { createClock } from "../../src/runtime/clock.ts";
import type { Log } from "../../src/runtime/log.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { readDocument } from "../../src/settings/document.ts";
import { settingsOf, type UnitSettings } from "../../src/settings/load.ts";
import type { StatusActions } from "../../src/status/server.ts";
import { startUnit, type Unit, type UnitOptions } from "../../src/unit/start.ts";
import { positionAt, sentencesAt } from "./drive.ts";
import { MemoryDisk } from "./memory-disk.ts";

/**
 * A unit of the fleet: the whole unit of `src/unit/start`, on ports that cost little. The disk is in memory, the
 * receiver gives one epoch each time it is asked, the board is an object, and there is no bus and no status page.
 */

export type LightUnitOptions = {
  readonly directorate: string;
  readonly id: string;
  /** In the order in which this unit uses them. */
  readonly brokers: readonly string[];
  readonly login?: { readonly username: string; readonly password: string } | undefined;
  readonly connect: Connect;
  /** The lamp shows another pattern. */
  readonly lamp: (pattern: LampPattern) => void;
  readonly say: (level: string, msg: string, fields: object) => void;
};

const BUTTON = "dash";
const BOARD_ID = "1a2b3c4d";
const EPOCHS = 16;
const CONFIG = "0".repeat(64);

const settingsOfUnit = ({ directorate, id, brokers, login }: LightUnitOptions): UnitSettings => {
  const yaml = `
unit: { directorate: ${directorate}, id: ${id} }
gps: { port: /dev/fleet }
dispatch: { brokers: ${JSON.stringify(brokers)}, allowPlaintext: true${login ? `, username: ${login.username}, password: ${login.password}` : ""} }
outbox: { path: /memory/outbox, maxMiB: 64 }
panic: { port: /dev/fleet-board, buttons: { ${BUTTON}: { loop: 0 } } }
`;
  const { settings, faults } = settingsOf(readDocument(yaml, "fleet.yaml"));
  if (!settings || faults.length > 0) throw new Error(`the configuration: ${JSON.stringify(faults)}`);
  return settings;
};

/** What the status page would show, as far as the fleet asks. */
const Status = z.object({
  outbox: z.object({ records: z.int() }),
  link: z.object({ custody: z.object({ mode: z.enum(["broker", "dispatch"]), unreceipted: z.int() }) }),
});

/** `records`: reports that are neither settled nor declared. */
export type Waiting = { readonly records: number; readonly mode: "broker" | "dispatch" };

export class LightUnit {
  readonly name: string;
  /** The order of the unit in the fleet: where it drives, and when. */
  readonly index: number;
  readonly #options: LightUnitOptions;
  readonly #settings: UnitSettings;
  readonly #disk = new MemoryDisk();
  #receive: ((epoch: Buffer) => void) | undefined;
  #unit: Unit | undefined;
  #page: StatusActions | undefined;
  #board: BoardListener | undefined;
  #presses = 0;

  constructor(index: number, options: LightUnitOptions) {
    this.index = index;
    this.name = `${options.directorate}/${options.id}`;
    this.#options = options;
    this.#settings = settingsOfUnit(options);
  }

  get isRunning(): boolean {
    return this.#unit !== undefined;
  }

  async start(): Promise<void> {
    this.#unit = await startUnit(this.#unitOptions());
  }

  async stop(): Promise<void> {
    const unit = this.#unit;
    this.#unit = undefined;
    await unit?.[Symbol.asyncDispose]();
  }

  /** The receiver sends an epoch. */
  drive(at: number): void {
    this.#receive?.(Buffer.from(sentencesAt(this.index, at), "latin1"));
  }

  /** The officer presses the button. */
  press(): void {
    const press = { board: BOARD_ID, number: ++this.#presses, loop: 0, count: 1, ageMs: 0 };
    this.#board?.press(press);
    this.#board?.released({ board: BOARD_ID, number: press.number, heldMs: 400 });
  }

  async waiting(): Promise<Waiting> {
    const { outbox, link } = Status.parse(await this.#page?.status());
    return { records: outbox.records, mode: link.custody.mode };
  }

  /** While it is stopped: positions that it has not sent, one a second up to now. */
  async fill(records: number): Promise<void> {
    const random = Math.random;
    const clock = this.#clock();
    await using outbox = await openOutbox({
      disk: this.#disk,
      maxBytes: this.#settings.outbox.maxMiB * 1024 * 1024,
      unit: this.name,
      clock,
      time: systemTime,
      random,
      lingerMs: () => 0,
      on: { stored: () => undefined, fault: () => undefined, news: () => undefined },
    });
    await outbox.opened;
    const from = Date.now() - records * 1_000;
    for (let n = 0; n < records; n++) {
      const full = outbox.pressure();
      // oxlint-disable-next-line no-await-in-loop -- asked again until there is room
      if (full) await full;
      const at = from + n * 1_000;
      outbox.append({ kind: "position", at, clock: "gnss", data: positionAt(this.index, at) });
    }
  }

  #clock() {
    return createClock({
      mono: () => performance.now(),
      hostNow: () => Date.now(),
      ntpSynchronised: () => true,
      builtMs: BUILT_MS,
    });
  }

  #log(): Log {
    const at =
      (level: string) =>
      (msg: string, fields: object = {}) =>
        this.#options.say(level, msg, fields);
    return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  }

  /** Epochs of the receiver, until the unit closes it. At most EPOCHS wait: then the oldest go, as in a serial buffer. */
  async *#receiver(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const epochs: Buffer[] = [];
    let wake = (): void => undefined;
    this.#receive = (epoch) => {
      if (epochs.push(epoch) > EPOCHS) epochs.shift();
      wake();
    };
    signal.addEventListener("abort", () => wake(), { once: true });
    while (!signal.aborted) {
      const epoch = epochs.shift();
      if (epoch) yield epoch;
      // oxlint-disable-next-line no-await-in-loop -- one epoch after another
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }

  #openBoard(on: BoardListener): PanicBoard {
    this.#board = on;
    on.hello(BOARD_ID, this.#presses);
    return {
      health: { connected: true },
      asked: Promise.resolve(),
      confirm: () => undefined,
      show: (pattern) => this.#options.lamp(pattern),
      lend: () => Promise.resolve(),
      takeBack: () => undefined,
      [Symbol.asyncDispose]: async () => {
        this.#board = undefined;
      },
    };
  }

  #unitOptions(): UnitOptions {
    return {
      settings: this.#settings,
      config: CONFIG,
      configFaults: [],
      recorded: false,
      ports: {
        time: systemTime,
        random: Math.random,
        clock: this.#clock(),
        log: this.#log(),
        disk: this.#disk,
        connect: this.#options.connect,
        // The thread pool would be shared by a thousand units.
        compress: (text) => Promise.resolve(gzipSync(text, { level: 1 })),
        gps: (signal) => this.#receiver(signal),
        board: (on) => this.#openBoard(on),
        can: undefined,
        power: { schedule: () => Promise.resolve(), cancel: () => Promise.resolve() },
        machine: () => ({ rssMiB: 0 }),
        page: async (on) => {
          this.#page = on;
          return { port: 0, [Symbol.asyncDispose]: () => Promise.resolve() };
        },
      },
    };
  }
}
