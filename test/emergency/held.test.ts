import { describe, expect, test } from "vitest";
import { Memory, NO_MEMORY } from "../../src/domain/memory.ts";
import type { RingEvent } from "../../src/emergency/events.ts";
import { dataOf } from "../../src/emergency/report.ts";
import { areCopiesNoted, restore, type Ring } from "../../src/emergency/ring-state.ts";
import {
  ack,
  after,
  BOARD,
  BROKER,
  drill,
  from,
  kindsOf,
  lampOf,
  memoryOf,
  notStored,
  only,
  press,
  sent,
  stored,
  tick,
} from "./ring-events.ts";

const released = (number: number, heldMs: number, mono = 0, board = BOARD): RingEvent => ({
  kind: "released",
  release: { board, number, heldMs },
  mono,
});
const [one, two] = [press(1), press(2, 9)];
const heldIn = ({ emergency }: Ring) => emergency.episodes.map(({ heldMs }) => heldMs);

describe("a release of the first press", () => {
  test("is a new report once a broker has that of the press", () => {
    const { ring, effects } = after(one, stored(1), sent("P1"), released(1, 200, 250));
    expect(kindsOf(effects)).toEqual(["report", "store"]);
    const [report] = only(effects, "report");
    expect(report!.episode).toMatchObject({ revision: 2, attempt: 1, heldMs: 200, presses: 1 });
    expect(dataOf(report!.episode, {}, {})).toMatchObject({ heldMs: 200, presses: 1 });
    expect(kindsOf(from(ring, stored(2)).effects)).toEqual(["publish"]);
  });

  test("does not replace the report of the press while that is on its way: it follows", () => {
    const { ring, effects } = after(one, stored(1), released(1, 200, 250));
    expect(effects).toEqual([{ kind: "store", generation: 2 }]);
    expect(ring.emergency.episodes).toMatchObject([{ revision: 1, reach: "stored", repeatAt: 5_000 }]);
    const next = from(ring, sent("P1"));
    expect(only(next.effects, "report")).toMatchObject([{ episode: { revision: 2, heldMs: 200 } }]);
    expect(only(from(next.ring, stored(3), sent("P1", 2)).effects, "report")).toEqual([]);
  });

  test("changes neither when the press is stored and confirmed, nor when it goes out from memory", () => {
    const { ring } = after(one, released(1, 200, 900));
    expect(kindsOf(from(ring, stored(1)).effects)).toEqual(["confirm", "publish"]);
    expect(only(from(ring, tick(1_000)).effects, "publish")).toEqual([{ kind: "publish", id: "P1" }]);
    expect(only(from(ring, notStored(1)).effects, "publish")).toEqual([{ kind: "publish", id: "P1" }]);
  });

  test("that waits for the disk delays no report to a broker whose copy is noted", () => {
    const { ring } = after(one, stored(1), released(1, 200));
    expect(ring.generation).toBeGreaterThan(ring.durable);
    expect(areCopiesNoted(ring)).toBe(true);
    const elsewhere = from(ring, { kind: "publishing", id: "P1", presses: 1, broker: "mqtts://c:8883" });
    expect(areCopiesNoted(elsewhere.ring)).toBe(false);
    expect(areCopiesNoted(from(elsewhere.ring, stored(3)).ring)).toBe(true);
    expect(
      areCopiesNoted(from(ring, { kind: "publishing", id: "P1", presses: 1, broker: BROKER }).ring),
    ).toBe(true);
  });

  test("takes nothing back on the lamp, until a further press", () => {
    const { ring } = after(one, stored(1), sent("P1"), released(1, 200));
    expect(lampOf(ring)).toBe("sent");
    expect(lampOf(from(ring, stored(2)).ring)).toBe("sent");
    expect(lampOf(from(ring, two).ring)).toBe("stored");
    expect(lampOf(from(ring, two, stored(3)).ring)).toBe("stored");
    expect(lampOf(from(ring, two, stored(3), sent("P1", 3)).ring)).toBe("sent");
  });

  test.each([
    ["an acknowledgement", ack("P1", "received")],
    ["a further press", two],
    ["the end", ack("P1", "cleared")],
  ])("travels with the next change if that comes first: %s", (_, change) => {
    const { ring, effects } = after(one, stored(1), released(1, 200), change);
    expect(only(effects, "report")).toMatchObject([{ episode: { revision: 2, heldMs: 200 } }]);
    expect(only(from(ring, stored(3), sent("P1", 2)).effects, "report")).toEqual([]);
  });

  test("is a new report after an acknowledgement too", () => {
    const accepted = after(one, ack("P1", "accepted"), stored(2), sent("P1", 2), released(1, 4_000));
    expect(only(accepted.effects, "report")).toMatchObject([
      { episode: { state: "accepted", heldMs: 4_000 } },
    ]);
    expect(lampOf(accepted.ring)).toBe("accepted");
  });

  test("of a drill is reported likewise", () => {
    const { ring } = after(drill(0), press(1, 10), stored(1), sent("P1"), released(1, 300));
    expect(ring.emergency.episodes).toMatchObject([{ test: true, heldMs: 300 }]);
  });

  test("is said once: it never changes", () => {
    const { ring, effects } = after(one, released(1, 200), released(1, 900));
    expect(heldIn(ring)).toEqual([200]);
    expect(effects).toEqual([]);
  });

  test("that is not reported yet survives a restart, and so does a press that is still held", () => {
    const restarted = (...events: RingEvent[]) => {
      const disk = JSON.stringify({ ...NO_MEMORY, emergency: memoryOf(after(...events).ring) });
      return restore(Memory.parse(JSON.parse(disk)).emergency, 0);
    };
    const unsent = from(restarted(one, stored(1), released(1, 200)), sent("P1"));
    expect(only(unsent.effects, "report")).toMatchObject([{ episode: { heldMs: 200 } }]);
    const held = from(restarted(one, stored(1), sent("P1")), released(1, 4_000));
    expect(only(held.effects, "report")).toMatchObject([{ episode: { heldMs: 4_000 } }]);
  });
});

describe("a release says nothing", () => {
  test.each([
    ["of a further press", [one, two, released(2, 200)]],
    ["of a press of another board", [one, released(1, 200, 0, "0badf00d")]],
    ["of a press that opened nothing", [released(1, 200)]],
    ["of an episode that has ended", [one, ack("P1", "cleared"), released(1, 200)]],
    ["of a board without numbers", [press(0), released(0, 200)]],
    [
      "of an airbag",
      [
        { kind: "airbag", path: "A", id: "P1", pressed: { boot: 1, mono: 0, at: 0, clock: "ntp" }, mono: 0 },
        released(1, 200),
      ],
    ],
  ] satisfies [string, RingEvent[]][])("%s", (_, events) => {
    const { ring, effects } = after(...events);
    expect(kindsOf(effects)).toEqual([]);
    expect(heldIn(ring).every((heldMs) => heldMs === undefined)).toBe(true);
  });
});
