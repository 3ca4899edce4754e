import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lampOf } from "../../src/emergency/lamp.ts";
import {
  advance,
  DRILL_MS,
  isOpen,
  NO_EMERGENCY,
  REPEAT_MS,
  restore,
  STAGES,
  type Effect,
  type Emergency,
  type EmergencyEvent,
} from "../../src/emergency/machine.ts";

const pressEvent = (id: string, mono: number, extra: object = {}): EmergencyEvent => ({
  kind: "press",
  id,
  button: "dash",
  count: 1,
  silent: false,
  dark: false,
  automatic: false,
  mono,
  ...extra,
});
const ack = (id: string, stage: "received" | "accepted" | "cleared", mono = 0): EmergencyEvent => ({
  kind: "ack",
  id,
  stage,
  by: "operator",
  at: "2026-11-24T08:00:00.000Z",
  mono,
});
const tick = (mono: number, connected = true): EmergencyEvent => ({ kind: "tick", mono, connected });

/** Runs events in order; the effects of the last one. */
const after = (...events: EmergencyEvent[]): { emergency: Emergency; effects: readonly Effect[] } =>
  events.reduce<{ emergency: Emergency; effects: readonly Effect[] }>(
    ({ emergency }, event) => advance(emergency, event),
    { emergency: NO_EMERGENCY, effects: [] },
  );
const lamp = (...events: EmergencyEvent[]) => lampOf(after(...events).emergency, false).pattern;
const stored = (id: string, revision = 1): EmergencyEvent => ({ kind: "stored", id, revision });
const sent = (id: string, revision = 1): EmergencyEvent => ({ kind: "sent", id, revision });

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
          silent: false,
          dark: false,
          pressed: undefined,
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

  test("is a drill within a minute of being asked for, once", () => {
    const drill: EmergencyEvent = { kind: "drill", mono: 0 };
    const one = after(drill, pressEvent("A", DRILL_MS - 1));
    expect(one.emergency).toMatchObject({ episodes: [{ id: "A", test: true }], drillUntil: undefined });
    expect(after(drill, pressEvent("A", DRILL_MS)).emergency.episodes[0]!.test).toBe(false);
    expect(after(drill, tick(DRILL_MS - 1)).emergency.drillUntil).toBe(DRILL_MS);
    expect(after(drill, tick(DRILL_MS)).emergency.drillUntil).toBeUndefined();
    // Made before the drill was asked for, or while somebody is in earnest: no drill.
    const pressed = { boot: 1, mono: -1, at: 0, clock: "ntp" as const };
    expect(after(drill, pressEvent("A", 1, { pressed })).emergency.episodes[0]!.test).toBe(false);
    expect(
      after(drill, pressEvent("A", 1, { pressed: { ...pressed, mono: 0 } })).emergency.episodes[0]!.test,
    ).toBe(true);
    const earnest = after(pressEvent("A", 0), drill, pressEvent("B", 1));
    expect(earnest.emergency.episodes).toMatchObject([{ id: "A", test: false, presses: 2 }]);
    const over = after(pressEvent("A", 0), ack("A", "cleared"), drill, pressEvent("B", 1));
    expect(over.emergency.episodes[1]).toMatchObject({ id: "B", test: true });
    const not = after(drill, { kind: "no-drill" }, pressEvent("A", 1));
    expect(not.emergency).toMatchObject({ episodes: [{ test: false }], drillUntil: undefined });
    const airbag = after(drill, pressEvent("A", 1, { automatic: true }));
    expect(airbag.emergency).toMatchObject({ episodes: [{ id: "A", test: false }], drillUntil: undefined });
    // A press in earnest while a drill is open is no part of it.
    const two = advance(one.emergency, pressEvent("B", DRILL_MS)).emergency;
    expect(two.episodes.map((e) => [e.id, e.test])).toEqual([
      ["A", true],
      ["B", false],
    ]);
    // And a second drill counts in the first.
    const three = after(drill, pressEvent("A", 1), { kind: "drill", mono: 2 }, pressEvent("B", 3));
    expect(three.emergency.episodes).toMatchObject([{ id: "A", presses: 2 }]);
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
      { kind: "refused", why: "it is accepted already" },
    ]);
    expect(after(...base, ack("A", "accepted")).effects).toEqual([
      { kind: "refused", why: "it is accepted already" },
    ]);
    expect(after(...base, ack("B", "cleared")).effects).toEqual([
      { kind: "refused", why: "no such episode is open" },
    ]);
    expect(after(...base, ack("B", "cleared")).emergency).toEqual(after(...base).emergency);
  });

  test("of one episode leaves another alone", () => {
    const { emergency } = after(
      { kind: "drill", mono: 0 },
      pressEvent("A", 0),
      pressEvent("B", 0),
      ack("A", "received"),
    );
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
    const both = after(
      { kind: "drill", mono: 0 },
      pressEvent("A", 0),
      pressEvent("B", 0),
      ack("A", "cleared"),
      sent("A", 2),
    );
    expect(both.emergency.episodes.map((e) => e.id)).toEqual(["B"]);
  });

  test("a new connection sends what no broker has; what one has is repeated when it is due", () => {
    const connected: EmergencyEvent = { kind: "connected", mono: 9_000 };
    expect(after(pressEvent("A", 0), connected).emergency.episodes[0]!.repeatAt).toBe(9_000 + REPEAT_MS);
    expect(after(pressEvent("A", 0), sent("A"), connected).emergency.episodes[0]!.repeatAt).toBe(REPEAT_MS);
  });

  test("an answered episode is said again on a new connection: the broker may have lost what it kept", () => {
    const connected: EmergencyEvent = { kind: "connected", mono: 9_000 };
    const answered = [pressEvent("A", 0), sent("A"), ack("A", "accepted")];
    expect(after(...answered, connected).effects).toEqual([]); // the outbox has it still
    expect(after(...answered, sent("A", 2), connected).effects).toMatchObject([
      { kind: "repeat", episode: { id: "A", state: "accepted", attempt: 1 } },
    ]);
    // One that is not answered is repeated anyway.
    expect(after(pressEvent("A", 0), sent("A"), connected).effects).toEqual([]);
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
});

describe("the lamp", () => {
  test("follows the episode: stored, sent, received, accepted, idle", () => {
    const events = [
      pressEvent("A", 0),
      stored("A"),
      sent("A"),
      ack("A", "received"),
      ack("A", "accepted"),
      ack("A", "cleared"),
    ];
    expect(events.map((_, i) => lamp(...events.slice(0, i + 1)))).toEqual([
      "idle",
      "stored",
      "sent",
      "received",
      "accepted",
      "idle",
    ]);
  });

  test("does not go back when the store speaks late, nor for another revision or episode", () => {
    expect(lamp(pressEvent("A", 0), sent("A"), stored("A"))).toBe("sent");
    expect(lamp(pressEvent("A", 0), stored("A", 2))).toBe("idle");
    expect(lamp(pressEvent("A", 0), sent("A", 2))).toBe("idle");
    expect(lamp(pressEvent("A", 0), stored("B"))).toBe("idle");
    expect(lamp(pressEvent("A", 0), sent("B"))).toBe("idle");
  });

  test("a press that cannot be kept shows the fault", () => {
    expect(lampOf(after(pressEvent("A", 0)).emergency, true).pattern).toBe("fault");
    expect(lampOf(after(pressEvent("A", 0)).emergency, false).pattern).toBe("idle");
  });

  test("never says idle in an open episode that is safe", () => {
    expect(lamp(pressEvent("A", 0), pressEvent("B", 1), stored("A", 2), pressEvent("C", 2))).toBe("stored");
    expect(lamp(pressEvent("A", 0), stored("A"), pressEvent("B", 1))).toBe("stored");
    expect(lamp(pressEvent("A", 0), sent("A"), stored("A"), pressEvent("B", 1))).toBe("stored");
    expect(lamp(pressEvent("A", 0), sent("A"), pressEvent("B", 1))).toBe("stored");
  });

  test("a silent episode has no sounder, a dark one no lamp either", () => {
    const silent = after(pressEvent("A", 0, { silent: true }), stored("A")).emergency;
    expect(lampOf(silent, true)).toEqual({ pattern: "stored", quiet: true });
    const dark = after(pressEvent("A", 0, { silent: true, dark: true }), stored("A")).emergency;
    expect(lampOf(dark, false)).toEqual({ pattern: "silent", quiet: true });
    expect(lampOf(dark, true)).toEqual({ pattern: "fault", quiet: true });
    expect(lampOf(after(pressEvent("A", 0), stored("A")).emergency, true)).toEqual({
      pattern: "stored",
      quiet: false,
    });
  });

  test("an episode that is cleared says nothing any more, though its end is not yet delivered", () => {
    const cleared = after(
      pressEvent("A", 0),
      sent("A"),
      ack("A", "cleared"),
      { kind: "drill", mono: 0 },
      pressEvent("B", 0),
      ack("B", "received"),
    );
    expect(lampOf(cleared.emergency, false).pattern).toBe("received");
  });

  test("speaks for the real one before a drill, and for a fault only where there is neither", () => {
    const both = after(
      { kind: "drill", mono: 0 },
      pressEvent("A", 0),
      sent("A"),
      pressEvent("B", 1),
      stored("B"),
    );
    expect(lampOf(both.emergency, true).pattern).toBe("stored");
    expect(
      lampOf(after({ kind: "drill", mono: 0 }, pressEvent("A", 0), sent("A")).emergency, true).pattern,
    ).toBe("sent");
    expect(lampOf(NO_EMERGENCY, true)).toEqual({ pattern: "fault", quiet: false });
    expect(lampOf(NO_EMERGENCY, false)).toEqual({ pattern: "idle", quiet: false });
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

const perform = (model: Model, real: Real, event: EmergencyEvent): readonly Effect[] => {
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
      expect(model.connected || event.kind === "connected").toBe(true);
      // Only a new connection says again what has been answered.
      if (event.kind === "tick") expect(["active", "cleared"]).toContain(effect.episode.state);
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
    fc.constant(
      new Do("drill", (model, real) => void perform(model, real, { kind: "drill", mono: model.mono })),
    ),
    fc.tuple(fc.nat(5), fc.constantFrom("received", "accepted", "cleared"), fc.boolean()).map(
      ([pick, stage, foreign]) =>
        new Do(`ack ${pick} ${stage}${foreign ? " foreign" : ""}`, (model, real) => {
          const episode = foreign ? undefined : someEpisode(real, pick);
          const id = episode?.id ?? "nobody's";
          perform(model, real, ack(id, stage, model.mono));
          if (!episode) return;
          model.ordered.set(id, Math.max(model.ordered.get(id) ?? 0, STAGES.indexOf(stage)));
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
    fc.tuple(fc.integer({ min: 0, max: 20_000 }), fc.boolean()).map(
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
          const kept = [...real.disk.values()].map((text) => JSON.parse(text) as Emergency["episodes"][0]);
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
    { numRuns: 500 },
  );
});
