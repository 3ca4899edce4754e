import { SourceError } from "../../domain/bytes.ts";
import type { CanFilter, CanFrame, CanSource } from "../../domain/can.ts";
import { reasonOf } from "../../runtime/log.ts";
import { kernelFilter, NOTHING, SocketDrops, type KernelFilter } from "./filters.ts";
import { fact, linkTrouble, readBusMode, refusalOf } from "./interface.ts";
import { CURE, LIBRARY, NOT_INSTALLED } from "./library.ts";
import { FrameQueue } from "./frame-queue.ts";

/** linux/can/error.h: the controller has switched itself off. */
const BUS_OFF = 0x40;
/** How often the interface is checked: the library does not report that it has disappeared. */
const LOOK_MS = 500;
/**
 * How often the mode is checked. It can only change while the interface is down, which the check of the
 * interface normally finds.
 */
const MODE_LOOK_MS = 60_000;

/** The part of the library that is used. The library is optional, so its own types may not be there. */
type Received = {
  readonly id: number;
  readonly ext?: boolean;
  readonly err?: boolean;
  readonly ts_sec?: number;
  readonly ts_usec?: number;
  readonly data: Buffer;
};
type RawChannel = {
  addListener(event: "onMessage", listener: (frame: Received) => void): void;
  setRxFilters(filters: readonly KernelFilter[]): void;
  setErrorFilters(mask: number): void;
  start(): void;
  stop(): void;
};
type Library = { createRawChannel(name: string, timestamps: boolean): RawChannel };

const load = async (): Promise<Library> => {
  try {
    return ((await import(LIBRARY)) as { default: Library }).default;
  } catch (cause) {
    throw new SourceError("failed", `${NOT_INSTALLED}: ${CURE}`, cause);
  }
};

const openChannel = (library: Library, name: string): RawChannel => {
  try {
    return library.createRawChannel(name, true);
  } catch (cause) {
    throw new SourceError("failed", `${name} cannot be opened: ${reasonOf(cause)}`, cause);
  }
};

const closeChannel = (channel: RawChannel): void => {
  try {
    // The library keeps the socket until it is garbage-collected: let it receive no frames until then.
    channel.setRxFilters([NOTHING]);
    channel.setErrorFilters(0);
    channel.stop();
  } catch {
    // The channel has stopped by itself: its interface is gone.
  }
};

const frameOf = (bus: string, { id, ext, ts_sec: s = 0, ts_usec: us = 0, data }: Received): CanFrame => ({
  t: s + us / 1e6,
  bus,
  id,
  extended: ext === true,
  data,
});

export type SocketCanOptions = {
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
  queue: FrameQueue,
  { declared = false, env = process.env, modeLookMs = MODE_LOOK_MS }: SocketCanOptions,
): Disposable => {
  const index = fact(name, "ifindex");
  const lookAtLink = (): void => {
    const trouble = linkTrouble(name);
    if (trouble)
      queue.fail(trouble.code === "absent" ? new SourceError("unplugged", `${name} has gone`) : trouble);
    else if (fact(name, "ifindex") !== index)
      queue.fail(new SourceError("unplugged", `${name} is another interface now`));
  };
  const lookAtMode = async (): Promise<void> => {
    // If the mode cannot be read now, it is still as it was when the interface was opened.
    const mode = await readBusMode(name, env).catch(() => undefined);
    const refusal = mode === undefined ? undefined : refusalOf(name, mode, declared);
    if (refusal) queue.fail(refusal);
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

class SocketCan implements CanSource {
  readonly #name: string;
  readonly #options: SocketCanOptions;
  #overrun = 0;
  #unread = 0;
  #errors = 0;
  readonly #dropsBefore: number;

  constructor(name: string, options: SocketCanOptions) {
    this.#name = name;
    this.#options = options;
    this.#dropsBefore = this.#kernelDrops();
  }
  get dropped(): number {
    return this.#overrun + this.#unread + Math.max(0, this.#kernelDrops() - this.#dropsBefore);
  }
  get errors(): number {
    return this.#errors;
  }

  async *listen(filters: readonly CanFilter[], signal: AbortSignal): AsyncGenerator<readonly CanFrame[]> {
    const library = await load();
    await this.#refuseIfUnfit();
    const queue = new FrameQueue();
    const channel = openChannel(library, this.#name);
    const kernelFilters = filters.map(kernelFilter);
    const drops = new SocketDrops(this.#name, kernelFilters);
    const unreadBefore = this.#unread;
    let received = 0;
    channel.addListener("onMessage", (frame) => {
      if (frame.err === true) {
        this.#takeError(frame.id, queue);
        return;
      }
      received++;
      if (!queue.push(frameOf(this.#name, frame))) this.#overrun++;
    });
    channel.setRxFilters(kernelFilters);
    channel.start();
    using _watch = watchInterface(this.#name, queue, this.#options);
    const count = setInterval(() => {
      drops.look(received);
      this.#unread = unreadBefore + drops.dropped;
    }, LOOK_MS);
    try {
      yield* queue.batches(signal);
    } finally {
      clearInterval(count);
      closeChannel(channel);
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

  #takeError(id: number, queue: FrameQueue): void {
    this.#errors++;
    if ((id & BUS_OFF) === 0) return;
    const message = `${this.#name} is off the bus: wrong bit rate, or a short of its wires?`;
    queue.fail(new SourceError("bus-off", message));
  }

  #kernelDrops(): number {
    return Number(fact(this.#name, "statistics/rx_dropped") ?? 0);
  }
}

/**
 * A SocketCAN interface, with kernel filters for exactly the ids that are wanted. The unit never
 * disturbs the vehicle's bus: nothing here writes to the channel, and a controller that is not in
 * listen-only mode, which would acknowledge frames, is refused with SourceError "not-listen-only".
 */
export const socketCanSource = (name: string, options: SocketCanOptions = {}): CanSource =>
  new SocketCan(name, options);
