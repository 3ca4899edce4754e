import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { encodeToBoard } from "../../firmware-bridge/protocol.ts";
import { createDice } from "../simulation/random.ts";
import { V8Coverage } from "./coverage.ts";
import { sealed } from "./firmware.ts";
import { Fuzz } from "./fuzz.ts";
import { mutate } from "./mutate.ts";
import { SURFACES } from "./surfaces.ts";

/** All surfaces together, minutes. */
const MINUTES = process.env["PATROL_UNIT_FUZZ_MIN"] ?? "1";

const fuzz = async (...args: string[]): Promise<{ code: number | null; out: string }> => {
  const child = spawn(process.execPath, ["test/fuzz/main.ts", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (out += text));
  await once(child, "close");
  return { code: child.exitCode, out };
};

test(
  "nothing is wrong with what is kept, nor with what a minute of changes finds",
  async () => {
    const { code, out } = await fuzz("all", MINUTES);
    expect(code, out).toBe(0);
    for (const name of Object.keys(SURFACES)) expect(out).toMatch(new RegExp(`^${name} .* inputs, `, "m"));
  },
  Number(MINUTES) * 60_000 + 120_000,
);

test("an input that throws ends the search, and is given back", async () => {
  const run = (input: Buffer) => {
    if (input.includes("bad")) throw new Error("found");
  };
  const one = new Fuzz(run, await V8Coverage.open(), createDice(1), ["bad"]);
  await one.seed([Buffer.from("seed")]);
  await one.search(20_000);
  expect(one.found?.input.toString()).toContain("bad");
});

test("the same seed makes the same changes, of 4,096 bytes at most", () => {
  const material = { corpus: [Buffer.alloc(4_000, "a"), Buffer.from("b"), Buffer.alloc(0)], words: ["word"] };
  const made = () => {
    const dice = createDice(7);
    return Array.from({ length: 2_000 }, () => mutate(dice, material));
  };
  expect(made()).toEqual(made());
  expect(Math.max(...made().map(({ length }) => length))).toBeLessThanOrEqual(4_096);
});

test("a changed message to the board gets its length and CRC, and nothing else is changed", () => {
  const whole = Buffer.from(encodeToBoard({ kind: "calibrate", board: "9a2b3c4d", supplyMv: 5_000 }));
  const broken = Buffer.from(whole);
  broken[3] = 1;
  broken[broken.length - 2]! ^= 0x11;
  const others = Buffer.from("\xf9\xf0\x79\xf7\xf0\x0b\x40\xf7\xf0\x0b", "latin1");
  expect(sealed(Buffer.concat([others, broken, others]))).toEqual(Buffer.concat([others, whole, others]));
});

test("an unknown surface is wrong usage", async () => {
  expect(await fuzz("nothing", "1")).toMatchObject({ code: 64 });
});
