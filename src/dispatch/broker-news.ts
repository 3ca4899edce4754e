import { BrokerFaults } from "./broker-faults.ts";
import { refusal } from "./faults.ts";
import { noListener } from "./giving-up.ts";
import type { BrokerStatus, LinkEvents } from "./link-events.ts";
import type { LinkError, LinkFault } from "./port.ts";
import { Refusals } from "./refusals.ts";

/** The longest topic that is named whole. */
const TOPIC_LETTERS = 200;

type Told = Pick<LinkEvents, "recovered" | "refused" | "accepted" | "deserted" | "down">;

/** What the link and its couriers have learned of each broker. Each change is reported once. */
export class BrokerNews {
  readonly #refusals = new Refusals();
  readonly #faults = new BrokerFaults();
  /** The last round trip to each broker: at most one entry for each configured one. */
  readonly #rtts = new Map<string, NonNullable<BrokerStatus["rtt"]>>();
  readonly #on: () => Told;

  /** `on`: who is told now. */
  constructor(on: () => Told) {
    this.#on = on;
  }

  /** The fault and the last round trip of a broker. */
  of(broker: string): Pick<BrokerStatus, "fault" | "rtt"> {
    const [fault, rtt] = [this.#faults.of(broker), this.#rtts.get(broker)];
    return { ...(fault === undefined ? {} : { fault }), ...(rtt === undefined ? {} : { rtt }) };
  }

  /** A message to it had an answer after `ms`. `at`: now. */
  roundTrip(broker: string, ms: number, at: number): void {
    this.#rtts.set(broker, { ms, at });
  }

  /** It has answered for the first time on a connection of the link. */
  letIn(broker: string): void {
    this.#recovered(broker, this.#faults.letIn(broker));
  }

  answeredCourier(broker: string): void {
    this.#recovered(broker, this.#faults.answeredCourier(broker));
  }

  /** It has a subscriber. */
  heard(broker: string): void {
    this.#recovered(broker, this.#faults.heard(broker));
  }

  /** `code`: undefined if a subscription was not answered. `chosen`: by dispatch for a reply, up to 64 KiB. */
  refused(broker: string, topic: string, code: number | undefined, chosen?: string): void {
    this.#refusals.refused(broker, topic);
    const named = chosen === undefined ? "" : ` (${chosen.slice(0, TOPIC_LETTERS)})`;
    this.#on().refused(broker, topic, (code === undefined ? "no answer" : refusal(code)) + named);
  }

  accepted(broker: string, topic: string): void {
    if (this.#refusals.accepted(broker, topic)) this.#on().accepted(broker, topic);
  }

  /** Nobody listens at the only broker: the link stays there. */
  deserted(broker: string): void {
    const error = noListener(broker);
    if (this.#faults.failed(broker, error)) this.#on().deserted(error, broker);
  }

  /** A connection to it could not be made, or has ended. */
  failed(broker: string, error: LinkError, silentMs: number): void {
    if (this.#faults.failed(broker, error)) this.#on().down(error, broker, silentMs);
  }

  #recovered(broker: string, fault: LinkFault | undefined): void {
    if (fault !== undefined) this.#on().recovered(broker, fault);
  }
}
