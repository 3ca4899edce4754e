import type { Connect } from "../../../src/dispatch/port.ts";
import type { Memory } from "../../../src/domain/memory.ts";
import { COPIES_MAX } from "../../../src/emergency/copies.ts";
import { ENDED_MAX } from "../../../src/emergency/ring.ts";
import { AIRBAGS_MAX } from "../../../src/emergency/ring-state.ts";
import type { Disk, Operation } from "../../../src/outbox/port.ts";
import { decodePlaces } from "../../../src/outbox/vital-record.ts";

/**
 * What can be seen of the unit's queues at its ports, with their limits: the lists of its memory, as each
 * write of the vital file shows them, and the writes and connections that are under way. The queues of the
 * link, of its traffic and of the outbox have no public figures.
 */
type Queue = { readonly name: string; readonly length: number; readonly limit: number };

/** As src/emergency/presses.ts and src/commands/commands.ts have them. */
const BOARDS = 16;
const PRESSES = 64;
const DONE = 256 + 16;
const HELD = 16;
/** A real one and a drill. */
const OPEN = 2;

const queuesOf = ({ emergency, commands }: Memory): readonly Queue[] => [
  { name: "episodes", length: emergency.episodes.length, limit: OPEN + ENDED_MAX },
  { name: "boards", length: emergency.presses.length, limit: BOARDS },
  ...emergency.presses.map(({ board, numbers }) => ({
    name: `presses of ${board}`,
    length: numbers.length,
    limit: PRESSES,
  })),
  { name: "copies", length: emergency.copies.length, limit: COPIES_MAX },
  { name: "airbags", length: emergency.airbags.length, limit: AIRBAGS_MAX },
  { name: "commands done", length: commands.done.length, limit: DONE },
  { name: "commands held", length: commands.held.length, limit: HELD },
];

/** The outbox has one loop: no write waits beside another one of its kind. */
const WRITES = 1;
/** The link and a courier to each of two brokers; each may be replaced while its DISCONNECT is on its way. */
const CONNECTIONS = 6;

/** How many of these calls have not ended. */
class UnderWay {
  readonly #name: string;
  readonly #limit: number;
  #calls = 0;
  #most = 0;

  constructor(name: string, limit: number) {
    this.#name = name;
    this.#limit = limit;
  }

  watch<A extends unknown[], R>(call: (...args: A) => Promise<R>): (...args: A) => Promise<R> {
    return (...args) => {
      this.add(1);
      return call(...args).finally(() => this.add(-1));
    };
  }

  add(calls: 1 | -1): void {
    this.#calls += calls;
    this.#most = Math.max(this.#most, this.#calls);
  }

  /** The most that there were since it was last asked. */
  take(): Queue {
    const length = this.#most;
    this.#most = this.#calls;
    return { name: this.#name, length, limit: this.#limit };
  }
}

type Ports = { readonly disk: Disk; readonly connect: Connect };

/** The ports, and the queues that can be seen there. */
export const watchPorts = ({ disk, connect }: Ports): Ports & { readonly queues: () => readonly Queue[] } => {
  let lists: readonly Queue[] = [];
  const vital = new UnderWay("writes of the vital file", WRITES);
  const batches = new UnderWay("batches", WRITES);
  const connections = new UnderWay("connections", CONNECTIONS);
  const watched = (write: Disk["writeVital"]): Disk["writeVital"] =>
    vital.watch((place: number, bytes: Buffer) => {
      const { newest } = decodePlaces([bytes]);
      if (newest) lists = queuesOf(newest.memory);
      return write(place, bytes);
    });
  const writeVital = watched((place, bytes) => disk.writeVital(place, bytes));
  const writeSpare = watched((place, bytes) => disk.writeSpare(place, bytes));
  const openStore: Disk["openStore"] = async (opening) => {
    const store = await disk.openStore(opening);
    return {
      ...store,
      batch: batches.watch((operations: readonly Operation[], options: { readonly sync: boolean }) =>
        store.batch(operations, options),
      ),
    };
  };
  return {
    disk: { ...disk, writeVital, writeSpare, openStore },
    async connect(...args) {
      const connection = await connect(...args);
      connections.add(1);
      void connection.closed.then(() => connections.add(-1));
      return connection;
    },
    queues: () => [...lists, ...[vital, batches, connections].map((one) => one.take())],
  };
};
