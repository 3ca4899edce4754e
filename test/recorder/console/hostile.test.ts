import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FleetChanges, CarDetails } from "../../../src/domain/fleet.ts";
import { Fleet, LIMITS } from "../../../src/recorder/console/fleet.ts";
import { heardMessage } from "../../../src/recorder/console/heard.ts";
import { emergencyData, UNIT, wire } from "../reports.ts";
import { EPISODE, NOW } from "./messages.ts";

/** Values that a broken or hostile unit could send in any place of a report. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "<script>",
    -1,
    0,
    1e308,
    Number.MAX_SAFE_INTEGER,
    null,
    "",
    [],
  ),
  fc.string({ maxLength: 20 }),
);
const CHANNELS = [
  "state",
  "position",
  "vehicle",
  "event",
  "health",
  `emergency/${EPISODE}`,
  "history",
  "silent",
];

const messages = fc.record({
  channel: fc.constantFrom(...CHANNELS),
  seq: fc.integer({ min: 1, max: 40 }),
  kind: fc.constantFrom("position", "vehicle", "event", "health", "emergency"),
  key: fc.constantFrom(
    "lat",
    "signals",
    "type",
    "from",
    "to",
    "kept",
    "mono",
    "at",
    "state",
    "track",
    "position",
    "link",
  ),
  value: anything,
  type: fc.constantFrom("gap", "clock", "fault", "recovered", "boot", "unknown"),
  clock: fc.constantFrom("gnss", "unset"),
  mono: fc.constantFrom(0, 5_000, Number.MAX_SAFE_INTEGER),
  retain: fc.boolean(),
  isEmpty: fc.boolean(),
});
type Message = typeof messages extends fc.Arbitrary<infer M> ? M : never;

const INSTANT = new Date(NOW).toISOString();

/** Every instant, which the page makes a date of. */
const instantsIn = (value: unknown): number[] => {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    ["at", "pressedAt"].includes(key) && typeof inner === "number" ? [inner] : instantsIn(inner),
  );
};

const payloadOf = ({ channel, seq, kind, key, value, type, clock, mono, isEmpty }: Message): Buffer => {
  if (isEmpty) return Buffer.alloc(0);
  const base =
    kind === "emergency"
      ? emergencyData({ pressedAt: INSTANT })
      : { type, boot: 1, mono: 5, at: INSTANT, from: 1, to: 9, lat: 45, lon: 20, fix: "3d", reason: "x" };
  const report = JSON.stringify(wire(seq, { kind, clock, mono, data: { ...base, [key]: value } }));
  return channel === "history" ? gzipSync(report) : Buffer.from(report);
};

test("whatever a unit sends, the model does not throw, and what it shows has the form that the page expects", () => {
  fc.assert(
    fc.property(fc.array(messages, { maxLength: 30 }), (all) => {
      const fleet = new Fleet({ ...LIMITS, events: 5, raw: 5, open: 2, ended: 2, cars: 2 });
      for (const message of all) {
        const topic = `patrol/v1/${UNIT}/${message.channel}`;
        fleet.hear(heardMessage("patrol/v1", topic, payloadOf(message), message.retain), NOW);
      }
      const changes: FleetChanges = {
        now: NOW,
        cars: [...fleet.units].flatMap((unit) => fleet.car(unit) ?? []),
        gone: [],
        episodes: [...fleet.episodeKeys].flatMap((key) => fleet.episode(key) ?? []),
        goneEpisodes: [],
        events: fleet.eventsAfter(0),
        unshown: fleet.unshown,
        isConnected: true,
      };
      // As it goes over the wire.
      FleetChanges.parse(JSON.parse(JSON.stringify(changes)));
      const details = [...fleet.units].map((unit) =>
        CarDetails.parse(JSON.parse(JSON.stringify(fleet.details(unit)))),
      );
      for (const at of instantsIn([changes, details])) expect(new Date(at).getTime()).toBe(at);
      expect(changes.events.length).toBeLessThanOrEqual(5);
    }),
    { numRuns: 400 },
  );
});
