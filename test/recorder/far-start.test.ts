import { expect, test } from "vitest";
import { Fleet } from "../../src/recorder/console/fleet.ts";
import { openMessage } from "../../src/recorder/open-message.ts";
import { Silence } from "../../src/recorder/silence.ts";
import { readTopic } from "../../src/recorder/topics.ts";

/** A start that its disk took no note of: `state` has the boot before, and reports a boot far beyond (DECISIONS 61). */
const FAR = 2 ** 20 + 5;
const FAR_NUMBER = 2 ** 41;
const UNIT = "zrenjanin/zr-117";
const STORE = "k3v9q0ab";
const HOUR_MS = 3_600_000;
const BEGIN = Date.UTC(2026, 10, 24, 8);

/** What dispatch's watch says of a car after `far`, if any, and a further start of the service. */
const watched = (far: boolean, ending: "farewell" | "nothing") => {
  const silence = new Silence();
  let mono = 1_000_000;
  let seq = 100;
  const now = () => ({ mono, wall: BEGIN + mono });
  const state = (what: "online" | "offline", boot: number, connection: number, reason?: string) => {
    const said = { unit: UNIT, version: "1.1", store: STORE, boot, connection, state: what };
    const isStale = silence.state(reason === undefined ? said : { ...said, reason }, now());
    if (what === "online") silence.heard(UNIT, true, now());
    return isStale;
  };
  const report = (boot: number, kind: string, data: object) => {
    const about = {
      unit: UNIT,
      store: STORE,
      boot,
      seq: seq++,
      kind,
      live: true,
      data: JSON.stringify(data),
    };
    silence.report({ ...about, at: now().wall, clock: "gnss", mono: 1, extra: undefined }, now());
    silence.heard(UNIT, false, now());
  };
  state("online", 7, 1);
  report(7, "health", { gps: { fix: "3d" } });
  if (far) {
    state("online", 7, 1_790_000_000);
    seq = FAR_NUMBER;
    report(FAR, "event", { type: "boot" });
    if (ending === "nothing") report(FAR, "event", { type: "shutdown" });
  }
  mono += 60_000;
  seq = 200;
  const isBirthStale = state("online", 8, 2);
  report(8, "event", { type: "boot" });
  report(8, "position", { courseDeg: 10, speedKmh: 50 });
  mono += 5_000;
  if (ending === "farewell") {
    report(8, "event", { type: "shutdown" });
    state("offline", 8, 2, "SIGTERM");
  }
  mono += HOUR_MS;
  return { isBirthStale, silent: silence.overdue(now(), { isUp: true, heardAt: mono }).length };
};

test.each([false, true])("after a start without a disk (%j) the watch hears the next one", (far) => {
  expect(watched(far, "farewell")).toEqual({ isBirthStale: false, silent: 0 });
  expect(watched(far, "nothing")).toEqual({ isBirthStale: false, silent: 1 });
});

test.each([FAR_NUMBER + 1_000, 300])(
  "the map follows the car after such a start, whose numbers go on from %i",
  (from) => {
    const fleet = new Fleet();
    const hear = (channel: string, ms: number, said: object): void => {
      const topic = `patrol/v1/${UNIT}/${channel}`;
      const payload = Buffer.from(JSON.stringify({ unit: UNIT, store: STORE, ...said }));
      const where = readTopic("patrol/v1", topic)!;
      fleet.hear(
        { topic, where, retain: false, payload, opened: openMessage(topic, where, payload) },
        BEGIN + ms,
      );
    };
    const birth = (boot: number, connection: number, ms: number) =>
      hear("state", ms, { state: "online", boot, connection, version: "1.1" });
    const position = (boot: number, seq: number, lat: number, mono: number): void => {
      const at = new Date(BEGIN + mono).toISOString();
      const data = { lat, lon: 20, fix: "3d", reason: "interval" };
      hear("position", mono, {
        v: 1,
        boot,
        seq,
        kind: "position",
        at,
        clock: "gnss",
        mono,
        live: true,
        data,
      });
    };
    birth(2, 1, 0);
    position(2, 100, 45.1, 1_000);
    birth(2, 1_790_000_000, 60_000);
    position(FAR, FAR_NUMBER, 45.2, 61_000);
    expect(fleet.car(UNIT)!.position?.lat).toBe(45.2);
    birth(3, 1_790_000_001, 120_000);
    for (let n = 1; n <= 20; n++) position(3, from + n, 45.3 + n / 100, 121_000 + n * 5_000);
    expect(fleet.car(UNIT)!.position?.lat).toBeCloseTo(45.5, 5);
    // What comes late of a start that was counted moves nothing, of the other one for a moment.
    position(2, 101, 45.1, 2_000);
    expect(fleet.car(UNIT)!.position?.lat).toBeCloseTo(45.5, 5);
    position(FAR, FAR_NUMBER + 1, 45.2, 62_000);
    position(3, from + 21, 45.6, 300_000);
    expect(fleet.car(UNIT)!.position?.lat).toBe(45.6);
  },
);
