import type { Lane, PendingReports } from "../domain/pending.ts";
import type { EmergencyUpdate, Report } from "../domain/report.ts";
import type { Route, Routes } from "../domain/wire.ts";
import { reasonOf } from "../runtime/log.ts";
import type { Time, Timer } from "../runtime/ports.ts";
import { within } from "../runtime/wait.ts";
import { encodeEmergency, encodeHistory, encodeReport, type Compress } from "../wire/encode.ts";
import { LinkError, type Connection } from "./port.ts";
import { reportsOf, type Answer, type Outgoing } from "./outgoing.ts";
import type { Traffic } from "./traffic.ts";

/** What a session asks of the link or of a courier, and reports to it. */
export type SessionEvents = {
  /** Whether a report is sent as live (contract §3). */
  isLive(report: Report): boolean;
  /** The report to send, with its time corrected if the time is known by now. */
  right(report: Report): Report;
  /**
   * Called before an emergency is published. The session waits for the promise; undefined: publish at
   * once.
   */
  publishing(report: EmergencyUpdate): Promise<void> | undefined;
  answer(answer: Answer, rttMs: number): void;
  /** A report does not fit into the broker's largest packet. `bytes`: the size of its packet. */
  tooLarge(report: Report, bytes: number): void;
  /** The broker has refused a packet as too large: it accepts at most this many bytes. */
  limited(bytes: number): void;
  /** Nothing is pending and nothing is in flight. */
  drained(): void;
};

export type SessionOptions = {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly routes: Routes;
  readonly time: Time;
  readonly compress: Compress;
  /** The largest packet for this broker, in bytes. */
  readonly maximumPacketSize: number;
  /** A courier has none: it carries only the episodes that it was given. */
  readonly outbox: PendingReports | undefined;
  readonly on: SessionEvents;
};

/** MQTT 5 §3.3: fixed header 5, topic length 2, packet id 2, properties length and expiry 6, correlation data 3. */
const PACKET_OVERHEAD = 18;
/** How long an emergency waits for the disk. Then it is published anyway. */
const DISK_MS = 1_000;

type Encoded = { readonly route: Route; readonly payload: Buffer };

/** The loop of one connection: publishes what `traffic` decides, and gives it the answers. */
export class Session {
  readonly connection: Connection;
  readonly traffic: Traffic;
  readonly #options: SessionOptions;
  /** Payload bytes of each message on the wire. */
  readonly #flying = new Map<object, number>();
  #pumping: Timer | undefined;
  #waking: Timer | undefined;
  #over = false;
  /** The largest packet that the broker accepts, in bytes. */
  #limit: number;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#limit = options.maximumPacketSize;
    this.connection = options.connection;
    this.traffic = options.traffic;
    void options.connection.closed.then(() => {
      this.#over = true;
      this.#pumping?.[Symbol.dispose]();
      this.#waking?.[Symbol.dispose]();
    });
  }

  /** The largest payload on the wire, in bytes; 0 if nothing is. */
  get largestInFlight(): number {
    return Math.max(0, ...this.#flying.values());
  }

  /** Checks what no event reports. */
  look(): void {
    if (this.#options.traffic.removeUnanswered(this.#options.time.mono())) this.pump();
  }

  /** Publishes what can be sent now, and reads from the outbox what there is room for. */
  pump(): void {
    if (this.#over) return;
    const { traffic, outbox, time } = this.#options;
    for (let out = traffic.next(time.mono()); out; out = traffic.next(time.mono())) this.#send(out);
    for (let reports = traffic.toEncode(); reports; reports = traffic.toEncode()) void this.#encode(reports);
    if (outbox)
      for (const { lane, after, limit } of traffic.reads(time.mono())) void this.#read(lane, after, limit);
    if (traffic.drained) this.#options.on.drained();
    this.#wake();
  }

  /** Sets a timer for the end of the next pause. Nothing else starts `pump` at that moment. */
  #wake(): void {
    const { traffic, time } = this.#options;
    this.#waking?.[Symbol.dispose]();
    const now = time.mono();
    const at = traffic.wakeAt(now);
    this.#waking = at === undefined ? undefined : time.after(at - now, () => this.pump());
  }

  async #read(lane: Lane, after: number, limit: number): Promise<void> {
    const { outbox, traffic, connection } = this.#options;
    try {
      const { reports, cursor } = await outbox!.read(lane, after, limit);
      if (this.#over) return;
      traffic.page(lane, reports, cursor);
      this.pump();
    } catch (cause) {
      connection.end(new LinkError("failed", `the outbox cannot be read: ${reasonOf(cause)}`, cause));
    }
  }

  async #encode(reports: readonly Report[]): Promise<void> {
    const { traffic, compress, connection, on } = this.#options;
    try {
      const righted = reports.map((report) => on.right(report));
      const payload = await encodeHistory(righted, compress);
      if (this.#over) return;
      traffic.offerHistory(reports, payload);
      this.pump();
    } catch (cause) {
      connection.end(new LinkError("failed", `a batch cannot be compressed: ${reasonOf(cause)}`, cause));
    }
  }

  #send(outgoing: Outgoing): void {
    const ready = outgoing.kind === "emergency" ? this.#options.on.publishing(outgoing.report) : undefined;
    if (!ready) {
      this.#publish(outgoing);
      return;
    }
    // Until then the message occupies a place in the window.
    const flight = this.#options.traffic.sent(outgoing, 0, this.#options.time.mono());
    const go = () => {
      if (this.#over) return;
      const now = this.#options.traffic.resume(flight);
      if (now) this.#publish(now);
      else this.#later();
    };
    // Do not wait longer for a disk that does not answer.
    void within(DISK_MS, ready, this.#options.time).then(go);
  }

  #publish(outgoing: Outgoing): void {
    const { traffic, time, connection, on } = this.#options;
    const encoded = this.#encoded(outgoing);
    if (!encoded) {
      if (outgoing.kind === "state") {
        const why = `${connection.broker}: it takes packets of at most ${this.#limit} bytes, which is too few`;
        connection.end(new LinkError("failed", why));
        return;
      }
      traffic.unfit(outgoing);
      this.#later();
      return;
    }
    this.#options.outbox?.sending(reportsOf(outgoing));
    const sentAt = time.mono();
    const bytes = encoded.payload.length;
    const flight = traffic.sent(outgoing, bytes, sentAt);
    this.#flying.set(flight, bytes);
    connection.publish(encoded.route, encoded.payload, (code) => {
      if (this.#over) return;
      this.#flying.delete(flight);
      const now = time.mono();
      const answer = traffic.answered(flight, code, now);
      if (answer.kind === "too-large") {
        this.#limit = Math.min(this.#limit, bytes + this.#overhead(encoded.route) - 1);
        on.limited(this.#limit);
      }
      on.answer(answer, now - sentAt);
      if (traffic.drained) on.drained();
      else this.#later();
    });
  }

  /** Acknowledgements arrive in bunches: pump once for all of them, so that there is one write. */
  #later(): void {
    this.#pumping ??= this.#options.time.soon(() => {
      this.#pumping = undefined;
      this.pump();
    });
  }

  /** Bytes of a packet that are not payload, at most. */
  #overhead(route: Route): number {
    return PACKET_OVERHEAD + Buffer.byteLength(route.topic) + (route.correlationData?.length ?? 0);
  }

  /** The bytes and the topic of a message; undefined if it does not fit the broker. */
  #encoded(outgoing: Outgoing): Encoded | undefined {
    const { routes, on } = this.#options;
    const fitting = (route: Route, payload: Buffer, reports: readonly Report[]): Encoded | undefined => {
      const bytes = payload.length + this.#overhead(route);
      if (bytes <= this.#limit) return { route, payload };
      const [report] = reports;
      if (report && reports.length === 1) on.tooLarge(report, bytes);
      return undefined;
    };
    switch (outgoing.kind) {
      case "state":
        return fitting(routes.state, outgoing.payload, []);
      case "reply":
        return fitting(outgoing.route, outgoing.payload, []);
      case "removal":
        return {
          route: { topic: routes.emergency(outgoing.episode), retain: true },
          payload: Buffer.alloc(0),
        };
      case "old-removal": {
        const { episode, prefix } = outgoing.copy;
        return {
          route: { topic: routes.emergency(episode, prefix), retain: true },
          payload: Buffer.alloc(0),
        };
      }
      case "history":
        return fitting(routes.history, outgoing.payload, outgoing.reports);
      case "emergency": {
        const right = on.right(outgoing.report);
        const report = right.kind === "emergency" ? right : outgoing.report;
        const route = routes.of(report);
        const payload = encodeEmergency(report, on.isLive(report), this.#limit - this.#overhead(route));
        return fitting(route, payload, [outgoing.report]);
      }
      case "event":
      case "live": {
        const report = on.right(outgoing.report);
        const live = outgoing.kind === "live" || on.isLive(outgoing.report);
        return fitting(routes.of(report), encodeReport(report, live), [outgoing.report]);
      }
    }
  }
}
