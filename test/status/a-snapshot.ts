import { Snapshot } from "../../src/domain/snapshot.ts";

/** A snapshot with what every release gives, as the schema reads it. */
export const aSnapshot = (more: Partial<Snapshot> = {}): Snapshot =>
  Snapshot.parse({
    state: "online",
    unit: "zrenjanin/zr-117",
    boot: 7,
    clock: "gnss",
    at: "2026-11-24T22:00:00.000Z",
    version: "0.1.0",
    uptimeS: 40,
    outbox: { records: 3, oldestAgeS: 2, bytes: 4_096 },
    link: { broker: "mqtts://a:8883", reconnects: 1 },
    gps: { fix: "3d", satellites: 9, sentences: 100, rejected: { checksum: 2 } },
    emergency: { drillArmed: false, lamp: "idle", episodes: [] },
    ...more,
  });
