import koffi from "koffi";
import { unixAddress } from "../../src/runtime/datagram.ts";

/** A Unix datagram socket that listens, as systemd's does. */
export type UnixReceiver = Disposable & {
  /** All that has arrived and was not taken yet. */
  take(): string[];
};

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;

export const openUnixReceiver = (path: string): UnixReceiver => {
  const libc = koffi.load(null);
  const address = unixAddress(path);
  const fd: unknown = libc.func("int socket(int, int, int)")(AF_UNIX, SOCK_DGRAM, 0);
  const bound: unknown = libc.func("int bind(int, const void *, uint32_t)")(fd, address, address.length);
  if (bound !== 0) throw new Error(`bind ${path}: errno ${koffi.errno()}`);
  const recv = libc.func("intptr_t recv(int, void *, size_t, int)");
  const close = libc.func("int close(int)");
  return {
    take() {
      const buffer = Buffer.alloc(4096);
      const taken: string[] = [];
      for (;;) {
        const length = Number(recv(fd, buffer, buffer.length, MSG_DONTWAIT));
        if (length < 0) return taken;
        taken.push(buffer.toString("utf8", 0, length));
      }
    },
    [Symbol.dispose]: () => void close(fd),
  };
};
