import { describe, expect, test } from "vitest";
import { COPIES_MAX } from "../../src/emergency/copies.ts";
import type { RingEvent } from "../../src/emergency/events.ts";
import { advance, AIRBAGS_MAX, ENDED_MAX, WAITING_MAX } from "../../src/emergency/ring.ts";
import {
  isDurable,
  isEmergencyOpen,
  isRealEmergencyOpen,
  NO_RING,
  copiesOf,
  restore,
  toMemory,
} from "../../src/emergency/ring-state.ts";
import {
  ack,
  after,
  BOARD,
  boardPress,
  BROKER,
  connected,
  drill,
  from,
  kindsOf,
  lampOf,
  memoryOf,
  notStored,
  only,
  OTHER,
  press,
  pressedAt,
  sent,
  stored,
  tick,
} from "./ring-events.ts";

describe("a press", () => {
  test("is reported, its evidence kept, and stored; not confirmed, not published", () => {
    const { effects, ring } = after(press(1));
    expect(kindsOf(effects)).toEqual(["report", "evidence", "store"]);
    expect(effects).toContainEqual({ kind: "evidence", id: "P1", test: false });
    expect(effects).toContainEqual({ kind: "store", generation: 1 });
    expect(ring.emergency.episodes).toMatchObject([{ id: "P1", button: "dash", presses: 1 }]);
    expect(isDurable(ring)).toBe(false);
  });

  test("is confirmed and published once it is on disk, in this order", () => {
    const { effects, ring } = after(press(1), stored(1));
    expect(effects.slice(0, 2)).toEqual([
      { kind: "confirm", press: boardPress(1) },
      { kind: "publish", id: "P1" },
    ]);
    expect(lampOf(ring)).toBe("stored");
    expect(isDurable(ring)).toBe(true);
    expect(kindsOf(from(ring, stored(1)).effects)).toEqual([]);
  });

  test("is not confirmed by what was stored before it", () => {
    const { effects, ring } = after(press(1), press(2), stored(1));
    expect(only(effects, "confirm")).toEqual([{ kind: "confirm", press: boardPress(1) }]);
    expect(only(from(ring, stored(2)).effects, "confirm")).toEqual([
      { kind: "confirm", press: boardPress(2) },
    ]);
  });

  test("that is on disk has the lamp show it, though a further press still waits for the disk", () => {
    const { effects, ring } = after(press(1), press(2), stored(1));
    expect(only(effects, "lamp")).toMatchObject([{ lamp: { pattern: "stored" } }]);
    expect(lampOf(ring)).toBe("stored");
  });

  // Defect 1: an exception between counting and storing had the repeated press confirmed with nothing on disk.
  test("that is repeated before it is on disk is never confirmed: storing is tried again", () => {
    const { effects } = after(press(1), press(1, 40));
    expect(effects).toEqual([{ kind: "store", generation: 1 }]);
    expect(kindsOf(after(press(1), notStored(1), press(1, 40)).effects)).toEqual(["store"]);
  });

  test("that is repeated when it is on disk is confirmed again, and counted no second time", () => {
    const { effects, ring } = after(press(1), stored(1), press(1, 40));
    expect(effects).toEqual([{ kind: "confirm", press: boardPress(1) }]);
    expect(ring.emergency.episodes).toMatchObject([{ presses: 1 }]);
  });

  test("in an open episode counts there, with its button", () => {
    const { ring, effects } = after(press(1), stored(1), press(2, 9, { button: "boot" }));
    expect(only(effects, "report")).toMatchObject([
      { episode: { id: "P1", presses: 2, buttons: ["dash", "boot"], revision: 2 } },
    ]);
    expect(ring.emergency.episodes).toHaveLength(1);
    expect(only(effects, "evidence")).toEqual([{ kind: "evidence", id: "P1", test: false }]);
  });

  test("of a board without a latch is counted each time and waits for no confirmation", () => {
    const unlatched: Partial<RingEvent & { kind: "press" }> = { press: boardPress(0) };
    const { ring } = after(press(0, 0, unlatched), press(0, 1, unlatched));
    expect(ring.emergency.episodes).toMatchObject([{ presses: 2 }]);
    expect(ring.waiting).toEqual([]);
    expect(ring.presses).toEqual([]);
    expect(only(from(ring, stored(2)).effects, "confirm")).toEqual([]);
  });

  test("that stands for none is counted as one: an episode without a press could not be read back", () => {
    const { ring } = after(press(1, 0, { press: boardPress(1, { count: 0 }) }));
    expect(ring.emergency.episodes).toMatchObject([{ presses: 1 }]);
  });

  test("takes another id if an episode has its own already", () => {
    const ended = after(press(1), ack("P1", "cleared")).ring;
    const { ring } = from({ ...ended, presses: [] }, press(1, 9));
    expect(ring.emergency.episodes.map(({ id, state }) => [id, state])).toEqual([
      ["P1", "cleared"],
      ["S1", "active"],
    ]);
  });
});

describe("a board whose sixteen places are full", () => {
  const grown = (count: number, mono: number) => press(16, mono, { press: boardPress(16, { count }) });

  test("counts further presses in the newest: each growth is counted once", () => {
    const { ring } = after(press(16), grown(3, 10), grown(3, 20), grown(4, 30));
    expect(ring.emergency.episodes).toMatchObject([{ id: "P16", presses: 4 }]);
    expect(ring.waiting).toHaveLength(1);
  });

  test("is confirmed only when the growth is on disk, too", () => {
    const { ring, effects } = after(press(16), grown(3, 10), stored(1));
    expect(only(effects, "confirm")).toEqual([]);
    expect(only(from(ring, stored(2)).effects, "confirm")).toEqual([
      { kind: "confirm", press: boardPress(16, { count: 3 }) },
    ]);
  });

  test("opens a new episode, with an id of its own, if the first has been cleared meanwhile", () => {
    const { ring } = after(press(16), notStored(1), sent("P16"), ack("P16", "cleared"), sent("P16", 2));
    const again = from(ring, grown(2, 10));
    expect(again.ring.emergency.episodes).toMatchObject([{ id: "S16", presses: 1, state: "active" }]);
  });
});

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

  test("is asked again each second, though no board repeats an airbag", () => {
    const { ring } = after(press(1), notStored(1));
    expect(kindsOf(from(ring, tick(999, false)).effects)).toEqual([]);
    const again = from(ring, tick(1_000, false));
    expect(again.effects).toContainEqual({ kind: "store", generation: 1 });
    expect(kindsOf(from(again.ring, tick(1_250, false)).effects)).toEqual([]);
    expect(kindsOf(from(again.ring, stored(1), tick(9_000, false)).effects)).toEqual([]);
  });

  test("is not asked again if no press waits for it", () => {
    const { ring } = after({ kind: "publishing", id: "X", broker: BROKER }, notStored(1));
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
    const publishing: RingEvent = { kind: "publishing", id: "P1", broker: OTHER };
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
      { kind: "publishing", id: "P1", broker: OTHER },
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

  test("of an open episode, or of one whose end is not delivered, is left alone", () => {
    const open = after(press(1)).ring;
    expect(only(from(open, connected(5_000)).effects, "remove")).toEqual([]);
    const cleared = from(open, ack("P1", "cleared"), connected(5_000));
    expect(only(cleared.effects, "remove")).toEqual([]);
    expect(only(from(cleared.ring, tick(90_000)).effects, "remove")).toEqual([]);
  });

  test("of an open episode is kept when more than 128 are noted", () => {
    const events = Array.from({ length: COPIES_MAX }, (_, n): RingEvent => {
      return { kind: "publishing", id: `gone-${n}`, broker: OTHER };
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

describe("an airbag", () => {
  const airbag = (path: string, mono = 0): RingEvent => ({
    kind: "airbag",
    path,
    id: `A-${path}`,
    pressed: pressedAt(mono),
    mono,
    broker: BROKER,
  });

  test("opens an emergency that makes a sound, once while it stays fired", () => {
    const { effects, ring } = after(airbag("Front"));
    expect(kindsOf(effects)).toEqual(["report", "evidence", "store"]);
    expect(ring.emergency.episodes).toMatchObject([
      { id: "A-Front", button: "airbag", presses: 1, silent: false, dark: false, test: false },
    ]);
    expect(copiesOf(ring, "A-Front")).toEqual([BROKER]);
    expect(from(ring, airbag("Front", 9)).effects).toEqual([]);
    expect(from(ring, airbag("Side", 9)).ring.emergency.episodes).toMatchObject([{ presses: 2 }]);
  });

  test("that has fired does not fire again after a restart, until it was rearmed", () => {
    const fired = after(airbag("Front"), ack("A-Front", "cleared"), sent("A-Front", 2)).ring;
    const ring = restore(memoryOf(fired), 0);
    expect(from(ring, airbag("Front")).ring.emergency.episodes).toEqual([]);
    const rearmed = from(ring, { kind: "airbag-rearmed", path: "Front" });
    expect(kindsOf(rearmed.effects)).toEqual(["store"]);
    expect(from(rearmed.ring, airbag("Front")).ring.emergency.episodes).toHaveLength(1);
    const both = from(ring, airbag("Side"), { kind: "airbag-rearmed", path: "Front" });
    expect(both.ring.airbags).toEqual(["Side"]);
    expect(from(ring, { kind: "airbag-rearmed", path: "Side" }).ring).toMatchObject({ airbags: ["Front"] });
    expect(kindsOf(from(ring, { kind: "airbag-rearmed", path: "Side" }).effects)).toEqual([]);
  });

  test("is never a drill", () => {
    expect(after(drill(0), airbag("Front", 1)).ring.emergency.episodes).toMatchObject([{ test: false }]);
  });

  test("is remembered with at most 32 others", () => {
    const { ring } = after(...Array.from({ length: AIRBAGS_MAX + 1 }, (_, n) => airbag(`n${n}`)));
    expect(ring.airbags).toHaveLength(AIRBAGS_MAX);
    expect(ring.airbags[0]).toBe("n1");
  });
});

describe("a board", () => {
  const hello = (lastNumber: number): RingEvent => ({ kind: "hello", board: BOARD, lastNumber });

  test("that says what is known changes nothing", () => {
    expect(kindsOf(after(press(3), hello(3)).effects)).toEqual([]);
    expect(kindsOf(after(hello(3)).effects)).toEqual([]);
  });

  test("that has lost its memory begins anew: its first press is one", () => {
    const { ring, effects } = after(press(3), stored(1), hello(0));
    expect(kindsOf(effects)).toEqual(["store"]);
    expect(from(ring, press(1)).ring.emergency.episodes).toMatchObject([{ presses: 2 }]);
  });

  test("that has lost its memory while the disk failed is confirmed each press once", () => {
    const { ring } = after(press(1), notStored(1), hello(0), press(1, 5));
    expect(ring.waiting).toHaveLength(1);
    expect(ring.emergency.episodes).toMatchObject([{ presses: 2 }]);
    expect(only(from(ring, stored(2)).effects, "confirm")).toEqual([]);
    expect(only(from(ring, stored(3)).effects, "confirm")).toHaveLength(1);
  });
});

describe("a drill", () => {
  const asked = (ms: number): RingEvent => drill(0, Date.UTC(2026, 10, 25) + ms);
  const why = (...events: RingEvent[]) => only(after(...events).effects, "refused").map((one) => one.why);

  test("asked for in the car makes the next press one, stores nothing, and can be called off", () => {
    const { ring, effects } = after(drill(0));
    expect(kindsOf(effects)).toEqual([]);
    expect(from(ring, press(1, 5)).ring.emergency.episodes).toMatchObject([{ test: true }]);
    expect(isRealEmergencyOpen(from(ring, press(1, 5)).ring)).toBe(false);
    expect(isEmergencyOpen(from(ring, press(1, 5)).ring)).toBe(true);
    expect(isEmergencyOpen(ring)).toBe(false);
    expect(from(ring, { kind: "no-drill" }).effects).toEqual([]);
    const off = from(ring, { kind: "no-drill" }, press(1, 5));
    expect(off.ring.emergency.episodes).toMatchObject([{ test: false }]);
  });

  test("is refused while a real emergency is open, whoever asks", () => {
    const open = "an emergency is open, so no press can be a drill";
    expect(why(press(1), drill(0))).toEqual([open]);
    expect(why(press(1), asked(0))).toEqual([open]);
    expect(after(press(1), drill(0)).ring.emergency.drillUntil).toBeUndefined();
    expect(why(press(1), ack("P1", "cleared"), drill(0))).toEqual([]);
  });

  test("can be asked for by dispatch once in 10 minutes, also across a restart", () => {
    const limit = "dispatch may ask for one drill in 10 minutes";
    const { ring, effects } = after(asked(0));
    expect(kindsOf(effects)).toEqual(["store"]);
    for (const now of [ring, restore(memoryOf(ring), 0)]) {
      expect(only(from(now, asked(599_999)).effects, "refused")).toEqual([{ kind: "refused", why: limit }]);
      expect(only(from(now, asked(600_000)).effects, "refused")).toEqual([]);
    }
    expect(why(asked(0), asked(-599_999))).toEqual([limit]);
    expect(why(asked(0), asked(-600_000))).toEqual([]);
  });

  test("that dispatch was refused does not count", () => {
    const refused = after(press(1), asked(0), ack("P1", "cleared"), asked(1));
    expect(only(refused.effects, "refused")).toEqual([]);
  });

  test("can be asked for in the car as often as needed, also after dispatch has asked", () => {
    expect(why(asked(0), drill(1))).toEqual([]);
    expect(why(drill(0), drill(1))).toEqual([]);
    expect(toMemory(after(drill(0)).ring)).not.toHaveProperty("drillAskedAt");
  });

  test("asked for while a drill is open makes the next press one more of it", () => {
    const { ring } = after(drill(0), press(1, 1), drill(2), press(2, 3));
    expect(ring.emergency.episodes).toMatchObject([{ id: "P1", test: true, presses: 2 }]);
  });

  // Defect 26.
  test("is no press of unknown age, and none that stands for several", () => {
    const old = after(drill(0), press(1, 1, { pressed: undefined }));
    expect(old.ring.emergency.episodes).toMatchObject([{ test: false }]);
    const several = after(drill(0), press(1, 1, { press: boardPress(1, { count: 2 }) }));
    expect(several.ring.emergency.episodes).toMatchObject([{ test: false, presses: 2 }]);
  });

  test("is no press that the board repeats from before it was asked for", () => {
    const { ring } = after(press(1), stored(1), ack("P1", "cleared"), sent("P1", 2), drill(10), press(1, 20));
    expect(ring.emergency.episodes).toEqual([]);
    expect(ring.emergency.drillUntil).toBeDefined();
  });

  test("and a real episode side by side end each for itself", () => {
    const { ring } = after(drill(0), press(1, 1), press(2, 2), ack("P1", "cleared"), sent("P1", 2));
    expect(ring.emergency.episodes).toMatchObject([{ id: "P2", test: false }]);
  });

  test("that ended by itself says that the unit ended it, without a time of dispatch", () => {
    const { ring, effects } = after(drill(0), press(1, 0), ack("P1", "received"), tick(600_000, false));
    expect(ring.emergency.episodes).toMatchObject([{ state: "cleared", by: "unit" }]);
    expect(ring.emergency.episodes[0]!.ackAt).toBeUndefined();
    expect(kindsOf(effects)).toEqual(["report", "store"]);
  });
});

describe("the lamp", () => {
  const listening = (is: boolean, mono: number): RingEvent => ({ kind: "listening", listening: is, mono });
  const fault = (part: string, faulty: boolean): RingEvent => ({ kind: "fault", part, faulty });

  test("is shown when it changes, and only then", () => {
    const { ring, effects } = after(tick(0));
    expect(effects).toEqual([{ kind: "lamp", lamp: { pattern: "idle", quiet: false, drill: false } }]);
    expect(from(ring, tick(1)).effects).toEqual([]);
    expect(only(from(ring, drill(1), press(1, 2), stored(1)).effects, "lamp")).toEqual([
      { kind: "lamp", lamp: { pattern: "stored", quiet: false, drill: true } },
    ]);
    const quiet = from(ring, drill(1), press(1, 2, { silent: true }), stored(1));
    expect(only(quiet.effects, "lamp")).toMatchObject([{ lamp: { quiet: true } }]);
  });

  test("changes from a drill to the real thing, though both are stored", () => {
    const both = after(drill(0), press(1, 1), stored(1), press(2, 2), stored(2));
    expect(both.ring.lamp).toEqual({ pattern: "stored", quiet: false, drill: false });
  });

  test("changes for the sounder and for the drill alone", () => {
    const silent = after(press(1, 0, { silent: true }), ack("P1", "received"), press(2, 1));
    expect(only(silent.effects, "lamp")).toEqual([
      { kind: "lamp", lamp: { pattern: "received", quiet: false, drill: false } },
    ]);
    const real = after(drill(0), press(1, 1), ack("P1", "received"), press(2, 2), ack("P2", "received"));
    expect(real.ring.lamp).toEqual({ pattern: "received", quiet: false, drill: false });
    const over = from(real.ring, ack("P2", "cleared"));
    expect(only(over.effects, "lamp")).toEqual([
      { kind: "lamp", lamp: { pattern: "received", quiet: false, drill: true } },
    ]);
  });

  test("says no-link when nobody has listened for a minute, and idle when somebody does", () => {
    const { ring } = after(listening(false, 100), listening(false, 50_000), tick(60_099));
    expect(lampOf(ring)).toBe("idle");
    expect(from(ring, listening(false, 60_050)).effects).toEqual([]);
    const alone = from(ring, tick(60_100));
    expect(lampOf(alone.ring)).toBe("no-link");
    expect(lampOf(from(alone.ring, listening(true, 60_200)).ring)).toBe("idle");
    expect(lampOf(from(alone.ring, listening(true, 60_200), listening(false, 60_300)).ring)).toBe("idle");
  });

  test("says no-link a minute after a start at which nobody was reached", () => {
    const ring = restore(memoryOf(NO_RING), 500);
    expect(lampOf(from(ring, tick(60_499)).ring)).toBe("idle");
    expect(lampOf(from(ring, tick(60_500)).ring)).toBe("no-link");
  });

  test("shows a fault until the last one is over", () => {
    const { ring } = after(fault("loop 0", true), fault("outbox", true), fault("loop 0", true));
    expect(lampOf(ring)).toBe("fault");
    expect(lampOf(from(ring, fault("loop 0", false)).ring)).toBe("fault");
    expect(lampOf(from(ring, fault("outbox", false)).ring)).toBe("fault");
    expect(from(ring, fault("loop 0", false)).ring.faults).toEqual(["outbox"]);
    expect(from(ring, fault("loop 0", true)).effects).toEqual([]);
    expect(lampOf(from(ring, fault("loop 0", false), fault("outbox", false)).ring)).toBe("idle");
  });
});

describe("after a restart", () => {
  test("the ring goes on with everything that was on disk", () => {
    const before = after(press(1), press(2), stored(2), sent("P1", 2)).ring;
    const ring = restore(memoryOf(before), 9);
    expect(ring.emergency.episodes).toMatchObject([{ id: "P1", presses: 2, reach: "sent" }]);
    expect(lampOf(from(ring, tick(9)).ring)).toBe("sent");
    expect(kindsOf(from(ring, press(2, 10)).effects)).toEqual(["confirm"]);
    expect(kindsOf(from(ring, press(3, 10)).effects)).toEqual(["report", "evidence", "store"]);
    expect(toMemory(ring)).toEqual(toMemory(before));
  });

  test("a press that was not on disk is counted again when the board repeats it, under the same id", () => {
    const before = after(press(1), notStored(1)).ring;
    const ring = restore(memoryOf(NO_RING), 0);
    expect(before.emergency.episodes).toMatchObject([{ id: "P1" }]);
    expect(from(ring, press(1)).ring.emergency.episodes).toMatchObject([{ id: "P1", presses: 1 }]);
  });

  test("an answered episode is not repeated, an active one is", () => {
    const active = restore(memoryOf(after(press(1)).ring), 0);
    expect(kindsOf(from(active, tick(5_000)).effects)).toEqual(["repeat"]);
    const answered = restore(memoryOf(after(press(1), ack("P1", "received")).ring), 0);
    expect(kindsOf(from(answered, tick(5_000)).effects)).toEqual([]);
  });
});

test("a tick or a PUBACK never confirms anything, whatever waits", () => {
  const { ring } = after(press(1), press(2), notStored(2));
  for (const event of [tick(1e9), connected(1e9), sent("P1", 2), ack("P1", "cleared")])
    expect(only(advance(ring, event, 1e9).effects, "confirm")).toEqual([]);
});
