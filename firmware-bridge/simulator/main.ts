import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { endProcess } from "../../src/runtime/end-process.ts";
import { usageFault } from "../../src/runtime/usage.ts";
import { releasedImage, releasedLoader } from "../image.ts";
import { startLiveBoard, type LiveBoard } from "./live.ts";
import { OUR_BOOT } from "./self-programming.ts";

/** `npm run -s board -- --link PATH`: the panic board with the released image, driven from stdin. */
const USAGE = `npm run -s board -- --link PATH [--image HEX]

Runs the panic board's released firmware and boot loader; its serial port is at PATH. With --image: that
image without a boot loader. One command a line on stdin: press LOOP [MS], hold LOOP, release LOOP,
cut LOOP, short LOOP, mend LOOP, power off, power on, reset, unplug, plug, help, quit. LOOP is 0 to 3, MS
the length of the press (default 200); reset: the button on the board. Each change of lamp or sounder
is a JSON line on stdout. Exit: 64 wrong usage, 74 PATH or the image cannot be used.
`;
const PRESS_MS = 200;
const EXIT_USAGE = 64;
const EXIT_IO = 74;

const perform = (live: LiveBoard, line: string): void => {
  const [word = "", what = "", ms = String(PRESS_MS)] = line.trim().split(/\s+/);
  const { board } = live;
  const loop = /^[0-3]$/.test(what) ? Number(what) : undefined;
  const onLoop: Record<string, (index: number) => void> = {
    press: (index) => board.press(index, Number(ms)),
    hold: (index) => board.hold(index),
    release: (index) => board.release(index),
    cut: (index) => board.wire(index, "cut"),
    short: (index) => board.wire(index, "shorted"),
    mend: (index) => board.wire(index, "whole"),
  };
  live.catchUp();
  const act = Object.hasOwn(onLoop, word) ? onLoop[word] : undefined;
  if (act && loop === undefined) process.stderr.write(`${line}: LOOP is 0 to 3, for example "${word} 0"\n`);
  else if (act && loop !== undefined && /^\d{1,7}$/.test(ms)) act(loop);
  else if (word === "power" && (what === "on" || what === "off")) board.power(what === "on");
  else if (word === "reset") board.reset();
  else if (word === "unplug") live.unplug();
  else if (word === "plug") live.plug();
  else if (word === "help") process.stderr.write(USAGE);
  else if (word !== "") process.stderr.write(`not understood: ${line}; "help" lists what is\n`);
};

const OPTIONS = { link: { type: "string" }, image: { type: "string" } } as const;

const wrongUsage = (why: string): never => {
  process.stderr.write(`${why}\n`);
  process.exit(EXIT_USAGE);
};

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const fault = usageFault(args, OPTIONS);
if (fault !== undefined) wrongUsage(fault);
const given = parseArgs({ args, options: OPTIONS }).values;
const link = given.link ?? wrongUsage("--link is missing; --help lists the options");
const start = (): LiveBoard => {
  try {
    return startLiveBoard({
      link,
      image: given.image ?? releasedImage(),
      ...(given.image === undefined && { loader: { image: releasedLoader(), boot: OUR_BOOT } }),
      onLight: (light) => void process.stdout.write(`${JSON.stringify({ t: Date.now(), ...light })}\n`),
    });
  } catch (cause) {
    process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
    process.exit(EXIT_IO);
  }
};
const live = start();
process.stderr.write(`a panic board listens at ${link}; type "press 0", or "help"\n`);
const stop = () => {
  live[Symbol.dispose]();
  // `process.exit` would wait for what nobody reads from the line.
  void endProcess(0);
};
process.on("SIGTERM", stop);
process.on("SIGINT", stop);
// The reader of stdout is gone: stop.
process.stdout.on("error", stop);
const commands = createInterface({ input: process.stdin });
commands.on("line", (line) => {
  if (line.trim() === "quit") {
    stop();
    return;
  }
  try {
    perform(live, line);
  } catch (cause) {
    // "plug": another program has taken the link.
    process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  }
});
