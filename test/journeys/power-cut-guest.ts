import { execFileSync } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { epoch, openCar, waitFor } from "./car.ts";
import { carryOut } from "./carried.ts";
import { tellHost } from "./guest.ts";

/**
 * Inside the guest: a unit whose outbox is on a disk that outlives it, under everything at once:
 * positions at 10 Hz, a loop that breaks and mends, presses. It goes on until its power is cut.
 */
const BROKER_PORT = 18_830;
const TICK_MS = 100;
const LOOP_EVERY = 7;
const PRESS_EVERY = 11;
const BUTTON = 0;
const BROKEN_LOOP = 1;

const sh = (command: string) => execFileSync("sh", ["-c", command]);
sh("mkdir -p /mnt/disk && mount -t ext4 /dev/ubda /mnt/disk && stty -F /dev/ttyS0 raw -echo");
carryOut(BROKER_PORT, createReadStream("/dev/ttyS0"), createWriteStream("/dev/ttyS0"));
const car = openCar(`{ brokers: ["mqtt://127.0.0.1:${BROKER_PORT}"], allowPlaintext: true, keepaliveS: 5 }`, {
  board: true,
  program: "dist/patrol-unit.mjs",
  outbox: "/mnt/disk/outbox",
});
await car.start();
tellHost("up", true);
const idle = process.env["IDLE"] === "yes";
await waitFor("the board", () => car.lamps.length > 0);
let stored = 0;
let pressed = false;
for (let n = 0; ; n++) {
  await sleep(TICK_MS);
  await car.line.write(epoch(n, Date.now() - n * TICK_MS));
  if (idle) continue;
  if (n % LOOP_EVERY === 0) {
    car.panic.catchUp();
    car.panic.board.wire(BROKEN_LOOP, n % (2 * LOOP_EVERY) === 0 ? "cut" : "whole");
  }
  // Only where the last one is over: then `stored` is a new episode, and on disk.
  const lamp = car.lamps.at(-1);
  if (n % PRESS_EVERY === 0 && (lamp === "idle" || lamp === "fault")) {
    car.lampTimes.clear();
    car.press(BUTTON);
    pressed = true;
  }
  if (pressed && car.lampTimes.has("stored")) {
    pressed = false;
    tellHost("stored", ++stored);
  }
}
