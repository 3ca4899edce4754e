import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { BUILT_MS } from "../../src/domain/built.ts";
import type { Draft } from "../../src/domain/report.ts";
import { createClock } from "../../src/runtime/clock.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { openTestOutbox } from "./open-outbox.ts";

const NOW = Date.UTC(2026, 10, 24);
const event = (): Draft => ({
  kind: "event",
  data: { type: "boot", version: "0", config: "0", vss: "6.0" },
  at: NOW,
  clock: "ntp",
});

test("what a repair loses is declared, also if the store was closed because the disk was full", async () => {
  const time = new SimulatedTime(NOW);
  const settle = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false;
    void promise.then(
      () => (over = true),
      () => (over = true),
    );
    await time.run(time.mono() + 60_000, () => over);
    return promise;
  };
  const disk = createSimulatedDisk({ time, random: createRandom(3) });
  const clock = createClock({
    mono: () => time.mono(),
    hostNow: () => time.host(),
    ntpSynchronised: () => true,
    builtMs: BUILT_MS,
  });
  const outbox = await settle(openTestOutbox("", { disk, clock, time, random: createRandom(4) }));
  const lost = [event(), event(), event()].map((one) => outbox.append(one).seq);
  await settle(outbox.flush());

  disk.fault = { kind: "full" };
  outbox.append(event());
  await settle(outbox.flush().catch(() => undefined)); // the disk is full
  disk.damage(1);
  await time.run(time.mono() + 5_000);
  disk.fault = undefined;
  await time.run(time.mono() + 30_000);

  expect(outbox.state.kind).toBe("open");
  const { reports } = await settle(outbox.read("event", 0, 100));
  const declared = reports.flatMap((one) =>
    one.kind === "event" && one.data.type === "gap" ? [[one.data.from, one.data.to] as const] : [],
  );
  const isKnown = (seq: number): boolean =>
    reports.some((one) => one.seq === seq) || declared.some(([from, to]) => seq >= from && seq <= to);
  expect(lost.filter((seq) => !isKnown(seq))).toEqual([]);
});
