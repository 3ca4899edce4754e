import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { openDispatch, type Dispatch } from "./dispatch.ts";
import { startMosquitto, type Mosquitto } from "./mosquitto.ts";
import { canMount, mountSmallDisk, type SmallDisk } from "./small-disk.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

const open = async (): Promise<{
  disk: SmallDisk;
  broker: Mosquitto;
  dispatch: Dispatch;
  car: Car;
  outbox: string;
}> => {
  const disk = stack.use(mountSmallDisk(32));
  const outbox = join(disk.path, "outbox");
  const broker = stack.use(await startMosquitto());
  await broker.start();
  const dispatch = stack.use(await openDispatch(broker.url));
  const car = stack.use(
    openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, { board: true, outbox }),
  );
  return { disk, broker, dispatch, car, outbox };
};
const idle = (car: Car) =>
  waitFor("the board", () => car.lamps.at(-1) === "idle" || car.lamps.at(-1) === "fault");
const episodes = (dispatch: Dispatch) => new Set(dispatch.emergencies().map(({ episode }) => episode));

/** Where the numbers of a life without a disk begin. */
const FAR = 2 ** 40;

/** A number names one report: a repeat of an emergency is the same one. */
const expectNoNumberTwice = (dispatch: Dispatch): void => {
  const used = new Map<number, string>();
  for (const { seq, kind, boot, mono } of dispatch.reports) {
    const name = `${kind} ${boot} ${mono}`;
    expect(used.get(seq) ?? name, String(seq)).toBe(name);
    used.set(seq, name);
  }
};

describe.skipIf(!canMount)("the unit's disk", () => {
  test(
    "without a free byte: presses are stored, sent and answered; killed, it goes on with the same episode",
    { timeout: 90_000 },
    async () => {
      const { disk, broker, dispatch, car, outbox } = await open();
      await car.start();
      await idle(car);
      disk.fill();
      rmSync(`${outbox}.ballast`, { force: true });
      disk.fill();
      await broker.stop();
      car.press(0);
      await waitFor("the lamp", () => car.lamps.includes("stored"));
      await sleep(700);
      car.press(1);
      await sleep(700);
      // Nothing but the notes took the presses; and they have no broker yet.
      await car.stop("SIGKILL");
      await car.start();
      await waitFor("the episode after the restart", () =>
        car.log.some(({ msg }) => msg === "an emergency continues after the restart"),
      );
      await waitFor("its lamp", () => car.panic.board.light.lamp === "stored");
      await broker.start();
      await waitFor(
        "the emergency",
        () => dispatch.emergencies().some(({ presses }) => presses === 2),
        30_000,
      );
      expect(episodes(dispatch).size).toBe(1);
      const [episode] = episodes(dispatch);
      await dispatch.ack(episode!, "received");
      await waitFor("received", () => car.lamps.at(-1) === "received");
      disk.free();
      await dispatch.ack(episode!, "cleared");
      await waitFor("the end", () => dispatch.removed.size > 0);
      await waitFor("every number", () => dispatch.missing().length === 0, 30_000);
      expect(episodes(dispatch).size).toBe(1);
    },
  );

  test(
    "read-only at the start: a press goes out from memory; writable again, the unit goes on by itself",
    { timeout: 90_000 },
    async () => {
      const { disk, dispatch, car } = await open();
      await car.start();
      await idle(car);
      expect(await car.stop()).toBe(0);
      disk.remount("ro");
      await car.start();
      await waitFor("the fault", () =>
        dispatch.events("fault").some(({ data }) => "part" in data && data.part === "outbox"),
      );
      car.press();
      await waitFor("the emergency", () => dispatch.emergencies().length > 0, 20_000);
      await waitFor("sent", () => car.lamps.at(-1) === "sent");
      disk.remount("rw");
      await waitFor("the end of the fault", () =>
        dispatch.events("recovered").some(({ data }) => "part" in data && data.part === "outbox"),
      );
      expect(episodes(dispatch).size).toBe(1);
      const [episode] = episodes(dispatch);
      await dispatch.ack(episode!, "cleared");
      await waitFor("the end", () => dispatch.removed.size > 0);
      await waitFor("idle", () => car.lamps.at(-1) === "idle");
      expectNoNumberTwice(dispatch);
    },
  );

  test(
    "unwritable for longer than its numbers were leased: positions and presses go on; sound again, no number is used twice",
    { timeout: 120_000 },
    async () => {
      const { dispatch, car } = await open();
      await car.start();
      await idle(car);
      await car.listens();
      // A file system with open files cannot be made read-only at will: the kernel refuses this process every write.
      execFileSync("prlimit", ["--pid", String(car.pid), "--fsize=0:unlimited"]);
      let n = 0;
      const drive = async (epochs: number) => {
        for (let i = 0; i < epochs; i++, n++) {
          // oxlint-disable-next-line no-await-in-loop -- ten fixes a second
          await car.line.write(epoch(n, Date.now() - n * 100));
          // oxlint-disable-next-line no-await-in-loop
          await sleep(50);
        }
      };
      // More at once than there are numbers that the disk remembers.
      await car.line.write(Array.from({ length: 150 }, () => epoch(n++, Date.now() - n * 100)).join(""));
      await drive(250);
      car.press();
      await waitFor("the emergency", () => dispatch.emergencies().length > 0, 20_000);
      await waitFor("sent", () => car.lamps.at(-1) === "sent");
      const before = dispatch.positions().length;
      expect(before).toBeGreaterThan(200);
      await drive(40);
      expect(dispatch.positions().length - before).toBeGreaterThan(30);
      expect(dispatch.events("fault").length).toBeGreaterThan(0);
      await car.stop("SIGKILL");
      await car.start();
      await waitFor("the new boot", () =>
        dispatch.states.some(({ boot, state }) => boot === 2 && state === "online"),
      );
      await car.listens();
      await drive(100);
      await waitFor("the episode again", () => episodes(dispatch).size === 1);
      expectNoNumberTwice(dispatch);
      // What it held in memory when it was killed nobody can declare: those numbers are far from all others.
      const lost = dispatch.missing();
      process.stdout.write(`killed without a disk: ${lost.length} numbers of that life are unknown\n`);
      expect(lost.every((seq) => seq > FAR)).toBe(true);
      expect(lost.length).toBeLessThan(20);
    },
  );
});
