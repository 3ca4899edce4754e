import { describe, expect, test } from "vitest";
import { WAITING_MAX } from "../../src/emergency/ring.ts";
import {
  ack,
  after,
  boardPress,
  BROKER,
  drill,
  from,
  kindsOf,
  lampOf,
  notStored,
  only,
  press,
  sent,
  stored,
  tick,
} from "./ring-events.ts";

describe("a disk that fails", () => {
  test("does not hold back an emergency: it goes out from memory, once", () => {
    const { effects, ring } = after(press(1), notStored(1));
    expect(only(effects, "publish")).toEqual([{ kind: "publish", id: "P1" }]);
    expect(only(effects, "confirm")).toEqual([]);
    expect(only(from(ring, notStored(1)).effects, "publish")).toEqual([]);
  });

  test("that does not answer within a second is not waited for", () => {
    const { ring } = after(press(1, 0));
    expect(only(from(ring, tick(999)).effects, "publish")).toEqual([]);
    const late = from(ring, tick(1_000, false));
    expect(only(late.effects, "publish")).toEqual([{ kind: "publish", id: "P1" }]);
    expect(only(from(late.ring, tick(1_250)).effects, "publish")).toEqual([]);
  });

  test("is not waited for longer because further presses come", () => {
    const { ring } = after(press(1, 0), press(2, 500), press(3, 999));
    expect(only(from(ring, tick(1_000)).effects, "publish")).toEqual([{ kind: "publish", id: "P1" }]);
    const { ring: late } = from(ring, tick(1_000), press(4, 1_200), press(5, 1_900));
    expect(only(from(late, tick(2_199)).effects, "publish")).toEqual([]);
    expect(only(from(late, tick(2_200)).effects, "publish")).toEqual([{ kind: "publish", id: "P1" }]);
  });

  test("is asked again each second, though no board repeats an airbag", () => {
    const { ring } = after(press(1), notStored(1));
    expect(kindsOf(from(ring, tick(999, false)).effects)).toEqual([]);
    const again = from(ring, tick(1_000, false));
    expect(again.effects).toContainEqual({ kind: "store", generation: 1 });
    expect(kindsOf(from(again.ring, tick(1_250, false)).effects)).toEqual([]);
    expect(kindsOf(from(again.ring, stored(1), tick(9_000, false)).effects)).toEqual([]);
  });

  test("is not asked again if no press waits for it", () => {
    const { ring } = after({ kind: "publishing", id: "X", presses: 1, broker: BROKER }, notStored(1));
    expect(kindsOf(from(ring, tick(9_000, false)).effects)).toEqual([]);
  });

  test("and works again confirms what waited, and publishes nothing that a broker has", () => {
    const { effects, ring } = after(press(1), notStored(1), sent("P1"), stored(1));
    expect(kindsOf(effects)).toEqual(["confirm"]);
    expect(lampOf(ring)).toBe("sent");
  });

  test("holds each episode by itself: the newest revision of each waits, once", () => {
    const { ring } = after(drill(0), press(1, 1), press(2, 2), ack("P1", "received"), tick(1_500));
    expect(ring.unstored.map(({ id, revision, generation }) => [id, revision, generation])).toEqual([
      ["P2", 1, 2],
      ["P1", 2, 3],
    ]);
    const first = from(ring, stored(2));
    expect(only(first.effects, "publish")).toEqual([{ kind: "publish", id: "P2" }]);
    expect(first.ring.unstored.map(({ id }) => id)).toEqual(["P1"]);
    const ended = from(ring, ack("P1", "cleared"), sent("P1", 3));
    expect(ended.ring.unstored.map(({ id }) => id)).toEqual(["P2"]);
  });

  test("that refused an older generation holds back what has been asked for since", () => {
    const { ring, effects } = after(drill(0), press(1, 1), press(2, 2), notStored(1));
    expect(only(effects, "publish")).toEqual([{ kind: "publish", id: "P1" }]);
    expect(only(from(ring, notStored(2)).effects, "publish")).toEqual([{ kind: "publish", id: "P2" }]);
  });

  test("is not waited for at the end of a drill either", () => {
    const { ring } = after(drill(0), press(1, 0), stored(1), tick(600_000, false));
    expect(only(from(ring, tick(600_999, false)).effects, "publish")).toEqual([]);
    expect(only(from(ring, tick(601_000, false)).effects, "publish")).toEqual([
      { kind: "publish", id: "P1" },
    ]);
  });

  test("keeps the presses of two boards with the same number apart", () => {
    const other = press(1, 1, { press: boardPress(1, { board: "1a2b3c4d" }), id: "Q1" });
    const { ring, effects } = after(press(1), other, stored(1));
    expect(only(effects, "confirm")).toEqual([{ kind: "confirm", press: boardPress(1) }]);
    expect(ring.waiting).toHaveLength(1);
    expect(from(ring, other).effects).toEqual([{ kind: "store", generation: 2 }]);
  });

  test("leaves nothing of an episode that ended meanwhile", () => {
    const { ring } = after(press(1), notStored(1), sent("P1"), ack("P1", "cleared"), sent("P1", 2));
    expect(ring.unstored).toEqual([]);
    expect(ring.emergency.episodes).toEqual([]);
    expect(ring.waiting).toHaveLength(1);
  });

  test("keeps at most 64 presses waiting: a further one is left to its board", () => {
    const presses = Array.from({ length: WAITING_MAX }, (_, n) => press(n + 1));
    const { ring } = after(...presses);
    const full = from(ring, press(WAITING_MAX + 1));
    expect(full).toMatchObject({ ring: { waiting: { length: WAITING_MAX } }, effects: [] });
    const { ring: freed } = from(full.ring, stored(WAITING_MAX));
    expect(only(from(freed, press(WAITING_MAX + 1)).effects, "report")).toHaveLength(1);
  });
});
