import { describe, expect, test } from "vitest";
import type { RingEvent } from "../../src/emergency/events.ts";
import { NO_RING, restore } from "../../src/emergency/ring-state.ts";
import { ack, after, drill, from, lampOf, memoryOf, only, press, stored, tick } from "./ring-events.ts";

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

  const bundle = (sign: "done" | "refused", until: number): RingEvent => ({ kind: "bundle", sign, until });

  test("shows the result of a bundle until its time is over", () => {
    const { ring, effects } = after(tick(0), bundle("done", 60_000));
    expect(only(effects, "lamp")).toEqual([
      { kind: "lamp", lamp: { pattern: "done", quiet: false, drill: false } },
    ]);
    expect(lampOf(from(ring, tick(59_999)).ring)).toBe("done");
    expect(lampOf(from(ring, tick(60_000)).ring)).toBe("idle");
    expect(lampOf(from(ring, bundle("refused", 60_000)).ring)).toBe("refused");
  });

  test("shows the result once a fault is over, if its time is not", () => {
    const { ring } = after(fault("loop 0", true), bundle("refused", 60_000));
    expect(lampOf(ring)).toBe("fault");
    expect(lampOf(from(ring, fault("loop 0", false)).ring)).toBe("refused");
    expect(lampOf(from(ring, tick(60_000), fault("loop 0", false)).ring)).toBe("idle");
  });

  test("shows the result never again once a button was pressed, and not if it comes in an episode", () => {
    const pressed = after(bundle("done", 60_000), press(1, 1_000));
    expect(only(pressed.effects, "lamp").at(-1)).toMatchObject({ lamp: { pattern: "idle" } });
    expect(lampOf(from(pressed.ring, ack("P1", "cleared", 2_000)).ring)).toBe("idle");
    const within = from(pressed.ring, stored(1), bundle("refused", 60_000));
    expect(lampOf(within.ring)).toBe("stored");
    expect(lampOf(from(within.ring, ack("P1", "cleared", 2_000)).ring)).toBe("idle");
    expect(lampOf(after(drill(0), press(1, 1), stored(1), bundle("done", 60_000)).ring)).toBe("stored");
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
