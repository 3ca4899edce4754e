import type { Readable, Writable } from "node:stream";
import { connect, createServer, type Socket } from "node:net";

/**
 * One TCP connection at a time, carried over a serial line: a guest without a network reaches a
 * broker outside. A frame is a letter, a length of two bytes, and that many bytes.
 */
const OPEN = 0x4f;
const CLOSE = 0x43;
const DATA = 0x44;
const HEAD = 3;
const MOST = 4_096;

type Carrier = { send(kind: number, bytes?: Uint8Array): void };

const onLine = (
  input: Readable,
  output: Writable,
  take: (kind: number, bytes: Buffer, carrier: Carrier) => void,
): Carrier => {
  const carrier: Carrier = {
    send(kind, bytes = new Uint8Array(0)) {
      for (let at = 0; at === 0 || at < bytes.length; at += MOST) {
        const part = bytes.subarray(at, at + MOST);
        const head = Buffer.of(kind, part.length >> 8, part.length & 0xff);
        output.write(Buffer.concat([head, part]));
      }
    },
  };
  let held = Buffer.alloc(0);
  input.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      if (held.length < HEAD) return;
      const length = held.readUInt16BE(1);
      if (held.length < HEAD + length) return;
      take(held[0]!, held.subarray(HEAD, HEAD + length), carrier);
      held = held.subarray(HEAD + length);
    }
  });
  return carrier;
};

/** In the guest: what connects to the port comes out at the line's other end. */
export const carryOut = (port: number, input: Readable, output: Writable): void => {
  let socket: Socket | undefined;
  const carrier = onLine(input, output, (kind, bytes) => {
    if (kind === DATA) socket?.write(bytes);
    if (kind === CLOSE) socket?.destroy();
  });
  createServer((next) => {
    socket?.destroy();
    socket = next;
    carrier.send(OPEN);
    next.on("error", () => undefined);
    next.on("data", (bytes) => carrier.send(DATA, bytes));
    next.on("close", () => {
      if (socket === next) carrier.send(CLOSE);
    });
  }).listen(port, "127.0.0.1");
};

/** Outside: each connection goes on to the broker, as long as there is coverage. */
export const carryIn = (port: number, line: Socket, covered: () => boolean): void => {
  let socket: Socket | undefined;
  line.on("error", () => undefined);
  line.on("close", () => socket?.destroy());
  onLine(line, line, (kind, bytes, carrier) => {
    if (kind === DATA) socket?.write(bytes);
    else socket?.destroy();
    if (kind !== OPEN) return;
    if (!covered()) {
      carrier.send(CLOSE);
      return;
    }
    const next = connect(port, "127.0.0.1");
    socket = next;
    next.on("error", () => undefined);
    next.on("data", (data) => carrier.send(DATA, data));
    next.on("close", () => {
      if (socket === next) carrier.send(CLOSE);
    });
  });
};
