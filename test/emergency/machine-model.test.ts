import fc from "fast-check";
import { expect, test } from "vitest";
import { Episode, STAGES } from "../../src/domain/episode.ts";
import {
  advance,
  DRILL_ENDS_MS,
  isOpen,
  NO_EMERGENCY,
  restore,
  type Emergency,
  type EpisodeEffect,
  type EpisodeEvent,
} from "../../src/emergency/machine.ts";
import { tries } from "../tries.ts";
import { pressEvent, drill, ack, tick, sent } from "./machine-events.ts";

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
          const refused = (why: string) =>
            effects.some((one) => one.kind === "refused" && one.why.includes(why));
          const [early, old] = [refused("pressed again"), refused("before it ended")];
          if (early) expect([stage, episode.presses > 1]).toEqual(["cleared", true]);
          if (old) expect(stage).not.toBe("cleared");
          model.ordered.set(id, early ? 0 : old ? before : Math.max(before, STAGES.indexOf(stage)));
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
