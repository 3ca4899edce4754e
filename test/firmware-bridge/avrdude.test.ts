import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import { releasedImage, releasedLoader } from "../../firmware-bridge/image.ts";
import { decodeFromBoard, encodeToBoard, type FromBoard } from "../../firmware-bridge/protocol.ts";
import { startLiveBoard, type LiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { OUR_BOOT } from "../../firmware-bridge/simulator/self-programming.ts";
import { openTty } from "../../src/runtime/tty.ts";
import { waitFor } from "../journeys/car.ts";

const version = (() => {
  try {
    execFileSync("avrdude", ["-?"], { stdio: "pipe" });
    return "found";
  } catch {
    return undefined;
  }
})();

const openBoard = () => {
  const folder = mkdtempSync(join(tmpdir(), "avrdude-"));
  const link = join(folder, "tty");
  const lamps: string[] = [];
  const live = startLiveBoard({
    link,
    image: releasedImage(),
    loader: { image: releasedLoader(), boot: OUR_BOOT },
    onLight: ({ lamp }) => void lamps.push(lamp),
  });
  return { folder, link, lamps, live, [Symbol.dispose]: () => live[Symbol.dispose]() };
};

/** Runs the command of PROTOCOL.md, and presses the board's reset button when it begins: a pty has no DTR. */
const attempt = async (live: LiveBoard, link: string, memories: readonly string[]) => {
  const child = spawn(
    "avrdude",
    [
      "-c",
      "arduino",
      "-b",
      "38400",
      "-p",
      "m328p",
      "-D",
      "-P",
      link,
      ...memories.flatMap((one) => ["-U", one]),
    ],
    { stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 },
  );
  let isReset = false;
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    said += chunk;
    if (isReset || !chunk.includes("attempt")) return;
    isReset = true;
    live.catchUp();
    live.board.reset();
  });
  const [code] = await once(child, "close");
  return { said, code };
};

/** On a busy machine avrdude takes a late answer to its first greeting for the answer to the next. */
const avrdude = async (live: LiveBoard, link: string, ...memories: string[]) => {
  for (let tried = 1; ; tried++) {
    const result = await attempt(live, link, memories);
    if (tried === 4 || !result.said.includes("initialization failed")) return result;
  }
};

/** What the firmware answers to a query. */
const helloOf = async (link: string) => {
  const tty = await openTty(link, 57_600);
  let hello: Extract<FromBoard, { kind: "hello" }> | undefined;
  const receive = createBoardFramer({
    panic(body) {
      const message = decodeFromBoard(body);
      if (message?.kind === "hello") hello = message;
    },
    firmata: () => undefined,
    broken: () => undefined,
  });
  // A closed line ends the loop.
  const late = setTimeout(() => void tty.close(), 10_000);
  const query = () => tty.write(encodeToBoard({ kind: "query" }));
  query();
  const repeated = setInterval(query, 500);
  for (let bytes = await tty.read(); bytes; bytes = hello ? undefined : await tty.read()) receive(bytes);
  clearInterval(repeated);
  clearTimeout(late);
  await tty.close();
  if (!hello) throw new Error("no hello within 10 s");
  return hello;
};

describe.skipIf(!version)("avrdude, over the board's serial port", () => {
  test("programs and verifies the firmware, which starts with its id and numbers", async () => {
    using board = openBoard();
    await waitFor("the board", () => board.lamps.at(-1) === "no-host");
    const before = await helloOf(board.link);
    const { said, code } = await avrdude(board.live, board.link, `flash:w:${releasedImage()}:i`);
    expect(code, said).toBe(0);
    expect(said).toContain("bytes of flash verified");
    await waitFor("the firmware", () => board.lamps.at(-1) === "no-host");
    const after = await helloOf(board.link);
    expect(after.board).toBe(before.board);
    expect(after.lastNumber).toBeGreaterThanOrEqual(before.lastNumber);
  }, 120_000);

  test("is refused if it writes over the loader or into the EEPROM", async () => {
    using board = openBoard();
    await waitFor("the board", () => board.lamps.at(-1) === "no-host");
    const loader = await avrdude(board.live, board.link, `flash:w:${releasedLoader()}:i`);
    // It verifies all the same: the loader is there already.
    expect(loader.said).toContain("protocol expects OK byte 0x10 but got 0x11");
    await waitFor("the firmware", () => board.lamps.at(-1) === "no-host");
    const eeprom = await avrdude(board.live, board.link, "eeprom:w:0x5a:m");
    expect(eeprom.code).not.toBe(0);
    // The firmware was not touched, so it starts again.
    await waitFor("the firmware", () => board.lamps.at(-1) === "no-host");
  }, 120_000);
});
