import { closeSync } from "node:fs";
import { SourceError } from "../../domain/bytes.ts";
import type { CanFrame } from "../../domain/can.ts";
import { errorCode, isBusy } from "../../runtime/error-code.ts";
import { reasonOf } from "../../runtime/log.ts";
import type { Time } from "../../runtime/ports.ts";
import type { CanDriver, Channel, OpenChannel } from "./channel.ts";
import type { KernelFilter } from "./filters.ts";
import { fact, fileText } from "./interface.ts";
import { loadLibc, type Libc } from "./libc.ts";
import { missingForNative } from "./library.ts";
import { MessageBlock, SO_TIMESTAMPNS, SOL_SOCKET } from "./message-block.ts";

/** bits/socket.h, bits/socket_type.h. */
const PF_CAN = 29;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x8_0000;
const MSG_DONTWAIT = 0x40;
/** asm-generic/socket.h. */
const SO_RCVBUF = 8;
const SO_MEMINFO = 55;
/** linux/sock_diag.h: nine numbers of 32 bits, the last one counts what found no room. */
const MEMINFO = { bytes: 36, drops: 32 } as const;
/** linux/can.h, linux/can/raw.h. */
const CAN_RAW = 1;
const SOL_CAN_RAW = 101;
const CAN_RAW_FILTER = 1;
const CAN_RAW_ERR_FILTER = 2;
const CAN_RAW_FD_FRAMES = 5;
const CAN_RAW_FILTER_MAX = 512;
const CAN_ERR_MASK = 0x1fff_ffff;
/** struct sockaddr_can: the family (16 bits), and the interface's index at 4. */
const ADDRESS = { bytes: 24, index: 4 } as const;

/** The most frames that one call reads. Each needs 184 bytes of memory. */
const TOGETHER = 512;
/** The receive buffer that is asked for: what a full bus brings in some two seconds. */
const ROOM_BYTES = 4 * 1024 * 1024;
/** How long frames gather in the socket between two reads, milliseconds. Each read has a price of its own. */
const GATHER_MS = 100;
/** On a silent bus the first frame ends the pause. It is read this often all the same. */
const SILENT_MS = 1_000;

const words = (...numbers: readonly number[]): Uint8Array => {
  const bytes = new Uint8Array(numbers.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [n, number] of numbers.entries()) view.setUint32(n * 4, number, true);
  return bytes;
};
const wordAt = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);

/**
 * Asks for a larger receive buffer, if it would be larger: the kernel gives twice what is asked for, and
 * at most twice `rmem_max`, which may be less than the default.
 */
const enlarge = (libc: Libc, fd: number): void => {
  const most = Number(fileText("/proc/sys/net/core/rmem_max") ?? 0);
  const wanted = Math.min(ROOM_BYTES / 2, most);
  const present = new Uint8Array(4);
  libc.getOption(fd, SOL_SOCKET, SO_RCVBUF, present);
  if (wanted * 2 > wordAt(present, 0)) libc.setOption(fd, SOL_SOCKET, SO_RCVBUF, words(wanted));
};

/** Everything is set before `bind`: no frame arrives that was not asked for. */
const prepare = (libc: Libc, fd: number, index: number, filters: readonly KernelFilter[]): void => {
  // More filters than the kernel takes: every frame comes, and the mapping ignores the others.
  if (filters.length <= CAN_RAW_FILTER_MAX) {
    const list = words(...filters.flatMap(({ id, mask }) => [id, mask]));
    libc.setOption(fd, SOL_CAN_RAW, CAN_RAW_FILTER, list);
  }
  libc.setOption(fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, words(CAN_ERR_MASK));
  libc.setOption(fd, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, words(1));
  libc.setOption(fd, SOL_SOCKET, SO_TIMESTAMPNS, words(1));
  enlarge(libc, fd);
  const address = new Uint8Array(ADDRESS.bytes);
  address.set(words(PF_CAN));
  address.set(words(index), ADDRESS.index);
  libc.bind(fd, address);
};

/** What an error of the socket means. Undefined: there is nothing to read. */
const faultOf = (name: string, cause: unknown): SourceError | undefined => {
  const code = errorCode(cause);
  if (isBusy(cause)) return undefined;
  if (code === "ENETDOWN") return new SourceError("down", `${name} is down: ip link set ${name} up`, cause);
  if (code === "ENODEV") return new SourceError("unplugged", `${name} has gone`, cause);
  return new SourceError("failed", `${name} cannot be read: ${reasonOf(cause)}`, cause);
};

const openSocket = (libc: Libc, name: string, filters: readonly KernelFilter[]): number => {
  const index = Number(fact(name, "ifindex") ?? 0);
  if (index === 0) throw new SourceError("absent", `${name} is not there`);
  try {
    const fd = libc.socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
    try {
      prepare(libc, fd, index, filters);
    } catch (cause) {
      closeSync(fd);
      throw cause;
    }
    return fd;
  } catch (cause) {
    if (errorCode(cause) === "ENODEV") throw new SourceError("absent", `${name} is not there`, cause);
    throw new SourceError("failed", `${name} cannot be opened: ${reasonOf(cause)}`, cause);
  }
};

/** Frames stay in the socket while the unit has no room for them: the kernel counts those that it drops. */
class NativeChannel implements Channel {
  readonly #name: string;
  readonly #libc: Libc;
  readonly #time: Time;
  readonly #onError: (flags: number) => void;
  readonly #fd: number;
  readonly #block: MessageBlock;
  #failure: SourceError | undefined;
  #dropped = 0;
  #closed = false;
  #wake: () => void = () => undefined;

  constructor(
    { libc, time }: { readonly libc: Libc; readonly time: Time },
    name: string,
    filters: readonly KernelFilter[],
    onError: (flags: number) => void,
  ) {
    [this.#libc, this.#time, this.#name, this.#onError] = [libc, time, name, onError];
    this.#block = new MessageBlock(TOGETHER, (buffer) => libc.addressOf(buffer));
    this.#fd = openSocket(libc, name, filters);
  }

  get dropped(): number {
    return (this.#dropped = this.#closed ? this.#dropped : this.#countDrops());
  }

  fail(error: SourceError): void {
    this.#failure ??= error;
    this.#wake();
  }

  async *batches(signal: AbortSignal): AsyncGenerator<readonly CanFrame[]> {
    const stop = () => this.#wake();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        const count = this.#receive();
        const frames = this.#framesOf(count);
        if (frames.length > 0) yield frames;
        if (this.#failure) throw this.#failure;
        // oxlint-disable-next-line no-await-in-loop -- a bus is read in order
        await this.#pause(count, signal);
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  #countDrops(): number {
    const info = new Uint8Array(MEMINFO.bytes);
    try {
      this.#libc.getOption(this.#fd, SOL_SOCKET, SO_MEMINFO, info);
    } catch {
      return this.#dropped; // Linux before 4.12
    }
    return wordAt(info, MEMINFO.drops);
  }

  /** Waits for the next read, after one that had `count` messages. */
  async #pause(count: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (this.#failure || signal.aborted) return;
    // After a full block there is more: it is read after the other work of this turn.
    const ms = count === TOGETHER ? 0 : count > 0 ? GATHER_MS : SILENT_MS;
    using _timer = this.#time.after(ms, resolve);
    using _first = count === 0 ? this.#libc.onReadable(this.#fd, resolve) : undefined;
    await promise;
  }

  /** The number of messages in the block. A failure of the socket is kept until what it had is read. */
  #receive(): number {
    try {
      return this.#libc.receive(this.#fd, this.#block.buffer, TOGETHER, MSG_DONTWAIT);
    } catch (cause) {
      const fault = faultOf(this.#name, cause);
      if (fault) this.#failure ??= fault;
      return 0;
    }
  }

  #framesOf(count: number): CanFrame[] {
    const frames: CanFrame[] = [];
    const now = this.#time.host() / 1_000;
    for (let n = 0; n < count; n++) {
      const message = this.#block.read(n, now);
      if (message.kind === "error") this.#onError(message.flags);
      if (message.kind !== "data") continue;
      const { t, id, extended, data } = message;
      frames.push({ t, bus: this.#name, id, extended, data });
    }
    this.#block.reset(count);
    return frames;
  }
}

/**
 * Reads the kernel's socket with calls into the C library: up to 512 frames in one call. Nothing that
 * could write to it is bound.
 */
export const nativeDriver =
  (time: Time): CanDriver =>
  async () => {
    const missing = await missingForNative();
    if (missing) throw new SourceError("failed", `${missing.says}: ${missing.cure}`);
    const libc = await loadLibc();
    const open: OpenChannel = (name, filters, onError) =>
      new NativeChannel({ libc, time }, name, filters, onError);
    return open;
  };
