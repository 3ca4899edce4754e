import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { METRICS, metricsOf } from "../../src/status/metrics.ts";
import { aSnapshot } from "./a-snapshot.ts";

const linesOf = (more: Parameters<typeof aSnapshot>[0] = {}) =>
  metricsOf(aSnapshot(more))
    .split("\n")
    .filter((line) => !line.startsWith("#"));

describe("metrics", () => {
  test("have a type, a help and a value", () => {
    expect(metricsOf(aSnapshot())).toContain(
      "# HELP patrol_outbox_records Reports that wait, in all.\n# TYPE patrol_outbox_records gauge\npatrol_outbox_records 3\n",
    );
  });

  test("count faults by part and code", () => {
    const fault = { part: "panic-loop", code: "open", detail: "it is cut" };
    const lines = linesOf({
      faults: [fault, { ...fault, where: "boot" }, { part: "gps", code: "silent", detail: "it is silent" }],
    });
    expect(lines).toContain('patrol_faults_active{part="panic-loop",code="open"} 2');
    expect(lines).toContain('patrol_faults_active{part="gps",code="silent"} 1');
  });

  test("count open emergencies apart from drills", () => {
    const episode = { episode: "1", test: false, state: "received", legs: {} };
    const { emergency } = aSnapshot();
    const lines = linesOf({
      emergency: {
        ...emergency,
        episodes: [episode, { ...episode, test: true, state: "cleared" }],
        counts: { real: 1, drills: 1, presses: 3 },
      },
    });
    expect(lines).toContain('patrol_emergencies_open{kind="real"} 1');
    expect(lines).toContain('patrol_emergencies_open{kind="drill"} 0');
    expect(lines).toContain("patrol_presses_total 3");
  });

  test("leave out what is not known", () => {
    const lines = linesOf({ clock: "unset", certificateExpiresAt: "2026-12-24T22:00:00.000Z" });
    expect(lines.some((line) => line.startsWith("patrol_board_connected"))).toBe(false);
    expect(lines.some((line) => line.startsWith("patrol_certificate_expiry_seconds"))).toBe(false);
    expect(lines.some((line) => /NaN|undefined|null/.test(line))).toBe(false);
  });

  test("escape what stands in a label", () => {
    const brokers = [{ url: 'a"b\\c\nd', state: "connected", rttMs: 30 }];
    const lines = linesOf({ link: { reconnects: 0, brokers } });
    expect(lines).toContain('patrol_link_rtt_seconds{broker="a\\"b\\\\c\\nd"} 0.03');
  });

  test("have names that Prometheus accepts, each once; totals are counters", () => {
    const names = METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type } of METRICS) {
      expect(name).toMatch(/^patrol_[a-z_]+$/);
      expect(name.endsWith("_total"), name).toBe(type === "counter");
    }
  });

  test("are those of config/METRICS.md", () => {
    const rows = [...readFileSync("config/METRICS.md", "utf8").matchAll(/^\| `(\w+)`/gm)].map(
      ([, name]) => name,
    );
    expect(rows).toEqual(METRICS.map(({ name }) => name));
  });
});
