/**
 * Memory for one call of recvmmsg(2): headers, places for frames and for what the kernel says about each.
 * All numbers are those of Linux with 64 bits and the small end first, equal on x86-64 and arm64.
 * test/sources/can/message-block.test.ts lets the C compiler check them.
 */
export const LAYOUT = {
  /** bits/socket.h (glibc), recvmmsg(2): struct msghdr, and struct mmsghdr around it. */
  mmsghdr: { size: 64, iov: 16, iovlen: 24, control: 32, controllen: 40, len: 56 },
  /** bits/types/struct_iovec.h. */
  iovec: { size: 16, base: 0, len: 8 },
  /** linux/can.h: struct canfd_frame; struct can_frame is the same with 8 bytes of data. */
  frame: { size: 72, id: 0, len: 4, data: 8 },
  /** bits/socket.h: struct cmsghdr, with a struct timespec behind it. */
  control: { size: 32, level: 8, type: 12, seconds: 16, nanoseconds: 24 },
} as const;

/** asm-generic/socket.h. SO_TIMESTAMPNS is also the type of the control message that brings the time. */
export const SOL_SOCKET = 1;
export const SO_TIMESTAMPNS = 35;

/** linux/can.h: flags of an id. */
const EXTENDED = 0x8000_0000;
const REMOTE = 0x4000_0000;
const ERROR = 0x2000_0000;
const STANDARD_MASK = 0x7ff;
const EXTENDED_MASK = 0x1fff_ffff;

/** What is read of one message. */
export type Message =
  | {
      readonly kind: "data";
      readonly t: number;
      readonly id: number;
      readonly extended: boolean;
      readonly data: Uint8Array;
    }
  /** `flags`: linux/can/error.h. */
  | { readonly kind: "error"; readonly flags: number }
  | { readonly kind: "remote" };

const { mmsghdr, iovec, frame, control } = LAYOUT;
const EACH = mmsghdr.size + iovec.size + frame.size + control.size;

export class MessageBlock {
  readonly buffer: ArrayBuffer;
  readonly most: number;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #frames: number;
  readonly #controls: number;

  /** `most`: messages in one call. `addressOf`: where the buffer lies in memory. */
  constructor(most: number, addressOf: (buffer: ArrayBuffer) => bigint) {
    this.most = most;
    this.buffer = new ArrayBuffer(most * EACH);
    this.#view = new DataView(this.buffer);
    this.#bytes = new Uint8Array(this.buffer);
    const iovecs = most * mmsghdr.size;
    this.#frames = iovecs + most * iovec.size;
    this.#controls = this.#frames + most * frame.size;
    const address = addressOf(this.buffer);
    const pointer = (at: number, to: number): void => this.#view.setBigUint64(at, address + BigInt(to), true);
    for (let n = 0; n < most; n++) {
      const [header, vector] = [n * mmsghdr.size, iovecs + n * iovec.size];
      pointer(header + mmsghdr.iov, vector);
      this.#view.setBigUint64(header + mmsghdr.iovlen, 1n, true);
      pointer(header + mmsghdr.control, this.#controls + n * control.size);
      pointer(vector + iovec.base, this.#frames + n * frame.size);
      this.#view.setBigUint64(vector + iovec.len, BigInt(frame.size), true);
    }
    this.reset(most);
  }

  /** Makes the first headers ready for the next call: the kernel has written into them. */
  reset(used: number): void {
    for (let n = 0; n < used; n++)
      this.#view.setUint32(n * mmsghdr.size + mmsghdr.controllen, control.size, true);
  }

  /** One received message. `now`: its time if the kernel gave none, seconds since 1970. The data is a copy. */
  read(n: number, now: number): Message {
    const at = this.#frames + n * frame.size;
    const word = this.#view.getUint32(at + frame.id, true);
    const extended = (word & EXTENDED) !== 0;
    const id = word & (extended ? EXTENDED_MASK : STANDARD_MASK);
    if ((word & ERROR) !== 0) return { kind: "error", flags: word & EXTENDED_MASK };
    if ((word & REMOTE) !== 0) return { kind: "remote" };
    const room = this.#view.getUint32(n * mmsghdr.size + mmsghdr.len, true) - frame.data;
    const length = Math.max(0, Math.min(this.#view.getUint8(at + frame.len), room));
    const data = this.#bytes.slice(at + frame.data, at + frame.data + length);
    return { kind: "data", t: this.#timeOf(n) ?? now, id, extended, data };
  }

  #timeOf(n: number): number | undefined {
    const length = this.#view.getUint32(n * mmsghdr.size + mmsghdr.controllen, true);
    const at = this.#controls + n * control.size;
    if (length < control.size) return undefined;
    if (this.#view.getInt32(at + control.level, true) !== SOL_SOCKET) return undefined;
    if (this.#view.getInt32(at + control.type, true) !== SO_TIMESTAMPNS) return undefined;
    // Seconds fit in 32 bits without a sign until 2106.
    const seconds = this.#view.getUint32(at + control.seconds, true);
    return seconds + this.#view.getUint32(at + control.nanoseconds, true) / 1e9;
  }
}
