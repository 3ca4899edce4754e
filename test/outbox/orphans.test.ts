import { describe, expect, test } from "vitest";
import { NO_MEMORY, type Memory } from "../../src/domain/memory.ts";
import type { EmergencyData } from "../../src/domain/report.ts";
import { orphansIn, recalledFrom, supersededIn } from "../../src/outbox/orphans.ts";
import { emergency } from "../dispatch/reports.ts";
import { keptEpisode, remembering } from "./kept-episode.ts";

const ID = emergency(1).data.episode;
const knowing: Memory = { ...NO_MEMORY, ...remembering(ID) };
const seqs = (reports: readonly { seq: number }[]): number[] => reports.map(({ seq }) => seq);
const report = (seq: number, state: EmergencyData["state"] = "active", presses = 1) =>
  emergency(seq, state, { presses });

describe("an episode that a whole memory does not have", () => {
  test("was published: its reports are superseded", () => {
    expect(seqs(supersededIn([report(1), report(2)], NO_MEMORY))).toEqual([1, 2]);
    expect(supersededIn([report(1), report(2)], knowing)).toEqual([]);
  });
});

describe("an episode that the memory may lack", () => {
  test("goes on with its newest report", () => {
    expect(seqs(orphansIn([report(1), report(2, "received")], NO_MEMORY, NO_MEMORY))).toEqual([2]);
  });

  test("is the furthest and the largest, whatever the numbers of lives that jumped", () => {
    expect(seqs(orphansIn([report(1, "accepted"), report(2, "received")], NO_MEMORY, NO_MEMORY))).toEqual([
      1,
    ]);
    expect(seqs(orphansIn([report(1, "active", 3), report(2)], NO_MEMORY, NO_MEMORY))).toEqual([1]);
  });

  test("is over if its end is among the reports", () => {
    expect(orphansIn([report(1), report(2, "cleared")], NO_MEMORY, NO_MEMORY)).toEqual([]);
  });

  test("is left alone if the memory has it, or had it when this life began", () => {
    expect(orphansIn([report(1)], NO_MEMORY, knowing)).toEqual([]);
    expect(orphansIn([report(1)], knowing, NO_MEMORY)).toEqual([]);
  });
});

describe("a newer memory than that with which this life began", () => {
  const cleared: Memory = {
    ...NO_MEMORY,
    emergency: { ...NO_MEMORY.emergency, episodes: [keptEpisode(ID, "cleared")] },
  };

  test("shows that an episode has ended which it lacks, or has as cleared", () => {
    for (const newer of [NO_MEMORY, cleared])
      expect(recalledFrom(newer, knowing)).toEqual({ memory: newer, ended: [{ id: ID, presses: 1 }] });
  });

  test("shows no end of an episode that it has open, or that had ended before", () => {
    expect(recalledFrom(knowing, knowing).ended).toEqual([]);
    expect(recalledFrom(NO_MEMORY, cleared).ended).toEqual([]);
  });
});
