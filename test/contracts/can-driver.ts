import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { SourceError } from "../../src/domain/bytes.ts";
import type { CanFilter, CanFrame, CanSource } from "../../src/domain/can.ts";
import { busSource } from "../../src/sources/can/bus.ts";
import type { CanDriver } from "../../src/sources/can/channel.ts";

/**
 * What every driver of a bus promises, tried on a real virtual bus. Runs inside a guest as root, so it only
 * says what it saw; `KEPT` is what the test on the host compares it with.
 */
const sh = (command: string): string => execFileSync("sh", ["-c", command], { encoding: "utf8" });
const send = (...frames: readonly string[]): void => {
  for (const frame of frames) sh(`cansend vcan0 ${frame}`);
};
const make = (): string =>
  sh("ip link add dev vcan0 type vcan && ip link set vcan0 mtu 72 && ip link set vcan0 up");

const FILTERS: readonly CanFilter[] = [
  { id: 0x123, extended: false, group: false },
  { id: 0x18fef117, extended: true, group: true },
  { id: 0x123, extended: true, group: false },
];
const FLOOD = 3_000;
/** The other driver needs five seconds until a frame that does not come counts as dropped. */
const COUNTED_MS = 8_000;
const LIMIT_MS = 20_000;

type Reading = Disposable & {
  readonly frames: readonly CanFrame[];
  /** The number of times that frames came. */
  readonly batches: () => number;
  /** How it ended: "quietly", or the fault's code. */
  readonly ended: Promise<string>;
};

const read = (source: CanSource): Reading => {
  const frames: CanFrame[] = [];
  let batches = 0;
  const stop = new AbortController();
  const run = async (): Promise<string> => {
    try {
      for await (const batch of source.listen(FILTERS, stop.signal)) {
        batches++;
        frames.push(...batch);
      }
      return "quietly";
    } catch (cause) {
      return cause instanceof SourceError ? cause.code : String(cause);
    }
  };
  return { frames, batches: () => batches, ended: run(), [Symbol.dispose]: () => stop.abort() };
};

const until = async (done: () => boolean, limitMs = LIMIT_MS): Promise<boolean> => {
  const end = performance.now() + limitMs;
  while (!done() && performance.now() < end) await sleep(20);
  return done();
};

/** Sends a frame now and then, until the reader is heard to listen. */
const listens = async (reading: Reading): Promise<void> => {
  const heard = () => reading.frames.length > 0;
  while (!heard()) {
    send("123#00");
    // oxlint-disable-next-line no-await-in-loop -- polled
    await until(heard, 500);
  }
};

const text = ({ id, extended, data }: CanFrame): string =>
  `${id.toString(16)}${extended ? " extended" : ""} ${Buffer.from(data).toString("hex")}`;

const frames = async (source: CanSource) => {
  using reading = read(source);
  await listens(reading);
  const from = reading.frames.length;
  const begun = Date.now() / 1_000;
  send("123#1122334455667788", "124#01", "123#R", "00000123#02", "18FEF117#03", "18FEF133#04", "18FEF217#05");
  send("123#", `123##0${"ab".repeat(48)}`, `00000123##1${"cd".repeat(64)}`, "123#FF");
  const over = Date.now() / 1_000;
  await until(() => reading.frames.some(({ data }) => data[0] === 0xff));
  const came = reading.frames.slice(from);
  const times = came.map(({ t }) => t);
  reading[Symbol.dispose]();
  return {
    frames: came.map(text),
    bus: [...new Set(came.map(({ bus }) => bus))],
    "times are those of the kernel, in order":
      times.every((t) => t >= begun - 0.001 && t <= over + 0.001) &&
      times.every((t, n) => n === 0 || t > times[n - 1]!),
    "stopped it ends": await reading.ended,
  };
};

const together = async (source: CanSource) => {
  using reading = read(source);
  await listens(reading);
  const [from, before] = [reading.frames.length, reading.batches()];
  // This process does not read meanwhile.
  sh("cangen vcan0 -g 1 -n 200 -I 123 -L 8 -D i");
  await until(() => reading.frames.length >= from + 200);
  return {
    came: reading.frames.length - from,
    "few batches": reading.batches() - before <= 10,
    "as they were sent": reading.frames.slice(from).every(({ data }, n) => data[0] === (n & 0xff)),
  };
};

const errors = async (source: CanSource) => {
  using reading = read(source);
  await listens(reading);
  const [from, before] = [reading.frames.length, source.errors];
  send("20000004#0000000000000000", "20000004#0000000000000000", "123#01");
  await until(() => reading.frames.length > from && source.errors >= before + 2);
  const counted = source.errors - before;
  send("123#02", "20000040#0000000000000000");
  return { counted, "bus off it ends": await reading.ended, frames: reading.frames.slice(from).map(text) };
};

const downAndUp = async (source: CanSource) => {
  using reading = read(source);
  await listens(reading);
  sh("ip link set vcan0 down");
  const down = await reading.ended;
  using shut = read(source);
  const opened = await shut.ended;
  sh("ip link set vcan0 up");
  using again = read(source);
  await listens(again);
  again[Symbol.dispose]();
  return { down, "opened while it is down": opened, again: await again.ended };
};

const deletedAndMade = async (source: CanSource) => {
  using reading = read(source);
  await listens(reading);
  sh("ip link del vcan0");
  // Deleting takes an interface down first.
  const gone = ["down", "unplugged"].includes(await reading.ended);
  using absent = read(source);
  const opened = await absent.ended;
  make();
  using again = read(source);
  await listens(again);
  again[Symbol.dispose]();
  return { gone, "opened while it is absent": opened, again: await again.ended };
};

/** More than the socket takes while nobody reads it: what came and what was dropped is what was sent. */
const flood = async (source: CanSource) => {
  const [sent, before] = [2 * FLOOD, source.dropped];
  let came = 0;
  for (const _ of [1, 2]) {
    using reading = read(source);
    // oxlint-disable-next-line no-await-in-loop -- one life after another
    await listens(reading);
    const from = reading.frames.length;
    const lost = source.dropped;
    sh(`cangen vcan0 -g 0 -n ${FLOOD} -I 123 -L 8`);
    const all = () => reading.frames.length - from + source.dropped - lost >= FLOOD;
    // oxlint-disable-next-line no-await-in-loop
    await until(all, COUNTED_MS);
    came += reading.frames.length - from;
  }
  await sleep(200);
  return {
    "all are accounted for": came + source.dropped - before === sent,
    dropped: source.dropped > before,
  };
};

const noRoom = (): string =>
  sh("busybox sysctl -q -w net.core.rmem_default=212992 && busybox sysctl -q -w net.core.rmem_max=212992");

/** Tries a driver; `tell` gets the name of each promise, and what was seen. */
export const tryCanDriver = async (
  driver: CanDriver,
  tell: (promise: string, seen: unknown) => void,
): Promise<void> => {
  const source = busSource("vcan0", { driver });
  using absent = read(source);
  tell("absent", await absent.ended);
  make();
  tell("frames", await frames(source));
  tell("together", await together(source));
  tell("errors", await errors(source));
  tell("down and up", await downAndUp(source));
  tell("deleted and made", await deletedAndMade(source));
  noRoom();
  tell("flood", await flood(source));
  sh("ip link del vcan0");
};

/** What a driver keeps that keeps its promises. */
export const KEPT: Readonly<Record<string, unknown>> = {
  absent: "absent",
  frames: {
    frames: [
      "123 1122334455667788",
      "123 extended 02",
      "18fef117 extended 03",
      "18fef133 extended 04",
      "123 ",
      `123 ${"ab".repeat(48)}`,
      `123 extended ${"cd".repeat(64)}`,
      "123 ff",
    ],
    bus: ["vcan0"],
    "times are those of the kernel, in order": true,
    "stopped it ends": "quietly",
  },
  together: { came: 200, "few batches": true, "as they were sent": true },
  errors: { counted: 2, "bus off it ends": "bus-off", frames: ["123 01", "123 02"] },
  "down and up": { down: "down", "opened while it is down": "down", again: "quietly" },
  "deleted and made": { gone: true, "opened while it is absent": "absent", again: "quietly" },
  flood: { "all are accounted for": true, dropped: true },
};
