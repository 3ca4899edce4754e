import type { SimulatedTime } from "./time.ts";
import { readMessage } from "../../src/wire/read.ts";
import { ReplyMessage, StateMessage } from "../../src/domain/messages.ts";
import { WireReport } from "../../src/domain/report.ts";
import type { Broker, Message } from "./broker.ts";
import type { Observe } from "./facts.ts";
import { Ledger } from "./ledger.ts";
import { Recorder } from "./recorder.ts";
import type { Dice } from "./random.ts";

/** How dispatch behaves; changed while it runs. */
export type Manners = {
  /** How likely it is that a stage of an episode is never answered. */
  neverAnswers: number;
  /** … answered a second time. */
  answersTwice: number;
  /** … answered at another broker than the one that the emergency came from. */
  answersElsewhere: number;
  /** … answered with the retain flag, against the contract. */
  retains: number;
  /** … preceded by something that is no answer. */
  talksNonsense: number;
  /** The mean wait before each answer, milliseconds. */
  answerMs: number;
  /** Whether each broker has an operator of its own, who does not see what the others answer. */
  desks: boolean;
};

export const promptDispatch = (): Manners => ({
  neverAnswers: 0,
  answersTwice: 0,
  answersElsewhere: 0,
  retains: 0,
  talksNonsense: 0,
  answerMs: 2_000,
  desks: false,
});

export const sloppyDispatch = (): Manners => ({
  neverAnswers: 0.3,
  answersTwice: 0.2,
  answersElsewhere: 0.3,
  retains: 0.1,
  talksNonsense: 0.2,
  answerMs: 15_000,
  desks: false,
});

/** Each center has its own broker, and both answer for the car. */
export const twoDesks = (): Partial<Manners> => ({ desks: true, answerMs: 8_000 });

const STAGES = ["received", "accepted", "cleared"] as const;
/** When an operator comes back to an episode that waits for an answer, or that the unit still has open. */
const LATER_MS = 60_000;
type Stage = (typeof STAGES)[number];
const NONSENSE = [
  "",
  "{",
  '{"stage":"done"}',
  '{"stage":"cleared","at":"yesterday"}',
  "[]",
  '{"stage":"received","by":7}',
];

export type DispatchOptions = {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly observe: Observe;
  readonly brokers: readonly Broker[];
  /** `patrol/v1/{directorate}/{unit}`. */
  readonly root: string;
  /** Whether a recorder stores the reports and sends receipts; else what arrives counts as stored. */
  readonly records: boolean;
};

/** Central dispatch: subscribed at every broker, with a ledger, a dispatcher who answers, and one who commands. */
export class Dispatch {
  readonly manners = promptDispatch();
  readonly ledger: Ledger;
  readonly recorder: Recorder | undefined;
  readonly states: StateMessage[] = [];
  readonly #o: DispatchOptions;
  readonly #listening = new Map<Broker, Disposable>();
  /** By desk, then by episode: how far it has been answered. Drills count like real ones. */
  readonly #answered = new Map<string, Map<string, { stage: number; busy: boolean }>>();
  /** Episodes that the unit has reported as cleared. */
  readonly #over = new Set<string>();

  constructor(options: DispatchOptions) {
    this.#o = options;
    this.ledger = new Ledger(options.observe);
    const { root, records, ...rest } = options;
    this.recorder = records
      ? new Recorder({
          ...rest,
          listens: (broker) => this.listens(broker),
          topic: `${root}/receipt`,
          ledger: this.ledger,
        })
      : undefined;
    for (const broker of options.brokers) this.arrive(broker);
  }

  /** Subscribes at a broker. */
  arrive(broker: Broker): void {
    if (this.#listening.has(broker)) return;
    // What is retained comes at once, before `listen` returns.
    const receive = (message: Message) => this.#receive(broker, message);
    this.#listening.set(broker, broker.listen({ filter: `${this.#o.root}/#`, receive }));
  }

  /** Unsubscribes: nobody listens there. */
  leave(broker: Broker): void {
    this.#listening.get(broker)?.[Symbol.dispose]();
    this.#listening.delete(broker);
  }

  listens(broker: Broker): boolean {
    return this.#listening.has(broker);
  }

  #receive(broker: Broker, { topic, payload }: Message): void {
    if (/\/(ack|command|receipt)$/.test(topic)) return;
    const received = readMessage(topic, payload);
    if (received.kind === "cleared") return;
    if (received.kind === "unreadable") {
      this.#o.observe({ what: "unreadable", topic, detail: received.why });
      return;
    }
    for (const value of received.values) this.#take(broker, topic, value);
  }

  #take(broker: Broker, topic: string, value: unknown): void {
    const { observe } = this.#o;
    if (topic.endsWith("/state")) {
      const state = StateMessage.safeParse(value);
      if (state.success) this.states.push(state.data);
      else observe({ what: "unreadable", topic, detail: state.error.message });
      return;
    }
    if (topic.endsWith("/reply")) {
      const reply = ReplyMessage.safeParse(value);
      if (reply.success) observe({ what: "reply", id: reply.data.id, ok: reply.data.ok });
      else observe({ what: "unreadable", topic, detail: reply.error.message });
      return;
    }
    const report = WireReport.safeParse(value);
    if (!report.success) {
      observe({ what: "unreadable", topic, detail: report.error.message });
      return;
    }
    if (this.recorder) this.recorder.receive(report.data);
    else this.ledger.add(report.data);
    if (report.data.kind !== "emergency") return;
    const { episode, test, presses, state, heldMs, ackAt } = report.data.data;
    const held = heldMs === undefined ? {} : { heldMs };
    const acked = ackAt === undefined ? {} : { ackAt };
    observe({ what: "episode", episode, test, presses, state, ...held, ...acked });
    this.#answer(broker, episode, state);
  }

  /** One stage after the other, each after a while; a stage that is not answered is tried at the next repeat. */
  #answer(broker: Broker, episode: string, state: string): void {
    const { dice, time } = this.#o;
    const desk = this.manners.desks ? broker.name : "";
    const ofDesk = this.#answered.get(desk) ?? new Map<string, { stage: number; busy: boolean }>();
    this.#answered.set(desk, ofDesk);
    const answered = ofDesk.get(episode) ?? { stage: 0, busy: false };
    ofDesk.set(episode, answered);
    if (state === "cleared") this.#over.add(episode);
    if (answered.busy || state === "cleared") return;
    const stage = STAGES[answered.stage];
    if (stage === undefined) {
      // It was cleared, and the unit does not know.
      this.#publishStage(broker, episode, "cleared");
      return;
    }
    answered.busy = true;
    time.after(dice.exponential(this.manners.answerMs), () => {
      answered.busy = false;
      if (dice.chance(this.manners.neverAnswers)) {
        // The unit repeats only what nobody has received: the operator comes back to the rest.
        if (answered.stage > 0) time.after(LATER_MS, () => this.#answer(broker, episode, state));
        return;
      }
      answered.stage++;
      this.#say(broker, episode, stage);
      if (answered.stage < STAGES.length) this.#answer(broker, episode, stage);
      else time.after(LATER_MS, () => this.#clearAgain(episode));
    });
  }

  /** An operator ends everything that is open, at these brokers. */
  endAll(brokers = this.#o.brokers): void {
    const open = new Set<string>();
    for (const ofDesk of this.#answered.values())
      for (const [episode, answered] of ofDesk) {
        if (this.#over.has(episode)) continue;
        answered.stage = STAGES.length;
        open.add(episode);
      }
    for (const episode of open) this.#clearAgain(episode, brokers);
  }

  /** The unit may be at another broker by now: the operator sees that the episode is still open. */
  #clearAgain(episode: string, brokers = this.#o.brokers): void {
    if (this.#over.has(episode)) return;
    for (const broker of brokers) this.#publishStage(broker, episode, "cleared");
    this.#o.time.after(LATER_MS, () => this.#clearAgain(episode));
  }

  #say(from: Broker, episode: string, stage: Stage): void {
    const { dice, time, brokers } = this.#o;
    const { manners } = this;
    const broker = dice.chance(manners.answersElsewhere) ? dice.pick(brokers) : from;
    const topic = this.#ackTopic(episode);
    if (dice.chance(manners.talksNonsense)) {
      broker.publish(topic, Buffer.from(dice.pick(NONSENSE)), {});
    }
    this.#publishStage(broker, episode, stage);
    if (!dice.chance(manners.answersTwice)) return;
    time.after(dice.exponential(manners.answerMs), () => this.#publishStage(from, episode, stage));
  }

  #publishStage(broker: Broker, episode: string, stage: Stage): void {
    // A broker that is down takes nothing: the operator presses again.
    if (broker.faults.down) {
      this.#o.time.after(5_000, () => this.#publishStage(broker, episode, stage));
      return;
    }
    const { aheadMs } = this.#o.time;
    const at = new Date(this.#o.time.host()).toISOString();
    const answer = { stage, by: "operator 7", at };
    this.#o.observe({ what: "acked", episode, stage, broker: broker.name, ackAt: at, aheadMs });
    const retain = this.#o.dice.chance(this.manners.retains);
    broker.publish(this.#ackTopic(episode), Buffer.from(JSON.stringify(answer)), { retain });
  }

  #ackTopic(episode: string): string {
    return `${this.#o.root}/emergency/${episode}/ack`;
  }

  /** Publishes a command: the payload as it is, since a bad one is a case too. */
  command(broker: Broker, payload: Buffer): void {
    broker.publish(`${this.#o.root}/command`, payload, {});
  }
}
