import { expect, test } from "vitest";
import { fateOf, type Circumstances, type Fate } from "../../src/dispatch/fate.ts";
import type { Report } from "../../src/domain/report.ts";
import { emergency, event, position } from "./reports.ts";

const gap: Report = {
  ...event(1),
  kind: "event",
  data: { type: "gap", from: 1, to: 9, count: 9, reason: "retention" },
};
const some = { isCurrent: false, nobodyTakes: false };

test.each<[string, Report, Partial<Circumstances>, Fate]>([
  ["a report that another broker may accept", position(1), {}, "wait"],
  ["a report that no broker accepts", position(1), { nobodyTakes: true }, "refuse"],
  ["an emergency that another broker may accept", emergency(1), { isCurrent: true }, "wait"],
  ["an emergency that no broker accepts", emergency(1), { isCurrent: true, nobodyTakes: true }, "fault"],
  ["an older report of an episode", emergency(1), { nobodyTakes: true }, "refuse"],
  ["a gap, whoever may accept it", gap, {}, "refuse"],
])("%s", (_what, report, circumstances, fate) => {
  expect(fateOf(report, { ...some, ...circumstances })).toBe(fate);
});
