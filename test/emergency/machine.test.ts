import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Episode, STAGES, type Pressed } from "../../src/domain/episode.ts";
import {
  advance,
  DRILL_ENDS_MS,
  DRILL_MS,
  handed,
  isOpen,
  NO_EMERGENCY,
  REPEAT_MS,
  restore,
  type Emergency,
  type EpisodeEffect,
  type EpisodeEvent,
} from "../../src/emergency/machine.ts";
import { tries } from "../tries.ts";

type PressEvent = EpisodeEvent & { kind: "press" };

const pressedAt = (mono: number) => ({ boot: 1, mono, at: 0, clock: "ntp" as const });
const pressEvent = (id: string, mono: number, extra: Partial<PressEvent> = {}): PressEvent => ({
  kind: "press",
  id,
  button: "dash",
  count: 1,
  silent: false,
  dark: false,
  pressed: pressedAt(mono),
  automatic: false,
  mono,
  ...extra,
});
const drill = (mono: number): EpisodeEvent => ({ kind: "drill", mono });
const ack = (id: string, stage: "received" | "accepted" | "cleared", mono = 0): EpisodeEvent => ({
  kind: "ack",
  id,
  stage,
  by: "operator",
  at: "2026-11-24T08:00:00.000Z",
  mono,
});
const tick = (mono: number, connected = true): EpisodeEvent => ({ kind: "tick", mono, connected });

/** Runs events in order; the effects of the last one. */
const after = (...events: EpisodeEvent[]): { emergency: Emergency; effects: readonly EpisodeEffect[] } =>
  events.reduce<{ emergency: Emergency; effects: readonly EpisodeEffect[] }>(
    ({ emergency }, event) => advance(emergency, event),
    { emergency: NO_EMERGENCY, effects: [] },
  );
const stored = (id: string, revision = 1): EpisodeEvent => ({ kind: "stored", id, revision });
const sent = (id: string, revision = 1): EpisodeEvent => ({ kind: "sent", id, revision, mono: 0 });

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

  describe("of cleared after a further press", () => {
    const PRESSED = Date.parse("2026-11-24T08:00:00.000Z");
    const first = pressEvent("A", 0);
    const again = pressEvent("B", 100, { pressed: { ...pressedAt(100), at: PRESSED } });
    const clearedAt = (at: string | undefined, mono: number): EpisodeEvent => ({
      kind: "ack",
      id: "A",
      stage: "cleared",
      by: "operator",
      at,
      mono,
    });
    const accepted = [first, sent("A"), ack("A", "accepted", 50), sent("A", 2), again];
    const stateAfter = (...events: EpisodeEvent[]) =>
      after(...accepted, ...events).emergency.episodes.map(({ state, presses }) => `${state} ${presses}`);

    test("that no broker has acknowledged does not end it: it is active again, and repeated", () => {
      const { emergency, effects } = after(...accepted, clearedAt(undefined, 200));
      expect(emergency.episodes).toMatchObject([{ id: "A", state: "active", presses: 2, by: undefined }]);
      const why = "it was pressed again, and dispatch had not seen that";
      expect(effects).toMatchObject([{ kind: "report" }, { kind: "refused", why }]);
      const { effects: second } = after(...accepted, clearedAt(undefined, 200), clearedAt(undefined, 300));
      expect(second).toEqual([{ kind: "keep" }, { kind: "refused", why }]);
    });

    test("ends it once a broker has acknowledged the press", () => {
      expect(stateAfter(sent("A", 3), clearedAt(undefined, 200))).toEqual(["cleared 2"]);
    });

    test("that was written before the press does not end it, whoever has acknowledged that", () => {
      const written = (secondsBefore: number) => new Date(PRESSED - secondsBefore * 1_000).toISOString();
      expect(stateAfter(sent("A", 3), clearedAt(written(1), 200))).toEqual(["active 2"]);
      expect(stateAfter(sent("A", 3), clearedAt(written(0), 200))).toEqual(["cleared 2"]);
      // A day: no broker keeps it so long.
      expect(stateAfter(sent("A", 3), clearedAt(written(86_400), 200))).toEqual(["cleared 2"]);
    });

    test("is refused once for each press, so that a clock that is behind does not keep it open", () => {
      const written = (secondsBefore: number) => new Date(PRESSED - secondsBefore * 1_000).toISOString();
      const early = clearedAt(written(60), 200);
      const then = (seconds: number, secondsLater: number) =>
        stateAfter(
          sent("A", 3),
          early,
          sent("A", 4),
          clearedAt(written(60 - secondsLater), 200 + seconds * 1_000),
        );
      expect(stateAfter(sent("A", 3), early)).toEqual(["active 2"]);
      // A new decision, by a clock that is a minute behind; one of the same decision; one that is late.
      expect([then(5, 5), then(5, 0.1), then(60, 4), then(2, 2)].flat()).toEqual([
        "cleared 2",
        "active 2",
        "active 2",
        "active 2",
      ]);
      // Written after the press.
      expect(then(0.1, 61)).toEqual(["cleared 2"]);
      // The same one from another broker.
      expect(stateAfter(sent("A", 3), early, sent("A", 4), early)).toEqual(["active 2"]);
      // Without a time, within 10 s.
      const untimed = (mono: number) => clearedAt(undefined, mono);
      expect(stateAfter(untimed(200), sent("A", 4), untimed(10_199))).toEqual(["active 2"]);
      expect(stateAfter(untimed(200), sent("A", 4), untimed(10_200))).toEqual(["cleared 2"]);
      expect(stateAfter(untimed(200), sent("A", 4), untimed(5_200), untimed(10_200))).toEqual(["cleared 2"]);
    });

    test("ends it after a restart, if a broker had acknowledged the press before", () => {
      const { emergency, effects } = after(...accepted, sent("A", 3));
      expect(effects).toEqual([{ kind: "keep" }]);
      const restored = restore(emergency.episodes, 0);
      expect(advance(restored, clearedAt(undefined, 100)).emergency.episodes[0]!.state).toBe("cleared");
      // One that was refused before the restart is still the same one.
      const early = clearedAt("2026-11-24T07:59:00.000Z", 200);
      const refused = restore(after(...accepted, early, sent("A", 4)).emergency.episodes, 0);
      expect(advance(refused, early).emergency.episodes[0]!.state).toBe("active");
    });

    test("ends it 10 s after the press was handed to a connection, if the broker acknowledges nothing", () => {
      const { emergency } = after(...accepted);
      const end = (presses: number, mono: number) =>
        advance(handed(emergency, "A", presses, 1_000), clearedAt(undefined, mono)).emergency.episodes[0]!
          .state;
      expect([end(2, 10_999), end(2, 11_000), end(1, 11_000)]).toEqual(["active", "cleared", "active"]);
      const twice = handed(handed(emergency, "A", 2, 1_000), "A", 2, 5_000);
      expect(advance(twice, clearedAt(undefined, 11_000)).emergency.episodes[0]!.state).toBe("cleared");
      // The connection that was handed it may have been dead.
      const redialled = advance(twice, { kind: "connected", mono: 6_000 }).emergency;
      expect(advance(redialled, clearedAt(undefined, 20_000)).emergency.episodes[0]!.state).toBe("active");
      // After a restart the time counts anew.
      const restored = restore(handed(emergency, "A", 2, 1_000).episodes, 0);
      expect(advance(restored, clearedAt(undefined, 11_000)).emergency.episodes[0]!.state).toBe("active");
    });
  });

  test("of one episode leaves another alone", () => {
    const { emergency } = after(drill(0), pressEvent("A", 0), pressEvent("B", 0), ack("A", "received"));
    expect(emergency.episodes.map((e) => e.state)).toEqual(["received", "active"]);
  });
});

describe("repeating", () => {
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

  test("begins anew with each connection, which publishes every episode by itself", () => {
    const connected: EpisodeEvent = { kind: "connected", mono: 9_000 };
    for (const events of [
      [pressEvent("A", 0)],
      [pressEvent("A", 0), sent("A")],
      [pressEvent("A", 0), sent("A"), ack("A", "accepted"), sent("A", 2)],
    ]) {
      const { effects, emergency } = after(...events, connected);
      expect(effects).toEqual([]);
      expect(emergency.episodes[0]!.repeatAt).toBe(9_000 + REPEAT_MS);
    }
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

/** A car, a disk and a dispatcher around the machine: what they know is the model. */
type Model = {
  mono: number;
  connected: boolean;
  /** Presses that were confirmed to the board, by episode. */
  presses: Map<string, number>;
  /** The last state that dispatch ordered, by episode. */
  ordered: Map<string, number>;
  forgotten: Set<string>;
};
type Real = { emergency: Emergency; disk: Map<string, string>; nextId: number };

const perform = (model: Model, real: Real, event: EpisodeEvent): readonly EpisodeEffect[] => {
  const before = real.emergency;
  const step = advance(real.emergency, event);
  real.emergency = step.emergency;
  for (const effect of step.effects) {
    if (effect.kind === "report") {
      // Stored first: the disk has it before anybody hears of it.
      real.disk.set(effect.episode.id, JSON.stringify(effect.episode));
      const { id, revision } = effect.episode;
      real.emergency = advance(real.emergency, { kind: "stored", id, revision }).emergency;
    }
    if (effect.kind === "repeat") {
      expect(model.connected).toBe(true);
      expect(["active", "cleared"]).toContain(effect.episode.state);
    }
    // A drill that nobody cleared has ended by itself: nothing else does.
    if (effect.kind === "report" && event.kind === "tick") {
      expect(effect.episode).toMatchObject({ test: true, state: "cleared", by: "unit" });
      model.ordered.set(effect.episode.id, STAGES.indexOf("cleared"));
    }
    if (effect.kind === "forget") {
      expect(before.episodes.find((e) => e.id === effect.id)!.state).toBe("cleared");
      real.disk.delete(effect.id);
      model.forgotten.add(effect.id);
    }
  }
  return step.effects;
};

const holds = (model: Model, real: Real): void => {
  const { episodes } = real.emergency;
  // Never becomes two: at most one open of each kind, and no id twice.
  for (const kind of [true, false]) {
    expect(episodes.filter((e) => isOpen(e) && e.test === kind).length).toBeLessThanOrEqual(1);
  }
  expect(new Set(episodes.map((e) => e.id)).size).toBe(episodes.length);
  for (const [id, presses] of model.presses) {
    const episode = episodes.find((e) => e.id === id);
    const ordered = model.ordered.get(id) ?? 0;
    // Never vanishes, and never clears without `cleared`.
    if (!episode) expect([model.forgotten.has(id), STAGES[ordered]]).toEqual([true, "cleared"]);
    else expect([episode.presses, STAGES.indexOf(episode.state)]).toEqual([presses, ordered]);
  }
};

class Do implements fc.Command<Model, Real> {
  readonly name: string;
  readonly act: (model: Model, real: Real) => void;
  constructor(name: string, act: (model: Model, real: Real) => void) {
    this.name = name;
    this.act = act;
  }
  check = () => true;
  run(model: Model, real: Real) {
    this.act(model, real);
    holds(model, real);
  }
  toString = () => this.name;
}

const someEpisode = (real: Real, pick: number) =>
  real.emergency.episodes[pick % Math.max(1, real.emergency.episodes.length)];

test("whatever happens, an episode never vanishes, never clears without `cleared`, never becomes two", () => {
  const commands = [
    fc.nat(3).map(
      (count) =>
        new Do(`press ${count + 1}`, (model, real) => {
          const id = `E${real.nextId++}`;
          perform(model, real, pressEvent(id, model.mono, { count: count + 1 }));
          const newest = real.emergency.episodes.find((e) => e.id === id);
          const counted =
            newest ??
            real.emergency.episodes.find(
              (e) =>
                isOpen(e) && e.reach === "stored" && e.presses === (model.presses.get(e.id) ?? 0) + count + 1,
            );
          expect(counted).toBeDefined();
          model.presses.set(counted!.id, (model.presses.get(counted!.id) ?? 0) + count + 1);
        }),
    ),
    fc.constant(new Do("drill", (model, real) => void perform(model, real, drill(model.mono)))),
    fc.tuple(fc.nat(5), fc.constantFrom("received", "accepted", "cleared"), fc.boolean()).map(
      ([pick, stage, foreign]) =>
        new Do(`ack ${pick} ${stage}${foreign ? " foreign" : ""}`, (model, real) => {
          const episode = foreign ? undefined : someEpisode(real, pick);
          const id = episode?.id ?? "nobody's";
          const effects = perform(model, real, ack(id, stage, model.mono));
          if (!episode) return;
          const before = model.ordered.get(id) ?? 0;
          const early = effects.some((one) => one.kind === "refused" && one.why.includes("pressed again"));
          if (early) expect([stage, episode.presses > 1]).toEqual(["cleared", true]);
          model.ordered.set(id, early ? 0 : Math.max(before, STAGES.indexOf(stage)));
        }),
    ),
    fc.tuple(fc.nat(5), fc.boolean()).map(
      ([pick, stale]) =>
        new Do(`puback ${pick}${stale ? " of an older report" : ""}`, (model, real) => {
          const episode = someEpisode(real, pick);
          if (!episode) return;
          perform(model, real, sent(episode.id, episode.revision - (stale ? 1 : 0)));
        }),
    ),
    fc.tuple(fc.oneof(fc.nat(20_000), fc.constant(DRILL_ENDS_MS)), fc.boolean()).map(
      ([elapsed, connected]) =>
        new Do(`${elapsed} ms later, ${connected ? "connected" : "no link"}`, (model, real) => {
          if (connected && !model.connected) perform(model, real, { kind: "connected", mono: model.mono });
          model.connected = connected;
          model.mono += elapsed;
          perform(model, real, tick(model.mono, connected));
        }),
    ),
    fc.nat(1_000).map(
      (mono) =>
        new Do("power cut", (model, real) => {
          // The clock that never jumps begins anew with each boot.
          model.mono = mono;
          model.connected = false;
          const kept = [...real.disk.values()].map((text) => Episode.parse(JSON.parse(text)));
          real.emergency = restore(kept, mono);
        }),
    ),
  ];
  fc.assert(
    fc.property(fc.commands(commands, { maxCommands: 60 }), (run) => {
      fc.modelRun(
        () => ({
          model: {
            mono: 0,
            connected: false,
            presses: new Map(),
            ordered: new Map(),
            forgotten: new Set<string>(),
          },
          real: { emergency: NO_EMERGENCY, disk: new Map(), nextId: 1 },
        }),
        run,
      );
    }),
    { numRuns: tries(500) },
  );
});
