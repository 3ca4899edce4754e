import { createRandom } from "../../src/demo/random.ts";
import { LANES } from "../../src/domain/pending.ts";
import type { Memory } from "../../src/domain/memory.ts";
import type { Draft, EmergencyUpdate, Report } from "../../src/domain/report.ts";
import type { Clock } from "../../src/domain/time.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import type { Disk } from "../../src/outbox/port.ts";
import type { Random } from "../../src/runtime/ports.ts";
import { createSimulatedDisk, type SimulatedDisk } from "../simulation/disk.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { EPISODE } from "./kept-episode.ts";
import { openTestOutbox } from "./open-outbox.ts";

const at = { at: 1, clock: "gnss" } as const;

export const event = (detail = "x"): Draft => ({ kind: "event", data: { type: "config", detail }, ...at });
export const position: Draft = {
  kind: "position",
  data: { lat: 45, lon: 20, fix: "3d", reason: "interval" },
  ...at,
};
export const emergency: Draft = {
  kind: "emergency",
  data: { episode: EPISODE, state: "active", test: false, button: "dash", presses: 1, attempt: 1 },
  ...at,
};

/** Long enough to open an outbox, or to close one, on a disk that answers. */
const TURN_MS = 10_000;

/** Lives of an outbox on one disk and on simulated time, without a link. `through`: what the outbox sees of the disk. */
export const openLives = (through: (disk: SimulatedDisk) => Disk = (disk) => disk) => {
  const time = new SimulatedTime(Date.UTC(2026, 10, 25));
  const disk = createSimulatedDisk({ time, random: createRandom(7) });
  const now = () => ({ at: time.host(), clock: "gnss" }) as const;
  /** As in the service, each life has a new clock, and the time of the process goes on. */
  const newClock = (): Clock => {
    const bornAt = time.mono();
    return { mono: () => Math.floor(time.mono() - bornAt), now, when: now };
  };
  const pass = (ms: number): Promise<void> => time.run(time.mono() + ms);
  const news: string[] = [];
  const faults: (string | undefined)[] = [];
  const orphans: string[] = [];
  const recalled: string[] = [];
  const on = {
    news: (line: string) => void news.push(line),
    fault: (fault?: { code: string }) => void faults.push(fault?.code),
    orphan: ({ data }: EmergencyUpdate) => void orphans.push(data.episode),
    recalled: ({ emergency: { episodes } }: Memory) =>
      void recalled.push(...episodes.map(({ episode: { id } }) => id)),
  };
  const close = async (outbox: Outbox): Promise<void> => {
    const closed = outbox[Symbol.asyncDispose]();
    await pass(2 * TURN_MS);
    await closed;
  };
  return {
    disk,
    pass,
    close,
    /** Begins a new store in this outbox, and closes it. */
    renew: async (outbox: Outbox): Promise<void> => {
      outbox.renew();
      const renewed = outbox.secure();
      await pass(1_000);
      await renewed;
      await close(outbox);
    },
    /** What the outbox said of the disk, and its faults; undefined: the end of one. */
    news,
    faults,
    /** Episodes that the store has, and the memory lacked. */
    orphans,
    /** Episodes of a newer memory that the store had. */
    recalled,
    /** `random` decides where numbers jump. */
    open: async (random: Random, maxBytes = 512 * 1024 * 1024): Promise<Outbox> => {
      const opening = openTestOutbox(disk.path, {
        maxBytes,
        disk: through(disk),
        time,
        clock: newClock(),
        random,
        early: true,
        on,
      });
      await pass(TURN_MS);
      return opening;
    },
    /** All that waits. */
    pending: async (outbox: Outbox): Promise<Report[]> => {
      const all: Report[] = [];
      for (const lane of LANES)
        for (let after = 0, isMore = true; isMore;) {
          const page = outbox.read(lane, after, 500);
          // oxlint-disable-next-line no-await-in-loop -- one page after another
          await pass(300);
          // oxlint-disable-next-line no-await-in-loop
          const { reports, cursor } = await page;
          all.push(...reports);
          isMore = cursor > after;
          after = cursor;
        }
      return all;
    },
  };
};
