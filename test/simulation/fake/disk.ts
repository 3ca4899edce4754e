import type { CountedPresses } from "../../../src/domain/memory.ts";
import type { WireReport } from "../../../src/domain/report.ts";
import type { LifeTime } from "../life.ts";
import type { Durable, WorldDisk } from "../world.ts";

/** What the fake unit keeps: everything it knows. */
export type FakeMemory = {
  readonly boot: number;
  readonly seq: number;
  readonly pending: readonly WireReport[];
  readonly episodes: readonly {
    readonly id: string;
    readonly report: Extract<WireReport, { kind: "emergency" }>;
    readonly state: Durable["episodes"][number]["state"];
  }[];
  readonly presses: readonly CountedPresses[];
};

const EMPTY: FakeMemory = { boot: 0, seq: 0, pending: [], episodes: [], presses: [] };

export type FakeDisk = {
  load(): FakeMemory;
  /** Written and synced at once. */
  save(memory: FakeMemory): void;
};

/** A disk that never fails: for the proof that the world itself is sound. */
export const createFakeDisk = (): WorldDisk<FakeDisk> => {
  let memory = EMPTY;
  const disk: WorldDisk<FakeDisk> = {
    changed: () => undefined,
    open: (life: LifeTime) => ({
      load: () => memory,
      save(next) {
        if (life.dead) return;
        memory = next;
        disk.changed();
      },
    }),
    processGone: () => undefined,
    readable: true,
    writable: true,
    takeDamage: () => false,
    hurt: () => undefined,
    get durable() {
      return {
        episodes: memory.episodes.map(({ id, state }) => ({ id, state, test: false, dark: false })),
        presses: memory.presses,
      };
    },
  };
  return disk;
};
