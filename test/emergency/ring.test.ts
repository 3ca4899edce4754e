import { describe, expect, test } from "vitest";
import { Memory, NO_MEMORY } from "../../src/domain/memory.ts";
import type { RingEvent } from "../../src/emergency/events.ts";
import { advance, WAITING_MAX } from "../../src/emergency/ring.ts";
import {
  AIRBAGS_MAX,
  areCopiesNoted,
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
  press,
  pressedAt,
  sent,
  stored,
  tick,
} from "./ring-events.ts";

test("a broker that refuses an emergency has shown a further press to nobody: a cleared does not end it", () => {
  const publishing = { kind: "publishing", id: "P1", presses: 2, broker: BROKER } as const;
  const cleared = ack("P1", "cleared", 70_000);
  const handed = after(press(1), stored(1), sent("P1"), press(2), stored(2), publishing).ring;
  expect(from(handed, cleared).ring.emergency.episodes).toMatchObject([{ state: "cleared" }]);
  const refused = from(handed, { kind: "refused", broker: BROKER }).ring;
  expect(from(refused, cleared).ring.emergency.episodes).toMatchObject([{ state: "active" }]);
});

describe("a press", () => {
  test("is reported, its evidence kept, and stored; not confirmed, not published", () => {
    const { effects, ring } = after(press(1));
    expect(kindsOf(effects)).toEqual(["report", "evidence", "store"]);
    expect(effects).toContainEqual({ kind: "evidence", id: "P1", test: false });
    expect(effects).toContainEqual({ kind: "store", generation: 1 });
    expect(ring.emergency.episodes).toMatchObject([{ id: "P1", button: "dash", presses: 1 }]);
    expect(areCopiesNoted(ring)).toBe(false);
  });

  test("is confirmed and published once it is on disk, in this order", () => {
    const { effects, ring } = after(press(1), stored(1));
    expect(effects.slice(0, 2)).toEqual([
      { kind: "confirm", press: boardPress(1) },
      { kind: "publish", id: "P1" },
    ]);
    expect(lampOf(ring)).toBe("stored");
    expect(areCopiesNoted(ring)).toBe(true);
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

describe("a press that grows after it was on disk, because its confirmation was lost", () => {
  const grown = (count: number, mono: number) => press(1, mono, { press: boardPress(1, { count }) });

  test("is counted by its growth, and confirmed when that is on disk", () => {
    const { ring, effects } = after(press(1), stored(1), grown(2, 200));
    expect(ring.emergency.episodes).toMatchObject([{ id: "P1", presses: 2 }]);
    expect(only(effects, "confirm")).toEqual([]);
    const confirmed = from(ring, stored(2));
    expect(only(confirmed.effects, "confirm")).toEqual([
      { kind: "confirm", press: boardPress(1, { count: 2 }) },
    ]);
    expect(kindsOf(from(confirmed.ring, grown(2, 450)).effects)).toEqual(["confirm"]);
  });

  test("after a drill opens a real episode", () => {
    const { ring } = after(drill(0), press(1, 1), stored(1), grown(2, 200));
    expect(ring.emergency.episodes).toMatchObject([
      { id: "P1", test: true, presses: 1 },
      { id: "S1", test: false, presses: 1 },
    ]);
  });

  test("is counted no second time after a restart", () => {
    const before = after(press(1), stored(1), grown(2, 200), stored(2)).ring;
    const memory = Memory.parse(JSON.parse(JSON.stringify({ ...NO_MEMORY, emergency: memoryOf(before) })));
    const ring = restore(memory.emergency, 9);
    expect(kindsOf(from(ring, grown(2, 10)).effects)).toEqual(["confirm"]);
    expect(from(ring, grown(3, 10)).ring.emergency.episodes).toMatchObject([{ presses: 3 }]);
  });

  test("waits on the board if too many presses wait for the disk", () => {
    const others = Array.from({ length: WAITING_MAX }, (_, n) =>
      press(n + 1, 0, { press: boardPress(n + 1, { board: "cafecafe" }) }),
    );
    const full = after(press(1), stored(1), ...others);
    const { ring, effects } = from(full.ring, grown(2, 10));
    expect(effects).toEqual([]);
    expect(ring).toBe(full.ring);
  });
});

test("the time of a press that becomes known is stored, and makes no report", () => {
  const unset = { ...pressedAt(5), clock: "unset" } as const;
  const pressed = { ...pressedAt(5), at: 7_000_000 };
  const { ring } = after(
    drill(0),
    press(1, 5, { pressed: unset }),
    press(2, 6, { pressed: unset }),
    stored(2),
  );
  const timed = from(ring, { kind: "timed", id: "P1", pressed });
  expect(kindsOf(timed.effects)).toEqual(["store"]);
  expect(timed.ring.emergency.episodes).toMatchObject([
    { id: "P1", pressed, revision: 1 },
    { id: "P2", pressed: unset },
  ]);
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
  const why = (...events: RingEvent[]) =>
    only(after(...events).effects, "drill-refused").map((one) => one.why);

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

  test("is refused to a technician while a drill is open: the press would count in that one", () => {
    expect(why(drill(0), press(1, 5), drill(10))).toEqual([expect.stringMatching(/^a drill is open: /)]);
    expect(after(drill(0), press(1, 5), drill(10)).ring.emergency.drillUntil).toBeUndefined();
    // Dispatch is limited by its 10 minutes only (contract §5).
    expect(why(drill(0), press(1, 5), asked(10))).toEqual([]);
    expect(why(drill(0), press(1, 5), ack("P1", "cleared"), drill(10))).toEqual([]);
  });

  test("can be asked for by dispatch once in 10 minutes, also across a restart", () => {
    const limit = "dispatch may ask for one drill in 10 minutes";
    const { ring, effects } = after(asked(0));
    expect(kindsOf(effects)).toEqual(["store"]);
    for (const now of [ring, restore(memoryOf(ring), 0)]) {
      expect(only(from(now, asked(599_999)).effects, "drill-refused")).toEqual([
        { kind: "drill-refused", why: limit },
      ]);
      expect(only(from(now, asked(600_000)).effects, "drill-refused")).toEqual([]);
    }
    expect(why(asked(0), asked(-599_999))).toEqual([limit]);
    expect(why(asked(0), asked(-600_000))).toEqual([]);
  });

  test("that dispatch was refused does not count", () => {
    const refused = after(press(1), asked(0), ack("P1", "cleared"), asked(1));
    expect(only(refused.effects, "drill-refused")).toEqual([]);
  });

  test("can be asked for in the car as often as needed, also after dispatch has asked", () => {
    expect(why(asked(0), drill(1))).toEqual([]);
    expect(why(drill(0), drill(1))).toEqual([]);
    expect(toMemory(after(drill(0)).ring)).not.toHaveProperty("drillAskedAt");
  });

  test("asked for by dispatch while a drill is open makes the next press one more of it", () => {
    const { ring } = after(drill(0), press(1, 1), asked(2), press(2, 3));
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
    const { ring: answered } = after(drill(0), press(1, 0), ack("P1", "received"), stored(3));
    const { ring, effects } = from(answered, tick(600_000, false));
    expect(ring.emergency.episodes).toMatchObject([{ state: "cleared", by: "unit" }]);
    expect(ring.emergency.episodes[0]!.ackAt).toBeUndefined();
    expect(kindsOf(effects)).toEqual(["report", "store"]);
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
