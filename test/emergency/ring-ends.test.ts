import { describe, expect, test } from "vitest";
import { COPIES_MAX } from "../../src/emergency/copies.ts";
import type { RingEvent } from "../../src/emergency/events.ts";
import { ENDED_MAX } from "../../src/emergency/ring.ts";
import {
  isEmergencyOpen,
  isRealEmergencyOpen,
  copiesOf,
  restore,
  toMemory,
} from "../../src/emergency/ring-state.ts";
import {
  ack,
  after,
  BROKER,
  connected,
  drill,
  from,
  kindsOf,
  lampOf,
  memoryOf,
  only,
  OTHER,
  press,
  sent,
  stored,
  tick,
} from "./ring-events.ts";

describe("a retained copy", () => {
  // Defect 18: it was noted on the PUBACK, which may be lost.
  test("on the link's broker is noted with the press, before anything is published", () => {
    const { ring, effects } = after(press(1));
    expect(copiesOf(ring, "P1")).toEqual([BROKER]);
    expect(kindsOf(effects)).not.toContain("publish");
    expect(toMemory(ring).copies).toEqual([{ episode: "P1", broker: BROKER }]);
    expect(copiesOf(after(press(1, 0, { broker: undefined })).ring, "P1")).toEqual([]);
  });

  test("on another broker is noted and stored before the episode is published there, once", () => {
    const publishing: RingEvent = { kind: "publishing", id: "P1", presses: 1, broker: OTHER };
    const { ring, effects } = after(press(1), stored(1), publishing);
    expect(effects).toEqual([{ kind: "store", generation: 2 }]);
    expect(copiesOf(ring, "P1")).toEqual([BROKER, OTHER]);
    expect(from(ring, publishing).effects).toEqual([]);
  });

  test("is removed from each broker when the episode has ended", () => {
    const { effects, ring } = after(
      press(1),
      stored(1),
      sent("P1"),
      { kind: "publishing", id: "P1", presses: 1, broker: OTHER },
      ack("P1", "cleared"),
      sent("P1", 2),
    );
    expect(effects.slice(0, 3)).toEqual([
      { kind: "forget", id: "P1" },
      { kind: "remove", id: "P1", broker: BROKER },
      { kind: "remove", id: "P1", broker: OTHER },
    ]);
    expect(kindsOf(effects).at(-1)).toBe("store");
    expect(ring.copies).toHaveLength(2);
  });

  test("is forgotten when nothing of it is left on the broker, and that is stored", () => {
    const ended = after(press(1), ack("P1", "cleared"), sent("P1", 2)).ring;
    const { ring, effects } = from(ended, { kind: "removed", id: "P1", broker: BROKER });
    expect(ring.copies).toEqual([]);
    expect(kindsOf(effects)).toEqual(["store"]);
    expect(from(ring, { kind: "removed", id: "P1", broker: BROKER }).effects).toEqual([]);
    expect(from(ended, { kind: "removed", id: "P1", broker: OTHER }).effects).toEqual([]);
    expect(from(ended, { kind: "removed", id: "P2", broker: BROKER }).effects).toEqual([]);
  });

  test("of an ended episode is removed at each new connection, and every 30 s while connected", () => {
    const ended = after(press(1), ack("P1", "cleared"), sent("P1", 2)).ring;
    const removal = { kind: "remove", id: "P1", broker: BROKER };
    const { ring, effects } = from(ended, connected(5_000));
    expect(effects).toEqual([removal]);
    expect(from(ring, tick(34_999)).effects).toEqual([]);
    expect(from(ring, tick(35_000, false)).effects).toEqual([]);
    const swept = from(ring, tick(35_000));
    expect(swept.effects).toEqual([removal]);
    expect(from(swept.ring, tick(64_999)).effects).toEqual([]);
    expect(from(swept.ring, tick(65_000)).effects).toEqual([removal]);
  });

  test("that was removed is removed once more at each new connection to its broker, which may have crashed", () => {
    const ended = after(press(1), ack("P1", "cleared"), sent("P1", 2)).ring;
    const { ring } = from(ended, { kind: "removed", id: "P1", broker: BROKER });
    const removal = { kind: "remove", id: "P1", broker: BROKER };
    expect(from(ring, connected(5_000)).effects).toEqual([removal]);
    expect(from(ring, connected(5_000), connected(9_000)).effects).toEqual([removal]);
    expect(from(ring, connected(5_000, OTHER)).effects).toEqual([]);
    // Of an episode that is published again it is not.
    expect(
      from(after(press(1)).ring, { kind: "removed", id: "P1", broker: BROKER }, connected(9)).effects,
    ).toEqual([]);
    // One that is noted again is removed once.
    const copies = [
      { episode: "P1", broker: BROKER },
      { episode: "P2", broker: BROKER },
    ];
    expect(only(from({ ...ring, copies }, connected(5_000)).effects, "remove").map(({ id }) => id)).toEqual([
      "P1",
      "P2",
    ]);
    let many = ring;
    for (let n = 0; n < 20; n++) many = from(many, { kind: "removed", id: `X${n}`, broker: BROKER }).ring;
    expect(from(many, connected(5_000)).effects).toHaveLength(16);
  });

  test("under an earlier prefix is removed there once the episode has ended, and forgotten alone", () => {
    const open = after(press(1)).ring;
    const old = { episode: "P1", broker: BROKER, prefix: "old/v1" };
    const ring = restore({ ...memoryOf(open), copies: [old] }, 0);
    expect(only(from(ring, connected(5_000)).effects, "remove")).toEqual([]);
    const ended = from(ring, ack("P1", "cleared"), sent("P1", 2), connected(5_000));
    const copy = { id: "P1", broker: BROKER, prefix: "old/v1" };
    expect(ended.effects).toEqual([
      { kind: "remove", ...copy },
      { kind: "remove", id: "P1", broker: BROKER },
    ]);
    const left = from(ended.ring, { kind: "removed", ...copy }).ring;
    expect(left.copies).toEqual([{ episode: "P1", broker: BROKER }]);
  });

  test("on a broker that is not configured any more is reported as left once, and stays noted", () => {
    const ended = after(press(1), ack("P1", "cleared"), sent("P1", 2)).ring;
    const copy = { id: "P1", broker: BROKER };
    const { ring, effects } = from(ended, { kind: "left", ...copy });
    expect(effects[0]).toEqual({ kind: "left", ...copy });
    expect(kindsOf(effects)).toEqual(["left", "store"]);
    expect(from(ring, { kind: "left", ...copy }).effects).toEqual([]);
    expect(only(from(ring, connected(5_000)).effects, "remove")).toEqual([{ kind: "remove", ...copy }]);
  });

  test("of an open episode, or of one whose end is not delivered, is left alone", () => {
    const open = after(press(1)).ring;
    expect(only(from(open, connected(5_000)).effects, "remove")).toEqual([]);
    const cleared = from(open, ack("P1", "cleared"), connected(5_000));
    expect(only(cleared.effects, "remove")).toEqual([]);
    expect(only(from(cleared.ring, tick(90_000)).effects, "remove")).toEqual([]);
  });

  test("of an open episode is kept when more than 128 are noted", () => {
    const events = Array.from({ length: COPIES_MAX }, (_, n): RingEvent => {
      return { kind: "publishing", id: `gone-${n}`, presses: 1, broker: OTHER };
    });
    const { ring } = after(drill(0), press(1, 1), press(2, 2), ...events);
    expect(ring.copies).toHaveLength(COPIES_MAX);
    expect(copiesOf(ring, "P1")).toEqual([BROKER]);
    expect(copiesOf(ring, "P2")).toEqual([BROKER]);
    expect(copiesOf(ring, "gone-0")).toEqual([]);
  });

  test("survives a restart", () => {
    const ended = after(press(1), ack("P1", "cleared"), sent("P1", 2)).ring;
    expect(from(restore(memoryOf(ended), 0), connected(0)).effects).toContainEqual({
      kind: "remove",
      id: "P1",
      broker: BROKER,
    });
  });
});

describe("an acknowledgement", () => {
  test("is reported and stored, and shown on the lamp", () => {
    const { effects, ring } = after(press(1), stored(1), sent("P1"), ack("P1", "received", 7));
    expect(kindsOf(effects)).toEqual(["report", "store"]);
    expect(lampOf(ring)).toBe("received");
    expect(ring.emergency.episodes).toMatchObject([{ by: "operator", ackAt: "2026-11-24T08:00:00.000Z" }]);
  });

  test("that changes nothing is refused with a reason", () => {
    const { effects } = after(press(1), ack("P1", "accepted"), ack("P1", "received"));
    expect(effects).toEqual([{ kind: "refused", why: "the episode is already accepted" }]);
  });

  test("of the end of an unknown episode removes it from the broker that shows it", () => {
    expect(after(ack("X", "cleared")).effects).toEqual([
      { kind: "refused", why: "no such episode is open" },
      { kind: "remove", id: "X", broker: BROKER },
      expect.objectContaining({ kind: "lamp" }),
    ]);
    expect(only(after(ack("X", "accepted")).effects, "remove")).toEqual([]);
    expect(only(after({ ...ack("X", "cleared"), broker: undefined }).effects, "remove")).toEqual([]);
    // It came with the connection that removed the copy, and would come with the next one.
    expect(only(after({ ...ack("X", "cleared"), retained: true }).effects, "remove")).toEqual([]);
    expect(only(after(press(1), ack("P1", "cleared")).effects, "remove")).toEqual([]);
  });

  test("notes the broker that the link has gone to meanwhile", () => {
    const { ring } = after(press(1), { ...ack("P1", "received"), broker: OTHER });
    expect(copiesOf(ring, "P1")).toEqual([BROKER, OTHER]);
  });
});

describe("an ended episode", () => {
  // Defect 23: merging two memories could bring it back.
  test("never comes back: neither by its press, nor by a late PUBACK, nor after a restart", () => {
    const ended = after(press(1), stored(1), sent("P1"), ack("P1", "cleared"), sent("P1", 2), stored(3)).ring;
    expect(ended.emergency.episodes).toEqual([]);
    for (const ring of [ended, restore(memoryOf(ended), 0)]) {
      expect(from(ring, press(1, 9)).ring.emergency.episodes).toEqual([]);
      expect(from(ring, sent("P1"), sent("P1", 2), stored(9)).ring.emergency.episodes).toEqual([]);
      expect(from(ring, tick(9e9)).ring.emergency.episodes).toEqual([]);
    }
  });

  test("is kept until its end is delivered, but of these no more than eight: the eldest goes", () => {
    const events = Array.from({ length: ENDED_MAX + 1 }, (_, n) => [
      press(n + 1),
      ack(`P${n + 1}`, "cleared"),
    ]).flat();
    const { ring, effects } = after(...events);
    expect(ring.emergency.episodes).toHaveLength(ENDED_MAX);
    expect(ring.emergency.episodes[0]!.id).toBe("P2");
    expect(effects).toContainEqual({ kind: "forget", id: "P1" });
    expect(effects).toContainEqual({ kind: "remove", id: "P1", broker: BROKER });
    expect(ring.unstored.map(({ id }) => id)).not.toContain("P1");
  });

  test("frees the way for a new one", () => {
    const { ring } = after(press(1), ack("P1", "cleared"), press(2));
    expect(isEmergencyOpen(ring)).toBe(true);
    expect(isRealEmergencyOpen(ring)).toBe(true);
    expect(ring.emergency.episodes.map(({ id }) => id)).toEqual(["P1", "P2"]);
  });
});
