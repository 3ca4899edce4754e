import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectMqtt, type MqttClient } from "mqtt";
import { Member } from "./member.ts";
import { Order, Share, type Look, type Report } from "./messages.ts";

/** One process of the fleet: `worker.ts SHARE`. It does what the runner orders over IPC, one order after the other. */

/** One position of each unit in so many milliseconds. The units take turns. */
const EPOCH_MS = 5_000;
const TURN_MS = 50;
/** Emergencies are looked after this often. */
const CARE_MS = 250;
/** Units that are filled, stopped or asked at once. */
const AT_ONCE = 50;
/** Different warnings that are counted. */
const WARNINGS = 200;
/** How finely lateness is measured. */
const LATE_MS = 10;
const NANOSECONDS = 1e6;

const share = Share.parse(JSON.parse(process.argv[2] ?? ""));

class Fleet {
  readonly #members: readonly Member[];
  readonly #warnings = new Map<string, number>();
  readonly #late = monitorEventLoopDelay({ resolution: LATE_MS });
  /** A person at dispatch, at each broker. */
  readonly #operators: readonly MqttClient[];
  /** Units that have had something since they last stopped to drive. */
  #restless = new Set<Member>();
  #drives = false;
  #pressesPerSecond = 0;
  /** Presses that are due, a fraction of one included. */
  #due = 0;
  /** The unit that is pressed next. */
  #next = 0;

  constructor() {
    this.#members = Array.from(
      { length: share.below - share.from },
      (_, n) => new Member(share.from + n, share, (msg, fields) => this.#warn(msg, fields)),
    );
    this.#operators = share.urls.map((url) => {
      const client = connectMqtt(url, { ...share.login, protocolVersion: 4, reconnectPeriod: 500 });
      client.on("error", () => undefined);
      return client;
    });
    this.#late.enable();
    this.#turns();
    setInterval(() => this.#care(), CARE_MS);
  }

  async do(order: Order): Promise<unknown> {
    switch (order.do) {
      case "start":
        return this.#start(order.overMs, order.limitMs);
      case "stop":
        return this.#inGroups((member) => member.unit.stop());
      case "fill":
        return this.#inGroups((member) => member.unit.fill(order.records));
      case "press":
        this.#pressesPerSecond = order.perSecond;
        return undefined;
      case "drive":
        this.#drives = order.drives;
        this.#restless = new Set(this.#members);
        return undefined;
      case "measure":
        for (const { measured } of this.#members) measured.begin();
        this.#late.reset();
        return undefined;
      case "mark":
        for (const member of this.#members) member.mark();
        return undefined;
      case "report":
        return this.#report();
      case "look":
        return this.#look();
    }
  }

  async #start(overMs: number, limitMs: number): Promise<number[]> {
    const from = performance.now();
    const after: number[] = [];
    const started = this.#members.map(async (member, n) => {
      await sleep((n * overMs) / this.#members.length);
      await member.start();
      after.push(performance.now() - from);
    });
    await Promise.race([Promise.all(started), sleep(limitMs, undefined, { ref: false })]);
    return after;
  }

  async #inGroups(work: (member: Member) => Promise<void>): Promise<void> {
    for (let n = 0; n < this.#members.length; n += AT_ONCE) {
      // oxlint-disable-next-line no-await-in-loop -- so many at once
      await Promise.all(this.#members.slice(n, n + AT_ONCE).map(work));
    }
  }

  /** Lets the units drive, each once in EPOCH_MS: so many in each turn that the process keeps up after a delay. */
  #turns(): void {
    const from = performance.now();
    let given = 0;
    setInterval(() => {
      const due = Math.floor(((performance.now() - from) * this.#members.length) / EPOCH_MS);
      const at = Math.floor(Date.now() / 1_000) * 1_000;
      for (; given < due; given++)
        if (this.#drives) this.#members[given % this.#members.length]!.unit.drive(at);
    }, TURN_MS);
  }

  #care(): void {
    this.#due += (this.#pressesPerSecond * CARE_MS) / 1_000;
    for (; this.#due >= 1; this.#due--) this.#members[this.#next++ % this.#members.length]!.press();
    const now = Date.now();
    for (const member of this.#members) {
      const episode = member.toClear(now);
      if (episode === undefined) continue;
      const topic = `patrol/v1/${member.unit.name}/emergency/${episode}/ack`;
      const ack = JSON.stringify({ stage: "cleared", by: "fleet", at: new Date(now).toISOString() });
      for (const operator of this.#operators)
        if (operator.connected) operator.publish(topic, ack, { qos: 1 }, () => undefined);
    }
  }

  #warn(msg: string, fields: object): void {
    const { fault, part } = { fault: "", part: "", ...fields };
    // An emergency is a warning by itself, and the receivers say nothing while nobody drives.
    if (part === "emergency" || msg === "EMERGENCY" || fault === "silent") return;
    // Without what differs from unit to unit.
    const key = `${part} ${fault}`.trim() || msg;
    if (this.#warnings.has(key) || this.#warnings.size < WARNINGS)
      this.#warnings.set(key, (this.#warnings.get(key) ?? 0) + 1);
  }

  #report(): Report {
    const ms = (percentile: number) => this.#late.percentile(percentile) / NANOSECONDS - LATE_MS;
    const warnings = Object.fromEntries(this.#warnings);
    this.#warnings.clear();
    return {
      journeys: this.#members.flatMap(({ measured }) => measured.journeys),
      presses: this.#members.flatMap(({ measured }) => measured.presses),
      late: { p50: ms(50), p99: ms(99) },
      warnings,
    };
  }

  async #look(): Promise<Look> {
    const look = { connected: 0, records: 0, inDispatch: 0, open: 0, unreceipted: 0, unanswered: 0 };
    await this.#inGroups(async (member) => {
      if (!member.unit.isRunning) return;
      const { records, mode } = await member.unit.waiting();
      look.connected += member.isConnected ? 1 : 0;
      look.records += records;
      look.inDispatch += mode === "dispatch" ? 1 : 0;
      look.open += member.isOpen ? 1 : 0;
      look.unreceipted += member.measured.isUnreceipted ? 1 : 0;
      look.unanswered += member.isUnanswered ? 1 : 0;
      if (records === 0 && !member.isOpen) this.#restless.delete(member);
    });
    return { ...look, restless: this.#restless.size };
  }
}

const fleet = new Fleet();
process.on("message", (message) => {
  const order = Order.parse(message);
  fleet.do(order).then(
    (answer) => process.send?.({ answer }),
    (cause: unknown) => {
      process.stderr.write(`${cause instanceof Error ? cause.stack : String(cause)}\n`);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));
