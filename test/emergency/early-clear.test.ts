import { describe, expect, test } from "vitest";
import { advance, handed, refusedAt, restore, type EpisodeEvent } from "../../src/emergency/machine.ts";
import { pressedAt, pressEvent, ack, after, sent } from "./machine-events.ts";

describe("a cleared after a further press", () => {
  const PRESSED = Date.parse("2026-11-24T08:00:00.000Z");
  const first = pressEvent("A", 0);
  const again = pressEvent("B", 100, { pressed: { ...pressedAt(100), at: PRESSED } });
  type Cleared = EpisodeEvent & { kind: "ack" };
  const clearedAt = (at: string | undefined, mono: number): Cleared => ({
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

  test("by the second of two computers that are behind by different times counts when it comes again", () => {
    const written = (ms: number) => new Date(PRESSED - 3_600_000 + ms).toISOString();
    const [one, other] = [clearedAt(written(0), 1_000), clearedAt(written(20_000), 31_000)];
    expect(stateAfter(sent("A", 3), one, sent("A", 4), other)).toEqual(["active 2"]);
    const counts = clearedAt(written(50_000), 61_000);
    expect(stateAfter(sent("A", 3), one, sent("A", 4), other, counts)).toEqual(["cleared 2"]);
    // What waited for the link comes at once, whatever lies between its times.
    const [late, later] = [clearedAt(written(30_000), 31_000), clearedAt(written(60_000), 31_001)];
    expect(stateAfter(sent("A", 3), clearedAt(written(60_000), 1_000), sent("A", 4), late, later)).toEqual([
      "active 2",
    ]);
  });

  test("by a clock that was set back by hours since one was refused costs one more refusal", () => {
    const early = clearedAt(new Date(PRESSED - 1_000).toISOString(), 200);
    const setBack = (ms: number) => new Date(PRESSED - 79_200_000 + ms).toISOString();
    const [once, again5s] = [clearedAt(setBack(0), 10_000), clearedAt(setBack(5_000), 15_000)];
    expect(stateAfter(sent("A", 3), early, sent("A", 4), once)).toEqual(["active 2"]);
    expect(stateAfter(sent("A", 3), early, sent("A", 4), once, again5s)).toEqual(["cleared 2"]);
  });

  test("of which the way never shows its age counts when three came as far apart as they were written", () => {
    const said = (mono: number, writtenMs = mono, repeated?: true): EpisodeEvent => ({
      kind: "ack",
      repeated,
      id: "A",
      stage: "cleared",
      at: new Date(PRESSED + 30_000 + writtenMs).toISOString(),
      mono,
      writtenAfter: 0,
    });
    const end = (...events: EpisodeEvent[]) => stateAfter(sent("A", 3), ...events);
    expect(end(said(10_000), said(30_000))).toEqual(["active 2"]);
    expect(end(said(10_000), said(30_000), said(50_000))).toEqual(["cleared 2"]);
    // Kept somewhere: they come together, or one of them was written at another distance.
    expect(end(said(10_000), said(30_000), said(30_100, 50_000))).toEqual(["active 2"]);
    expect(end(said(30_000, 10_000), said(50_000), said(70_000))).toEqual(["active 2"]);
    expect(end(said(10_000), said(12_000), said(14_000))).toEqual(["active 2"]);
    // Whatever came before them, and however impatient the operator is.
    expect(end(said(30_000, 10_000), said(50_000), said(70_000), said(90_000))).toEqual(["cleared 2"]);
    const impatient = [25_000, 31_000, 37_000, 43_000].map((mono) => said(mono));
    expect(end(...impatient)).toEqual(["cleared 2"]);
    expect(end(...impatient.slice(0, 3))).toEqual(["active 2"]);
    // One that a broker has sent before was kept there.
    const resent = [30_000, 50_000, 70_000].map((mono) => said(mono, mono, true));
    expect(end(...resent)).toEqual(["active 2"]);
    expect(end(resent[0]!, said(50_000), said(70_000))).toEqual(["active 2"]);
    expect(end(resent[0]!, said(50_000), said(70_000), said(90_000))).toEqual(["cleared 2"]);
    expect(end(said(10_000), resent[0]!, said(50_000))).toEqual(["active 2"]);
    expect(end(said(10_000), said(30_000), resent[1]!, said(60_000))).toEqual(["cleared 2"]);
    // A broker that has no acknowledgement sends all of them again after 30 s, even if it does not say so.
    expect(end(said(5_000), said(18_000), said(32_000))).toEqual(["active 2"]);
  });

  test("that may have waited since before the press does not end it, whatever its time says or does not say", () => {
    const from = (writtenAfter: number | undefined, at?: string): EpisodeEvent => ({
      kind: "ack",
      id: "A",
      stage: "cleared",
      at,
      mono: 60_000,
      writtenAfter,
    });
    const ahead = new Date(PRESSED + 30_000).toISOString();
    for (const at of [undefined, ahead]) {
      expect(stateAfter(sent("A", 3), from(99, at))).toEqual(["active 2"]);
      expect(stateAfter(sent("A", 3), from(-Infinity, at))).toEqual(["active 2"]);
      expect(stateAfter(sent("A", 3), from(100, at))).toEqual(["cleared 2"]);
      expect(stateAfter(sent("A", 3), from(undefined, at))).toEqual(["cleared 2"]);
    }
  });

  test("that was refused for its unknown age ends it when it comes by a way that shows its age", () => {
    const came = (writtenAfter: number, mono: number, writtenMs?: number): EpisodeEvent => ({
      kind: "ack",
      id: "A",
      stage: "cleared",
      at: writtenMs === undefined ? undefined : new Date(PRESSED + writtenMs).toISOString(),
      cameAt: PRESSED + mono - 100,
      mono,
      writtenAfter,
    });
    for (const writtenMs of [undefined, 19_000]) {
      const slow = came(-Infinity, 20_000, writtenMs);
      expect(stateAfter(sent("A", 3), slow)).toEqual(["active 2"]);
      expect(stateAfter(sent("A", 3), slow, came(19_000, 20_040, writtenMs))).toEqual(["cleared 2"]);
      expect(stateAfter(sent("A", 3), slow, slow, came(19_000, 20_040, writtenMs))).toEqual(["cleared 2"]);
      expect(stateAfter(sent("A", 3), slow, came(50, 20_040, writtenMs))).toEqual(["active 2"]);
    }
    // Not if its time, or a press that nobody had seen, spoke against it.
    const early = came(-Infinity, 20_000, -1_000);
    expect(stateAfter(sent("A", 3), early, came(19_000, 20_040, 5_000))).toEqual(["active 2"]);
    const slow = came(-Infinity, 20_000);
    expect(stateAfter(sent("A", 3), slow, early, came(19_000, 20_040))).toEqual(["active 2"]);
    expect(stateAfter(came(150, 200), sent("A", 4), came(300, 400))).toEqual(["active 2"]);
  });

  test("that may have waited since an earlier life ends it if its time is after that at which the press was seen", () => {
    const seenAt = (revision: number, mono: number, at?: number): EpisodeEvent => ({
      kind: "sent",
      id: "A",
      revision,
      mono,
      at,
    });
    const restarted = restore(after(...accepted, seenAt(3, 0, PRESSED + 100)).emergency.episodes, 5);
    const came = (at?: string, known = restarted) =>
      advance(known, {
        kind: "ack",
        id: "A",
        stage: "cleared",
        at,
        mono: 60_000,
        writtenAfter: -Infinity,
      }).emergency.episodes[0]?.state;
    expect(came(new Date(PRESSED + 30_000).toISOString())).toBe("cleared");
    expect(came(new Date(PRESSED - 30_000).toISOString())).toBe("active");
    expect(came()).toBe("active");
    // Nor if it is not known when the press was seen, whether in the life before or in this one.
    const untimed = restore(after(...accepted, sent("A", 3)).emergency.episodes, 5);
    expect(came(new Date(PRESSED + 30_000).toISOString(), untimed)).toBe("active");
    const unseen = restore(after(...accepted).emergency.episodes, 5);
    const seenNow = advance(unseen, seenAt(unseen.episodes[0]!.revision, 50_000)).emergency;
    expect(came(new Date(PRESSED + 30_000).toISOString(), seenNow)).toBe("active");
    // Not if dispatch's clock is ahead.
    const cameAt = PRESSED + 25_000;
    const ahead = { ...clearedAt(new Date(PRESSED + 30_000).toISOString(), 60_000), cameAt };
    expect(advance(restarted, { ...ahead, writtenAfter: -Infinity }).emergency.episodes[0]?.state).toBe(
      "active",
    );
    expect(advance(restarted, ahead).emergency.episodes[0]?.state).toBe("cleared");
  });

  test("that was refused does not end it later, when it comes from another broker, though dispatch's clock is ahead", () => {
    const twin = clearedAt(new Date(PRESSED + 10_000).toISOString(), 200);
    const from = (mono: number) => ({ ...twin, mono });
    expect(stateAfter(twin, sent("A", 4), from(400))).toEqual(["active 2"]);
    expect(stateAfter(twin, sent("A", 4), from(3_600_000))).toEqual(["active 2"]);
    // A day later it is no copy in a session any more.
    expect(stateAfter(twin, sent("A", 4), from(86_400_200))).toEqual(["cleared 2"]);
    const anew = clearedAt(new Date(PRESSED + 14_000).toISOString(), 4_400);
    expect(stateAfter(twin, sent("A", 4), anew)).toEqual(["cleared 2"]);
  });

  test("that was refused ends what dispatch wrote before it: an old accepted shows no person who has the press", () => {
    const at = (ms: number): string => new Date(PRESSED + ms).toISOString();
    const acceptedAt = (
      ms: number | undefined,
      stage: "received" | "accepted" = "accepted",
    ): EpisodeEvent => ({
      kind: "ack",
      id: "A",
      stage,
      by: "operator",
      at: ms === undefined ? undefined : at(ms),
      mono: 9_000,
    });
    const early = (writtenMs: number, cameMs: number | undefined): EpisodeEvent => ({
      kind: "ack",
      id: "A",
      stage: "cleared",
      at: at(writtenMs),
      cameAt: cameMs === undefined ? undefined : PRESSED + cameMs,
      mono: 200,
    });
    const refused = [sent("A", 3), early(-4_000, 500), sent("A", 4)];
    for (const old of [acceptedAt(-7_000), acceptedAt(-7_000, "received"), acceptedAt(-4_000)])
      expect(after(...accepted, ...refused, old).effects).toEqual([
        { kind: "refused", why: "dispatch wrote it before it ended the episode" },
      ]);
    expect(stateAfter(...refused, acceptedAt(-7_000))).toEqual(["active 2"]);
    expect(stateAfter(...refused, acceptedAt(-3_999))).toEqual(["accepted 2"]);
    // Also after a further press and without the time here, but not where dispatch's time is missing.
    const third = pressEvent("C", 5_000, { pressed: { ...pressedAt(5_000), at: PRESSED + 5_000 } });
    expect(stateAfter(...refused, third, acceptedAt(-7_000))).toEqual(["active 3"]);
    expect(stateAfter(...refused, acceptedAt(undefined))).toEqual(["accepted 2"]);
    const withoutTime = [sent("A", 3), early(-4_000, undefined), sent("A", 4)];
    expect(stateAfter(...withoutTime, acceptedAt(-7_000))).toEqual(["active 2"]);
    expect(stateAfter(...withoutTime, acceptedAt(-3_999))).toEqual(["accepted 2"]);
  });

  test("by a clock that is ahead refuses nothing that dispatch writes from then on", () => {
    const hour = new Date(PRESSED + 3_600_000).toISOString();
    const ahead: EpisodeEvent = {
      kind: "ack",
      id: "A",
      stage: "cleared",
      at: hour,
      cameAt: PRESSED,
      mono: 200,
    };
    const written = (ms: number): EpisodeEvent => ({
      kind: "ack",
      id: "A",
      stage: "accepted",
      at: new Date(PRESSED + ms).toISOString(),
      mono: 9_000,
    });
    expect(stateAfter(ahead, sent("A", 4), written(0))).toEqual(["active 2"]);
    expect(stateAfter(ahead, sent("A", 4), written(1))).toEqual(["accepted 2"]);
  });

  test("of the same decision, stamped for each broker by itself, does not end a press that neither had seen", () => {
    const stamped = (ms: number, mono: number) =>
      clearedAt(new Date(PRESSED + 20_000 + ms).toISOString(), mono);
    expect(stateAfter(stamped(0, 200), sent("A", 4), stamped(5, 700))).toEqual(["active 2"]);
    expect(stateAfter(stamped(0, 200), sent("A", 4), stamped(50, 1_800_000))).toEqual(["active 2"]);
    expect(stateAfter(stamped(0, 200), sent("A", 4), stamped(30_000, 30_200))).toEqual(["cleared 2"]);
  });

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

  test("ends it once a broker has acknowledged an older report with the press", () => {
    const shown = (id: string, presses: number): EpisodeEvent => ({ kind: "shown", id, presses, mono: 150 });
    expect(stateAfter(shown("A", 2), clearedAt(undefined, 200))).toEqual(["cleared 2"]);
    expect(stateAfter(shown("A", 1), clearedAt(undefined, 200))).toEqual(["active 2"]);
    expect(stateAfter(shown("B", 2), clearedAt(undefined, 200))).toEqual(["active 2"]);
    expect(after(...accepted, shown("A", 2)).effects).toEqual([{ kind: "keep" }]);
    expect(after(...accepted, shown("A", 2), shown("A", 2)).effects).toEqual([]);
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
    // Written after the press: dispatch had not seen that either, because both came at once.
    expect(then(0.1, 61)).toEqual(["active 2"]);
    expect(then(4, 61)).toEqual(["cleared 2"]);
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

  const handedTo = (broker: string, presses = 2) => ({ id: "A", presses, broker });

  test("ends it a minute after the press was handed to a connection, if no broker acknowledges it", () => {
    const { emergency } = after(...accepted);
    const end = (of: typeof emergency, mono: number) =>
      advance(of, clearedAt(undefined, mono)).emergency.episodes[0]!.state;
    const once = handed(emergency, handedTo("a"), 1_000);
    expect([end(once, 60_999), end(once, 61_000)]).toEqual(["active", "cleared"]);
    expect(end(handed(emergency, handedTo("a", 1), 1_000), 61_000)).toBe("active");
    expect(end(handed(once, handedTo("a"), 5_000), 61_000)).toBe("cleared");
    // After a restart the time counts anew.
    expect(end(restore(once.episodes, 0), 61_000)).toBe("active");
  });

  test("that was written before the press left the unit does not end it, however soon a broker acknowledged it", () => {
    const { emergency } = after(...accepted);
    const seen = (afterMs: number) => {
      const event = {
        kind: "sent",
        id: "A",
        revision: 3,
        mono: 11_100,
        at: PRESSED + 11_000,
        afterMs,
      } as const;
      return advance(emergency, event).emergency;
    };
    const state = (of: typeof emergency, ms: number) =>
      advance(of, {
        ...clearedAt(new Date(PRESSED + ms).toISOString(), 14_100),
        cameAt: PRESSED + 14_000,
      }).emergency.episodes[0]!.state;
    const soon = seen(1_000);
    expect([state(soon, 9_999), state(soon, 10_000)]).toEqual(["active", "cleared"]);
    // An acknowledgement can be late, by 3 s at most.
    const late = seen(6_000);
    expect([state(late, 7_999), state(late, 8_000)]).toEqual(["active", "cleared"]);
    // A later life knows it too.
    const later = (ms: number) => state(restore(soon.episodes, 5), ms);
    expect([later(9_999), later(10_000)]).toEqual(["active", "cleared"]);
  });

  test("that was written before a broker acknowledged the press does not end it, though it comes later", () => {
    const cleared = (writtenMs: number, mono: number) => ({
      ...clearedAt(new Date(PRESSED + writtenMs).toISOString(), mono),
      cameAt: PRESSED + mono - 100,
    });
    // Both were held for 11 s: dispatch wrote it after the press, and had not seen that.
    const seenAt = (mono: number) => ({ kind: "sent", id: "A", revision: 3, mono }) as const;
    const held = [seenAt(11_100), cleared(1_500, 11_200)];
    expect(stateAfter(...held)).toEqual(["active 2"]);
    expect(stateAfter(seenAt(11_100), cleared(7_999, 11_200))).toEqual(["active 2"]);
    // A broker may acknowledge it 3 s after it has passed it on.
    expect(stateAfter(seenAt(11_100), cleared(8_000, 11_200))).toEqual(["cleared 2"]);
    expect(stateAfter(...held, sent("A", 4), cleared(16_000, 16_100))).toEqual(["cleared 2"]);
    // Also if the time of the press is not known, or the press was in an earlier life and is acknowledged in this one.
    const untimed = pressEvent("B", 100);
    const timed = after(first, sent("A"), untimed, sent("A", 2), cleared(-1_000, 300));
    expect(timed.emergency.episodes[0]!.state).toBe("active");
    const restarted = restore(after(...accepted).emergency.episodes, 5);
    const seen = advance(restarted, { kind: "sent", id: "A", revision: 3, mono: 20_000 }).emergency;
    const state = (writtenMs: number) =>
      advance(seen, cleared(writtenMs, 21_000)).emergency.episodes[0]!.state;
    expect([state(16_899), state(16_900)]).toEqual(["active", "cleared"]);
  });

  test("does not end it if each broker that was handed the press has refused it", () => {
    const { emergency } = after(...accepted);
    const both = handed(handed(emergency, handedTo("a"), 1_000), handedTo("b"), 1_000);
    const end = (of: typeof emergency) =>
      advance(of, clearedAt(undefined, 61_000)).emergency.episodes[0]!.state;
    expect(end(refusedAt(both, "a"))).toBe("cleared");
    expect(end(refusedAt(refusedAt(both, "a"), "b"))).toBe("active");
    expect(refusedAt(emergency, "a")).toEqual(emergency);
  });

  describe("of which there were two before the press, each by two ways", () => {
    const cleared = (writtenMs: number, mono: number): Cleared => ({
      ...clearedAt(new Date(PRESSED + writtenMs).toISOString(), mono),
      cameAt: PRESSED + mono - 100_000,
      writtenAfter: 1_000,
    });
    const late = pressEvent("B", 100_000, { pressed: { ...pressedAt(100_000), at: PRESSED } });
    const before = [first, sent("A"), ack("A", "accepted", 50), sent("A", 2), late] as const;
    const refused = [cleared(-70_000, 130_000), cleared(-40_000, 130_001), cleared(-10_000, 130_002)];

    test.each([3_000, 6_000, 11_000, 60_000])("does not end it %i ms later", (wayMs) => {
      const twins = [
        cleared(-70_000, 130_000 + wayMs),
        cleared(-40_000, 130_001 + wayMs),
        cleared(-10_000, 130_002 + wayMs),
      ];
      for (const order of [twins, twins.toReversed()]) {
        const { emergency } = after(...before, ...refused, sent("A", 4), ...order);
        expect(emergency.episodes.map(({ state }) => state)).toEqual(["active"]);
        // By the time of a computer whose clock is ahead it was written after the press. Only the way shows that.
        const ahead = advance(emergency, cleared(20_000, 230_000)).emergency;
        expect(ahead.episodes[0]!.state).toBe("active");
        const anew = advance(ahead, { ...cleared(130_000, 230_100), writtenAfter: 200_000 });
        expect(anew.emergency.episodes[0]!.state).toBe("cleared");
      }
    });

    test("does not end it after a restart either", () => {
      const { emergency } = after(...before, ...refused, sent("A", 4));
      const restarted = restore(emergency.episodes, 0);
      const came = { ...cleared(-10_000, 150_000), mono: 20_000, writtenAfter: -Infinity };
      const then = advance(restarted, came).emergency;
      expect(then.episodes[0]!.state).toBe("active");
      const anew = { ...cleared(130_000, 230_100), mono: 100_100, writtenAfter: 100_000 };
      expect(advance(then, anew).emergency.episodes[0]!.state).toBe("cleared");
    });
  });

  test("that was written before the press was seen, in an earlier life, does not end it", () => {
    const seen: EpisodeEvent = { kind: "sent", id: "A", revision: 3, mono: 40_000, at: PRESSED + 40_000 };
    const restarted = restore(after(...accepted, seen).emergency.episodes, 0);
    const state = (writtenMs: number) =>
      advance(restarted, {
        ...clearedAt(new Date(PRESSED + writtenMs).toISOString(), 60_000),
        writtenAfter: -Infinity,
      }).emergency.episodes[0]!.state;
    expect([state(10_000), state(36_999), state(37_001)]).toEqual(["active", "active", "cleared"]);
    // Also if the time of the press is not known.
    const pressed = { ...pressedAt(100), clock: "unset" } as const;
    const untimed = after(first, sent("A"), pressEvent("B", 100, { pressed }), { ...seen, revision: 2 });
    const early = { ...clearedAt(new Date(PRESSED).toISOString(), 60_000), writtenAfter: -Infinity };
    expect(advance(restore(untimed.emergency.episodes, 0), early).emergency.episodes[0]!.state).toBe(
      "active",
    );
  });

  test.each([30_000, 600_000])(
    "which was refused keeps no person whose clock is %i ms behind from accepting",
    (behindMs) => {
      const said = (
        stage: "accepted" | "cleared",
        mono: number,
        lateMs: number,
        behind = 0,
      ): EpisodeEvent => ({
        kind: "ack",
        id: "A",
        stage,
        by: "operator",
        at: new Date(PRESSED + mono - 100 - lateMs - behind).toISOString(),
        cameAt: PRESSED + mono - 100,
        mono,
        writtenAfter: mono - lateMs - 50,
      });
      const refused = [said("cleared", 600, 600), sent("A", 4)];
      expect(stateAfter(...refused, said("accepted", 700, 800))).toEqual(["active 2"]);
      expect(stateAfter(...refused, said("accepted", 5_000, 0, behindMs))).toEqual(["accepted 2"]);
      const next = restore(after(...accepted, ...refused).emergency.episodes, 0);
      const then = advance(next, said("accepted", 5_000, 0, behindMs)).emergency;
      expect(then.episodes[0]!.state).toBe("accepted");
    },
  );
});
