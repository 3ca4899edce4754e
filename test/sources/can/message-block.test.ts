import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LAYOUT, MessageBlock, SO_TIMESTAMPNS, SOL_SOCKET } from "../../../src/sources/can/message-block.ts";

const BASE = 0x7000_0000_0000n;
const NOW = 1_795_000_000;
const { mmsghdr, iovec, frame, control } = LAYOUT;

/** A block of two messages, and the kernel's part: it follows the addresses and writes what it received. */
const openBlock = () => {
  const block = new MessageBlock(2, () => BASE);
  const view = new DataView(block.buffer);
  const pointer = (at: number) => Number(view.getBigUint64(at, true) - BASE);
  const deliver = (n: number, bytes: readonly number[], stamp?: { level: number; type: number }) => {
    const header = n * mmsghdr.size;
    const vector = pointer(header + mmsghdr.iov);
    expect(view.getBigUint64(header + mmsghdr.iovlen, true)).toBe(1n);
    expect(bytes.length).toBeLessThanOrEqual(Number(view.getBigUint64(vector + iovec.len, true)));
    new Uint8Array(block.buffer, pointer(vector + iovec.base)).set(bytes);
    view.setUint32(header + mmsghdr.len, bytes.length, true);
    expect(view.getBigUint64(header + mmsghdr.controllen, true)).toBe(BigInt(control.size));
    view.setBigUint64(header + mmsghdr.controllen, stamp ? BigInt(control.size) : 0n, true);
    if (!stamp) return;
    const at = pointer(header + mmsghdr.control);
    view.setBigUint64(at, BigInt(control.size), true);
    view.setInt32(at + control.level, stamp.level, true);
    view.setInt32(at + control.type, stamp.type, true);
    view.setBigInt64(at + control.seconds, 1_795_000_001n, true);
    view.setBigInt64(at + control.nanoseconds, 250_000_000n, true);
  };
  return { block, deliver };
};
const KERNEL = { level: SOL_SOCKET, type: SO_TIMESTAMPNS };
/** struct can_frame: the id's four bytes, the length, three bytes that do not count, the data. */
const classic = (
  id: readonly number[],
  length: number,
  data: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8],
) => [...id, length, 0xee, 0xee, 0xee, ...data];
const fd = (id: readonly number[], length: number) => classic(id, length, Array<number>(64).fill(0xab));

describe("a message", () => {
  test("has its id, its data, and the kernel's time", () => {
    const { block, deliver } = openBlock();
    deliver(0, classic([0x23, 0x01, 0, 0], 3), KERNEL);
    deliver(1, classic([0x17, 0xf1, 0xfe, 0x98], 8), KERNEL);
    expect(block.read(0, NOW)).toEqual({
      kind: "data",
      t: 1_795_000_001.25,
      id: 0x123,
      extended: false,
      data: Uint8Array.of(1, 2, 3),
    });
    expect(block.read(1, NOW)).toMatchObject({ id: 0x18fef117, extended: true });
  });

  test("of CAN FD has up to 64 bytes", () => {
    const { block, deliver } = openBlock();
    deliver(0, fd([0x23, 0x01, 0, 0], 64), KERNEL);
    expect(block.read(0, NOW)).toMatchObject({ data: new Uint8Array(64).fill(0xab) });
  });

  test.each([
    ["no time", undefined],
    ["something else than a time", { level: SOL_SOCKET, type: 40 }],
    ["a time of another protocol", { level: 101, type: SO_TIMESTAMPNS }],
  ])("with %s has the present one", (_, stamp) => {
    const { block, deliver } = openBlock();
    deliver(0, classic([0x23, 0x01, 0, 0], 8), stamp);
    expect(block.read(0, NOW)).toMatchObject({ t: NOW });
  });

  test("that claims more than it has ends where it ends", () => {
    const { block, deliver } = openBlock();
    deliver(0, classic([0x23, 0x01, 0, 0], 200), KERNEL);
    deliver(1, [0x23, 0x01], KERNEL);
    expect(block.read(0, NOW)).toMatchObject({ data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) });
    expect(block.read(1, NOW)).toMatchObject({ data: new Uint8Array(0) });
  });

  test("with the error flag gives its flags, one with the remote flag nothing", () => {
    const { block, deliver } = openBlock();
    deliver(0, classic([0x40, 0, 0, 0x20], 8), KERNEL);
    deliver(1, classic([0x23, 0x01, 0, 0x40], 0), KERNEL);
    expect(block.read(0, NOW)).toEqual({ kind: "error", flags: 0x40 });
    expect(block.read(1, NOW)).toEqual({ kind: "remote" });
  });

  test("is a copy: the next call does not change it", () => {
    const { block, deliver } = openBlock();
    deliver(0, classic([0x23, 0x01, 0, 0], 2), KERNEL);
    const first = block.read(0, NOW);
    block.reset(1);
    deliver(0, classic([0x23, 0x01, 0, 0], 2, [9, 9, 9, 9, 9, 9, 9, 9]), KERNEL);
    expect(first).toMatchObject({ data: Uint8Array.of(1, 2) });
  });
});

const ASSERTIONS = `
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <linux/can/error.h>
#define SAME(what, number) _Static_assert((what) == (number), #what)
SAME(sizeof(struct mmsghdr), ${mmsghdr.size});
SAME(offsetof(struct mmsghdr, msg_len), ${mmsghdr.len});
SAME(offsetof(struct msghdr, msg_iov), ${mmsghdr.iov});
SAME(offsetof(struct msghdr, msg_iovlen), ${mmsghdr.iovlen});
SAME(offsetof(struct msghdr, msg_control), ${mmsghdr.control});
SAME(offsetof(struct msghdr, msg_controllen), ${mmsghdr.controllen});
SAME(sizeof(struct iovec), ${iovec.size});
SAME(offsetof(struct iovec, iov_base), ${iovec.base});
SAME(offsetof(struct iovec, iov_len), ${iovec.len});
SAME(sizeof(struct canfd_frame), ${frame.size});
SAME(offsetof(struct canfd_frame, can_id), ${frame.id});
SAME(offsetof(struct canfd_frame, len), ${frame.len});
SAME(offsetof(struct can_frame, can_dlc), ${frame.len});
SAME(offsetof(struct canfd_frame, data), ${frame.data});
SAME(offsetof(struct can_frame, data), ${frame.data});
SAME(CMSG_SPACE(sizeof(struct timespec)), ${control.size});
SAME(offsetof(struct cmsghdr, cmsg_level), ${control.level});
SAME(offsetof(struct cmsghdr, cmsg_type), ${control.type});
SAME(sizeof(struct cmsghdr) + offsetof(struct timespec, tv_sec), ${control.seconds});
SAME(sizeof(struct cmsghdr) + offsetof(struct timespec, tv_nsec), ${control.nanoseconds});
SAME(SOL_SOCKET, ${SOL_SOCKET});
SAME(SO_TIMESTAMPNS, ${SO_TIMESTAMPNS});
SAME(sizeof(struct sockaddr_can), 24);
SAME(offsetof(struct sockaddr_can, can_ifindex), 4);
SAME(PF_CAN, 29);
SAME(CAN_RAW, 1);
SAME(SOL_CAN_RAW, 101);
SAME(CAN_RAW_FILTER, 1);
SAME(CAN_RAW_ERR_FILTER, 2);
SAME(CAN_RAW_FD_FRAMES, 5);
SAME(CAN_RAW_FILTER_MAX, 512);
SAME(SOCK_RAW, 3);
SAME(SOCK_NONBLOCK, 0x800);
SAME(SOCK_CLOEXEC, 0x80000);
SAME(SO_RCVBUF, 8);
SAME(SO_MEMINFO, 55);
SAME(MSG_DONTWAIT, 0x40);
SAME(CAN_ERR_BUSOFF, 0x40);
`;

describe("the C compiler agrees with the layout", () => {
  for (const compiler of ["x86_64-linux-gnu-gcc", "aarch64-linux-gnu-gcc"])
    test.skipIf(!existsSync(`/usr/bin/${compiler}`))(compiler, () => {
      const run = () => execFileSync(compiler, ["-fsyntax-only", "-x", "c", "-"], { input: ASSERTIONS });
      expect(run).not.toThrow();
    });
});
