import { expect, test } from "vitest";
import { createClock } from "../../src/runtime/clock.ts";
import type { EmergencyUpdate } from "../../src/domain/report.ts";
import { EpisodeLegs } from "../../src/status/legs.ts";
import { EpisodeReports } from "../../src/unit/episode-reports.ts";
import { emergency } from "../dispatch/reports.ts";
import { openWorld } from "./whole-unit.ts";

test("an episode that gets a number of a new store has no time on a clock that was unset", async () => {
  const world = openWorld([{}, {}]);
  world.host.synchronised = false;
  const first = await world.start();
  await world.wait(20_000);
  first.board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
  await world.wait(60_000);
  const isEmergency = ({ topic }: { readonly topic: string }): boolean => /\/emergency\/[^/]+$/.test(topic);
  const { store } = world.heard.find(isEmergency)!.report;
  // It claims more than this store ever gave: a restored card.
  const claim = {
    store,
    upTo: 100_000,
    missing: [],
    by: "db",
    at: new Date(world.time.host()).toISOString(),
  };
  let isOver = false;
  void first.unit.restart.then(() => (isOver = true));
  for (const { broker } of world.brokers)
    broker.publish("patrol/v1/zrenjanin/zr-117/receipt", Buffer.from(JSON.stringify(claim)), {
      retain: true,
    });
  await world.wait(60_000, () => isOver);
  await world.settle(Promise.resolve(first.unit[Symbol.asyncDispose]()));
  world.host.synchronised = true;
  const startedAt = world.time.host();
  await world.start();
  await world.wait(60_000);
  const { report } = world.heard.findLast(isEmergency)!;
  expect(report).toMatchObject({ clock: "ntp", boot: 2, data: { presses: 1, state: "active" } });
  expect(report["store"]).not.toBe(store);
  expect(report["data"]).not.toHaveProperty("pressedAt");
  expect(Date.parse(String(report["at"]))).toBeGreaterThanOrEqual(startedAt);
});

test("nor has it a position whose age is counted on that clock", () => {
  const before: EmergencyUpdate = {
    ...emergency(7, "active", {
      position: { lat: 45, lon: 20, fix: "3d", ageMs: 400, trusted: true },
      track: [{ lat: 45, lon: 20, ageMs: 1_400 }],
    }),
    at: "2026-11-24T22:00:00.000Z",
    clock: "unset",
  };
  const reports = new EpisodeReports({
    outbox: {
      boot: 2,
      append: (draft) => ({ ...before, ...draft, store: "newstore", boot: 2, at: before.at }),
    },
    clock: createClock(),
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    legs: new EpisodeLegs(),
    scene: () => ({}),
  });
  const { episode } = before.data;
  reports.renumber(episode, before);
  expect(reports.get(episode)?.data).not.toHaveProperty("position");
  expect(reports.get(episode)?.data).not.toHaveProperty("track");
  reports.renumber(episode, { ...before, clock: "gnss" });
  expect(reports.get(episode)?.data).toMatchObject({ position: { ageMs: 400 } });
});
