import { describe, expect, test } from "vitest";
import { CATALOGUE } from "../../src/domain/faults.ts";
import type { Snapshot } from "../../src/domain/snapshot.ts";
import { judge, verdict, type Level } from "../../src/web/status/judge.ts";
import { goodCar } from "./fixture.ts";

const NOW = Date.UTC(2026, 10, 26, 13);
const levelOf = (s: Snapshot): Level => verdict(judge(s, NOW));
const withFault = (part: string, code: string, where?: string): Snapshot =>
  goodCar({ faults: [{ part, code, detail: "", ...(where === undefined ? {} : { where }) }] });

/** Faults with which a call may not get through. Every other fault needs attention. */
const BAD: ReadonlySet<string> = new Set([
  "panic-board not-configured",
  "panic-board programming",
  "panic-board absent",
  "panic-board denied",
  "panic-board unplugged",
  "panic-board silent",
  "panic-board boot-loader",
  "panic-board failed",
  "panic-loop open",
  "panic-loop short",
  "panic-loop stuck",
  "link emergency-too-large",
  "outbox disk-read-only",
  "outbox disk-failing",
  "power not-cancelled",
]);

test("a car in which everything is in order can call for help", () => {
  const list = judge(goodCar(), NOW);
  expect(list.map(({ duty, name, level }) => `${[duty, name].filter(Boolean).join(" ")}: ${level}`)).toEqual([
    "board: good",
    "button dash: good",
    "button boot: good",
    "link: good",
    "custody: good",
    "position: good",
    "disk: good",
    "clock: good",
  ]);
  expect(verdict(list)).toBe("good");
});

describe("each fault of the catalogue", () => {
  test.each(CATALOGUE.map(({ part, code }) => [part, code]))("%s %s counts, under one duty", (part, code) => {
    const list = judge(withFault(part, code), NOW);
    const touched = list.filter(({ reasons }) => reasons.length > 0);
    expect(touched).toHaveLength(1);
    expect(verdict(list)).toBe(BAD.has(`${part} ${code}`) ? "bad" : "watch");
  });

  test("a fault that this release does not know needs attention", () => {
    expect(levelOf(withFault("flux", "reversed"))).toBe("watch");
    expect(levelOf(withFault("gps", "toString"))).toBe("watch");
  });
});

test("a refused topic is bad if it is that of emergencies", () => {
  expect(levelOf(withFault("link", "topic-refused", "mqtt://a zr/zr-117/emergency/01K"))).toBe("bad");
  expect(levelOf(withFault("link", "topic-refused", "mqtt://a zr/zr-117/position"))).toBe("watch");
});

describe("conditions without a fault", () => {
  const offline = (uptimeS: number): Snapshot => {
    const { broker: _, ...link } = goodCar().link;
    return goodCar({ link, uptimeS });
  };

  test("without a broker a call waits, so the verdict is bad", () => {
    expect(levelOf(offline(600))).toBe("bad");
  });

  test("a service that has just started is given time to connect", () => {
    expect(levelOf(offline(5))).toBe("watch");
  });

  test("a board that does not answer is bad even before its fault is raised", () => {
    expect(levelOf(goodCar({ panicBoard: { connected: false } }))).toBe("bad");
  });

  test("a car without a panic board cannot call", () => {
    const { panicBoard: _, ...rest } = goodCar();
    expect(levelOf(rest)).toBe("bad");
  });

  test("a button that is pressed is shown, and is not good", () => {
    const list = judge(goodCar({ panicBoard: { connected: true, loops: { dash: "pressed" } } }), NOW);
    expect(list.find(({ name }) => name === "dash")?.level).toBe("watch");
  });

  test.each<[string, Partial<Snapshot>]>([
    ["no fix", { gps: { fix: "none", sentences: 1, rejected: {} } }],
    ["an unknown time", { clock: "unset" }],
    ["a certificate that ends in a week", { certificateExpiresAt: "2026-12-03T00:00:00Z" }],
    ["a certificate that has ended", { certificateExpiresAt: "2026-11-01T00:00:00Z" }],
    ["a disk with 10 MiB left", { diskFreeMiB: 10 }],
  ])("%s needs attention", (_, changes) => {
    expect(levelOf(goodCar(changes))).toBe("watch");
  });
});

test("a certificate that has ended is not said to end soon", () => {
  const list = judge(goodCar({ certificateExpiresAt: "2026-11-01T00:00:00Z" }), NOW);
  expect(list.find(({ duty }) => duty === "link")?.reasons).toEqual([
    { kind: "condition", level: "watch", condition: "certificate-ended" },
  ]);
});

test("a fault of a button that has no loop in the snapshot has a line of its own", () => {
  const list = judge(withFault("panic-loop", "untested", "rear"), NOW);
  expect(list.find(({ name }) => name === "rear")?.level).toBe("watch");
  expect(list.filter(({ duty }) => duty === "button")).toHaveLength(3);
});

test("the worst reason of a duty comes first", () => {
  const faults = [
    { part: "panic-loop", code: "untested", where: "dash", detail: "" },
    { part: "panic-loop", code: "open", where: "dash", detail: "" },
  ];
  const dash = judge(goodCar({ faults }), NOW).find(({ name }) => name === "dash");
  expect(dash?.reasons.map((one) => one.level)).toEqual(["bad", "watch"]);
});
