import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let folder: string;
let database: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "decode-"));
  database = join(folder, "car.dbc");
  writeFileSync(
    database,
    `VERSION ""
BO_ 256 Drive: 8 A
 SG_ Speed : 0|16@1+ (0.01,0) [0|0] "km/h" A
 SG_ Rpm : 16|16@1+ (0.25,0) [0|0] "rpm" A
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const decode = (file: string, stdin: "pipe" | "ignore" = "ignore", ...flags: readonly string[]) =>
  spawn(process.execPath, [...flags, "src/main.ts", "decode", "--can", file, "--database", database], {
    stdio: [stdin, "pipe", "pipe"],
  });
const run = async (file: string) => {
  const child = decode(file);
  let [out, err] = ["", ""];
  child.stdout!.on("data", (text) => (out += String(text)));
  child.stderr!.on("data", (text) => (err += String(text)));
  const [code] = (await once(child, "close")) as [number];
  return { code, out: out.split("\n").filter((line) => line !== ""), err: err.trim().split("\n") };
};

const LOG = `(1.0) can0 100#E803A00F00000000
(1.1) can0 200#00
this is no frame
(1.2) can0 100#D007A00F00000000
(1.3) can0 100#R
neither is this`;
const DECODED = [
  { t: 1, frame: 256, message: "Drive", signals: { Speed: 10, Rpm: 1_000 } },
  { t: 1.2, frame: 256, message: "Drive", signals: { Speed: 20, Rpm: 1_000 } },
];

describe("decode --can", () => {
  test.each([
    ["plain", (text: string) => Buffer.from(text)],
    ["gzip", (text: string) => gzipSync(text)],
    [
      "two gzip files in one",
      (text: string) => Buffer.concat([gzipSync(text.slice(0, 50)), gzipSync(text.slice(50))]),
    ],
    ["with line ends of Windows", (text: string) => Buffer.from(text.replaceAll("\n", "\r\n"))],
  ])("prints the known frames of a log (%s), and counts the others", async (_, bytes) => {
    const file = join(folder, "a.log");
    writeFileSync(file, bytes(LOG));
    const { code, out, err } = await run(file);
    expect(code).toBe(0);
    expect(out.map((line) => JSON.parse(line) as unknown)).toEqual(DECODED);
    expect(err[0]).toBe(`${file}:3: expected "(seconds) interface id#data", and 1 more line like it`);
    expect(JSON.parse(err.at(-1)!)).toEqual({
      lines: 6,
      frames: 3,
      decoded: 2,
      unknown: 1,
      passedOver: { malformed: 2, remote: 1 },
    });
  });

  test.each([
    ["text of another kind", "# patrol-unit\n\nThe software of a car.\n", 2],
    ["nothing", "", 0],
  ])("a file without a candump line ends with 1 and says so: %s", async (_, text, malformed) => {
    const file = join(folder, "text.log");
    writeFileSync(file, text);
    const { code, out, err } = await run(file);
    expect({ code, out }).toEqual({ code: 1, out: [] });
    expect(err[0]).toBe(`${file} has no candump line: is it a recording?`);
    expect(err).toHaveLength(2);
    expect(JSON.parse(err[1]!)).toMatchObject({ frames: 0, passedOver: malformed > 0 ? { malformed } : {} });
  });

  test("a log of remote requests alone is a recording", async () => {
    const file = join(folder, "remote.log");
    writeFileSync(file, "(1.3) can0 100#R\n");
    expect(await run(file)).toMatchObject({ code: 0, out: [] });
  });

  test("a log that is not there, or whose gzip is cut off, ends with 74 and one line", async () => {
    const missing = await run(join(folder, "missing.log"));
    expect(missing).toMatchObject({ code: 74, out: [] });
    expect(missing.err).toEqual([expect.stringContaining("missing.log cannot be read")]);
    const cut = join(folder, "cut.log.gz");
    writeFileSync(cut, gzipSync(LOG).subarray(0, 60));
    const { code, err } = await run(cut);
    expect(code).toBe(74);
    expect(err).toEqual([expect.stringContaining("cut.log.gz cannot be read")]);
  });

  /** One megabyte of a log: a frame of ten is known. */
  const megabyte = Array.from({ length: 24_000 }, (_, n) => {
    const id = n % 10 === 0 ? "100" : "300";
    return `(${(1_795_000_000 + n / 1_000).toFixed(6)}) can0 ${id}#E803A00F00000000\n`;
  }).join("");
  const KNOWN = 2_400;

  test("reads a log of any size from a pipe in constant memory", async () => {
    const megabytes = 100;
    // A tenth of the log as a string would not fit into this heap.
    const child = decode("-", "pipe", "--max-old-space-size=32");
    let [lines, err] = [0, ""];
    createInterface({ input: child.stdout! }).on("line", () => lines++);
    child.stderr!.on("data", (text) => (err += String(text)));
    const over = once(child, "close");
    let mostMiB = 0;
    for (let n = 0; n < megabytes; n++) {
      if (!child.stdin!.write(megabyte)) await once(child.stdin!, "drain");
      if (n % 10 !== 0) continue;
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      mostMiB = Math.max(mostMiB, Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1_024);
    }
    child.stdin!.end();
    expect(await over, err).toEqual([0, null]);
    expect(lines).toBe(megabytes * KNOWN);
    expect(JSON.parse(err)).toMatchObject({ lines: megabytes * 24_000, decoded: megabytes * KNOWN });
    process.stdout.write(`${megabytes} MB decoded in at most ${mostMiB.toFixed(0)} MiB\n`);
    expect(mostMiB).toBeLessThan(256);
  }, 60_000);

  test("waits for a reader of its output that is slower", async () => {
    const child = decode("-", "pipe");
    const known = megabyte
      .split("\n")
      .filter((line) => line.includes(" 100#"))
      .join("\n");
    const piece = `${known}\n`;
    let [accepted, stalled] = [0, 0];
    const writing = (async () => {
      for (let n = 0; n < 200; n++) {
        if (!child.stdin!.write(piece)) await once(child.stdin!, "drain");
        accepted++;
      }
      child.stdin!.end();
    })();
    // Nobody reads: until nothing more is accepted.
    let before = -1;
    await expect
      .poll(
        () => {
          stalled = accepted > 0 && accepted === before ? stalled + 1 : 0;
          before = accepted;
          return stalled;
        },
        { interval: 100, timeout: 20_000 },
      )
      .toBe(5);
    expect(accepted).toBeLessThan(60);
    let lines = 0;
    createInterface({ input: child.stdout! }).on("line", () => lines++);
    const over = once(child, "close");
    await writing;
    await over;
    expect(lines).toBe(200 * KNOWN);
  }, 60_000);
});
