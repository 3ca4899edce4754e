import { connectAsync, type IClientOptions } from "mqtt";
import { WireReport, type EmergencyData } from "../../src/domain/report.ts";
import { StateMessage } from "../../src/domain/messages.ts";
import { readMessage } from "../../src/wire/read.ts";
import { addRange, complement, type Runs } from "../../src/domain/runs.ts";

/** Of a hole in the numbers so many are named. */
const SHOWN = 1_000;

/** Everything dispatch has received, each message held against the contract's schemas as it came. */
export type Dispatch = AsyncDisposable & {
  readonly reports: readonly WireReport[];
  readonly states: readonly StateMessage[];
  readonly topics: ReadonlySet<string>;
  /** When each number first came, UTC milliseconds. */
  readonly cameAt: ReadonlyMap<number, number>;
  /** Numbers from 1 to the highest seen that are neither delivered nor declared. */
  missing(): number[];
  /** The positions by number, without duplicates, in the order of their numbers. */
  positions(): WireReport[];
  events(type: string): WireReport[];
  /** Every emergency as it came, repeats and all. */
  emergencies(): EmergencyData[];
  /** By number: an older one that had no PUBACK comes again, as history. */
  newestEmergency(): EmergencyData | undefined;
  /** Topics that an empty message has taken off the broker. */
  readonly removed: ReadonlySet<string>;
  ack(episode: string, stage: string, by?: string): Promise<void>;
  /** Publishes anything below the unit's topic. */
  say(topic: string, payload: string): Promise<void>;
  /** Whether it is connected just now. */
  connected(): boolean;
};

/** A persistent subscriber: what is published while the broker restarts reaches it too. */
export const openDispatch = async (url: string, credentials: IClientOptions = {}): Promise<Dispatch> => {
  const reports: WireReport[] = [];
  const states: StateMessage[] = [];
  const topics = new Set<string>();
  const cameAt = new Map<number, number>();
  const removed = new Set<string>();
  const faults: unknown[] = [];
  const client = await connectAsync(url, {
    protocolVersion: 5,
    clientId: `dispatch-${process.pid}-${Math.random()}`,
    clean: false,
    properties: { sessionExpiryInterval: 3600, receiveMaximum: 10_000 },
    reconnectPeriod: 200,
    ...credentials,
  });
  client.on("error", () => undefined);
  client.on("message", (topic, payload) => {
    topics.add(topic);
    if (/\/(ack|command|reply|bundle|receipt)$/.test(topic)) return;
    const received = readMessage(topic, payload);
    if (received.kind === "cleared") {
      removed.add(topic);
      return;
    }
    if (received.kind !== "json") {
      faults.push(received);
      return;
    }
    for (const value of received.values) {
      const parsed = topic.endsWith("/state") ? StateMessage.safeParse(value) : WireReport.safeParse(value);
      if (!parsed.success) faults.push({ topic, value, error: parsed.error });
      else if ("state" in parsed.data) states.push(parsed.data);
      else {
        reports.push(parsed.data);
        if (!cameAt.has(parsed.data.seq)) cameAt.set(parsed.data.seq, Date.now());
      }
    }
  });
  await client.subscribeAsync("patrol/v1/#", { qos: 1 });
  const publish = async (topic: string, payload: string): Promise<void> => {
    await client.publishAsync(`patrol/v1/zrenjanin/zr-117/${topic}`, payload, { qos: 1 });
  };
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
    cameAt,
    missing() {
      const known: Runs = [];
      const ranges = checked(reports).map((r): [number, number] => [r.seq, r.seq]);
      for (const r of reports)
        if (r.kind === "event" && r.data.type === "gap") ranges.push([r.data.from, r.data.to]);
      for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) addRange(known, from, to);
      const last = reports.reduce((highest, { seq }) => Math.max(highest, seq), 0);
      return complement(known, 1, last).flatMap(([from, to]) =>
        Array.from({ length: Math.min(SHOWN, to - from + 1) }, (_, n) => from + n),
      );
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
    emergencies: () => checked(reports).flatMap((r) => (r.kind === "emergency" ? [r.data] : [])),
    newestEmergency: () =>
      checked(reports)
        .flatMap((r) => (r.kind === "emergency" ? [r] : []))
        .toSorted((a, b) => a.seq - b.seq)
        .at(-1)?.data,
    removed,
    ack: (episode, stage, by = "operator 7") =>
      publish(`emergency/${episode}/ack`, JSON.stringify({ stage, by, at: new Date().toISOString() })),
    say: publish,
    connected: () => client.connected,
    async [Symbol.asyncDispose]() {
      await client.endAsync(true);
    },
  };
};
