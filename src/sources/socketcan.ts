import { readFileSync } from "node:fs";
import { SourceError } from "../domain/bytes.ts";
import { groupMask, type CanFilter, type CanFrame, type CanSource } from "../domain/can.ts";
import { reasonOf } from "../runtime/log.ts";

/** linux/can.h: flags of an id. */
const EXTENDED = 0x8000_0000;
const REMOTE = 0x4000_0000;
const STANDARD_MASK = 0x7ff;
const EXTENDED_MASK = 0x1fff_ffff;
/** linux/can/error.h: the controller has switched itself off. */
const BUS_OFF = 0x40;
/** The library survives a bus that goes away in silence: the interface is looked at this often. */
const LOOK_MS = 500;
/** Frames that wait to be read; more than these are dropped, and counted. */
const WAITING = 20_000;

const fact = (name: string, what: string): string | undefined => {
  try {
    return readFileSync(`/sys/class/net/${name}/${what}`, "utf8").trim();
  } catch {
    return undefined; // there is no such interface, or it does not tell
  }
};

/** What a filter lets through, in the kernel's words: data frames of exactly these ids. */
const kernelFilter = ({ id, extended, group }: CanFilter): { id: number; mask: number } => {
  if (!extended) return { id, mask: (STANDARD_MASK | EXTENDED | REMOTE) >>> 0 };
  const mask = group ? groupMask(id) : EXTENDED_MASK;
  return { id: (id | EXTENDED) >>> 0, mask: (mask | EXTENDED | REMOTE) >>> 0 };
};

/** The little of the library that is used; it is optional, so its own types may not be there. */
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
  setRxFilters(filters: readonly { id: number; mask: number }[]): void;
  start(): void;
  stop(): void;
};
type Library = { createRawChannel(name: string, timestamps: boolean): RawChannel };
const LIBRARY: string = "socketcan";

const load = async (): Promise<Library> => {
  try {
    return ((await import(LIBRARY)) as { default: Library }).default;
  } catch (cause) {
    throw new SourceError("failed", "the library socketcan is not installed: run `npm run can`", cause);
  }
};

/** Why the interface cannot be listened to just now; undefined where it can. */
const troubleWith = (name: string): SourceError | undefined => {
  if (fact(name, "ifindex") === undefined) {
    return new SourceError("absent", `${name} is not there: is the adapter plugged in, and set up?`);
  }
  return fact(name, "operstate") === "down"
    ? new SourceError("down", `${name} is down: ip link set ${name} up`)
    : undefined;
};

/**
 * A SocketCAN interface, with kernel filters for exactly the ids that are wanted. Nothing here
 * writes to the channel: the unit never transmits on the vehicle's bus.
 */
export const socketCanSource = (name: string): CanSource => {
  let overrun = 0;
  const kernelDrops = () => Number(fact(name, "statistics/rx_dropped") ?? 0);
  const dropsBefore = kernelDrops();

  return {
    get dropped() {
      return overrun + Math.max(0, kernelDrops() - dropsBefore);
    },
    async *listen(filters, signal) {
      const library = await load();
      const trouble = troubleWith(name);
      if (trouble) throw trouble;
      const index = fact(name, "ifindex");
      const channel = (() => {
        try {
          return library.createRawChannel(name, true);
        } catch (cause) {
          throw new SourceError("failed", `${name} cannot be opened: ${reasonOf(cause)}`, cause);
        }
      })();
      let waiting: CanFrame[] = [];
      let failure: SourceError | undefined;
      let wake = Promise.withResolvers<void>();
      const fail = (error: SourceError) => {
        failure ??= error;
        wake.resolve();
      };
      channel.addListener("onMessage", (frame) => {
        if (frame.err) {
          if ((frame.id & BUS_OFF) !== 0) {
            fail(
              new SourceError("bus-off", `${name} is off the bus: wrong bit rate, or a short of its wires?`),
            );
          }
          return;
        }
        if (waiting.length >= WAITING) {
          overrun++;
          return;
        }
        const t = (frame.ts_sec ?? 0) + (frame.ts_usec ?? 0) / 1e6;
        waiting.push({ t, bus: name, id: frame.id, extended: frame.ext === true, data: frame.data });
        wake.resolve();
      });
      channel.setRxFilters(filters.map(kernelFilter));
      channel.start();
      const look = setInterval(() => {
        const now = troubleWith(name);
        if (now) fail(now.code === "absent" ? new SourceError("unplugged", `${name} has gone`) : now);
        else if (fact(name, "ifindex") !== index)
          fail(new SourceError("unplugged", `${name} is another one now`));
      }, LOOK_MS);
      const stop = () => wake.resolve();
      signal.addEventListener("abort", stop);
      try {
        for (;;) {
          // oxlint-disable-next-line no-await-in-loop -- a bus is read in order
          await wake.promise;
          wake = Promise.withResolvers<void>();
          if (signal.aborted) return;
          const batch = waiting;
          waiting = [];
          if (batch.length > 0) yield batch;
          if (failure) throw failure;
        }
      } finally {
        clearInterval(look);
        signal.removeEventListener("abort", stop);
        try {
          channel.stop();
        } catch {
          // It has stopped by itself: its interface went away.
        }
      }
    },
  };
};
