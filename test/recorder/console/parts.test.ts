import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { EpisodeView } from "../../../src/domain/fleet.ts";
import { judgeAck } from "../../../src/recorder/console/acknowledge.ts";
import { History, Thinner, TrackQuestion } from "../../../src/recorder/console/history.ts";
import { rangeOf } from "../../../src/recorder/console/tiles.ts";
import { UNIT } from "../reports.ts";
import { EPISODE, openBench } from "./messages.ts";

describe("an acknowledgement", () => {
  const episodeIn = (...states: string[]): EpisodeView => {
    const bench = openBench();
    for (const [n, state] of states.entries()) bench.emergency(n + 1, { state });
    return bench.episode()!;
  };
  const judge = (stage: "received" | "accepted" | "cleared", episode?: EpisodeView, by?: string) =>
    judgeAck({ unit: UNIT, episode: EPISODE, stage }, episode, by);

  test("needs an operator", () => {
    expect(judge("accepted", episodeIn("active"))).toMatchObject({ kind: "refuse", status: 403 });
  });

  test("needs an emergency that is known here", () => {
    expect(judge("accepted", undefined, "Ana")).toMatchObject({ kind: "refuse", status: 404 });
  });

  test.each([
    ["received", ["active"]],
    ["accepted", ["active"]],
    ["accepted", ["active", "received"]],
    ["cleared", ["active", "accepted"]],
    // A further press after it was accepted: INTEGRATOR.md has the dispatcher clear it again.
    ["cleared", ["active", "accepted", "active"]],
  ] as const)("%s is published after %s", (stage, states) => {
    expect(judge(stage, episodeIn(...states), "Ana")).toEqual({ kind: "publish", stage, by: "Ana" });
  });

  test.each([
    ["received", ["received"], "the emergency is received already"],
    ["received", ["accepted"], "the emergency is accepted already"],
    ["cleared", ["active"], "the emergency must be accepted before it is cleared"],
    ["cleared", ["received"], "the emergency must be accepted before it is cleared"],
    ["accepted", ["cleared"], "the emergency has ended"],
  ] as const)("%s is refused after %s", (stage, states, reason) => {
    expect(judge(stage, episodeIn(...states), "Ana")).toEqual({ kind: "refuse", status: 409, reason });
  });
});

describe("a range of a file", () => {
  test.each([
    ["bytes=0-126", { from: 0, to: 126 }],
    ["bytes=10-", { from: 10, to: 999 }],
    ["bytes=900-5000", { from: 900, to: 999 }],
  ])("%s is cut at the end of the file", (header, range) => {
    expect(rangeOf(header, 1_000)).toEqual(range);
  });

  test.each([undefined, "bytes=1000-", "bytes=5-4", "bytes=-5", "bytes=0-1,5-6", "lines=0-1", "bytes=a-b"])(
    "%s is none",
    (header) => {
      expect(rangeOf(header, 1_000)).toBeUndefined();
    },
  );

  test("has at most 4 MiB", () => {
    expect(rangeOf("bytes=0-", 1e10)).toEqual({ from: 0, to: 4 * 1024 * 1024 - 1 });
  });
});

describe("a track", () => {
  const point = (at: number) => ({ lat: 45, lon: 20, at });

  test("is thinned evenly when it has more points than fit", () => {
    const thinner = new Thinner(4);
    for (let at = 0; at < 10; at++) thinner.add(point(at));
    expect(thinner.points.map(({ at }) => at)).toEqual([0, 4, 8]);
    expect(thinner.isCut).toBe(true);
  });

  test("keeps its gaps when it is thinned", () => {
    const thinner = new Thinner(4);
    for (let at = 0; at < 8; at++) {
      if (at === 1) thinner.gap();
      thinner.add(point(at));
    }
    expect(thinner.points.map(({ at, isGap = false }) => [at, isGap])).toEqual([
      [0, false],
      [2, true],
      [4, false],
      [6, false],
    ]);
  });

  test("is asked for at most seven days", () => {
    const ask = (from: number, to: number, unit = UNIT) =>
      TrackQuestion.safeParse({ unit, from, to }).success;
    expect(ask(0, 7 * 24 * 3_600_000)).toBe(true);
    expect(ask(0, 7 * 24 * 3_600_000 + 1)).toBe(false);
    expect(ask(2, 1)).toBe(false);
    expect(ask(0, 1, "--into=sqlite:/etc/passwd")).toBe(false);
  });

  test("is read for one question after the other, and a tenth that waits is refused", async () => {
    let open = 0;
    let most = 0;
    const history = new History(async function* () {
      most = Math.max(most, ++open);
      await sleep(1);
      yield JSON.stringify({ at: new Date(5).toISOString(), data: { lat: 45, lon: 20 } });
      open--;
    });
    const ask = () => history.ask({ unit: UNIT, from: 0, to: 9 }, new AbortController().signal);
    const answers = Array.from({ length: 10 }, ask);
    expect(answers.at(-1)).toBeUndefined();
    const all = await Promise.all(answers.slice(0, -1).map((answer) => answer!));
    expect(all[0]).toEqual({ from: 0, to: 9, points: [{ lat: 45, lon: 20, at: 5 }], isCut: false });
    expect(most).toBe(1);
  });

  test("that fails does not keep the next question from its answer", async () => {
    let isBroken = true;
    const history = new History(async function* () {
      if (isBroken) throw new Error("the disk is gone");
      yield JSON.stringify({ gap: { count: 1 } });
    });
    const ask = () => history.ask({ unit: UNIT, from: 0, to: 9 }, new AbortController().signal)!;
    await expect(ask()).rejects.toThrow("the disk is gone");
    isBroken = false;
    await expect(ask()).resolves.toMatchObject({ points: [] });
  });
});
