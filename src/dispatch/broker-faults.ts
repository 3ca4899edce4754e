import type { LinkError, LinkFault } from "./port.ts";

/** `said`: the message that was reported. It is undefined once the broker has accepted a connection. */
type Reported = { readonly code: LinkFault; readonly said: string | undefined };

/** The last fault reported of each broker. Each different fault is reported once. Pure. */
export class BrokerFaults {
  /** At most one entry for each configured broker. */
  readonly #reported = new Map<string, Reported>();

  /** The fault of a broker that is not over. */
  of(broker: string): LinkFault | undefined {
    return this.#reported.get(broker)?.code;
  }

  /** A connection could not be made, or has ended. Returns whether that is to be reported. */
  failed(broker: string, { code, message }: LinkError): boolean {
    // Custody reports it and its end. A fault that was reported before is not over.
    if (code === "unconfirmed") return true;
    if (this.#reported.get(broker)?.said === message) return false;
    this.#reported.set(broker, { code, said: message });
    return true;
  }

  /** The broker has let the unit in. Returns the fault that is over. `no-listener` is not: `heard` ends it. */
  letIn(broker: string): LinkFault | undefined {
    const code = this.#reported.get(broker)?.code;
    if (code === "no-listener") this.#reported.set(broker, { code, said: undefined });
    else this.#reported.delete(broker);
    return code === "no-listener" ? undefined : code;
  }

  /**
   * It has answered a courier. A courier accepts a broker that keeps no retained messages, so `failed` may not be over.
   * Otherwise as `letIn`.
   */
  answeredCourier(broker: string): LinkFault | undefined {
    return this.#reported.get(broker)?.code === "failed" ? undefined : this.letIn(broker);
  }

  /** A report had a subscriber at the broker. Returns `no-listener` if that was its fault: it is over. */
  heard(broker: string): LinkFault | undefined {
    const code = this.#reported.get(broker)?.code;
    if (code !== "no-listener") return undefined;
    this.#reported.delete(broker);
    return code;
  }
}
