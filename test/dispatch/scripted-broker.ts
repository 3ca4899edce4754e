import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

/** A packet from the client: its type (MQTT §2.1.2) and what follows the fixed header. */
export type Packet = { readonly type: number; readonly first: number; readonly body: Buffer };

export const CONNECT = 1;
export const PUBLISH = 3;
export const SUBSCRIBE = 8;
export const CONNACK: Buffer = Buffer.from([0x20, 3, 0, 0, 0]);

/** A packet with this first byte. */
export const packet = (first: number, body: Uint8Array): Buffer => {
  const length: number[] = [];
  for (let left = body.length; ; left = Math.floor(left / 128)) {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
    if (left < 128) break;
  }
  return Buffer.concat([Buffer.from([first, ...length]), body]);
};

/** CONNACK with properties. */
export const connack = (properties: readonly number[]): Buffer =>
  packet(0x20, Buffer.from([0, 0, properties.length, ...properties]));

/** The packet id of a PUBLISH at QoS 1, or of a SUBSCRIBE. */
export const idOf = ({ type, body }: Packet): number =>
  body.readUInt16BE(type === PUBLISH ? 2 + body.readUInt16BE(0) : 0);

export const puback = (id: number, code: number): Buffer => Buffer.from([0x40, 3, id >> 8, id & 0xff, code]);
export const suback = (id: number, ...codes: number[]): Buffer =>
  packet(0x90, Buffer.from([id >> 8, id & 0xff, 0, ...codes]));

export type ScriptedBroker = Disposable & {
  readonly port: number;
  readonly sockets: readonly Socket[];
  readonly packets: readonly Packet[];
};

/** A broker that answers each packet as `answer` says: it can break any rule. */
export const startScripted = async (
  answer: (packet: Packet, socket: Socket) => void,
  host = "127.0.0.1",
  port = 0,
): Promise<ScriptedBroker> => {
  const sockets: Socket[] = [];
  const packets: Packet[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    let held: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      held = Buffer.concat([held, chunk]);
      for (;;) {
        let length = 0;
        let at = 1;
        for (let shift = 0; at < held.length; shift += 7) {
          length += (held[at]! & 0x7f) << shift;
          if (held[at++]! < 0x80) break;
        }
        if (held.length < 2 || held[at - 1]! >= 0x80 || held.length < at + length) return;
        const first = held[0]!;
        const one = { type: first >> 4, first, body: held.subarray(at, at + length) };
        held = held.subarray(at + length);
        packets.push(one);
        answer(one, socket);
      }
    });
  }).listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    packets,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
};
