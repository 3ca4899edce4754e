import { describe, expect, test } from "vitest";
import type { EmergencyData, EmergencyUpdate } from "../../src/domain/report.ts";
import { COPIES_MAX } from "../../src/emergency/copies.ts";
import { DRILL_ENDS_MS } from "../../src/emergency/machine.ts";
import { episodeOf } from "../../src/emergency/orphan.ts";
import { advance } from "../../src/emergency/ring.ts";
import { NO_RING } from "../../src/emergency/ring-state.ts";

const ID = "01K0000000000000000000000A";
const reportOf = (data: Partial<EmergencyData> = {}): EmergencyUpdate => ({
  v: 1,
  unit: "zrenjanin/zr-117",
  store: "k3v9q0ab",
  boot: 7,
  seq: 12,
  kind: "emergency",
  at: "2026-11-24T22:00:00.000Z",
  clock: "gnss",
  mono: 1,
  data: { episode: ID, state: "active", test: false, button: "dash", presses: 2, attempt: 3, ...data },
});

describe("the episode of a report", () => {
  test("is open as the report says, and claims nothing until it is stored", () => {
    expect(episodeOf(reportOf(), true, 1_000)).toMatchObject({
      id: ID,
      state: "active",
      buttons: ["dash"],
      presses: 2,
      silent: false,
      dark: true,
      safe: false,
      reach: "made",
    });
  });

  test("keeps the time of the press, who acknowledged it, and all buttons", () => {
    const data: Partial<EmergencyData> & { pressedAt: string } = {
      pressedAt: "2026-11-24T21:59:58.000Z",
      state: "received",
      by: "op-7",
      ackAt: "2026-11-24T22:00:03.000Z",
      buttons: ["dash", "boot"],
      silent: true,
      heldMs: 200,
    };
    const episode = episodeOf(reportOf(data), false, 1_000);
    expect(episode.pressed).toMatchObject({ at: Date.parse(data.pressedAt), clock: "gnss" });
    expect(episode).toMatchObject({
      state: "received",
      by: "op-7",
      ackAt: "2026-11-24T22:00:03.000Z",
      silent: true,
      heldMs: 200,
    });
    expect(episode.buttons).toEqual(["dash", "boot"]);
  });

  test("a drill ends by itself", () => {
    expect(episodeOf(reportOf({ test: true }), false, 1_000).endsAt).toBe(1_000 + DRILL_ENDS_MS);
    expect(episodeOf(reportOf(), false, 1_000).endsAt).toBeUndefined();
  });
});

describe("the ring", () => {
  const episode = episodeOf(reportOf(), false, 1_000);
  const adopted = advance(NO_RING, { kind: "adopt", episode, mono: 1_000 }, 1_000);

  test("stores an episode that it adopts, and publishes it then", () => {
    expect(adopted.effects).toContainEqual({ kind: "store", generation: 1 });
    const stored = advance(adopted.ring, { kind: "stored", generation: 1 }, 1_010);
    expect(stored.effects).toContainEqual({ kind: "publish", id: ID });
    expect(stored.ring.lamp?.pattern).toBe("stored");
  });

  test("adopts no episode that it knows", () => {
    const again = advance(adopted.ring, { kind: "adopt", episode, mono: 2_000 }, 2_000);
    expect(again.effects).toEqual([]);
    expect(again.ring.emergency.episodes).toHaveLength(1);
  });
});

describe("a newer memory than that with which the unit began", () => {
  const OTHER = "01K0000000000000000000000B";
  const episode = episodeOf(reportOf(), false, 1_000);
  const begun = advance(NO_RING, { kind: "adopt", episode, mono: 1_000 }, 1_000).ring;
  const nothing = { presses: [], copies: [], airbags: [], ended: [], mono: 2_000 } as const;

  test("adds its presses and its copies, and both are stored", () => {
    const presses = [{ board: "0badcafe", below: 0, numbers: [7] }];
    const copies = [
      { episode: OTHER, broker: "mqtts://a:8883" },
      { episode: ID, broker: "mqtts://b:8883" },
    ];
    const { ring, effects } = advance(begun, { ...nothing, kind: "recalled", presses, copies }, 2_000);
    expect(ring).toMatchObject({ presses, copies });
    expect(effects).toContainEqual({ kind: "store", generation: begun.generation + 1 });
    expect(ring.emergency.episodes).toEqual(begun.emergency.episodes);
  });

  test("pushes out no copy of an episode that is open", () => {
    const own = { episode: ID, broker: "mqtts://a:8883" };
    const ring = { ...begun, copies: [own] };
    const copies = Array.from({ length: COPIES_MAX }, (_, n) => ({
      episode: `${n}`,
      broker: "mqtts://b:8883",
    }));
    const recalled = advance(ring, { ...nothing, kind: "recalled", copies }, 2_000);
    expect(recalled.ring.copies).toHaveLength(COPIES_MAX);
    expect(recalled.ring.copies).toContainEqual(own);
  });

  test("shows that an airbag has fired already", () => {
    const ring = { ...begun, airbags: ["Front"] };
    const recalled = advance(ring, { ...nothing, kind: "recalled", airbags: ["Side", "Front"] }, 2_000);
    expect(recalled.ring.airbags).toEqual(["Front", "Side"]);
  });

  test("ends an episode that has ended", () => {
    const ended = [
      { id: OTHER, presses: 1 },
      { id: ID, presses: 2 },
    ];
    const { ring, effects } = advance(begun, { ...nothing, kind: "recalled", ended }, 2_000);
    expect(ring.emergency.episodes).toMatchObject([{ id: ID, state: "cleared" }]);
    expect(effects.filter(({ kind }) => kind === "report")).toHaveLength(1);
    expect(ring.lamp?.pattern).toBe("idle");
  });

  test("ends no episode in which somebody has pressed since", () => {
    const ended = [{ id: ID, presses: 1 }];
    const { ring } = advance(begun, { ...nothing, kind: "recalled", ended }, 2_000);
    expect(ring.emergency.episodes).toMatchObject([{ id: ID, state: "active" }]);
  });
});
