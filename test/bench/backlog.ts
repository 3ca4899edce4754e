import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { USEFUL_MS } from "../../src/dispatch/brokers.ts";
import type { Draft } from "../../src/domain/report.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";
import { fillBacklog } from "../journeys/backlog.ts";
import { epoch, openCar, waitFor } from "../journeys/car.ts";
import { openDispatch } from "../journeys/dispatch.ts";
import { startMosquitto } from "../journeys/mosquitto.ts";
import { driveLong } from "../outbox/long-drive.ts";
import { keptEpisode } from "../outbox/kept-episode.ts";
import { openTestOutbox } from "../outbox/open-outbox.ts";
import { patientTime } from "../outbox/patient-time.ts";
import { openRelay } from "../journeys/relay.ts";

type Print = (what: string, figure: string) => void;
type Quantile = (values: readonly number[], q: number) => number;

const WEEK = 1_000_000;
const DRAINED = 200_000;
const APPENDS = 200;
const LIVE_ROUNDS = 10;

const open = (path: string): Promise<Outbox> =>
  openTestOutbox(path, {
    maxBytes: 2 ** 40,
    time: patientTime,
    on: {
      fault(fault) {
        if (fault !== undefined) throw new Error("the outbox cannot be written", { cause: fault.cause });
      },
    },
  });

const DRAFTS: Readonly<Record<string, Draft>> = {
  emergency: {
    kind: "emergency",
    data: {
      episode: "01K0000000000000000000000A",
      state: "active",
      test: true,
      button: "dash",
      presses: 1,
      attempt: 1,
    },
    at: 1,
    clock: "gnss",
  },
  event: { kind: "event", data: { type: "fault", part: "gps", detail: "bench" }, at: 1, clock: "gnss" },
  telemetry: {
    kind: "position",
    data: { lat: 45.1, lon: 20.1, fix: "3d", reason: "interval", speedKmh: 50, courseDeg: 90 },
    at: 1,
    clock: "gnss",
  },
};

/** From the call to the record on disk, one by one: emergencies with the memory of their episode, events, telemetry. */
const appending = async (outbox: Outbox, name: string, print: Print, quantile: Quantile): Promise<void> => {
  for (const [lane, draft] of Object.entries(DRAFTS)) {
    const times: number[] = [];
    for (let n = 0; n < APPENDS; n++) {
      const begun = performance.now();
      outbox.append(draft);
      if (lane === "emergency")
        outbox.remember({ emergency: { ...outbox.memory.emergency, episodes: [keptEpisode()] } });
      // oxlint-disable-next-line no-await-in-loop -- one by one is what is measured
      await (lane === "emergency" ? outbox.secure() : outbox.flush());
      times.push(performance.now() - begun);
    }
    print(
      `append ${lane}, ${name}: ms to disk, p50 / p99`,
      `${quantile(times, 0.5).toFixed(2)} / ${quantile(times, 0.99).toFixed(2)}`,
    );
  }
};

const opening = async (print: Print, quantile: Quantile): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "week-"));
  {
    await using empty = await open(join(folder, "empty"));
    await appending(empty, "empty", print, quantile);
  }
  const path = join(folder, "outbox");
  const begun = performance.now();
  await fillBacklog({ folder }, WEEK);
  print(
    "backlog: records/s appended, up to 1,000,000",
    Math.round((WEEK * 1000) / (performance.now() - begun)).toLocaleString("en"),
  );
  const times: number[] = [];
  for (let n = 0; n < 5; n++) {
    const from = performance.now();
    // oxlint-disable-next-line no-await-in-loop
    await using outbox = await open(path);
    times.push(performance.now() - from);
    if (n === 0) {
      // oxlint-disable-next-line no-await-in-loop
      await appending(outbox, "1,000,000 waiting", print, quantile);
      // oxlint-disable-next-line no-await-in-loop
      print("backlog: MiB on disk, 1,000,000 positions", ((await outbox.stats()).bytes / 2 ** 20).toFixed(0));
    }
  }
  print("backlog: open with 1,000,000 waiting, ms p50 of 5", quantile(times, 0.5).toFixed(0));
  // As a power cut leaves it: opened while it was open.
  {
    await using outbox = await open(path);
    cpSync(path, join(folder, "cut"), { recursive: true });
    cpSync(`${path}.vital`, join(folder, "cut.vital"));
    outbox.oldest();
  }
  const from = performance.now();
  {
    await using outbox = await open(join(folder, "cut"));
    outbox.oldest();
    print("backlog: the same after a power cut, ms", (performance.now() - from).toFixed(0));
  }
  rmSync(folder, { recursive: true, force: true });
};

const rssMiB = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;

const draining = async (print: Print, quantile: Quantile): Promise<void> => {
  await using stack = new AsyncDisposableStack();
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const relay = stack.use(await openRelay(broker.port));
  const dispatch = stack.use(await openDispatch(broker.url));
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${relay.port}"], allowPlaintext: true }`, {
      program: "dist/patrol-unit.mjs",
    }),
  );
  await fillBacklog(car, DRAINED);
  // From the start of the process: whether the store is opened before the service says that it runs, or
  // after, makes no difference to dispatch.
  const begun = performance.now();
  await car.start();
  const memory: number[] = [];
  const sampler = setInterval(() => memory.push(rssMiB(car.pid)), 100);
  await waitFor("the drain", () => dispatch.reports.length >= DRAINED, 120_000);
  const seconds = (performance.now() - begun) / 1000;
  clearInterval(sampler);
  print(
    "drain: positions/s from the start of the process, local broker",
    Math.round(DRAINED / seconds).toLocaleString("en"),
  );
  print("drain: bytes a position on the wire", (relay.bytesUp / DRAINED).toFixed(1));
  print(
    "drain: resident MiB, p50 / most",
    `${quantile(memory, 0.5).toFixed(0)} / ${Math.max(...memory).toFixed(0)}`,
  );

  await car.listens();
  const times: number[] = [];
  let n = 0;
  const tick = setInterval(() => void car.line.write(epoch(n++, Date.now() - n * 100)), 100);
  stack.defer(() => clearInterval(tick));
  for (let round = 0; round < LIVE_ROUNDS; round++) {
    const births = dispatch.states.length;
    relay.reset();
    // oxlint-disable-next-line no-await-in-loop
    await waitFor(
      "the link",
      () =>
        dispatch.states.filter(({ state }) => state === "online").length >
          births - dispatch.states.filter(({ state }) => state === "offline").length &&
        dispatch.states.length > births + 1,
    );
    const up = Date.parse(dispatch.states.at(-1)!.at!);
    const first = () =>
      dispatch.positions().find((report) => report.live && Date.parse(report.at) >= up - 200);
    // oxlint-disable-next-line no-await-in-loop
    await waitFor("a live position", () => first() !== undefined);
    times.push(Math.max(0, dispatch.cameAt.get(first()!.seq)! - up));
    // A connection that ends sooner was of no use: the next one would come after a growing pause.
    // oxlint-disable-next-line no-await-in-loop
    await sleep(USEFUL_MS);
  }
  print(
    "link up to the first live position at dispatch, ms p50 / p99",
    `${quantile(times, 0.5).toFixed(0)} / ${quantile(times, 0.99).toFixed(0)}`,
  );
};

const DRIVE_HOURS = 6 * 24;
const DRIVE_MIB = 32;

const driving = async (print: Print, quantile: Quantile): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "drive-"));
  const drive = await driveLong(join(folder, "outbox"), DRIVE_HOURS, DRIVE_MIB * 2 ** 20);
  rmSync(folder, { recursive: true, force: true });
  const { made, kept, gaps, batchMs, runs, ledgerBytes, heapMiB, outboxMiB, missing, both } = drive;
  const what = `six days offline with CAN, ${DRIVE_MIB} MiB`;
  print(`${what}: reports made / kept / gaps`, `${made} / ${kept} / ${gaps}`);
  print(`${what}: numbers neither there nor declared, and both`, `${missing}, ${both}`);
  print(
    `${what}: a batch of one event ms p50 / p99`,
    `${quantile(batchMs, 0.5).toFixed(2)} / ${quantile(batchMs, 0.99).toFixed(2)}`,
  );
  print(`${what}: most runs, bytes of the ledger`, `${runs}, ${ledgerBytes}`);
  print(`${what}: most MiB of heap, on disk`, `${heapMiB.toFixed(0)}, ${outboxMiB.toFixed(0)}`);
};

/** What a week without coverage costs: to keep, to open, to drain; and what six days with CAN do to the ledger. */
export const backlog = async (print: Print, quantile: Quantile): Promise<void> => {
  await opening(print, quantile);
  await draining(print, quantile);
  await driving(print, quantile);
};
