import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { releasedImage } from "../../firmware-bridge/image.ts";
import type { Light } from "../../firmware-bridge/simulator/board.ts";
import { startLiveBoard, type LiveBoard } from "../../firmware-bridge/simulator/live.ts";
import type { DemoState, LogLine, Trouble } from "../domain/demo.ts";
import type { Time } from "../runtime/ports.ts";
import { Signal } from "../runtime/signal.ts";
import { openDemoBroker, type DemoBroker } from "./broker.ts";
import { CarProcess } from "./car-process.ts";
import { boardLink, gpsLink, settingsFile, writeCarSettings } from "./car-settings.ts";
import { openRelay, type Relay } from "./relay.ts";
import { Road } from "./road.ts";
import { FIRST, tell, type Happening, type Story } from "./story.ts";

/**
 * Everything around the page: the road, the receiver, the panic board, the network, the broker and the unit's
 * process; what a visitor does to them; and the story of it.
 */
export type WorldOptions = {
  readonly time: Time;
  /** What runs a unit with a configuration file. */
  readonly command: (settingsFile: string) => readonly [program: string, ...args: string[]];
  readonly log: (line: string) => void;
};

type Parts = {
  readonly folder: string;
  readonly broker: DemoBroker;
  readonly relay: Relay;
};

/** Lines of the log that are kept. The oldest goes. */
const MOST_LINES = 200;
const BUTTON_LOOP = 0;
const PRESS_MS = 200;
const DARK: Light = { lamp: "off", drill: false, sounder: false };

export class World implements AsyncDisposable {
  /** The state has changed. */
  readonly changed = new Signal<void>();
  readonly said = new Signal<LogLine>();
  readonly #options: WorldOptions;
  readonly #parts: Parts;
  readonly #board: LiveBoard;
  readonly #road: Road;
  readonly #car: CarProcess;
  #story: Story;
  #light: Light = DARK;
  #lines: readonly LogLine[] = [];
  #lastLine = 0;
  #carPort: number | undefined;
  #running = false;
  /** Faults are switched one after the other: a broker that is still being closed cannot be started. */
  #switching: Promise<void> = Promise.resolve();

  static async open(options: WorldOptions): Promise<World> {
    await using stack = new AsyncDisposableStack();
    const folder = mkdtempSync(join(tmpdir(), "patrol-unit-demo-"));
    stack.defer(() => rmSync(folder, { recursive: true, force: true }));
    const broker = stack.use(await openDemoBroker());
    const relay = stack.use(await openRelay(broker.port));
    const world = new World(options, { folder, broker, relay });
    stack.move();
    return world;
  }

  private constructor(options: WorldOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    const { folder } = parts;
    const { time, command, log } = options;
    this.#story = { ...FIRST, startedAt: time.mono() };
    this.#board = startLiveBoard({
      link: boardLink(folder),
      image: releasedImage(),
      onLight: (light) => this.#shine(light),
    });
    this.#car = new CarProcess({
      command: command(settingsFile(folder)),
      time,
      log,
      started: (port) => this.#started(port),
      died: () => this.#died(),
    });
    this.#road = new Road({ time, link: gpsLink(folder), frames: (lines) => this.#car.feed(lines) });
  }

  get brokerUrl(): string {
    return `mqtt://127.0.0.1:${this.#parts.broker.port}`;
  }

  get lines(): readonly LogLine[] {
    return this.#lines;
  }

  get state(): Omit<DemoState, "consolePort"> {
    const { troubles, done } = this.#story;
    return {
      lamp: this.#light,
      troubles: [...troubles],
      done: [...done],
      running: this.#running,
      ...(this.#carPort === undefined ? {} : { carPort: this.#carPort }),
    };
  }

  /** Starts the unit for the first time. */
  start(): void {
    this.#startCar();
  }

  /** Something that happened outside: what dispatch hears. */
  tell(happening: Happening): void {
    const { story, said } = tell(this.#story, happening, this.#options.time.mono());
    const before = this.#story;
    this.#story = story;
    for (const one of said) {
      const line: LogLine = { n: ++this.#lastLine, at: this.#options.time.host(), said: one };
      this.#lines = [...this.#lines, line].slice(-MOST_LINES);
      this.said.emit(line);
    }
    if (story.done !== before.done || story.troubles !== before.troubles) this.changed.emit();
  }

  /** Presses the button. A cut loop or a board without power does not see it. */
  press(): void {
    this.tell({ kind: "press" });
    // Its time stands still without power: it would see the contact when the power is back.
    if (this.#story.troubles.includes("power")) return;
    this.#board.catchUp();
    this.#board.board.press(BUTTON_LOOP, PRESS_MS);
  }

  /** Makes trouble, or ends it. Resolves when it is done. */
  async trouble(trouble: Trouble, on: boolean): Promise<void> {
    const work = this.#switching.then(async () => {
      if (this.#story.troubles.includes(trouble) === on) return;
      this.tell({ kind: "trouble", trouble, on });
      await this.#switch(trouble, on);
    });
    // The next one is switched even if this one fails.
    this.#switching = work.catch(() => undefined);
    await work;
  }

  /** Ends at once, without waiting: the process ends. */
  kill(): void {
    this.#car.kill();
    rmSync(this.#parts.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { broker, relay, folder } = this.#parts;
    await this.#switching;
    await this.#car.stop();
    this.#road[Symbol.dispose]();
    this.#board[Symbol.dispose]();
    await relay[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }

  async #switch(trouble: Trouble, on: boolean): Promise<void> {
    switch (trouble) {
      case "tunnel":
        this.#parts.relay.cover(on);
        this.#road.cover(on);
        return;
      case "broker":
        await (on ? this.#parts.broker.kill() : this.#parts.broker.start());
        return;
      case "gps":
        this.#road.unplug(on);
        return;
      case "loop":
        this.#board.catchUp();
        this.#board.board.wire(BUTTON_LOOP, on ? "cut" : "whole");
        return;
      case "power":
        await this.#power(!on);
    }
  }

  /** The computer, the board and the receiver get their power from one place. */
  async #power(on: boolean): Promise<void> {
    this.#road.power(on);
    this.#board.catchUp();
    this.#board.board.power(on);
    if (on) this.#startCar();
    else {
      await this.#car.cut();
      this.#shine(DARK);
    }
    this.#running = false;
    this.changed.emit();
  }

  #startCar(): void {
    // The page stays at its address when the unit starts again.
    writeCarSettings(this.#parts.folder, this.#parts.relay.port, this.#carPort ?? 0);
    this.#car.start();
  }

  #started(port: number): void {
    this.#carPort = port;
    this.#running = true;
    this.tell({ kind: "started" });
    this.changed.emit();
  }

  /** As when its power is cut: the switch shows it, and starts it again. */
  #died(): void {
    this.#running = false;
    this.tell({ kind: "died" });
    this.#road.power(false);
    this.#board.board.power(false);
    this.#shine(DARK);
    this.changed.emit();
  }

  #shine(light: Light): void {
    const { lamp } = this.#light;
    this.#light = light;
    if (light.lamp !== lamp) this.tell({ kind: "lamp", lamp: light.lamp });
    this.changed.emit();
  }
}
