import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A TCP relay in front of a broker: the link, and everything that can happen to it. */
export type Relay = Disposable & {
  readonly port: number;
  /** Bytes that went through towards the broker. */
  readonly bytesUp: number;
  /** Takes bytes from both sides and passes none on. */
  swallow(on: boolean): void;
  /** Passes what goes up, and nothing that comes back. */
  deafen(on: boolean): void;
  reset(): void;
  /** Passes nothing on until told otherwise, on new connections too; nothing is lost. */
  stall(on: boolean): void;
  /** What was said first on the newest connection is said on one more: to the broker, the same client a second time. */
  duplicate(): void;
};

/** What a link does to bytes; each way by itself. */
export type Shape = { readonly bytesPerS: number; readonly delayMs: number };

/** One way through a modem, which several relays can share: bytes leave one after the other. */
type Lane = { bytesPerS: number; delayMs: number; freeAt: number };
export type Modem = { readonly up: Lane; readonly down: Lane };

const laneOf = ({ bytesPerS, delayMs }: Shape): Lane => ({ bytesPerS, delayMs, freeAt: 0 });
export const modemOf = (up: Shape, down: Shape): Modem => ({ up: laneOf(up), down: laneOf(down) });

const TWIN_MS = 300;
/** A modem's buffer: beyond it, it takes no more. */
const BUFFER_BYTES = 64 * 1024;

/** Passes bytes on as this modem would. */
const shaped = (from: Socket, to: Socket, lane: Lane): ((bytes: Buffer) => void) => {
  let queued = 0;
  return (bytes) => {
    const now = performance.now();
    lane.freeAt = Math.max(now, lane.freeAt) + (bytes.length * 1000) / lane.bytesPerS;
    queued += bytes.length;
    if (queued > BUFFER_BYTES) from.pause();
    setTimeout(
      () => {
        queued -= bytes.length;
        if (queued <= BUFFER_BYTES) from.resume();
        if (!to.destroyed) to.write(bytes);
      },
      lane.freeAt + lane.delayMs - now,
    );
  };
};

/** A `Shape` is that of each connection by itself, a `Modem` is shared. */
export const openRelay = async (target: number, shape?: Shape | Modem): Promise<Relay> => {
  let swallowing = false;
  let deaf = false;
  let stalled = false;
  let greeting: Buffer | undefined;
  let bytesUp = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(target, "127.0.0.1");
    near.on("data", (bytes) => (bytesUp += bytes.length));
    near.once("data", (bytes) => (greeting = bytes));
    const modem = shape && ("up" in shape ? shape : modemOf(shape, shape));
    for (const [from, to, lane] of [
      [near, far, modem?.up],
      [far, near, modem?.down],
    ] as const) {
      sockets.add(from);
      const pass = lane ? shaped(from, to, lane) : (bytes: Buffer) => void to.write(bytes);
      from.on("data", (bytes) => void (swallowing || (deaf && from === far) || pass(bytes)));
      if (stalled) from.pause();
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    get bytesUp() {
      return bytesUp;
    },
    swallow(on) {
      swallowing = on;
    },
    deafen(on) {
      deaf = on;
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stall(on) {
      stalled = on;
      for (const socket of sockets) {
        if (on) socket.pause();
        else socket.resume();
      }
    },
    duplicate() {
      if (!greeting) return;
      const twin = connect(target, "127.0.0.1");
      twin.on("error", () => undefined);
      twin.write(greeting);
      setTimeout(() => twin.destroy(), TWIN_MS);
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};
