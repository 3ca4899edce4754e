import { connectAsync, type IClientOptions } from "mqtt";
import { WireReport } from "../../src/domain/report.ts";
import { StateMessage } from "../../src/domain/messages.ts";
import { readMessage } from "../../src/dispatch/read.ts";

/** Everything dispatch has received, each message held against the contract's schemas as it came. */
export type Dispatch = AsyncDisposable & {
  readonly reports: readonly WireReport[];
  readonly states: readonly StateMessage[];
  readonly topics: ReadonlySet<string>;
  /** Numbers from 1 to the highest seen that are neither delivered nor declared. */
  missing(): number[];
  /** The positions by number, without duplicates, in the order of their numbers. */
  positions(): WireReport[];
  events(type: string): WireReport[];
  /** Whether it is connected just now. */
  connected(): boolean;
};

/** A persistent subscriber: what is published while the broker restarts reaches it too. */
export const openDispatch = async (url: string, credentials: IClientOptions = {}): Promise<Dispatch> => {
  const reports: WireReport[] = [];
  const states: StateMessage[] = [];
  const topics = new Set<string>();
  const faults: unknown[] = [];
  const client = await connectAsync(url, {
    ...credentials,
    protocolVersion: 5,
    clientId: `dispatch-${process.pid}-${Math.random()}`,
    clean: false,
    properties: { sessionExpiryInterval: 3600, receiveMaximum: 10_000 },
    reconnectPeriod: 200,
  });
  client.on("error", () => undefined);
  client.on("message", (topic, payload) => {
    topics.add(topic);
    const received = readMessage(topic, payload);
    if (received.kind !== "json") {
      faults.push(received);
      return;
    }
    for (const value of received.values) {
      const parsed = topic.endsWith("/state") ? StateMessage.safeParse(value) : WireReport.safeParse(value);
      if (!parsed.success) faults.push({ topic, value, error: parsed.error });
      else if ("state" in parsed.data) states.push(parsed.data);
      else reports.push(parsed.data);
    }
  });
  await client.subscribeAsync("patrol/v1/#", { qos: 1 });
  const checked = <T>(value: T): T => {
    if (faults.length > 0) throw new Error(`not of the contract: ${JSON.stringify(faults[0])}`);
    return value;
  };
  return {
    get reports() {
      return checked(reports);
    },
    states,
    topics,
    missing() {
      const known = new Set(checked(reports).map((r) => r.seq));
      for (const r of reports) {
        if (r.kind === "event" && r.data.type === "gap")
          for (let n = r.data.from; n <= r.data.to; n++) known.add(n);
      }
      const last = Math.max(0, ...reports.map((r) => r.seq));
      return Array.from({ length: last }, (_, i) => i + 1).filter((n) => !known.has(n));
    },
    positions() {
      const bySeq = new Map(
        checked(reports)
          .filter((r) => r.kind === "position")
          .map((r) => [r.seq, r]),
      );
      return [...bySeq.values()].toSorted((a, b) => a.seq - b.seq);
    },
    events: (type) => checked(reports).filter((r) => r.kind === "event" && r.data.type === type),
    connected: () => client.connected,
    async [Symbol.asyncDispose]() {
      await client.endAsync(true);
    },
  };
};
