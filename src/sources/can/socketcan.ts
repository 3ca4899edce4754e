import { SourceError } from "../../domain/bytes.ts";
import type { CanFrame } from "../../domain/can.ts";
import { reasonOf } from "../../runtime/log.ts";
import type { CanDriver, Channel, OpenChannel } from "./channel.ts";
import { NOTHING, SocketDrops, type KernelFilter } from "./filters.ts";
import { FrameQueue } from "./frame-queue.ts";
import { LIBRARY, SOCKETCAN_MISSING } from "./library.ts";

/** How often drops are counted. */
const LOOK_MS = 500;

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
    throw new SourceError("failed", `${SOCKETCAN_MISSING.says}: ${SOCKETCAN_MISSING.cure}`, cause);
  }
};

const openRaw = (library: Library, name: string): RawChannel => {
  try {
    return library.createRawChannel(name, true);
  } catch (cause) {
    throw new SourceError("failed", `${name} cannot be opened: ${reasonOf(cause)}`, cause);
  }
};

const closeRaw = (channel: RawChannel): void => {
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

/** Frames arrive one by one, on the main thread. The library has no counter of drops. */
const openWith =
  (library: Library): OpenChannel =>
  (name, filters, onError): Channel => {
    const queue = new FrameQueue();
    const raw = openRaw(library, name);
    const drops = new SocketDrops(name, filters);
    let received = 0;
    let overrun = 0;
    raw.addListener("onMessage", (frame) => {
      if (frame.err === true) {
        onError(frame.id);
        return;
      }
      received++;
      if (!queue.push(frameOf(name, frame))) overrun++;
    });
    raw.setRxFilters(filters);
    raw.start();
    const counting = setInterval(() => drops.look(received), LOOK_MS);
    return {
      batches: (signal) => queue.batches(signal),
      fail: (error) => queue.fail(error),
      get dropped() {
        return overrun + drops.dropped;
      },
      [Symbol.dispose]() {
        clearInterval(counting);
        closeRaw(raw);
      },
    };
  };

/** The library known as node-can. It needs a compiler where no package brings it. */
export const socketcanDriver: CanDriver = async () => openWith(await load());
