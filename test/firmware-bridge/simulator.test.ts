import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstatSync, mkdtempSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { encodeToBoard, type ToBoard } from "../../firmware-bridge/protocol.ts";
import type { LampPattern } from "../../src/domain/panic.ts";
import { openTty } from "../../src/runtime/tty.ts";
import { waitFor } from "../journeys/car.ts";

type Line = { readonly t: number; readonly lamp: string; readonly drill: boolean; readonly sounder: boolean };

/** `npm run -s board`, with what it prints. */
const openSimulator = (link = join(mkdtempSync(join(tmpdir(), "simulator-")), "tty")) => {
  const child = spawn(process.execPath, ["firmware-bridge/simulator/main.ts", "--link", link], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => void said.push(line));
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => void lines.push(JSON.parse(line) as Line));
  return {
    link,
    lines,
    said,
    lamps: () => lines.map(({ lamp }) => lamp).filter((lamp, i, all) => lamp !== all[i - 1]),
    say: (command: string) => void child.stdin.write(`${command}\n`),
    kill: () => void child.kill("SIGKILL"),
    ended: once(child, "exit"),
    [Symbol.dispose]: () => void child.kill(),
  };
};

test("each change of the lamp is a line; the board goes on without its line, not without its power", async () => {
  using board = openSimulator();
  await waitFor("the board", () => board.lamps().at(-1) === "no-host");
  const [first] = board.lines;
  expect(Object.keys(first!)).toEqual(["t", "lamp", "drill", "sounder"]);
  expect(Math.abs(first!.t - Date.now())).toBeLessThan(10_000);
  board.say("unplug");
  board.say("press 0 100");
  await waitFor("the press", () => board.lamps().at(-1) === "latched");
  board.say("plug");
  await waitFor("the press to be in the EEPROM", () => Date.now() - board.lines.at(-1)!.t > 200);
  board.say("power off");
  await waitFor("the cut", () => board.lamps().at(-1) === "off");
  board.say("power on");
  await waitFor("the press again", () => board.lamps().at(-1) === "latched");
  expect(board.lamps()).toEqual(["no-host", "latched", "off", "latched"]);
  board.say("quit");
  expect((await board.ended)[0]).toBe(0);
});

test("a second board at the same link is refused while the first one lives", async () => {
  using first = openSimulator();
  await waitFor("the first board", () => first.lines.length > 0);
  const line = readlinkSync(first.link);
  using second = openSimulator(first.link);
  expect((await second.ended)[0]).toBe(74);
  expect(second.said).toEqual([
    `${first.link} is in use by another program: stop it, or choose another name`,
  ]);
  expect(readlinkSync(first.link)).toBe(line);
});

test("the link of a board that was killed is replaced", async () => {
  using first = openSimulator();
  await waitFor("the first board", () => first.lines.length > 0);
  first.kill();
  await first.ended;
  expect(lstatSync(first.link).isSymbolicLink()).toBe(true);
  using second = openSimulator(first.link);
  await waitFor("the second board", () => second.lines.length > 0);
  expect(second.said).toEqual([expect.stringContaining("a panic board listens at")]);
});

test("a command without a loop that exists names the loops", async () => {
  using board = openSimulator();
  await waitFor("the board", () => board.lines.length > 0);
  board.say("press 4");
  await waitFor("the answer", () => board.said.includes('press 4: LOOP is 0 to 3, for example "press 0"'));
});

test("a host's patterns, its drill and the sounder are shown", async () => {
  using board = openSimulator();
  await waitFor("the board", () => board.lamps().at(-1) === "no-host");
  const host = await openTty(board.link, 57_600);
  const say = (message: ToBoard) => host.write(encodeToBoard(message));
  const show = (pattern: LampPattern, drill = false, quiet = true) =>
    say({ kind: "show", pattern, quiet, drill, darkLoops: [], mayTest: false });
  for (const pattern of ["no-link", "done", "refused", "idle"] as const) {
    show(pattern);
    await waitFor(pattern, () => board.lamps().at(-1) === pattern);
  }
  show("stored", true, false);
  await waitFor("the drill", () => board.lines.some(({ lamp, drill }) => lamp === "stored" && drill));
  await waitFor("the sounder", () => board.lines.some(({ lamp, sounder }) => lamp === "stored" && sounder));
  show("idle");
  await waitFor("the end", () => board.lines.at(-1)?.lamp === "idle");
  expect(board.lines.at(-1)).toMatchObject({ drill: false, sounder: false });
  await host.close();
});
