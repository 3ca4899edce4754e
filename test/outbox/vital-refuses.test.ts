import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/domain/time.ts";
import type { Draft, Report } from "../../src/domain/report.ts";
import { LANES } from "../../src/domain/pending.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { createRandom } from "../../src/demo/random.ts";
import { createSimulatedDisk } from "../simulation/disk.ts";
import { SimulatedTime } from "../simulation/time.ts";
import { openTestOutbox } from "./open-outbox.ts";

const event = (detail: string): Draft => ({
  kind: "event",
  data: { type: "config", detail },
  at: 1,
  clock: "gnss",
});
const emergency: Draft = {
  kind: "emergency",
  data: {
    episode: "01K0000000000000000000000A",
    state: "active",
    test: false,
    silent: false,
    button: "dash",
    buttons: ["dash"],
    presses: 1,
    attempt: 1,
  },
  at: 1,
  clock: "gnss",
};

/** Lives on one disk, without a link. `draw`: what chance gives all the time, which decides where numbers jump. */
const openWorld = () => {
  const news: string[] = [];
  const time = new SimulatedTime(Date.UTC(2026, 10, 25));
  const disk = createSimulatedDisk({ time, random: createRandom(7) });
  const now = () => ({ at: time.host(), clock: "gnss" }) as const;
  const clock: Clock = { mono: () => Math.floor(time.mono()), now, when: now };
  const pass = (ms: number) => time.run(time.mono() + ms);
  const open = async (draw: number): Promise<Outbox> => {
    const on = { news: (line: string) => void news.push(line) };
    const outbox = openTestOutbox(disk.path, { disk, time, clock, random: () => draw, early: true, on });
    await pass(10_000);
    return outbox;
  };
  const close = async (outbox: Outbox): Promise<void> => {
    const closed = outbox[Symbol.asyncDispose]();
    await pass(20_000);
    await closed;
  };
  const pending = async (outbox: Outbox): Promise<Report[]> => {
    const pages = Promise.all(LANES.map((lane) => outbox.read(lane, 0, 500)));
    await pass(1_000);
    return (await pages).flatMap(({ reports }) => reports);
  };
  return { disk, news, pass, open, close, pending };
};

const declaredIn = (reports: readonly Report[], seq: number): boolean =>
  reports.some(
    ({ kind, data }) =>
      kind === "event" &&
      data.type === "gap" &&
      data.from <= seq &&
      seq <= data.to &&
      !(data.kept ?? []).includes(seq),
  );

describe.each(["stop", "cut"] as const)("a vital file that refuses in two lives that end by a %s", (end) => {
  test.each([0.1, 0.9])(
    "what the store has of the first is there in the second, and every other number is declared (chance %f)",
    async (draw) => {
      const world = openWorld();
      const first = await world.open(0.3);
      for (let n = 0; n < 5; n++) first.append(event(`life 1, ${n}`));
      await world.pass(2_000);
      await world.close(first);
      world.disk.fault = { kind: "vital-refuses" };
      const second = await world.open(0.5);
      const made = [emergency, event("a"), event("b")].map((draft) => second.append(draft).seq);
      await world.pass(10_000);
      if (end === "stop") await world.close(second);
      else world.disk.cut();
      const third = await world.open(draw);
      const reports = await world.pending(third);
      const seqs = reports.map(({ seq }) => seq);
      expect(seqs).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, ...made]));
      for (let seq = 6; seq <= 200; seq++) expect(declaredIn(reports, seq), `${seq}`).toBe(true);
    },
  );
});

test("an emergency that the memory never had stays until it is sent, over several lives", async () => {
  const world = openWorld();
  await world.close(await world.open(0.3));
  world.disk.fault = { kind: "vital-refuses" };
  const second = await world.open(0.1);
  const { seq } = second.append(emergency);
  await world.pass(10_000);
  world.disk.cut();
  world.disk.fault = undefined;
  for (const draw of [0.5, 0.9]) {
    const later = await world.open(draw);
    later.append(event("later"));
    await world.pass(10_000);
    expect((await world.pending(later)).map((report) => report.seq)).toContain(seq);
    world.disk.cut();
  }
});

test("a vital file that refused at the start and was written later is not older than the store", async () => {
  const world = openWorld();
  await world.close(await world.open(0.1));
  world.disk.fault = { kind: "vital-refuses" };
  const second = await world.open(0.2);
  world.disk.fault = undefined;
  await world.pass(10_000);
  expect(second.state.kind).toBe("open");
  await world.close(second);
  world.news.length = 0;
  await world.open(0.3);
  expect(world.news).toEqual([]);
});
