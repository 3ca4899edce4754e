import { SourceError } from "../../domain/bytes.ts";
import type { CanFilter, CanFrame, CanSource } from "../../domain/can.ts";
import type { CanDriver, Channel } from "./channel.ts";
import { kernelFilter } from "./filters.ts";
import { fact, linkTrouble, readBusMode, refusalOf } from "./interface.ts";

/** linux/can/error.h: the controller has switched itself off. */
const BUS_OFF = 0x40;
/** How often the interface is checked: not every driver notices that it has disappeared. */
const LOOK_MS = 500;
/**
 * How often the mode is checked. It can only change while the interface is down, which the check of the
 * interface normally finds.
 */
const MODE_LOOK_MS = 60_000;

export type BusOptions = {
  readonly driver: CanDriver;
  /**
   * The configuration declares that the adapter only listens (`can.listenOnly: declared`): the mode is
   * not checked.
   */
  readonly declared?: boolean;
  /** The environment whose PATH has `ip`. */
  readonly env?: NodeJS.ProcessEnv;
  readonly modeLookMs?: number;
};

/** Checks the interface while it is read, and ends the reading if the interface becomes unusable. */
const watchInterface = (
  name: string,
  channel: Channel,
  { declared = false, env = process.env, modeLookMs = MODE_LOOK_MS }: BusOptions,
): Disposable => {
  const index = fact(name, "ifindex");
  const lookAtLink = (): void => {
    const trouble = linkTrouble(name);
    if (trouble)
      channel.fail(trouble.code === "absent" ? new SourceError("unplugged", `${name} has gone`) : trouble);
    else if (fact(name, "ifindex") !== index)
      channel.fail(new SourceError("unplugged", `${name} is another interface now`));
  };
  const lookAtMode = async (): Promise<void> => {
    // If the mode cannot be read now, it is still as it was when the interface was opened.
    const mode = await readBusMode(name, env).catch(() => undefined);
    const refusal = mode === undefined ? undefined : refusalOf(name, mode, declared);
    if (refusal) channel.fail(refusal);
  };
  const timers = [
    setInterval(lookAtLink, LOOK_MS),
    ...(declared ? [] : [setInterval(() => void lookAtMode(), modeLookMs)]),
  ];
  return {
    [Symbol.dispose]: () => {
      for (const timer of timers) clearInterval(timer);
    },
  };
};

class Bus implements CanSource {
  readonly #name: string;
  readonly #options: BusOptions;
  #channel: Channel | undefined;
  /** Of the channels before. */
  #lost = 0;
  #errors = 0;
  readonly #dropsBefore: number;

  constructor(name: string, options: BusOptions) {
    this.#name = name;
    this.#options = options;
    this.#dropsBefore = this.#driverDrops();
  }
  get dropped(): number {
    const ofDriver = Math.max(0, this.#driverDrops() - this.#dropsBefore);
    return ofDriver + this.#lost + (this.#channel?.dropped ?? 0);
  }
  get errors(): number {
    return this.#errors;
  }

  async *listen(filters: readonly CanFilter[], signal: AbortSignal): AsyncGenerator<readonly CanFrame[]> {
    const open = await this.#options.driver();
    await this.#refuseIfUnfit();
    using channel = open(this.#name, filters.map(kernelFilter), (flags) => this.#takeError(flags));
    using _watch = watchInterface(this.#name, channel, this.#options);
    this.#channel = channel;
    try {
      yield [];
      yield* channel.batches(signal);
    } finally {
      this.#lost += channel.dropped;
      this.#channel = undefined;
    }
  }

  async #refuseIfUnfit(): Promise<void> {
    const { declared = false, env = process.env } = this.#options;
    const trouble = linkTrouble(this.#name);
    if (trouble?.code === "absent") throw trouble;
    if (!declared) {
      const refusal = refusalOf(this.#name, await readBusMode(this.#name, env), declared);
      if (refusal) throw refusal;
    }
    if (trouble) throw trouble;
  }

  #takeError(flags: number): void {
    this.#errors++;
    if ((flags & BUS_OFF) === 0) return;
    const message = `${this.#name} is off the bus: wrong bit rate, or a short of its wires?`;
    this.#channel?.fail(new SourceError("bus-off", message));
  }

  /** Frames that the interface's driver had no room for. */
  #driverDrops(): number {
    return Number(fact(this.#name, "statistics/rx_dropped") ?? 0);
  }
}

/**
 * A CAN interface, with kernel filters for exactly the ids that are wanted. The unit never disturbs the vehicle's bus: no
 * driver writes to its socket. A controller that is not in listen-only mode would acknowledge frames; it is refused with
 * SourceError "not-listen-only".
 */
export const busSource = (name: string, options: BusOptions): CanSource => new Bus(name, options);
