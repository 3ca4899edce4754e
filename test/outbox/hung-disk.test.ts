import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import type { Report } from "../../src/domain/report.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import type { Disk, Store } from "../../src/outbox/port.ts";
import { decodePlaces } from "../../src/outbox/vital-record.ts";
import { createSimulatedDisk, type SimulatedDisk } from "../simulation/disk.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { emergency, event, position } from "./lives.ts";
import { openTestOutbox } from "./open-outbox.ts";

/** The unit publishes an emergency from memory when the disk has not answered for so long. */
const FROM_MEMORY_MS = 1_000;
const OTHER = "01K0000000000000000000000B";

/** A disk whose writes can be stopped: each that begins then waits for `answer`. */
class HungDisk {
  readonly simulated: SimulatedDisk;
  readonly disk: Disk;
  #stopped: "vital" | "batch" | "all" | undefined;
  #waiting: ((how: "written" | "refused") => void)[] = [];
  /** Writes of the vital file that are under way at once. */
  #writes = 0;
  mostWrites = 0;
  batches = 0;

  constructor(time: SimulatedTime) {
    this.simulated = createSimulatedDisk({ time, random: createRandom(7) });
    const { simulated } = this;
    this.disk = {
      path: simulated.path,
      lock: () => simulated.lock(),
      readVital: () => simulated.readVital(),
      writeVital: async (place, bytes) => {
        this.mostWrites = Math.max(this.mostWrites, ++this.#writes);
        try {
          await this.#pass("vital");
          await simulated.writeVital(place, bytes);
        } finally {
          this.#writes--;
        }
      },
      writeSpare: () => Promise.reject(new Error("input/output error")),
      removeSpare: () => Promise.resolve(),
      hasStore: () => simulated.hasStore(),
      openStore: async (opening) => this.#wrap(await simulated.openStore(opening)),
      setAside: () => simulated.setAside(),
      space: () => simulated.space(),
      releaseBallast: () => {
        if (this.#stopped) throw new Error("a call that waits for a disk that does not answer");
        return simulated.releaseBallast();
      },
      restoreBallast: () => simulated.restoreBallast(),
    };
  }

  #wrap(store: Store): Store {
    return {
      ...store,
      batch: async (operations, options) => {
        this.batches++;
        await this.#pass("batch");
        await store.batch(operations, options);
      },
    };
  }

  async #pass(what: "vital" | "batch"): Promise<void> {
    if (this.#stopped !== "all" && this.#stopped !== what) return;
    const how = await new Promise<"written" | "refused">((resolve) => this.#waiting.push(resolve));
    if (how === "refused") throw new Error("input/output error");
  }

  stop(what: "vital" | "batch" | "all"): void {
    this.#stopped = what;
  }

  /** The writes that wait end so, and later ones work. */
  answer(how: "written" | "refused"): void {
    this.#stopped = undefined;
    for (const end of this.#waiting.splice(0)) end(how);
  }

  get onDisk() {
    return decodePlaces(this.simulated.places).newest!;
  }
}

let time: SimulatedTime;
let hung: HungDisk;
let outbox: Outbox;
let faults: unknown[];
const open = async (): Promise<Outbox> => {
  const opened = openTestOutbox(hung.disk.path, {
    disk: hung.disk,
    time,
    clock: { mono: () => time.mono(), now: () => ({ at: time.host(), clock: "gnss" }) } as never,
    random: createRandom(5),
    on: { fault: (fault) => void faults.push(fault?.code) },
  });
  await time.run(time.mono() + 100);
  return opened;
};
const pass = (ms: number): Promise<void> => time.run(time.mono() + ms);
/** Appends until a number is above every lease that was ever written. */
const appendBeyondLease = (): Report => {
  for (;;) {
    const report = outbox.append(emergency);
    if (!outbox.leased(report.seq) || report.seq > 2 ** 20) return report;
  }
};

beforeEach(async () => {
  time = new SimulatedTime(Date.UTC(2026, 10, 25));
  hung = new HungDisk(time);
  faults = [];
  outbox = await open();
});
afterEach(async () => {
  hung.answer("written");
  const closed = outbox[Symbol.asyncDispose]();
  await pass(20_000);
  await closed;
});

describe("a write of the vital file that does not end", () => {
  test("a press has a number that no later life gives, before it is published from memory", async () => {
    hung.stop("vital");
    const report = appendBeyondLease();
    outbox.remember(remembering(EPISODE));
    const given = report.seq;
    await pass(FROM_MEMORY_MS - 1);
    expect(report.seq).not.toBe(given);
    expect(outbox.leased(report.seq)).toBe(true);
    expect(report.seq).toBeGreaterThan(2 ** 40);
    // The power goes: the next life begins at the lease that is on disk.
    expect(hung.onDisk.lease).toBeLessThanOrEqual(given);
  });

  test("the disk counts as away, whoever waits is answered, and what is in memory can be read", async () => {
    hung.stop("vital");
    outbox.append(event());
    outbox.remember(remembering(EPISODE));
    const secured = outbox.secure().then(
      () => "secured",
      (cause: unknown) => String(cause),
    );
    await pass(6_000);
    expect(await secured).toMatch(/not answered/);
    expect(outbox.state.kind).toBe("away");
    expect(faults).toEqual(["disk-failing"]);
    await expect(outbox.secure()).rejects.toThrow(/not answered/);
  });

  test.each(["written", "refused"] as const)(
    "when it is %s at last, the newest memory is on disk, one write at a time, and the disk is back",
    async (how) => {
      hung.stop("vital");
      outbox.remember(remembering(EPISODE));
      await pass(6_000);
      outbox.remember(remembering(OTHER));
      const report = outbox.append(emergency);
      await pass(6_000);
      hung.answer(how);
      await pass(3_000);
      expect(outbox.state.kind).toBe("open");
      expect(faults).toEqual(["disk-failing", undefined]);
      expect(hung.onDisk.memory.emergency.episodes.map(({ episode }) => episode.id)).toEqual([OTHER]);
      expect(hung.onDisk.lease).toBeGreaterThan(report.seq);
      expect(hung.mostWrites).toBe(1);
    },
  );

  test("a late write with an older lease does not take back the numbers that went out meanwhile", async () => {
    hung.stop("vital");
    const report = appendBeyondLease();
    await pass(2_000);
    const { seq } = report;
    expect(outbox.leased(seq)).toBe(true);
    hung.answer("written");
    hung.stop("batch");
    for (let n = 0; n < 20; n++) {
      // oxlint-disable-next-line no-await-in-loop
      await pass(1);
      expect(outbox.leased(seq)).toBe(true);
      expect(report.seq).toBe(seq);
    }
  });

  test("no number is given twice, and each is there or declared, over a cut and a second life", async () => {
    hung.stop("vital");
    const first = appendBeyondLease();
    outbox.remember(remembering(EPISODE));
    await pass(3_000);
    hung.answer("written");
    await pass(3_000);
    const published = first.seq;
    hung.simulated.cut();
    outbox = await open();
    await pass(3_000);
    const second = outbox.append(emergency);
    expect(second.seq).toBeGreaterThan(published);
    const page = outbox.read("event", 0, 1_000);
    await pass(100);
    const { reports } = await page;
    const declared = reports.flatMap((r) => (r.kind === "event" && r.data.type === "gap" ? [r.data] : []));
    expect(declared.length).toBeGreaterThan(0);
    expect(declared.some(({ from, to }) => from <= published && published <= to)).toBe(false);
  });

  test("at the start it does not keep the unit from starting, and the numbers jump", async () => {
    const closed = outbox[Symbol.asyncDispose]();
    await pass(1_000);
    await closed;
    hung.stop("vital");
    const opening = openTestOutbox(hung.disk.path, {
      disk: hung.disk,
      time,
      random: createRandom(5),
      early: true,
    });
    await pass(4_000);
    outbox = await opening;
    const report = outbox.append(emergency);
    expect(report.seq).toBeGreaterThan(2 ** 40);
    expect(outbox.state.kind).toBe("away");
    hung.answer("written");
    await pass(3_000);
    expect(outbox.state.kind).toBe("open");
    expect(hung.onDisk.lease).toBeGreaterThan(report.seq);
    expect(hung.mostWrites).toBe(1);
  });
});

describe("a batch that does not end", () => {
  test("what waits for it can be read from memory, sources do not wait, and a flush is answered", async () => {
    hung.stop("batch");
    const report = outbox.append(event());
    const flushed = outbox.flush().catch(String);
    await pass(6_000);
    expect(await flushed).toMatch(/not answered/);
    expect(outbox.state.kind).toBe("reopening");
    expect(faults).toEqual(["disk-failing"]);
    const { reports } = await outbox.read("event", 0, 10);
    expect(reports.map(({ seq }) => seq)).toContain(report.seq);
    for (let n = 0; n < 20_000; n++) {
      expect(outbox.pressure()).toBeUndefined();
      outbox.append(position);
    }
  });

  test("a source that waits for room is let go", async () => {
    hung.stop("batch");
    for (let n = 0; n < 9_000; n++) outbox.append(position);
    await pass(100);
    let free = false;
    void outbox.pressure()!.then(() => (free = true));
    await pass(6_000);
    expect(free).toBe(true);
  });

  test.each(["written", "refused"] as const)(
    "when it is %s at last, everything is in the store once",
    async (how) => {
      hung.stop("batch");
      const made = [outbox.append(event())];
      await pass(6_000);
      made.push(outbox.append(event()));
      await pass(6_000);
      hung.answer(how);
      await pass(3_000);
      expect(outbox.state.kind).toBe("open");
      expect(faults).toEqual(["disk-failing", undefined]);
      const page = outbox.read("event", 0, 100);
      await pass(100);
      expect((await page).reports).toEqual(made);
    },
  );

  test("a stop is not kept waiting for ever", async () => {
    hung.stop("all");
    outbox.append(event());
    outbox.remember(remembering(EPISODE));
    await pass(6_000);
    let stopped = false;
    const closing = outbox[Symbol.asyncDispose]().then(() => (stopped = true));
    await pass(20_000);
    expect(stopped).toBe(true);
    await closing;
    hung.answer("written");
    outbox = await open();
  });
});

test("what becomes due during a long write is one batch, not one each", async () => {
  hung.stop("batch");
  for (let n = 0; n < 50; n++) {
    outbox.append(event());
    // oxlint-disable-next-line no-await-in-loop -- each becomes due by itself
    await pass(20);
  }
  const before = hung.batches;
  hung.answer("written");
  await pass(500);
  expect(hung.batches - before).toBe(1);
});

test("a batch whose numbers are leased does not wait for a longer lease", async () => {
  hung.stop("vital");
  let last = outbox.append(event());
  while (outbox.leased(last.seq + 1)) last = outbox.append(event());
  const before = hung.batches;
  let flushed = false;
  const flush = outbox.flush().then(() => (flushed = true));
  await pass(100);
  expect(hung.batches).toBeGreaterThan(before);
  expect(flushed).toBe(true);
  await flush;
});
