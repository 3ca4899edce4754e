import { describe, expect, test } from "vitest";
import { createDelivery, type Delivery, type Outgoing, type Urgent } from "../../src/dispatch/delivery.ts";
import type { Report } from "../../src/domain/report.ts";

const report = (seq: number, kind: Report["kind"] = "position"): Report => ({ seq, kind }) as Report;
const delivery = (window = 10, budget = 0) =>
  createDelivery({ window, urgentReserve: 1, liveWindow: window, liveQueue: 3, historyBudget: () => budget });
const offer = (d: Delivery, lane: Urgent | "history", reports: readonly Report[]) => {
  const fresh = d.claim(reports);
  if (lane === "history") d.offerHistory({ reports: fresh, payload: Buffer.alloc(10) });
  else d.offerUrgent(lane, fresh);
};
const label = (out: Outgoing | undefined) =>
  out === undefined
    ? undefined
    : out.kind === "history"
      ? `history ${out.reports.map((r) => r.seq).join(" ")}`
      : `${out.lane} ${out.report.seq}`;

describe("the order of delivery", () => {
  test("emergency before event before live before history, whatever came first", () => {
    const d = delivery();
    offer(d, "history", [report(1), report(2)]);
    d.offerLive(report(9));
    offer(d, "event", [report(4, "event")]);
    offer(d, "emergency", [report(5, "emergency")]);
    expect([1, 2, 3, 4, 5].map(() => label(d.next()))).toEqual([
      "emergency 5",
      "event 4",
      "live 9",
      "history 1 2",
      undefined,
    ]);
  });

  test("the window holds back, an acknowledgement lets on", () => {
    const d = delivery(1);
    d.offerLive(report(1));
    d.offerLive(report(2));
    const first = d.next()!;
    expect(d.next()).toBeUndefined();
    d.settled(first);
    expect(label(d.next())).toBe("live 2");
  });

  test("what is under way live is not sent again as history", () => {
    const d = delivery();
    d.offerLive(report(1));
    const live = d.next()!;
    offer(d, "history", [report(1), report(2)]);
    expect(label(d.next())).toBe("history 2");
    d.settled(live);
  });

  test("live reports beyond the queue are left to history", () => {
    const d = delivery(0);
    for (let seq = 1; seq <= 5; seq++) d.offerLive(report(seq));
    expect(d.claim([1, 2, 3, 4, 5].map((seq) => report(seq))).map((r) => r.seq)).toEqual([4, 5]);
  });

  test("at most so many history batches are on the wire, so that a press waits for one", () => {
    const d = delivery();
    offer(d, "history", [report(1)]);
    offer(d, "history", [report(2)]);
    expect(label(d.next())).toBe("history 1");
    expect(d.next()).toBeUndefined();
    offer(d, "emergency", [report(3, "emergency")]);
    expect(label(d.next())).toBe("emergency 3");
  });
});
