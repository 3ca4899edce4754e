import { describe, expect, test } from "vitest";
import type { Stage } from "../../src/domain/episode.ts";
import { lampOf, type LampConditions } from "../../src/emergency/lamp.ts";
import {
  advance,
  NO_EMERGENCY,
  restore,
  type Emergency,
  type EpisodeEvent,
} from "../../src/emergency/machine.ts";

type Quiet = { readonly silent?: boolean; readonly dark?: boolean };

const SOUND: LampConditions = { faulty: false, unreachable: false };
const FAULTY: LampConditions = { faulty: true, unreachable: false };
const ALONE: LampConditions = { faulty: false, unreachable: true };

const press = (id: string, { silent = false, dark = false }: Quiet = {}): EpisodeEvent => ({
  kind: "press",
  id,
  button: "dash",
  count: 1,
  silent,
  dark,
  pressed: { boot: 1, mono: 1, at: 0, clock: "ntp" },
  automatic: false,
  mono: 1,
});
const DRILL: EpisodeEvent = { kind: "drill", mono: 0 };
const ack = (id: string, stage: Exclude<Stage, "active">): EpisodeEvent => ({
  kind: "ack",
  id,
  stage,
  mono: 2,
});
const stored = (id: string, revision = 1): EpisodeEvent => ({ kind: "stored", id, revision });
const sent = (id: string, revision = 1): EpisodeEvent => ({ kind: "sent", id, revision, mono: 0 });
const after = (...events: EpisodeEvent[]): Emergency =>
  events.reduce((emergency, event) => advance(emergency, event).emergency, NO_EMERGENCY);
const patternAfter = (...events: EpisodeEvent[]) => lampOf(after(...events), SOUND).pattern;

describe("at rest", () => {
  test("the lamp shows a fault before it shows that nobody can be reached, and idle only without both", () => {
    expect(lampOf(NO_EMERGENCY, SOUND)).toEqual({ pattern: "idle", quiet: false, drill: false });
    expect(lampOf(NO_EMERGENCY, ALONE).pattern).toBe("no-link");
    expect(lampOf(NO_EMERGENCY, FAULTY).pattern).toBe("fault");
    expect(lampOf(NO_EMERGENCY, { faulty: true, unreachable: true }).pattern).toBe("fault");
  });

  test("a drill that is asked for and not begun shows nothing", () => {
    expect(lampOf(after(DRILL), SOUND)).toEqual({ pattern: "idle", quiet: false, drill: false });
  });
});

describe("the result of a bundle", () => {
  test.each(["done", "refused"] as const)(
    "%s is shown at rest and without a link, and a fault before it",
    (sign) => {
      expect(lampOf(NO_EMERGENCY, { ...SOUND, sign })).toEqual({ pattern: sign, quiet: false, drill: false });
      expect(lampOf(NO_EMERGENCY, { ...ALONE, sign }).pattern).toBe(sign);
      expect(lampOf(NO_EMERGENCY, { ...FAULTY, sign }).pattern).toBe("fault");
    },
  );

  test("is never shown in an episode, be it stored or not, dark, or a drill", () => {
    const shown = (...events: EpisodeEvent[]) => lampOf(after(...events), { ...SOUND, sign: "done" }).pattern;
    expect(shown(press("A"))).toBe("idle");
    expect(shown(press("A"), stored("A"))).toBe("stored");
    expect(shown(press("A", { silent: true, dark: true }), stored("A"))).toBe("silent");
    expect(shown(DRILL, press("A"), sent("A"))).toBe("sent");
    expect(shown(press("A"), ack("A", "cleared"))).toBe("done");
  });
});

describe("in an episode", () => {
  test("the lamp follows: stored, sent, received, accepted, idle", () => {
    const events = [
      press("A"),
      stored("A"),
      sent("A"),
      ack("A", "received"),
      ack("A", "accepted"),
      ack("A", "cleared"),
    ];
    expect(events.map((_, n) => patternAfter(...events.slice(0, n + 1)))).toEqual([
      "idle",
      "stored",
      "sent",
      "received",
      "accepted",
      "idle",
    ]);
  });

  test("a press that is nowhere yet shows how the unit is: the board shows it by itself", () => {
    expect(lampOf(after(press("A")), FAULTY).pattern).toBe("fault");
    expect(lampOf(after(press("A")), ALONE).pattern).toBe("no-link");
    expect(lampOf(after(press("A")), SOUND).pattern).toBe("idle");
  });

  test("the lamp does not go back when the store speaks late, nor for another revision or episode", () => {
    expect(patternAfter(press("A"), sent("A"), stored("A"))).toBe("sent");
    expect(patternAfter(press("A"), stored("A", 2))).toBe("idle");
    expect(patternAfter(press("A"), sent("A", 2))).toBe("idle");
    expect(patternAfter(press("A"), stored("B"))).toBe("idle");
    expect(patternAfter(press("A"), sent("B"))).toBe("idle");
  });

  test("the lamp never says idle once the episode is safe, whatever is pressed later", () => {
    expect(patternAfter(press("A"), press("B"), stored("A", 2), press("C"))).toBe("stored");
    expect(patternAfter(press("A"), stored("A"), press("B"))).toBe("stored");
    expect(patternAfter(press("A"), sent("A"), stored("A"), press("B"))).toBe("stored");
    expect(patternAfter(press("A"), sent("A"), press("B"))).toBe("stored");
    expect(patternAfter(press("A"), ack("A", "received"), press("B"))).toBe("received");
  });

  test("neither a fault nor a lost link hides how far an episode got", () => {
    const both = { faulty: true, unreachable: true };
    expect(lampOf(after(press("A"), stored("A")), both).pattern).toBe("stored");
    expect(lampOf(after(press("A"), sent("A")), both).pattern).toBe("sent");
    expect(lampOf(after(press("A"), ack("A", "accepted")), both).pattern).toBe("accepted");
  });

  test("after a restart it is what is on disk, whatever was claimed before", () => {
    const kept = after(press("A")).episodes;
    expect(lampOf(restore(kept, 0), SOUND).pattern).toBe("stored");
    expect(lampOf(restore(after(press("A"), sent("A")).episodes, 0), SOUND).pattern).toBe("sent");
  });
});

describe("a silent episode", () => {
  const silent = after(press("A", { silent: true }), stored("A"));

  test("has no sounder and an honest lamp", () => {
    expect(lampOf(silent, FAULTY)).toEqual({ pattern: "stored", quiet: true, drill: false });
    expect(lampOf(after(press("A"), stored("A")), FAULTY)).toEqual({
      pattern: "stored",
      quiet: false,
      drill: false,
    });
  });

  test("if dark, changes nothing that can be seen: idle, fault and no-link stay", () => {
    const dark = after(press("A", { silent: true, dark: true }), stored("A"));
    expect(lampOf(dark, SOUND)).toEqual({ pattern: "silent", quiet: true, drill: false });
    expect(lampOf(dark, FAULTY)).toEqual({ pattern: "fault", quiet: true, drill: false });
    expect(lampOf(dark, ALONE)).toEqual({ pattern: "no-link", quiet: true, drill: false });
  });

  test("shows and sounds as any other once a loud button is pressed in it", () => {
    const loud = after(press("A", { silent: true, dark: true }), stored("A"), press("B"), stored("A", 2));
    expect(lampOf(loud, SOUND)).toEqual({ pattern: "stored", quiet: false, drill: false });
  });
});

describe("of several episodes", () => {
  test("the lamp speaks for the real one before a drill", () => {
    const both = after(DRILL, press("A"), sent("A"), press("B"), stored("B"));
    expect(both.episodes.map((one) => one.test)).toEqual([true, false]);
    expect(lampOf(both, FAULTY)).toEqual({ pattern: "stored", quiet: false, drill: false });
  });

  test("a drill alone is shown as one", () => {
    const drill = after(DRILL, press("A"), sent("A"));
    expect(lampOf(drill, FAULTY)).toEqual({ pattern: "sent", quiet: false, drill: true });
    const dark = after(DRILL, press("A", { silent: true, dark: true }), sent("A"));
    expect(lampOf(dark, SOUND)).toEqual({ pattern: "silent", quiet: true, drill: true });
  });

  test("one that is cleared says nothing any more, though its end is not yet delivered", () => {
    const next = after(press("A"), sent("A"), ack("A", "cleared"), DRILL, press("B"), ack("B", "received"));
    expect(lampOf(next, SOUND)).toMatchObject({ pattern: "received", drill: true });
  });
});
