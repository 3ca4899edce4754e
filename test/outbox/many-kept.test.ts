import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { Missing } from "../../src/custody/missing.ts";
import type { Report } from "../../src/domain/report.ts";
import { addRange, complement, rangeWithout, type Runs } from "../../src/domain/runs.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { openLives, position } from "./lives.ts";

/** A recorder as contract §4 has it: a receipt lists at most 100 ranges, and `upTo` stops before the next. */
const openRecorder = () => {
  const has: Runs = [];
  return {
    take({ seq, kind, data }: Report): void {
      addRange(has, seq, seq);
      if (kind !== "event" || data.type !== "gap") return;
      for (const [from, to] of rangeWithout(data.from, data.to, data.kept ?? [])) addRange(has, from, to);
    },
    receipt(): { upTo: number; missing: Runs } {
      const last = has.at(-1)?.[1] ?? 0;
      const missing = complement(has, 1, last);
      const next = missing[100];
      return { upTo: next ? next[0] - 1 : last, missing: missing.slice(0, 100) };
    },
  };
};

const openUnit = async (mode: "broker" | "dispatch") => {
  const lives = openLives();
  const outbox: Outbox = await lives.open(createRandom(1));
  void outbox.keep(mode, true);
  const recorder = openRecorder();
  const missing = new Missing();
  let mono = 0;
  const step = async (ms: number): Promise<void> => {
    await lives.pass(ms);
    mono += ms;
  };
  const sendAgain = async (): Promise<void> => {
    for (let stretch = missing.due(mono); stretch; stretch = missing.due(mono)) {
      const looking = outbox.unstored(stretch.from, stretch.to, 250);
      await step(50);
      const { reports, upTo } = await looking;
      missing.looked(stretch, upTo, mono);
      outbox.acknowledge(reports, true);
      for (const report of reports) recorder.take(report);
    }
  };
  /** `isHeard`: what the broker acknowledges reaches the recorder. */
  const send = async (isHeard: boolean): Promise<void> => {
    outbox.append(position);
    await step(5_000);
    const sent = await lives.pending(outbox);
    outbox.acknowledge(sent, true);
    if (isHeard) {
      for (const report of sent) recorder.take(report);
      const { upTo, missing: lacks } = recorder.receipt();
      const settled = outbox.receipted(upTo, lacks);
      await step(2_000);
      await settled;
      missing.list(lacks, mono);
      await sendAgain();
    }
    await step(5_000);
  };
  return { lives, outbox, recorder, step, send };
};

test("what a gap keeps that no broker has acknowledged yet, or whose acknowledgement is forgotten, is declared too", async () => {
  const { lives, outbox, step, send } = await openUnit("broker");
  await send(true);
  const [one, kept, other] = [position, position, position].map((draft) => outbox.append(draft));
  await step(20_000);
  outbox.refuse([one!, other!]);
  await step(2_000);
  outbox.acknowledge([kept!], true);
  await step(40_000);
  const looking = outbox.unstored(kept!.seq, kept!.seq, 250);
  await step(2_000);
  expect((await looking).reports).toEqual([]);
  const gaps = (await lives.pending(outbox)).flatMap(({ kind, data }) =>
    kind === "event" && data.type === "gap" ? [[data.reason, data.from, data.to, data.kept ?? []]] : [],
  );
  expect(gaps).toEqual([
    [expect.any(String), one!.seq, other!.seq, [kept!.seq]],
    ["broker", kept!.seq, kept!.seq, []],
  ]);
  await lives.close(outbox);
});

test.each([
  ["broker", 99],
  ["broker", 120],
  ["broker", 400],
  ["dispatch", 120],
] as const)(
  "custody %s: what a pending gap keeps, and a broker has lost, is declared: %i numbers",
  async (mode, kept) => {
    const { lives, outbox, recorder, step, send } = await openUnit(mode);
    for (let n = 0; n < 12; n++) await send(true);
    // Without coverage the quota thins every other report.
    const reports = Array.from({ length: 2 * kept }, () => outbox.append(position));
    await step(20_000);
    outbox.refuse(reports.filter((_, n) => n % 2 === 0));
    await step(2_000);
    // The link is back, and the queue of the recorder is full: acknowledged, and dropped.
    for (let n = 0; n < 12; n++) await send(false);
    for (let n = 0; n < 360; n++) await send(true);
    const { upTo, missing } = recorder.receipt();
    expect(upTo).toBeGreaterThan(outbox.next - 10);
    expect(missing).toEqual([]);
    await lives.close(outbox);
  },
);
