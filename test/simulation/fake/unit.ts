import { createBoardFramer } from "../../../firmware-bridge/framer.ts";
import { decodeFromBoard, encodeToBoard, type FromBoard } from "../../../firmware-bridge/protocol.ts";
import { readJson } from "../../../src/wire/read.ts";
import { MAXIMUM_PACKET_BYTES, type Connection, type Incoming } from "../../../src/dispatch/port.ts";
import { AckMessage } from "../../../src/domain/messages.ts";
import type { LampPattern } from "../../../src/domain/panic.ts";
import type { WireReport } from "../../../src/domain/report.ts";
import type { Tty } from "../../../src/runtime/tty.ts";
import type { RunningUnit, UnitPorts } from "../world.ts";
import type { FakeDisk, FakeMemory } from "./disk.ts";

const ROOT = "patrol/v1/zrenjanin/zr-117";
const NAME = "zrenjanin/zr-117";
const IN_FLIGHT = 1;
/** Emergencies do not wait for one another. */
const MOST_IN_FLIGHT = 1_000;

type Emergency = Extract<WireReport, { kind: "emergency" }>;

/**
 * A unit that fits a page: a birth, a report each second, presses that become episodes. It is there to
 * prove the world (determinism, invariants, mutants) without the real unit; it copes with sound brokers only.
 */
class FakeUnit implements RunningUnit {
  readonly restart = new Promise<never>(() => undefined);
  readonly #ports: UnitPorts<FakeDisk>;
  readonly #stop = new AbortController();
  #memory: FakeMemory;
  #connection: Connection | undefined;
  #line: Tty | undefined;
  #inFlight = 0;
  #sent = new Set<string>();

  constructor(ports: UnitPorts<FakeDisk>) {
    this.#ports = ports;
    const before = ports.disk.load();
    this.#memory = { ...before, boot: before.boot + 1 };
    ports.disk.save(this.#memory);
    void this.#serveBoard();
    void this.#serveLink();
    ports.time.every(1_000, () => this.#second());
  }

  pending(): Promise<number> {
    return Promise.resolve(this.#memory.pending.length);
  }

  queues() {
    return [{ name: "in flight", length: this.#inFlight, limit: MOST_IN_FLIGHT }];
  }

  drill(): void {
    // It knows no drills.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#connection?.end();
    await this.#line?.close();
  }

  #save(change: Partial<FakeMemory>): void {
    this.#memory = { ...this.#memory, ...change };
    this.#ports.disk.save(this.#memory);
  }

  #envelope() {
    const seq = this.#memory.seq + 1;
    const at = new Date(this.#ports.time.host()).toISOString();
    const mono = Math.floor(this.#ports.time.mono());
    const { boot } = this.#memory;
    return { v: 1, unit: NAME, store: "k3v9q0ab", boot, seq, at, clock: "unset", mono, live: true } as const;
  }

  #second(): void {
    const envelope = this.#envelope();
    const report: WireReport = {
      ...envelope,
      kind: "event",
      data: { type: "config", n: this.#ports.random() },
    };
    this.#save({ seq: envelope.seq, pending: [...this.#memory.pending.slice(-5_000), report] });
    for (const { report: emergency } of this.#memory.episodes) this.#publishEpisode(emergency);
    this.#lamp();
    this.#flow();
  }

  // The link.

  async #serveLink(): Promise<void> {
    const { connect, brokers, time } = this.#ports;
    for (let i = 0; !this.#stop.signal.aborted; i++) {
      try {
        const on = {
          message: (incoming: Incoming) => this.#receive(incoming),
          accepted: () => undefined,
          oversize: () => undefined,
        };
        const options = {
          clientId: "zrenjanin.zr-117",
          username: NAME,
          keepaliveS: 20,
          will: { topic: `${ROOT}/state`, payload: this.#state("offline") },
        };
        const connection = await connect(brokers[i % brokers.length]!, options, on, this.#stop.signal);
        this.#connection = connection;
        this.#inFlight = 0;
        connection.subscribe([`${ROOT}/emergency/+/ack`], () => undefined);
        this.#publish(`${ROOT}/state`, true, this.#state("online"), () => this.#flow());
        await connection.closed;
        this.#connection = undefined;
      } catch {
        // The next broker.
      }
      await new Promise<void>((resolve) => void time.after(1_000, resolve));
    }
  }

  #state(state: "online" | "offline"): Buffer {
    return Buffer.from(JSON.stringify({ state, unit: NAME, boot: this.#memory.boot, version: "0" }));
  }

  #publish(topic: string, retain: boolean, payload: Buffer, done: (code: number) => void): void {
    const connection = this.#connection;
    if (!connection) return;
    this.#inFlight++;
    connection.publish({ topic, retain }, payload, (code) => {
      if (this.#connection === connection) this.#inFlight--;
      done(code);
    });
  }

  #flow(): void {
    const report = this.#memory.pending[0];
    if (!this.#connection || this.#inFlight >= IN_FLIGHT || !report) return;
    this.#publish(`${ROOT}/event`, false, Buffer.from(JSON.stringify(report)), (code) => {
      if (code === 0) this.#save({ pending: this.#memory.pending.filter(({ seq }) => seq !== report.seq) });
      if (code === 0) this.#flow();
    });
  }

  #publishEpisode(report: Emergency): void {
    const { episode } = report.data;
    this.#publish(`${ROOT}/emergency/${episode}`, false, Buffer.from(JSON.stringify(report)), (code) => {
      if (code === 0) this.#sent.add(episode);
      this.#lamp();
    });
  }

  async #receive({ topic, payload }: Incoming): Promise<void> {
    const episode = topic.split("/").at(-2)!;
    const ack = AckMessage.safeParse(readJson(payload, MAXIMUM_PACKET_BYTES));
    const known = this.#memory.episodes.find(({ id }) => id === episode);
    if (!ack.success || !known) return;
    const { stage } = ack.data;
    const others = this.#memory.episodes.filter((one) => one !== known);
    this.#save({ episodes: stage === "cleared" ? others : [...others, { ...known, state: stage }] });
    this.#lamp();
  }

  // The board.

  async #serveBoard(): Promise<void> {
    const { openLine, time } = this.#ports;
    while (!this.#stop.signal.aborted) {
      try {
        const line = await openLine();
        this.#line = line;
        const receive = createBoardFramer({
          panic: (body) => this.#hear(decodeFromBoard(body)),
          firmata: () => undefined,
          broken: () => undefined,
        });
        for (let bytes = await line.read(); bytes; bytes = await line.read()) receive(bytes);
      } catch {
        // It was pulled out.
      }
      this.#line = undefined;
      await new Promise<void>((resolve) => void time.after(500, resolve));
    }
  }

  #hear(message: FromBoard | undefined): void {
    if (message?.kind !== "press") return;
    const { board, number, count } = message.press;
    const counted = this.#memory.presses.find((one) => one.board === board);
    if (!counted?.numbers.includes(number)) this.#open(board, number, count);
    this.#line?.write(encodeToBoard({ kind: "confirm", number }));
    this.#lamp();
  }

  #open(board: string, number: number, presses: number): void {
    const envelope = this.#envelope();
    const id = envelope.seq.toString().padStart(26, "0");
    const report: Emergency = {
      ...envelope,
      kind: "emergency",
      data: { episode: id, state: "active", test: false, button: "dash", presses, attempt: 1 },
    };
    const numbers = this.#memory.presses.find((one) => one.board === board)?.numbers ?? [];
    this.#save({
      seq: envelope.seq,
      episodes: [...this.#memory.episodes, { id, report, state: "active" }],
      presses: [{ board, below: 0, numbers: [...numbers, number] }],
    });
    this.#publishEpisode(report);
  }

  #lamp(): void {
    const [open] = this.#memory.episodes;
    const pattern: LampPattern = !open
      ? "idle"
      : open.state === "received" || open.state === "accepted"
        ? open.state
        : this.#sent.has(open.id)
          ? "sent"
          : "stored";
    this.#line?.write(
      encodeToBoard({ kind: "show", pattern, quiet: false, drill: false, darkLoops: [], mayTest: false }),
    );
  }
}

export const startFakeUnit = async (ports: UnitPorts<FakeDisk>): Promise<RunningUnit> => new FakeUnit(ports);
