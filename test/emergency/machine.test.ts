import { describe, expect, test } from "vitest";
import { type Pressed } from "../../src/domain/episode.ts";
import {
  advance,
  DRILL_ENDS_MS,
  DRILL_MS,
  REPEAT_MS,
  restore,
  type Emergency,
  type EpisodeEvent,
} from "../../src/emergency/machine.ts";
import { pressedAt, pressEvent, drill, ack, tick, after, stored, sent } from "./machine-events.ts";

describe("a press", () => {
  test("opens an episode, to be stored as a report", () => {
    const { effects } = after(pressEvent("A", 10));
    expect(effects).toEqual([
      {
        kind: "report",
        episode: {
          id: "A",
          test: false,
          button: "dash",
          buttons: ["dash"],
          silent: false,
          dark: false,
          pressed: pressedAt(10),
          presses: 1,
          state: "active",
          safe: false,
          revision: 1,
          reach: "made",
          attempt: 1,
          repeatAt: 10 + REPEAT_MS,
        },
      },
    ]);
  });

  test("in an open episode counts there and is a new report at once", () => {
    const { effects, emergency } = after(pressEvent("A", 0), sent("A"), pressEvent("B", 7, { count: 2 }));
    expect(emergency.episodes).toHaveLength(1);
    expect(effects).toMatchObject([
      { kind: "report", episode: { id: "A", presses: 3, revision: 2, reach: "made", attempt: 1 } },
    ]);
  });

  test("after cleared opens a new episode, though the end of the old one is not yet delivered", () => {
    const { emergency } = after(pressEvent("A", 0), ack("A", "cleared"), pressEvent("B", 9));
    expect(emergency.episodes.map((e) => [e.id, e.state])).toEqual([
      ["A", "cleared"],
      ["B", "active"],
    ]);
  });

  test("adds its button to those that were pressed, each once, in order", () => {
    const { emergency } = after(
      pressEvent("A", 0),
      pressEvent("B", 1, { button: "boot" }),
      pressEvent("C", 2),
    );
    expect(emergency.episodes).toMatchObject([{ id: "A", button: "dash", buttons: ["dash", "boot"] }]);
  });

  test("on a loud button makes a silent or dark episode loud, and no later one makes it silent again", () => {
    const dark = pressEvent("A", 0, { silent: true, dark: true });
    const [episode] = after(dark, pressEvent("B", 1, { silent: true, dark: false })).emergency.episodes;
    expect(episode).toMatchObject({ silent: true, dark: false });
    const [still] = after(dark, { ...dark, id: "B" }).emergency.episodes;
    expect(still).toMatchObject({ silent: true, dark: true });
    const [loud] = after(dark, pressEvent("B", 1), dark).emergency.episodes;
    expect(loud).toMatchObject({ id: "A", presses: 3, silent: false, dark: false });
  });
});

describe("a drill", () => {
  const opened = (...events: EpisodeEvent[]) =>
    after(...events).emergency.episodes.map((one) => [one.id, one.test]);

  test("is the first press within a minute of being asked for", () => {
    const { emergency } = after(drill(0), pressEvent("A", DRILL_MS - 1));
    expect(emergency).toMatchObject({ episodes: [{ id: "A", test: true }], drillUntil: undefined });
    expect(opened(drill(0), pressEvent("A", DRILL_MS))).toEqual([["A", false]]);
  });

  test("is not asked for any more after a minute", () => {
    expect(after(drill(0), tick(DRILL_MS - 1)).emergency.drillUntil).toBe(DRILL_MS);
    expect(after(drill(0), tick(DRILL_MS)).emergency.drillUntil).toBeUndefined();
  });

  test("is no press that was made before it was asked for", () => {
    expect(opened(drill(10), pressEvent("A", 11, { pressed: pressedAt(9) }))).toEqual([["A", false]]);
    expect(opened(drill(10), pressEvent("A", 11, { pressed: pressedAt(10) }))).toEqual([["A", true]]);
  });

  test("is no press of unknown age", () => {
    const { emergency } = after(drill(0), pressEvent("A", 1, { pressed: undefined }));
    expect(emergency).toMatchObject({ episodes: [{ id: "A", test: false }], drillUntil: undefined });
  });

  test("is no press while a real emergency is open, but can follow one that has ended", () => {
    expect(after(pressEvent("A", 0), drill(0), pressEvent("B", 1)).emergency.episodes).toMatchObject([
      { id: "A", test: false, presses: 2 },
    ]);
    expect(opened(pressEvent("A", 0), ack("A", "cleared"), drill(0), pressEvent("B", 1))).toEqual([
      ["A", false],
      ["B", true],
    ]);
  });

  test("is no press once it was called off", () => {
    const { emergency } = after(drill(0), { kind: "no-drill" }, pressEvent("A", 1));
    expect(emergency).toMatchObject({ episodes: [{ test: false }], drillUntil: undefined });
  });

  test("is no airbag", () => {
    const { emergency } = after(drill(0), pressEvent("A", 1, { automatic: true }));
    expect(emergency).toMatchObject({ episodes: [{ id: "A", test: false }], drillUntil: undefined });
  });

  test("is followed by a real episode at the second press", () => {
    expect(opened(drill(0), pressEvent("A", 1), pressEvent("B", 2))).toEqual([
      ["A", true],
      ["B", false],
    ]);
  });

  test("that is asked for while one is open counts in that", () => {
    const { emergency } = after(drill(0), pressEvent("A", 1), drill(2), pressEvent("B", 3));
    expect(emergency.episodes).toMatchObject([{ id: "A", test: true, presses: 2 }]);
  });

  test("that nobody clears ends by itself after 10 minutes, connected or not", () => {
    const open = after(drill(0), pressEvent("A", 7)).emergency;
    expect(advance(open, tick(7 + DRILL_ENDS_MS - 1, false)).effects).toEqual([]);
    const over = advance(open, tick(7 + DRILL_ENDS_MS, false));
    expect(over.effects).toMatchObject([
      { kind: "report", episode: { id: "A", state: "cleared", by: "unit", revision: 2, attempt: 1 } },
    ]);
    expect(advance(over.emergency, tick(9 + DRILL_ENDS_MS, false)).effects).toEqual([]);
  });

  test("ends 10 minutes after its first press, however often the button was pressed since", () => {
    const open = after(drill(0), pressEvent("A", 0), drill(500_000), pressEvent("B", 500_001)).emergency;
    expect(advance(open, tick(DRILL_ENDS_MS)).effects).toMatchObject([
      { kind: "report", episode: { id: "A", state: "cleared" } },
    ]);
  });

  test("that is answered, but not cleared, ends by itself as well", () => {
    const open = after(drill(0), pressEvent("A", 0), ack("A", "accepted", 9)).emergency;
    expect(advance(open, tick(DRILL_ENDS_MS)).effects).toMatchObject([{ episode: { state: "cleared" } }]);
  });
});

describe("a real episode", () => {
  test("never ends by itself", () => {
    const open = after(pressEvent("A", 0)).emergency;
    expect(advance(open, tick(1e9, false)).effects).toEqual([]);
    expect(advance(restore(open.episodes, 0), tick(1e9, false)).effects).toEqual([]);
  });
});

describe("an acknowledgement", () => {
  test.each(["received", "accepted", "cleared"] as const)("of %s is a new report", (stage) => {
    expect(after(pressEvent("A", 0), sent("A"), ack("A", stage, 100)).effects).toMatchObject([
      {
        kind: "report",
        episode: {
          state: stage,
          by: "operator",
          ackAt: "2026-11-24T08:00:00.000Z",
          revision: 2,
          attempt: 1,
          reach: "made",
          repeatAt: 100 + REPEAT_MS,
        },
      },
    ]);
  });

  test("that is late, repeated or foreign changes nothing and says why", () => {
    const base = [pressEvent("A", 0), ack("A", "accepted")];
    expect(after(...base, ack("A", "received")).effects).toEqual([
      { kind: "refused", why: "the episode is already accepted" },
    ]);
    expect(after(...base, ack("A", "accepted")).effects).toEqual([
      { kind: "refused", why: "the episode is already accepted" },
    ]);
    expect(after(...base, ack("B", "cleared")).effects).toEqual([
      { kind: "refused", why: "no such episode is open" },
    ]);
    expect(after(...base, ack("B", "cleared")).emergency).toEqual(after(...base).emergency);
  });

  test("of one episode leaves another alone", () => {
    const { emergency } = after(drill(0), pressEvent("A", 0), pressEvent("B", 0), ack("A", "received"));
    expect(emergency.episodes.map((e) => e.state)).toEqual(["received", "active"]);
  });
});

describe("repeating", () => {
  test("is not put off by an officer who goes on pressing: the first repetition goes to all brokers", () => {
    const { emergency } = after(
      pressEvent("A", 0),
      sent("A"),
      pressEvent("B", 4_000),
      sent("A", 2),
      pressEvent("C", 4_900),
    );
    const { effects } = advance(emergency, tick(REPEAT_MS));
    expect(effects).toMatchObject([{ kind: "repeat", episode: { presses: 3, attempt: 2 } }]);
    // A tick may be late.
    const late = advance(
      after(pressEvent("A", 0), pressEvent("B", REPEAT_MS + 200)).emergency,
      tick(REPEAT_MS + 250),
    );
    expect(late.effects).toMatchObject([{ kind: "repeat", episode: { presses: 2, attempt: 2 } }]);
  });

  test("every 5 s while connected, until received, with the attempt counted", () => {
    const open = after(pressEvent("A", 0), stored("A"), sent("A")).emergency;
    expect(advance(open, tick(REPEAT_MS - 1)).effects).toEqual([]);
    expect(advance(open, tick(REPEAT_MS, false)).effects).toEqual([]);
    const one = advance(open, tick(REPEAT_MS));
    expect(one.effects).toMatchObject([{ kind: "repeat", episode: { id: "A", attempt: 2, revision: 1 } }]);
    expect(advance(one.emergency, tick(2 * REPEAT_MS - 1)).effects).toEqual([]);
    expect(advance(one.emergency, tick(2 * REPEAT_MS)).effects).toMatchObject([
      { episode: { attempt: 3, repeatAt: 3 * REPEAT_MS } },
    ]);
    for (const stage of ["received", "accepted"] as const) {
      const answered = advance(one.emergency, ack("A", stage)).emergency;
      expect(advance(answered, tick(1e6)).effects).toEqual([]);
    }
  });

  test("of the end, until a broker has it; then the episode is forgotten", () => {
    const cleared = after(pressEvent("A", 0), sent("A"), ack("A", "cleared", 0));
    expect(advance(cleared.emergency, tick(REPEAT_MS)).effects).toMatchObject([{ kind: "repeat" }]);
    // The PUBACK of the report before is not that of the end.
    expect(advance(cleared.emergency, sent("A", 1)).effects).toEqual([]);
    const done = advance(cleared.emergency, sent("A", 2));
    expect(done).toEqual({
      emergency: { episodes: [], drillUntil: undefined },
      effects: [{ kind: "forget", id: "A" }],
    });
  });

  test("forgets the one that has ended, and no other", () => {
    const both = after(drill(0), pressEvent("A", 0), pressEvent("B", 0), ack("A", "cleared"), sent("A", 2));
    expect(both.emergency.episodes.map((e) => e.id)).toEqual(["B"]);
  });

  test("after a restart it goes on as the same episode, due again", () => {
    const kept = after(pressEvent("A", 50_000), sent("A"), tick(60_000)).emergency.episodes;
    expect(restore(kept, 7).episodes).toMatchObject([
      { id: "A", attempt: 2, reach: "sent", repeatAt: 7 + REPEAT_MS, presses: 1 },
    ]);
    // What was kept is on disk, whether or not there was time to say so.
    const made = after(pressEvent("A", 0)).emergency.episodes;
    expect(restore(made, 7).episodes[0]).toMatchObject({ reach: "stored", safe: true });
  });

  test("after a restart no drill is asked for", () => {
    const { emergency } = after(drill(0), pressEvent("A", 50_000), drill(50_001));
    expect(restore(emergency.episodes, 7).drillUntil).toBeUndefined();
  });

  describe("after a restart a drill ends", () => {
    const AT = 1e12;
    const restored = (pressed: Partial<Pressed> | undefined, mono = 7) => {
      const [kept] = after(drill(0), pressEvent("A", 1)).emergency.episodes;
      return restore([{ ...kept!, pressed: pressed && { ...kept!.pressed!, ...pressed } }], mono);
    };
    const over = (emergency: Emergency, mono: number, at?: number) =>
      advance(emergency, { kind: "tick", mono, connected: false, at }).effects.length > 0;

    test("10 minutes after its press, once the time is known", () => {
      const emergency = restored({ at: AT, clock: "gnss" });
      expect(over(emergency, 8, AT + DRILL_ENDS_MS - 1)).toBe(false);
      expect(over(emergency, 8)).toBe(false);
      expect(over(emergency, 8, AT + DRILL_ENDS_MS)).toBe(true);
    });

    test("10 minutes after the restart at the latest", () => {
      for (const pressed of [
        undefined,
        { at: 0, clock: "unset" as const },
        { at: 2 * AT, clock: "ntp" as const },
      ]) {
        const emergency = restored(pressed);
        expect(over(emergency, 7 + DRILL_ENDS_MS - 1, AT)).toBe(false);
        expect(over(emergency, 7 + DRILL_ENDS_MS, AT)).toBe(true);
      }
    });

    test("never, if it is no drill", () => {
      const { emergency } = after(pressEvent("A", 1));
      expect(over(restore(emergency.episodes, 7), 1e9, 1e15)).toBe(false);
    });
  });

  test("after an upgrade an episode that names no buttons names its first", () => {
    const [kept] = after(pressEvent("A", 0), pressEvent("B", 0, { button: "boot" })).emergency.episodes;
    expect(restore([{ ...kept!, buttons: [] }], 0).episodes[0]!.buttons).toEqual(["dash"]);
    expect(restore([kept!], 0).episodes[0]!.buttons).toEqual(["dash", "boot"]);
  });
});

describe("how far a report got", () => {
  const reach = (...events: EpisodeEvent[]) => after(...events).emergency.episodes[0]!.reach;

  test("goes from made to stored to sent, and never back", () => {
    expect(reach(pressEvent("A", 0))).toBe("made");
    expect(reach(pressEvent("A", 0), stored("A"))).toBe("stored");
    expect(reach(pressEvent("A", 0), stored("A"), sent("A"))).toBe("sent");
    expect(reach(pressEvent("A", 0), sent("A"), stored("A"))).toBe("sent");
  });

  test("is not changed by the report of another revision or episode", () => {
    for (const event of [stored("A", 2), sent("A", 2), stored("B"), sent("B")])
      expect(reach(pressEvent("A", 0), event)).toBe("made");
  });
});
