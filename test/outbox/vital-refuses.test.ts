import { describe, expect, test } from "vitest";
import type { Report } from "../../src/domain/report.ts";
import { EPISODE, remembering } from "./kept-episode.ts";
import { emergency, event, openLives } from "./lives.ts";

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
      const world = openLives();
      const first = await world.open(() => 0.3);
      for (let n = 0; n < 5; n++) first.append(event(`life 1, ${n}`));
      await world.pass(2_000);
      await world.close(first);
      world.disk.fault = { kind: "vital-refuses", spare: "refuses" };
      const second = await world.open(() => 0.5);
      second.remember(remembering(EPISODE));
      const made = [emergency, event("a"), event("b")].map((draft) => second.append(draft).seq);
      await world.pass(10_000);
      if (end === "stop") await world.close(second);
      else world.disk.cut();
      const third = await world.open(() => draw);
      const reports = await world.pending(third);
      const seqs = reports.map(({ seq }) => seq);
      expect(seqs).toEqual(expect.arrayContaining([1, 2, 3, 4, 5, ...made]));
      for (let seq = 6; seq <= 200; seq++) expect(declaredIn(reports, seq), `${seq}`).toBe(true);
    },
  );
});

test("an emergency that the vital file never had stays until it is sent, over several lives", async () => {
  const world = openLives();
  await world.close(await world.open(() => 0.3));
  world.disk.fault = { kind: "vital-refuses", spare: "refuses" };
  const second = await world.open(() => 0.1);
  second.remember(remembering(EPISODE));
  const { seq } = second.append(emergency);
  await world.pass(10_000);
  world.disk.cut();
  world.disk.fault = undefined;
  for (const draw of [0.5, 0.9]) {
    const later = await world.open(() => draw);
    // The unit takes it over.
    expect(world.recalled.splice(0)).toEqual([EPISODE]);
    later.remember(remembering(EPISODE));
    later.append(event("later"));
    await world.pass(10_000);
    expect((await world.pending(later)).map((report) => report.seq)).toContain(seq);
    world.disk.cut();
  }
});

test("a vital file that refused at the start and was written later is not older than the store", async () => {
  const world = openLives();
  await world.close(await world.open(() => 0.1));
  world.disk.fault = { kind: "vital-refuses", spare: "refuses" };
  const second = await world.open(() => 0.2);
  world.disk.fault = undefined;
  await world.pass(10_000);
  expect(second.state.kind).toBe("open");
  await world.close(second);
  world.news.length = 0;
  await world.open(() => 0.3);
  expect(world.news).toEqual([]);
});
