import { getSystemErrorName } from "node:util";

/** Calls into the C library about a socket: those that can open one and read it. None that writes is bound. */
export type Libc = {
  /** Each throws an Error with a `code` such as ENODEV. */
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array): void;
  setOption(fd: number, level: number, option: number, value: Uint8Array): void;
  /** Fills `value`; returns how many bytes of it. */
  getOption(fd: number, level: number, option: number, value: Uint8Array): number;
  /** recvmmsg(2): the number of messages received into the headers at `messages`. */
  receive(fd: number, messages: ArrayBuffer, most: number, flags: number): number;
  /** Calls `f` when there is something to read, or an error, until disposed. Dispose it before closing `fd`. */
  onReadable(fd: number, f: () => void): Disposable;
  /** Where a buffer lies in memory. It stays there for as long as something refers to the buffer. */
  addressOf(buffer: ArrayBuffer): bigint;
};

/** `koffi` is loaded only here. Rejects if it is not installed. */
export const loadLibc = async (): Promise<Libc> => {
  const { default: koffi } = await import("koffi");
  // `null` is the process itself: Node is linked with the C library.
  const libc = koffi.load(null);
  const socket = libc.func("int socket(int domain, int type, int protocol)");
  const bind = libc.func("int bind(int fd, const void *address, uint32_t size)");
  const setsockopt = libc.func(
    "int setsockopt(int fd, int level, int option, const void *value, uint32_t size)",
  );
  const getsockopt = libc.func("int getsockopt(int fd, int level, int option, void *value, void *size)");
  const recvmmsg = libc.func(
    "int recvmmsg(int fd, void *messages, unsigned int most, int flags, void *timeout)",
  );
  const check = (result: unknown, call: string): number => {
    if (typeof result === "number" && result >= 0) return result;
    const code = getSystemErrorName(-koffi.errno());
    throw Object.assign(new Error(`${call}: ${code}`), { code });
  };
  return {
    socket: (domain, type, protocol) => check(socket(domain, type, protocol), "socket"),
    bind: (fd, address) => void check(bind(fd, address, address.length), "bind"),
    setOption: (fd, level, option, value) =>
      void check(setsockopt(fd, level, option, value, value.length), "setsockopt"),
    getOption: (fd, level, option, value) => {
      const size = Uint32Array.of(value.length);
      check(getsockopt(fd, level, option, value, size), "getsockopt");
      return Math.min(size[0] ?? 0, value.length);
    },
    receive: (fd, messages, most, flags) => check(recvmmsg(fd, messages, most, flags, null), "recvmmsg"),
    onReadable: (fd, f) => {
      const poll = koffi.node.poll(fd, f);
      return { [Symbol.dispose]: () => poll.close() };
    },
    addressOf: (buffer) => {
      const address: unknown = koffi.address(buffer);
      if (typeof address !== "bigint") throw new Error("koffi gives no address of a buffer");
      return address;
    },
  };
};
