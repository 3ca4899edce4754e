import { describe, expect, test } from "vitest";
import { NO_MEMORY, type Memory } from "../../src/domain/memory.ts";
import type { EmergencyData } from "../../src/domain/report.ts";
import { orphansIn, supersededIn } from "../../src/outbox/orphans.ts";
import { emergency } from "../dispatch/reports.ts";
import { remembering } from "./kept-episode.ts";

const ID = emergency(1).data.episode;
const knowing: Memory = { ...NO_MEMORY, ...remembering(ID) };
const seqs = (reports: readonly { seq: number }[]): number[] => reports.map(({ seq }) => seq);
const report = (seq: number, state: EmergencyData["state"] = "active", presses = 1) =>
  emergency(seq, state, { presses });

describe("an episode that a whole memory does not have", () => {
  test("was published: its reports are superseded", () => {
    expect(seqs(supersededIn([report(1), report(2)], NO_MEMORY))).toEqual([1, 2]);
    expect(supersededIn([report(1), report(2)], knowing)).toEqual([]);
    expect(supersededIn([report(1), report(2)], NO_MEMORY, knowing)).toEqual([]);
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

  test("is told with its newest report if the memory has it, perhaps as it stood before", () => {
    expect(seqs(orphansIn([report(1), report(2, "cleared")], knowing, knowing))).toEqual([2]);
  });

  test("is left alone if it has ended in this life", () => {
    expect(orphansIn([report(1)], knowing, NO_MEMORY)).toEqual([]);
  });
});
