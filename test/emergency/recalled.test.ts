import { describe, expect, test } from "vitest";
import type { Episode } from "../../src/domain/episode.ts";
import type { EmergencyMemory } from "../../src/domain/memory.ts";
import type { BoardPress } from "../../src/domain/panic.ts";
import { COPIES_MAX } from "../../src/emergency/copies.ts";
import type { RingEvent } from "../../src/emergency/events.ts";
import { advance, WAITING_MAX } from "../../src/emergency/ring.ts";
import { isKnown, NO_RING, restore, type Ring, type RingStep } from "../../src/emergency/ring-state.ts";
import { keptEpisode } from "../outbox/kept-episode.ts";

const ID = "01K0000000000000000000000A";
const OTHER = "01K0000000000000000000000B";
const BOARD = "0badcafe";
const NOW = 2_000;

const episodeOf = (change: Partial<Episode> = {}, id = ID): Episode => ({
  ...keptEpisode(id).episode,
  ...change,
});

/** A ring that begins with a memory of these episodes and presses. */
const begun = (episodes: readonly Episode[], numbers: readonly number[] = [1]): Ring => {
  const memory: EmergencyMemory = {
    episodes: episodes.map((episode) => ({ ...keptEpisode(episode.id), episode })),
    presses: [{ board: BOARD, below: 0, numbers: [...numbers] }],
    copies: [],
    airbags: [],
  };
  return restore(memory, 1_000);
};

const give = (ring: Ring, event: RingEvent): RingStep => advance(ring, event, NOW);

const pressOf = (number: number): BoardPress => ({ board: BOARD, number, loop: 0, count: 1, ageMs: 0 });
const press = (ring: Ring, number: number): RingStep =>
  give(ring, {
    kind: "press",
    press: pressOf(number),
    id: OTHER,
    spareId: "01K0000000000000000000000C",
    button: "dash",
    silent: false,
    dark: false,
    mono: NOW,
  });

type Recalled = RingEvent & { readonly kind: "recalled" };
const recall = (ring: Ring, { numbers = [1, 2], ...change }: Partial<Recalled> & { numbers?: number[] }) =>
  give(ring, {
    kind: "recalled",
    presses: [{ board: BOARD, below: 0, numbers }],
    copies: [],
    airbags: [],
    episodes: [],
    mono: NOW,
    ...change,
  });
const newer = (change: Partial<Episode> = {}, id = ID, outnumbers = false) => ({
  episodes: [{ episode: episodeOf(change, id), outnumbers }],
});

const kindsOf = ({ effects }: RingStep): string[] => effects.map(({ kind }) => kind);
const first = ({ ring }: RingStep): Episode => ring.emergency.episodes[0]!;

describe("an episode of a report in the store", () => {
  const adopt = (ring: Ring, change: Partial<Episode> = {}, outnumbers = false): RingStep =>
    give(ring, { kind: "adopt", episode: episodeOf(change), outnumbers, mono: NOW });

  test("is stored if the memory lacks it, and published then", () => {
    const adopted = adopt(NO_RING, { safe: false, reach: "made" });
    expect(adopted.effects).toContainEqual({ kind: "store", generation: 1 });
    const stored = give(adopted.ring, { kind: "stored", generation: 1 });
    expect(stored.effects).toContainEqual({ kind: "publish", id: ID });
    expect(stored.ring.lamp?.pattern).toBe("stored");
  });

  test("changes nothing if the ring has all of it", () => {
    const ring = begun([episodeOf()]);
    const step = adopt(ring);
    expect(kindsOf(step)).toEqual(["lamp"]);
    expect(step.ring.emergency).toBe(ring.emergency);
  });

  test("adds its presses, buttons, stage and sound to an older version", () => {
    const ring = begun([episodeOf({ silent: true })]);
    const accepted: Partial<Episode> = {
      presses: 3,
      buttons: ["dash", "boot"],
      state: "accepted",
      by: "anna",
    };
    const step = adopt(ring, { ...accepted, silent: false });
    expect(first(step)).toMatchObject({ ...accepted, silent: false, revision: 2, reach: "made" });
    expect(kindsOf(step)).toEqual(["report", "store", "lamp"]);
  });

  test("takes nothing back from a newer version", () => {
    const ring = begun([episodeOf({ presses: 3, state: "accepted", by: "anna", buttons: ["dash", "boot"] })]);
    expect(kindsOf(adopt(ring, { silent: true }))).toEqual(["lamp"]);
  });

  test("gets a new report if an older one has a higher number", () => {
    expect(kindsOf(adopt(begun([episodeOf()]), {}, true))).toContain("report");
  });

  test("ends one that is open, unless somebody has pressed since", () => {
    const ring = begun([episodeOf()]);
    expect(first(adopt(ring, { state: "cleared" })).state).toBe("cleared");
    expect(first(adopt(press(ring, 2).ring, { state: "cleared" })).state).toBe("active");
  });

  test("is left alone if it has ended in this life, or before it was known", () => {
    const { ring } = give(begun([episodeOf()]), { kind: "ack", id: ID, stage: "cleared", mono: NOW });
    const ended = give(ring, { kind: "sent", id: ID, revision: 2 }).ring;
    expect(adopt(ended).effects).toEqual([]);
    expect(adopt(NO_RING, { state: "cleared" }).ring.emergency.episodes).toEqual([]);
  });
});

describe("an episode of a newer memory", () => {
  test("goes on as it has it: nobody has pressed since", () => {
    const step = recall(begun([episodeOf()]), newer({ presses: 2, state: "accepted", by: "anna" }));
    expect(first(step)).toMatchObject({ presses: 2, state: "accepted", by: "anna", reach: "made" });
    expect(kindsOf(step)).toEqual(["report", "store", "lamp"]);
    expect(step.ring.lamp?.pattern).toBe("accepted");
  });

  test("counts the presses of this life on top, and those once that the board has repeated", () => {
    const { ring } = press(press(begun([episodeOf()]), 2).ring, 3);
    expect(first(recall(ring, newer({ presses: 2 }))).presses).toBe(3);
  });

  test.each(["active", "cleared"] as const)("that both have as %s counts the presses of one", (state) => {
    const step = recall(begun([episodeOf({ presses: 2, state })], [1, 2]), newer({ presses: 2, state }));
    expect(first(step)).toMatchObject({ presses: 2, state });
  });

  test("has the time of its press, if one of the two versions knows it", () => {
    const unset = { boot: 1, mono: 5, at: 5, clock: "unset" } as const;
    const known = { ...unset, at: 1_000, clock: "ntp" } as const;
    const learnt = recall(begun([episodeOf({ pressed: unset })]), newer({ pressed: known }));
    expect(first(learnt).pressed).toEqual(known);
    expect(kindsOf(learnt)).toContain("report");
    for (const other of [unset, undefined]) {
      const kept = recall(begun([episodeOf({ pressed: known })]), newer({ pressed: other, presses: 2 }));
      expect(first(kept)).toMatchObject({ pressed: known, presses: 2 });
    }
    const neither = recall(begun([episodeOf({ pressed: undefined })]), newer({ pressed: unset, presses: 2 }));
    expect(first(neither).pressed).toEqual(unset);
  });

  test("has the time of the later further press, and the cleared that was refused for that", () => {
    const early = { mono: 5, at: "2026-11-24T07:59:00.000Z" };
    const ours = begun([episodeOf({ presses: 2, pressedAgainAt: 1_000, earlyClear: early })], [1, 2]);
    expect(first(recall(ours, newer({ presses: 3, pressedAgainAt: 2_000 })))).toMatchObject({
      pressedAgainAt: 2_000,
      earlyClear: undefined,
    });
    expect(first(recall(ours, newer({ presses: 3, pressedAgainAt: 500 })))).toMatchObject({
      pressedAgainAt: 1_000,
    });
    expect(first(recall(ours, newer({ presses: 3 }))).earlyClear?.at).toBe(early.at);
  });

  test("has the buttons of both in order, and a sound or a light if one of them has", () => {
    const ring = begun([episodeOf({ silent: true, dark: true, buttons: ["dash", "seat"] })]);
    const step = recall(ring, newer({ dark: true, buttons: ["dash", "boot"], heldMs: 400 }));
    const buttons = ["dash", "boot", "seat"];
    expect(first(step)).toMatchObject({ silent: false, dark: true, buttons, heldMs: 400 });
  });

  test("makes no report if it is the same, and its report has no higher number", () => {
    expect(kindsOf(recall(begun([episodeOf()]), newer()))).not.toContain("report");
    expect(kindsOf(recall(begun([episodeOf()]), newer({}, ID, true)))).toContain("report");
  });

  test("goes on if this life began without it, and is published once it is stored", () => {
    const step = recall(begun([]), newer({ presses: 2, test: true }));
    expect(first(step)).toMatchObject({ presses: 2, safe: false, reach: "made" });
    const { generation } = step.ring;
    expect(give(step.ring, { kind: "stored", generation }).effects).toContainEqual({
      kind: "publish",
      id: ID,
    });
  });

  test("does not come back if it has ended in this life", () => {
    const { ring } = give(begun([episodeOf()]), { kind: "ack", id: ID, stage: "cleared", mono: NOW });
    const ended = give(ring, { kind: "sent", id: ID, revision: 2 }).ring;
    expect(recall(ended, newer()).ring.emergency.episodes).toEqual([]);
  });

  test("ends if it has ended there, unless somebody has pressed since", () => {
    const ring = begun([episodeOf()]);
    expect(first(recall(ring, newer({ state: "cleared" }))).state).toBe("cleared");
    expect(first(recall(press(ring, 3).ring, newer({ state: "cleared" }))).state).toBe("active");
  });
});

describe("an episode that a newer memory does not have", () => {
  test("has ended, and ends again", () => {
    const step = recall(begun([episodeOf()]), {});
    expect(first(step).state).toBe("cleared");
    expect(kindsOf(step)).toEqual(["report", "store", "lamp"]);
    expect(step.ring.lamp?.pattern).toBe("idle");
  });

  test("goes on if somebody has pressed since", () => {
    expect(first(recall(press(begun([episodeOf()]), 3).ring, {})).state).toBe("active");
  });

  test("ends all the same if the press was one that the board has repeated", () => {
    expect(first(recall(press(begun([episodeOf()]), 2).ring, {})).state).toBe("cleared");
  });

  test("ends alone", () => {
    const both = begun([episodeOf(), episodeOf({}, OTHER)]);
    const step = recall(both, newer({}, OTHER));
    expect(step.ring.emergency.episodes).toMatchObject([{ state: "cleared" }, { state: "active" }]);
  });

  test("goes on if it was opened in this life", () => {
    const { ring } = press(begun([]), 3);
    expect(recall(ring, {}).ring.emergency.episodes).toMatchObject([{ id: OTHER, state: "active" }]);
  });

  test("is not ended twice", () => {
    const { ring } = give(begun([episodeOf()]), { kind: "ack", id: ID, stage: "cleared", mono: NOW });
    expect(recall(ring, {}).ring.emergency.episodes).toMatchObject([{ state: "cleared", revision: 2 }]);
  });
});

describe("the presses of a newer memory", () => {
  test("are counted, and stored", () => {
    const step = recall(begun([], [1]), { numbers: [2, 3] });
    expect(step.ring.presses).toEqual([{ board: BOARD, below: 0, numbers: [1, 2, 3] }]);
    expect(kindsOf(step)).toContain("store");
  });

  test("are confirmed once this memory is on disk", () => {
    const { ring } = recall(begun([], [1]), { numbers: [2] });
    const again = press(ring, 2);
    expect(again.effects).toEqual([]);
    const stored = give(again.ring, { kind: "stored", generation: again.ring.generation });
    expect(stored.effects).toContainEqual({ kind: "confirm", press: pressOf(2) });
    expect(press(stored.ring, 2).effects).toEqual([{ kind: "confirm", press: pressOf(2) }]);
  });

  test("are left to the board if too many wait for the disk", () => {
    const { ring } = recall(begun([], [1]), { numbers: [2] });
    const waiting = Array.from({ length: WAITING_MAX }, (_, n) => ({ press: pressOf(n + 3), generation: 9 }));
    const step = press({ ...ring, waiting }, 2);
    expect(step.effects).toEqual([]);
    expect(step.ring.waiting).toHaveLength(WAITING_MAX);
  });

  test("count if the board goes on with its numbers", () => {
    const before = give(begun([], [1]), { kind: "hello", board: "deadbeef", lastNumber: 9 }).ring;
    const { ring } = give(before, { kind: "hello", board: BOARD, lastNumber: 2 });
    expect(recall(ring, { numbers: [1, 2] }).ring.presses).toEqual([
      { board: BOARD, below: 0, numbers: [1, 2] },
    ]);
  });

  test("undo no new beginning of the board: a press after it opens an episode", () => {
    const { ring } = give(begun([], [1, 2, 3]), { kind: "hello", board: BOARD, lastNumber: 5 });
    const presses = [{ board: BOARD, below: 40, numbers: [41, 104] }];
    const step = press(recall(ring, { presses }).ring, 6);
    expect(step.ring.emergency.episodes).toHaveLength(1);
    expect(kindsOf(step)).not.toContain("confirm");
    // Numbers of before the new beginning are not counted any more.
    expect(step.ring.presses).toEqual([{ board: BOARD, below: 0, numbers: [6] }]);
  });

  test("leave what was counted after a new beginning", () => {
    const { ring } = press(give(begun([], [9]), { kind: "hello", board: BOARD, lastNumber: 5 }).ring, 6);
    const presses = [{ board: BOARD, below: 40, numbers: [41, 104] }];
    expect(recall(ring, { presses }).ring.presses).toEqual([{ board: BOARD, below: 0, numbers: [6] }]);
  });
});

describe("what else a newer memory has", () => {
  test("has times of another life: they delay no `cleared` of this one", () => {
    const HOUR = 3_600_000;
    const at = Date.parse("2026-11-24T18:00:00.000Z");
    const other = newer(
      {
        presses: 2,
        pressedAgainAt: at,
        pressedAgainMono: 10 * HOUR,
        seenMono: 10 * HOUR + 500,
        earlyClear: { at: new Date(at - 2_000).toISOString(), mono: 10 * HOUR + 200 },
      },
      ID,
      true,
    );
    const { ring } = recall(begun([episodeOf()]), other);
    const mono = 600_000;
    const cleared = { kind: "ack", id: ID, stage: "cleared", mono, writtenAfter: mono - 5_000 } as const;
    for (const dated of [{}, { at: new Date(at + mono).toISOString(), cameAt: at + mono + 100 }])
      expect(give(ring, { ...cleared, ...dated }).ring.emergency.episodes[0]?.state).toBe("cleared");
  });

  test("is united: copies, airbags, and when dispatch last asked for a drill", () => {
    const ring = { ...begun([]), airbags: ["Front"], drillAskedAt: 7 };
    const copies = [{ episode: OTHER, broker: "mqtts://a:8883" }];
    const step = recall(ring, { copies, airbags: ["Side", "Front"], drillAskedAt: 9 });
    expect(step.ring).toMatchObject({ copies, airbags: ["Front", "Side"], drillAskedAt: 9 });
    expect(recall(begun([]), {}).ring.drillAskedAt).toBeUndefined();
  });

  test("pushes out no copy of an episode that is open in one of the two", () => {
    const own = { episode: ID, broker: "mqtts://a:8883" };
    const other = { episode: OTHER, broker: "mqtts://a:8883" };
    const ring = { ...begun([episodeOf()]), copies: [own] };
    const many = Array.from({ length: COPIES_MAX }, (_, n) => ({
      episode: `${n}`,
      broker: "mqtts://b:8883",
    }));
    const step = recall(ring, { copies: [other, ...many], ...newer({}, OTHER) });
    expect(isKnown(step.ring, OTHER)).toBe(true);
    expect(step.ring.copies).toHaveLength(COPIES_MAX);
    expect(step.ring.copies).toEqual(expect.arrayContaining([own, other]));
  });
});
