import { describe, expect, test } from "vitest";
import type { EventData } from "../../src/domain/report.ts";
import { createLog } from "../../src/runtime/log.ts";
import { Faults } from "../../src/unit/faults.ts";

const LOOP = { part: "panic-loop", where: "dash" } as const;
const OUTBOX = { part: "outbox" } as const;

const opened = () => {
  let now = 0;
  const events: EventData[] = [];
  const lines: string[] = [];
  const changed: string[] = [];
  const faults = new Faults({
    log: createLog((line) => lines.push(line)),
    event: (data) => events.push(data),
    mono: () => now,
  });
  faults.changed.listen(({ code, faulty }) => changed.push(`${code} ${faulty}`));
  return { faults, events, lines, changed, pass: (ms: number) => (now += ms) };
};
const told = (events: readonly EventData[]) =>
  events.map((one) =>
    one.type === "fault" || one.type === "recovered" ? [one.type, one.code ?? "", one.detail] : [one.type],
  );

describe("a fault", () => {
  test("is logged and reported once, with its part, code and place, and is active until it is cleared", () => {
    const { faults, events, lines, changed } = opened();
    faults.raise({ ...LOOP, code: "open" }, "dash is cut");
    faults.raise({ ...LOOP, code: "open" }, "dash is cut");
    expect(events).toEqual([
      { type: "fault", part: "panic-loop", code: "open", where: "dash", detail: "dash is cut" },
    ]);
    expect(faults.active).toHaveLength(1);
    faults.clear(LOOP, "dash is normal again");
    expect(events[1]).toEqual({
      type: "recovered",
      part: "panic-loop",
      code: "open",
      where: "dash",
      detail: "dash is normal again",
    });
    expect(faults.active).toEqual([]);
    expect(lines).toHaveLength(2);
    expect(changed).toEqual(["open true", "open false"]);
  });

  test("that is raised again makes no health due", () => {
    const { faults, changed } = opened();
    faults.raise({ part: "can", code: "absent" }, "can0 is not there");
    faults.raise({ part: "can", code: "absent" }, "can0 is not there");
    faults.add({ part: "can", code: "absent" }, "can0 is not there");
    expect(changed).toEqual(["absent true"]);
    faults.clear({ part: "can" }, "frames arrive");
    faults.clear({ part: "can" }, "frames arrive");
    expect(changed).toEqual(["absent true", "absent false"]);
  });

  test("without a place has none in its report", () => {
    const { faults, events } = opened();
    faults.raise({ ...OUTBOX, code: "disk-full" }, "no space");
    expect(events).toEqual([{ type: "fault", part: "outbox", code: "disk-full", detail: "no space" }]);
  });

  test("of another code takes the place of the one before, whose end is reported", () => {
    const { faults, events } = opened();
    faults.raise({ ...LOOP, code: "open" }, "cut");
    faults.raise({ ...LOOP, code: "short" }, "shorted");
    expect(faults.active.map(({ code }) => code)).toEqual(["short"]);
    expect(told(events)).toEqual([
      ["fault", "open", "cut"],
      ["recovered", "open", "it is now short: shorted"],
      ["fault", "short", "shorted"],
    ]);
    faults.clear(LOOP, "whole");
    expect(told(events).at(-1)).toEqual(["recovered", "short", "whole"]);
  });

  test("of one place says nothing of another", () => {
    const { faults } = opened();
    faults.raise({ ...LOOP, code: "open" }, "cut");
    faults.raise({ ...LOOP, where: "boot", code: "open" }, "cut");
    faults.clear({ ...LOOP, where: "boot" }, "whole");
    faults.clear({ part: "panic-loop" }, "whole");
    faults.clear({ part: "can", where: "dash" }, "whole");
    expect(faults.active).toMatchObject([{ where: "dash" }]);
  });

  test("is cleared by its code only if that is named", () => {
    const { faults, events } = opened();
    faults.raise({ part: "power", code: "not-scheduled" }, "refused");
    faults.clear({ part: "power", code: "not-cancelled" }, "cancelled");
    expect(faults.active).toHaveLength(1);
    faults.clear({ part: "power", code: "not-scheduled" }, "scheduled");
    expect(told(events).at(-1)).toEqual(["recovered", "not-scheduled", "scheduled"]);
  });
});

test("faults that are added at one place stay beside each other", () => {
  const { faults, events } = opened();
  const key = { part: "config", where: "report.movingS" } as const;
  faults.add({ ...key, code: "duplicate-key" }, "it is written twice");
  faults.add({ ...key, code: "invalid" }, "expected a number");
  expect(faults.active.map(({ code }) => code)).toEqual(["duplicate-key", "invalid"]);
  expect(events.map(({ type }) => type)).toEqual(["fault", "fault"]);
});

describe("what went wrong once", () => {
  test("is reported as a fault and is not active", () => {
    const { faults, events } = opened();
    faults.note({ ...OUTBOX, code: "repaired" }, "repaired");
    faults.note({ ...OUTBOX, code: "repaired" }, "repaired again");
    expect(told(events)).toEqual([
      ["fault", "repaired", "repaired"],
      ["fault", "repaired", "repaired again"],
    ]);
    expect(faults.active).toEqual([]);
  });

  test("leaves another fault of the same place active: its end is reported", () => {
    const { faults, events } = opened();
    faults.raise({ ...OUTBOX, code: "disk-full" }, "no space");
    faults.note({ ...OUTBOX, code: "repaired" }, "repaired");
    expect(faults.active.map(({ code }) => code)).toEqual(["disk-full"]);
    faults.clear(OUTBOX, "written again");
    expect(told(events).at(-1)).toEqual(["recovered", "disk-full", "written again"]);
  });

  test("ends no fault of the same code", () => {
    const { faults, events } = opened();
    faults.raise({ ...OUTBOX, code: "repaired" }, "being repaired");
    faults.note({ ...OUTBOX, code: "repaired" }, "repaired");
    expect(faults.active).toHaveLength(1);
    expect(events).toHaveLength(1);
  });
});

describe("a fault that flaps", () => {
  const STEADY = "(it changes often: reported again when it is steady)";

  test("is reported six times a minute, then once more with a note, then when it is steady", () => {
    const { faults, events, pass } = opened();
    for (let n = 0; n < 10; n++) {
      faults.raise({ ...LOOP, code: "open" }, "cut");
      faults.clear(LOOP, "whole");
      pass(100);
    }
    expect(events).toHaveLength(7);
    expect(told(events)[6]).toEqual(["fault", "open", `cut ${STEADY}`]);
    faults.tick();
    expect(events).toHaveLength(7);
    pass(60_000);
    faults.tick();
    expect(told(events)[7]).toEqual(["recovered", "open", "whole"]);
  });

  test("between two codes says so of each, and reports how each stands when it is steady", () => {
    const { faults, events, pass } = opened();
    for (let n = 0; n < 20; n++) {
      faults.raise({ ...LOOP, code: n % 2 === 0 ? "open" : "short" }, `#${n}`);
      pass(100);
    }
    expect(told(events).filter(([, , detail]) => detail?.endsWith(STEADY))).toHaveLength(2);
    expect(events).toHaveLength(14);
    pass(60_000);
    faults.tick();
    expect(
      told(events)
        .slice(-2)
        .map(([type = "", code = ""]) => `${type} ${code}`)
        .toSorted(),
    ).toEqual(["fault short", "recovered open"]);
  });

  test("is not reported more often because it is only noted", () => {
    const { faults, events } = opened();
    for (let n = 0; n < 100; n++) faults.note({ ...OUTBOX, code: "repaired" }, "repaired");
    expect(events).toHaveLength(4);
    expect(told(events)[3]![2]).toBe(`repaired ${STEADY}`);
  });
});
