import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { BUILT_MS } from "../../src/domain/built.ts";
import type { Draft } from "../../src/domain/report.ts";
import { DiskError, type Disk } from "../../src/outbox/port.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { LifeTime } from "../simulation/life.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { openTestOutbox } from "./open-outbox.ts";

const NOW = Date.UTC(2026, 10, 24);
const position: Draft = {
  kind: "position",
  data: { lat: 45, lon: 20, fix: "3d", reason: "interval" },
  at: NOW,
  clock: "gnss",
};

test("a vital file that could not be written, and a power cut: the next life gives no number again", async () => {
  const time = new SimulatedTime(NOW);
  const inner = createSimulatedDisk({ time, random: createRandom(7) });
  let refuses = false;
  const live = async (seed: number): Promise<{ outbox: Outbox; process: LifeTime }> => {
    const process = new LifeTime(time);
    const disk: Disk = {
      path: inner.path,
      lock: process.port(() => inner.lock()),
      readVital: process.port(() => inner.readVital()),
      writeVital: process.port(async (place: number, bytes: Buffer) => {
        if (refuses) throw new DiskError(`${inner.path}.vital: input/output error`);
        await inner.writeVital(place, bytes);
      }),
      writeSpare: () => Promise.reject(new DiskError(`${inner.path}.spare: input/output error`)),
      removeSpare: () => Promise.resolve(),
      hasStore: process.port(() => inner.hasStore()),
      openStore: process.port(async (opening) => {
        const store = await inner.openStore(opening);
        return {
          ...store,
          batch: process.port((...args: Parameters<typeof store.batch>) => store.batch(...args)),
        };
      }),
      setAside: process.port(() => inner.setAside()),
      space: () => inner.space(),
      releaseBallast: () => false,
      restoreBallast: () => undefined,
    };
    const clock = createClock({
      mono: () => process.lastedMs,
      hostNow: () => time.host(),
      ntpSynchronised: () => true,
      builtMs: BUILT_MS,
    });
    let outbox: Outbox | undefined;
    const options = { disk, time: process, clock, random: createRandom(seed), lingerMs: () => 100 };
    void openTestOutbox(inner.path, options).then((opened) => (outbox = opened));
    await time.run(time.mono() + 5_000, () => outbox !== undefined);
    return { outbox: outbox!, process };
  };

  const first = await live(1);
  refuses = true;
  first.outbox.remember({ unit: "zrenjanin/zr-117" });
  const published: number[] = [];
  for (let second = 0; second < 60; second++) {
    const report = first.outbox.append(position);
    if (first.outbox.leased(report.seq)) published.push(report.seq);
    await time.run(time.mono() + 50);
    first.outbox.acknowledge([report], true);
    await time.run(time.mono() + 950);
  }
  expect(published.length).toBeGreaterThan(30);
  first.process.kill();
  inner.cut();
  refuses = false;

  const second = await live(2);
  const given = Array.from({ length: 20 }, () => second.outbox.append(position).seq);
  expect(given.filter((seq) => published.includes(seq))).toEqual([]);
});
