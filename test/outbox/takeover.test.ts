import { expect, test } from "vitest";
import type { Report, Draft } from "../../src/domain/report.ts";
import { encodeKey } from "../../src/outbox/record.ts";
import { createRandom } from "../../src/demo/random.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { hurriedTime } from "./hurried-time.ts";
import { EPISODE } from "./kept-episode.ts";
import { openTestOutbox } from "./open-outbox.ts";

test("a disk that fails again while the store is being taken over is opened once more", async () => {
  const disk = createSimulatedDisk({ time: systemTime, random: createRandom(1) });
  await using outbox = await openTestOutbox("/simulated", { disk, time: hurriedTime });
  const report = outbox.append({
    kind: "event",
    data: { type: "config", detail: "one" },
    at: 0,
    clock: "unset",
  });
  await outbox.flush();
  // Settled, and its record is still there when the store is opened anew: it is deleted first.
  disk.fault = { kind: "refuses" };
  outbox.acknowledge([report], true);
  await expect.poll(() => outbox.state.kind, { timeout: 8_000 }).not.toBe("open");
  disk.tear();
  disk.fault = undefined;
  await expect.poll(() => outbox.state.kind, { timeout: 8_000 }).toBe("open");
  expect((await outbox.read("event", 0, 10)).reports).toEqual([]);
});

test("a report that is made while the store is being taken over keeps its number and stays", async () => {
  const disk = createSimulatedDisk({ time: systemTime, random: createRandom(1) });
  const press: Draft = {
    kind: "emergency",
    data: { episode: EPISODE, state: "active", test: false, button: "dash", presses: 1, attempt: 1 },
    at: 1,
    clock: "gnss",
  };
  {
    await using before = await openTestOutbox(disk.path, { disk });
    before.append(press);
  }
  let taken: (() => void) | undefined;
  const openStore = disk.openStore.bind(disk);
  disk.openStore = async (opening) => {
    const store = await openStore(opening);
    return {
      ...store,
      getMany(keys) {
        // The record of the earlier life's emergency is read: anything may happen meanwhile.
        if (keys.some((key) => key.equals(encodeKey("emergency", 1)))) taken?.();
        return store.getMany(keys);
      },
    };
  };
  const reports: Report[] = [];
  await using outbox = await openTestOutbox(disk.path, { disk, early: true });
  taken = () => {
    taken = undefined;
    for (let n = 0; n < 3; n++) reports.push(outbox.append({ ...press, at: n }));
  };
  await outbox.opened;
  await outbox.flush();
  reports.push(outbox.append(press));
  await outbox.flush();
  expect(new Set(reports.map(({ seq }) => seq)).size).toBe(4);
  const page = await outbox.read("emergency", 1, 10);
  expect(page.reports.map(({ seq }) => seq)).toEqual(reports.map(({ seq }) => seq));
});
