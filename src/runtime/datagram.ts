import { getSystemErrorName } from "node:util";

/** Linux, the same on x64 and arm64: socket(2), send(2). */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o200_0000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** unix(7): the size of `sun_path`, with its closing zero. */
const PATH_BYTES = 108;

/** Sends one datagram to a Unix socket, from this process. Throws with a `code` if it was not sent. */
export type SendDatagram = (text: string) => void;

/** struct sockaddr_un for a path, or for an abstract name (`@` and the name). Throws if it is neither or too long. */
export const unixAddress = (path: string): Uint8Array => {
  const name = Buffer.from(path);
  if (!/^[/@]/.test(path) || name.length >= PATH_BYTES)
    throw new Error(`${path} is not the address of a Unix socket`);
  const isAbstract = path.startsWith("@");
  if (isAbstract) name[0] = 0;
  const address = Buffer.alloc(2 + name.length + (isAbstract ? 0 : 1));
  address.writeUInt16LE(AF_UNIX);
  name.copy(address, 2);
  return address;
};

/**
 * Opens a Unix datagram socket, which Node does not have, by calls into the C library. `koffi` (10 ms, 2
 * MiB) is loaded only here. A send never blocks: if the receiver's queue is full, it fails with EAGAIN.
 * The socket stays open until the process ends. Rejects if koffi is not installed or the socket cannot be
 * opened.
 */
export const openDatagram = async (path: string): Promise<SendDatagram> => {
  const address = unixAddress(path);
  const { default: koffi } = await import("koffi");
  // `null` is the process itself: Node is linked with the C library.
  const libc = koffi.load(null);
  const socket = libc.func("int socket(int domain, int type, int protocol)");
  const sendto = libc.func(
    "intptr_t sendto(int fd, const void *data, size_t length, int flags, const void *address, uint32_t size)",
  );
  const check = (result: unknown, call: string): number => {
    if (typeof result === "number" && result >= 0) return result;
    const code = getSystemErrorName(-koffi.errno());
    throw Object.assign(new Error(`${call} ${path}: ${code}`), { code });
  };
  const fd = check(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  return (text) => {
    const data = Buffer.from(text);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    check(sendto(fd, data, data.length, flags, address, address.length), "sendto");
  };
};
