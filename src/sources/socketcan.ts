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
/** Frames come one by one, each a wake-up of its own: what follows within this time goes on together. */
const TOGETHER_MS = 20;
/** Frames that wait to be read; more than these are dropped, and counted. */
const WAITING = 20_000;

const fileText = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined; // there is no such interface, or it does not tell
  }
};
const fact = (name: string, what: string) => fileText(`/sys/class/net/${name}/${what}`);

/** What a filter lets through, in the kernel's words: data frames of exactly these ids. */
const kernelFilter = ({ id, extended, group }: CanFilter): { id: number; mask: number } => {
  if (!extended) return { id, mask: (STANDARD_MASK | EXTENDED | REMOTE) >>> 0 };
  const mask = group ? groupMask(id) : EXTENDED_MASK;
  return { id: (id | EXTENDED) >>> 0, mask: (mask | EXTENDED | REMOTE) >>> 0 };
};

/** Lets nothing through that is ever on a bus, remote frames with the id 0. */
const NOTHING = { id: REMOTE, mask: (STANDARD_MASK | EXTENDED | REMOTE) >>> 0 };

/** The lists in which the kernel keeps our filters, each with the frames that matched. */
const RECEIVE_LISTS = ["sff", "eff", "fil"].map((list) => `/proc/net/can/rcvlist_${list}`);
/** So many looks must agree on what is missing: until then it may be on its way. */
const LOOKS = 10;

/**
 * Frames that the kernel has put before our socket; what of them does not arrive was dropped there.
 * Undefined where another socket has the same filter: then they cannot be told apart.
 */
const matched = (name: string, filters: readonly { id: number; mask: number }[]): number | undefined => {
  const wanted = new Map(filters.map(({ id, mask }) => [`${id} ${mask}`, 0]));
  const found = new Set<string>();
  for (const file of RECEIVE_LISTS) {
    const text = fileText(file);
    if (text === undefined) return undefined;
    for (const line of text.split("\n")) {
      const [device, id = "", mask = "", , , matches = ""] = line.trim().split(/\s+/);
      const key = `${Number.parseInt(id, 16)} ${Number.parseInt(mask, 16)}`;
      if (device !== name || !wanted.has(key)) continue;
      if (found.has(key)) return undefined;
      found.add(key);
      wanted.set(key, Number(matches));
    }
  }
  return [...wanted.values()].reduce((sum, count) => sum + count, 0);
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
  setErrorFilters(mask: number): void;
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
  let unread = 0;
  let errors = 0;
  const kernelDrops = () => Number(fact(name, "statistics/rx_dropped") ?? 0);
  const dropsBefore = kernelDrops();

  return {
    get dropped() {
      return overrun + unread + Math.max(0, kernelDrops() - dropsBefore);
    },
    get errors() {
      return errors;
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
      let gathering: NodeJS.Timeout | undefined;
      let failure: SourceError | undefined;
      let wake = Promise.withResolvers<void>();
      const fail = (error: SourceError) => {
        failure ??= error;
        wake.resolve();
      };
      channel.addListener("onMessage", (frame) => {
        if (frame.err) {
          errors++;
          if ((frame.id & BUS_OFF) !== 0) {
            fail(
              new SourceError("bus-off", `${name} is off the bus: wrong bit rate, or a short of its wires?`),
            );
          }
          return;
        }
        received++;
        if (waiting.length >= WAITING) {
          overrun++;
          return;
        }
        const t = (frame.ts_sec ?? 0) + (frame.ts_usec ?? 0) / 1e6;
        waiting.push({ t, bus: name, id: frame.id, extended: frame.ext === true, data: frame.data });
        gathering ??= setTimeout(() => {
          gathering = undefined;
          wake.resolve();
        }, TOGETHER_MS);
      });
      const kernelFilters = filters.map(kernelFilter);
      channel.setRxFilters(kernelFilters);
      channel.start();
      const unreadBefore = unread;
      let received = 0;
      let missing: number[] = [];
      const count = (): void => {
        const all = matched(name, kernelFilters);
        if (all === undefined) return;
        missing = [...missing, all - received].slice(-LOOKS);
        if (missing.length === LOOKS) unread = Math.max(unread, unreadBefore + Math.min(...missing));
      };
      const look = setInterval(() => {
        count();
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
        clearTimeout(gathering);
        signal.removeEventListener("abort", stop);
        try {
          // The library keeps the socket until it is collected: it must not fill with frames that nobody reads.
          channel.setRxFilters([NOTHING]);
          channel.setErrorFilters(0);
          channel.stop();
        } catch {
          // It has stopped by itself: its interface went away.
        }
      }
    },
  };
};
