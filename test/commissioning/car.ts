import { advance } from "../../src/commissioning/advance.ts";
import { beginList } from "../../src/commissioning/begin.ts";
import type { List, ListEvent, Order, Progress } from "../../src/commissioning/list.ts";
import { planFor, type Fitted } from "../../src/commissioning/plan.ts";
import { nextInstruction } from "../../src/commissioning/instruct.ts";
import { textOf } from "../../src/commissioning/saying.ts";
import { ENGLISH } from "../../src/commissioning/words/english.ts";
import { BOARD_FIRMWARE } from "../../src/domain/panic.ts";
import type { Seen, SeenEpisode } from "../../src/commissioning/seen.ts";

export const DOOR = "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen";
export const AIRBAG = "Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeployed";
export const BROKER = "mqtts://dispatch-a:8883";

/** A car that has everything. */
export const FULL: Fitted = {
  signals: [{ path: DOOR }, { path: AIRBAG }],
  buttons: ["dash", "boot"],
  brokers: [BROKER],
  power: { kind: "declared", offAfterS: 900, tried: false },
  faults: [],
};

const NOW = Date.UTC(2026, 10, 26);
const DAY_MS = 86_400_000;

/** A status in which everything is in order, and nothing happens. */
export const SOUND: Seen = {
  boot: 7,
  config: "c0ffee",
  clock: "gnss",
  at: NOW,
  position: { accuracyM: 3, satellites: 9 },
  signals: { [DOOR]: false, [AIRBAG]: false },
  board: { connected: true, firmware: BOARD_FIRMWARE },
  drillArmed: false,
  episodes: [],
  certificateExpiresAt: NOW + 400 * DAY_MS,
};

export const drill = (button: string, more: Partial<SeenEpisode> = {}): SeenEpisode => ({
  episode: `drill of ${button}`,
  test: true,
  state: "active",
  button,
  legs: { stored: 4, sent: 20 },
  ...more,
});

/** A list on a bench: each event has its time, and the orders are kept. */
export class Bench {
  list: List;
  orders: Order[] = [];
  mono = 1_000;

  constructor(fitted: Partial<Fitted> = {}, { asks = false } = {}) {
    this.list = beginList(planFor({ ...FULL, ...fitted }), this.mono, asks);
  }

  /** `afterMs`: since the event before. */
  give(event: ListEvent, afterMs = 0): readonly Order[] {
    this.mono += afterMs;
    const { list, orders } = advance(this.list, event, this.mono);
    this.list = list;
    this.orders.push(...orders);
    return orders;
  }

  status(more: Partial<Seen> = {}, afterMs = 1_000, scheduled?: boolean): readonly Order[] {
    return this.give({ kind: "status", status: { ...SOUND, ...more }, scheduled }, afterMs);
  }

  /** The same status each second. */
  statuses(count: number, more: Partial<Seen> = {}): void {
    for (let n = 0; n < count; n++) this.status(more);
  }

  timeUp(): void {
    this.give({ kind: "end", by: "time" });
  }

  of(id: string): Progress {
    const entry = this.list.entries.find(({ step }) => step.id === id);
    if (!entry) throw new Error(`the list has no step ${id}`);
    return entry.progress;
  }

  /** The progress of a step, with its reason in English. */
  shown(id: string): object {
    const progress = this.of(id);
    return {
      ...progress,
      ...("reason" in progress ? { reason: textOf(progress.reason, ENGLISH) } : {}),
      ...("why" in progress ? { why: textOf(progress.why, ENGLISH) } : {}),
    };
  }

  /** What is to be done now, in English. */
  instruction() {
    const instruction = nextInstruction(this.list, this.mono);
    return { ...instruction, says: textOf(instruction.says, ENGLISH) };
  }
}
