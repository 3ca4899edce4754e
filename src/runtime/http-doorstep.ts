import type { Server } from "node:http";
import type { Socket } from "node:net";
import { oneRequest } from "./http-one-request.ts";
import { Places } from "./http-places.ts";

/**
 * Connections that the system has accepted and that are not closed yet, refused ones included. More than there are
 * places: else a rush of strangers in one turn of the event loop would have commands on this machine refused.
 */
const MAX_ACCEPTED = 256;

/** The name of a connection. A TLS socket has the same as the socket below it. */
const keyOf = ({ remoteAddress, remotePort, localAddress }: Socket): string =>
  `${remoteAddress} ${remotePort} ${localAddress}`;

/** Decides which connections a server answers. A refused one is closed before anything of it is read. */
export class Doorstep {
  readonly #mono: () => number;
  readonly #places = new Places();
  /** Those that have a place. */
  readonly #sockets = new Map<string, Socket>();
  readonly #answered = new WeakMap<Socket, () => void>();

  /** `mono`: milliseconds on a clock that never jumps. */
  constructor(mono: () => number) {
    this.#mono = mono;
  }

  /** Call it before the server listens. */
  guard(server: Server, isTls: boolean): void {
    server.maxConnections = MAX_ACCEPTED;
    const listeners = server.listeners("connection");
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => {
      if (!this.#takes(socket)) return;
      for (const listener of listeners) Reflect.apply(listener, server, [socket]);
      if (!isTls) this.#answered.set(socket, oneRequest(socket));
    });
    if (isTls)
      server.on("secureConnection", (socket: Socket) => this.#answered.set(socket, oneRequest(socket)));
  }

  /** The PIN, or a session, was given on this connection. */
  known(socket: Socket): void {
    this.#places.known(keyOf(socket), this.#mono());
  }

  /** The request is answered: the next one may come. */
  answered(socket: Socket): void {
    this.#answered.get(socket)?.();
  }

  #takes(socket: Socket): boolean {
    const key = keyOf(socket);
    const { taken, stale } = this.#places.take(key, socket.remoteAddress ?? "", this.#mono());
    for (const one of stale) this.#sockets.get(one)?.destroy();
    if (!taken) {
      socket.on("error", () => undefined);
      // Not `destroy`: the system would keep the state of each for a minute.
      socket.resetAndDestroy();
      return false;
    }
    this.#sockets.set(key, socket);
    socket.on("close", () => {
      if (this.#sockets.get(key) !== socket) return;
      this.#sockets.delete(key);
      this.#places.leave(key);
    });
    return true;
  }
}
