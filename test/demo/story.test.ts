import { describe, expect, test } from "vitest";
import type { Said } from "../../src/domain/demo.ts";
import { FIRST, tell, type Happening, type Story } from "../../src/demo/story.ts";

/** Tells happenings one second after the other. */
const told = (happenings: readonly Happening[], from: Story = FIRST): { story: Story; said: Said[] } => {
  const said: Said[] = [];
  let story = from;
  for (const [n, happening] of happenings.entries()) {
    const next = tell(story, happening, (n + 1) * 1_000);
    story = next.story;
    said.push(...next.said);
  }
  return { story, said };
};

const EPISODE = "01KB0000000000000000000000";
const lamp = (name: string): Happening => ({ kind: "lamp", lamp: name });
const heard = (presses: number): Happening => ({ kind: "emergency", episode: EPISODE, presses });
const PRESS: Happening = { kind: "press" };
const tunnel = (on: boolean): Happening => ({ kind: "trouble", trouble: "tunnel", on });

describe("the guided path", () => {
  test("every step ticks itself in the story that it tells", () => {
    const steps: readonly (readonly [readonly Happening[], string])[] = [
      [[{ kind: "position", kmh: 30 }], "moves"],
      [[PRESS], "press"],
      [[lamp("latched"), lamp("stored"), heard(1)], "heard"],
      [[lamp("sent"), lamp("accepted")], "answer"],
      [[{ kind: "answer", stage: "cleared" }, lamp("idle")], "clear"],
      [[tunnel(true), PRESS, lamp("latched"), lamp("stored")], "tunnel"],
      [[tunnel(false), heard(2)], "leave"],
    ];
    let story = FIRST;
    for (const [happenings, step] of steps) {
      expect(story.done).not.toContain(step);
      story = told(happenings, story).story;
      expect(story.done).toContain(step);
    }
    expect(story.done).toHaveLength(steps.length);
  });

  test("a parked car does not move", () => {
    expect(told([{ kind: "position", kmh: 2 }])).toMatchObject({ story: { done: [] }, said: [] });
  });

  test("an emergency that the broker had kept is no press that dispatch hears", () => {
    expect(told([heard(3)])).toMatchObject({ story: { done: [] }, said: [] });
  });

  test("a press that was sent before the tunnel is not the one that leaves it", () => {
    const { story } = told([PRESS, lamp("stored"), tunnel(true), tunnel(false), heard(1)]);
    expect(story.done).toEqual(["press", "heard"]);
  });

  test("a dead broker is as good as a tunnel", () => {
    const broker = (on: boolean): Happening => ({ kind: "trouble", trouble: "broker", on });
    const { story } = told([broker(true), PRESS, lamp("stored"), broker(false), heard(1)]);
    expect(story.done).toEqual(["press", "tunnel", "heard", "leave"]);
  });
});

describe("the log", () => {
  test("each leg of a press is said once, with the time since the press", () => {
    const { said } = told([
      PRESS,
      lamp("latched"),
      lamp("stored"),
      heard(1),
      lamp("sent"),
      lamp("stored"),
      heard(1),
    ]);
    expect(said).toEqual([
      { kind: "pressed" },
      { kind: "leg", leg: "latched", ms: 1_000 },
      { kind: "leg", leg: "stored", ms: 2_000 },
      { kind: "leg", leg: "dispatch", ms: 3_000 },
      { kind: "leg", leg: "sent", ms: 4_000 },
      { kind: "lamp", lamp: "stored" },
    ]);
  });

  test("of two presses that arrive together, the time of the first one counts", () => {
    const { said } = told([PRESS, PRESS, heard(2)]);
    expect(said.at(-1)).toEqual({ kind: "leg", leg: "dispatch", ms: 2_000 });
  });

  test.each(["loop", "power"] as const)("a press that the board cannot see says why: %s", (trouble) => {
    const { story, said } = told([{ kind: "trouble", trouble, on: true }, PRESS, heard(1)]);
    expect(said.slice(1)).toEqual([{ kind: "unseen", why: trouble }]);
    expect(story.done).toEqual([]);
  });

  test("a start is timed from when the power came back", () => {
    const power = (on: boolean): Happening => ({ kind: "trouble", trouble: "power", on });
    const { said } = told([power(true), power(false), { kind: "started" }]);
    expect(said.at(-1)).toEqual({ kind: "starts", ms: 1_000 });
  });

  test("what has not changed is not said", () => {
    const online: Happening = { kind: "state", state: "online" };
    expect(told([tunnel(false), online, online, lamp("off")]).said).toEqual([
      { kind: "unit", state: "online" },
    ]);
  });

  test("it remembers a limited number of episodes", () => {
    const many = Array.from({ length: 80 }, (_, n): Happening => ({
      kind: "emergency",
      episode: String(n),
      presses: 1,
    }));
    expect(told(many).story.heard).toHaveLength(50);
  });
});
