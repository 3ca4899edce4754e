import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;

/** An idle unit remembers something once a minute: it then sees that its disk takes nothing. */
const SEES_MS = 60_000;
/** A disk that does not answer is waited for 5 s, first for the vital file, then for a batch. */
const WAITS_MS = 15_000;

/** A unit whose disk takes nothing from the end of its first minute on. Nothing else happens in its car. */
const openIdle = async (kind: "full" | "read-only" | "refuses" | "hangs"): Promise<World> => {
  const world = openWorld([{}]);
  await world.start();
  await world.wait(60_000);
  world.disk.fault = { kind };
  return world;
};

/** The first number that neither came nor is declared, below the highest one that dispatch has. */
const firstMissing = ({ heard }: World): number | undefined => {
  const reports = heard.map(({ report }) => report).filter(({ seq }) => typeof seq === "number");
  const numbers = new Set(reports.map(({ seq }) => Number(seq)));
  const gaps = reports.flatMap(({ data }) => {
    const { type, from, to, kept = [] } = data as Record<string, unknown>;
    return type === "gap" ? [{ from: Number(from), to: Number(to), kept: kept as number[] }] : [];
  });
  const last = Math.max(...numbers);
  for (let seq = 1; seq <= last; seq++) {
    const gap = gaps.find(({ from, to, kept }) => from <= seq && seq <= to && !kept.includes(seq));
    if (!gap && !numbers.has(seq)) return seq;
    seq = gap?.to ?? seq;
  }
  return undefined;
};

describe.each([
  ["full", "disk-full"],
  ["read-only", "disk-read-only"],
  ["refuses", "disk-failing"],
  ["hangs", "disk-failing"],
] as const)("a disk that is suddenly of the kind %s, in an idle car that is connected", (kind, code) => {
  test("is a fault that dispatch has as soon as the unit sees it", async () => {
    const world = await openIdle(kind);
    await world.wait(SEES_MS + WAITS_MS);
    const faults = world.events().filter(({ type, part }) => type === "fault" && part === "outbox");
    expect(faults.map((fault) => fault["code"])).toEqual([code]);
  });

  test("leaves no number out: what the unit skips is declared at once", async () => {
    const world = await openIdle(kind);
    await world.wait(SEES_MS + WAITS_MS);
    expect(firstMissing(world)).toBeUndefined();
    const jumps = world.events().filter(({ type, reason }) => type === "gap" && reason === "power-cut");
    expect(jumps.length > 0).toBe(kind !== "full");
  });
});
