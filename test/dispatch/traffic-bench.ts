import type { Outgoing } from "../../src/dispatch/outgoing.ts";
import { Traffic, type TrafficSettings } from "../../src/dispatch/traffic.ts";
import type { Lane } from "../../src/domain/pending.ts";
import type { EmergencyData, Report } from "../../src/domain/report.ts";

export const FIRST_LIMIT = 100;

/** A broker without limits, and an outbox whose reports are of an earlier life. */
export const PLAIN: TrafficSettings = {
  receiveMaximum: 65_535,
  maxInFlightBytes: 512 * 1024,
  oldest: 1,
  unheardCounts: () => false,
  hasEnded: () => false,
  madeHere: () => false,
  held: [],
};

/** Traffic with an outbox of plain arrays, and a wire on which each message waits for its answer. */
export const open = (settings: Partial<TrafficSettings> = {}, pending: readonly Report[] = []) => {
  const stored: Record<Lane, Report[]> = { emergency: [], event: [], telemetry: [] };
  const laneOf = ({ kind }: Report): Lane => (kind === "emergency" || kind === "event" ? kind : "telemetry");
  const store = (reports: readonly Report[]): void => {
    for (const report of reports) stored[laneOf(report)].push(report);
  };
  store(pending);
  let now = 0;
  const traffic = new Traffic(
    {
      ...PLAIN,
      ...settings,
    },
    now,
  );
  const page = (lane: Lane, after: number, limit: number) => {
    const reports = stored[lane].filter(({ seq }) => seq > after).slice(0, limit);
    return { reports, cursor: reports.at(-1)?.seq ?? after };
  };
  /** Returns whether there was anything to read or to encode. */
  const read = (): boolean => {
    let busy = false;
    for (const { lane, after, limit } of traffic.reads(now)) {
      busy = true;
      const { reports, cursor } = page(lane, after, limit);
      traffic.page(lane, reports, cursor);
    }
    for (let batch = traffic.toEncode(); batch; batch = traffic.toEncode()) {
      busy = true;
      traffic.offerHistory(batch, Buffer.alloc(batch.length * 50));
    }
    return busy;
  };
  const wire: { outgoing: Outgoing; flight: ReturnType<Traffic["sent"]> }[] = [];
  const send = (bytes = 100): string[] => {
    const sent: Outgoing[] = [];
    for (let out = traffic.next(now); out; out = traffic.next(now)) {
      sent.push(out);
      wire.push({ outgoing: out, flight: traffic.sent(out, bytes, now) });
    }
    return sent.map(label);
  };
  return {
    traffic,
    stored,
    store,
    wire,
    read,
    send,
    page,
    wait: (ms: number) => void (now += ms),
    /** Reads and sends until nothing more leaves by itself; what was sent. */
    run(bytes?: number): string[] {
      const all: string[] = [];
      for (;;) {
        const busy = read();
        const sent = send(bytes);
        all.push(...sent);
        if (!busy && sent.length === 0) return all;
      }
    },
    /** Answers the oldest message on the wire. */
    answer(code = 0, afterMs = 10) {
      now += afterMs;
      const { flight, outgoing } = wire.shift()!;
      const answer = traffic.answered(flight, code, now);
      if (answer.kind === "delivered")
        for (const { seq, kind } of answer.reports)
          stored[laneOf({ kind } as Report)] = stored[laneOf({ kind } as Report)].filter(
            (one) => one.seq !== seq,
          );
      return { answer, outgoing };
    },
    get now() {
      return now;
    },
  };
};
export type Bench = ReturnType<typeof open>;

export const label = (out: Outgoing): string => {
  switch (out.kind) {
    case "state":
      return out.last ? "farewell" : "birth";
    case "reply":
      return "reply";
    case "removal":
      return `removal${out.final ? ` after ${out.final.seq}` : ""}`;
    case "old-removal":
      return `old removal ${out.copy.prefix}`;
    case "history":
      return `history ${out.reports.map(({ seq }) => seq).join(" ")}`;
    case "emergency":
    case "event":
    case "live":
      return `${out.kind} ${out.report.seq}`;
  }
};

/** Answers everything with success until nothing moves; what was sent, in its order. */
export const drain = (bench: Bench, bytes?: number): string[] => {
  const all = bench.run(bytes);
  while (bench.wire.length > 0) {
    bench.answer();
    all.push(...bench.run(bytes));
  }
  return all;
};

export const data = { episode: "01JD9Z4K6M8N0P2Q4R6S8T0V2W" };
export const other = { episode: "01JD9Z4K6M8N0P2Q4R6S8T0V2X" } satisfies Partial<EmergencyData>;
