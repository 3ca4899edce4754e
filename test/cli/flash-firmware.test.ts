import { BOARD_FIRMWARE } from "../../src/domain/panic.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { releasedImage, releasedLoader } from "../../firmware-bridge/image.ts";
import { encodeToBoard } from "../../firmware-bridge/protocol.ts";
import { startLiveBoard, type LiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { OUR_BOOT } from "../../firmware-bridge/simulator/self-programming.ts";
import { flash } from "../../src/cli/flash.ts";
import { CommandError } from "../../src/cli/lib/command.ts";
import { NO_MEMORY } from "../../src/domain/memory.ts";
import { encodeVital } from "../../src/outbox/vital-record.ts";
import { spareFileOf, vitalFileOf, writePlace } from "../../src/outbox/vital.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { openTty } from "../../src/runtime/tty.ts";
import { otherFirmware } from "../firmware-bridge/update-bench.ts";
import { waitFor } from "../journeys/car.ts";
import { keptEpisode } from "../outbox/kept-episode.ts";

/** `flash firmware` against the simulated chip with the released images, on a pseudo-terminal. */

let dir: string;
let link: string;
let config: string;
let other: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "flash-firmware-"));
  link = join(dir, "tty");
  config = join(dir, "unit.yaml");
  other = join(dir, "other.hex");
  writeFileSync(other, otherFirmware());
  configure(`{ port: ${link}, buttons: { dash: { loop: 0 } } }`);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

const configure = (panic: string, listen = "127.0.0.1:1") =>
  writeFileSync(
    config,
    `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
panic: ${panic}
dispatch: { brokers: ["mqtts://localhost"], ca: ca.pem, cert: unit.pem, key: unit.key }
outbox: { path: outbox }
status: { listen: "${listen}" }
`,
  );

type Live = LiveBoard & { readonly lamps: string[] };
const start = (image = releasedImage(), withLoader = true): Live => {
  const lamps: string[] = [];
  const loader = { image: releasedLoader(), boot: OUR_BOOT };
  const live = startLiveBoard({
    link,
    image,
    ...(withLoader ? { loader } : {}),
    onLight: ({ lamp }) => void lamps.push(lamp),
  });
  return Object.assign(live, { lamps });
};

type Said = { readonly exit: number; readonly printed: string; readonly error: string };
const run = async (...args: string[]): Promise<Said> => runWith("--config", config, ...args);
const runWith = async (...args: string[]): Promise<Said> => {
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    return { exit: await flash.run(["firmware", ...args]), printed, error: "" };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { exit: error.exit, printed, error: error.message };
  } finally {
    vi.restoreAllMocks();
  }
};

/** The command as a process. `until`: what it has printed when it gets the signals. `isCut`: its terminal goes first. */
const interrupted = async (
  signals: NodeJS.Signals | readonly NodeJS.Signals[],
  until: string,
  isCut = false,
) => {
  const child = spawn(process.execPath, ["src/main.ts", "flash", "firmware", "--config", config, "--force"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close");
  let [printed, error] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (printed += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (error += text));
  await waitFor(until, () => printed.includes(until), 60_000);
  if (isCut) {
    child.stdout.destroy();
    child.stderr.destroy();
  }
  for (const signal of [signals].flat()) {
    child.kill(signal);
    // oxlint-disable-next-line no-await-in-loop -- signals that come together are one
    await sleep(50);
  }
  await ended;
  return { exit: child.exitCode, signal: child.signalCode, error };
};

describe("the board's firmware", () => {
  test("is replaced with progress, and then left alone", async () => {
    using live = start(other);
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    const first = await run();
    expect(first.error).toBe("");
    expect(first.printed).toContain(`looking for the panic board at ${link}\nwriting 25 %\nwriting 50 %\n`);
    expect(first.printed).toMatch(
      /verifying 100 %\npanic board [0-9a-f]{8} at \S+: firmware 1\.7 → 1\.7, written and verified; \d+\.\d s without a panic path\nNobody receives a press until the service runs: systemctl start patrol-unit\n$/,
    );
    expect(first.exit).toBe(0);
    const again = await run();
    expect(again).toMatchObject({ exit: 0, error: "" });
    expect(again.printed).toMatch(
      /panic board [0-9a-f]{8} at \S+ has this firmware already \(1\.7\): nothing is done; --force programs it again\n$/,
    );
    expect(again.printed).not.toContain("writing");
  }, 120_000);

  test("is programmed again with --force, and the result is JSON alone", async () => {
    using live = start();
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    const same = await run("--json");
    const result = {
      ok: true,
      port: link,
      board: expect.stringMatching(/^[0-9a-f]{8}$/),
      before: "1.7",
      after: "1.7",
    };
    expect(JSON.parse(same.printed)).toEqual({ ...result, changed: false, seconds: 0 });
    const forced = await run("--json", "--force");
    expect(JSON.parse(forced.printed)).toEqual({ ...result, changed: true, seconds: expect.any(Number) });
  }, 120_000);

  test("is taken from a file, and the board from a port that no configuration names", async () => {
    configure("none");
    using live = start();
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    const done = await run("--port", link, "--image", other);
    expect(done).toMatchObject({ exit: 0, error: "" });
    expect(done.printed).toContain("written and verified");
    expect(done.printed).not.toContain("systemctl");
  }, 120_000);

  test("is completed after an interruption, and after a kill", async () => {
    using live = start(other);
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    expect(await interrupted(["SIGINT", "SIGINT"], "writing 25 %")).toEqual({
      exit: 1,
      signal: null,
      error:
        "\nSIGINT: the board is programmed to the end first, about 10 s; Ctrl-C again leaves it without a firmware\n" +
        "\ninterrupted: the board waits in its boot loader, without a panic path: run the command again\n",
    });
    expect(await interrupted("SIGKILL", "verifying 50 %")).toMatchObject({ signal: "SIGKILL" });
    await waitFor("the boot loader", () => live.lamps.at(-1) === "fault");
    const done = await run("--json");
    expect(JSON.parse(done.printed)).toMatchObject({ ok: true, before: null, after: "1.7", changed: true });
  }, 180_000);

  test("is programmed to the end although the terminal is closed, or the session is stopped", async () => {
    using live = start(other);
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    expect(await interrupted(["SIGHUP", "SIGTERM"], "writing 25 %", true)).toEqual({
      exit: 0,
      signal: null,
      error: "",
    });
    const known = await run("--json");
    expect(JSON.parse(known.printed)).toMatchObject({ changed: false, after: BOARD_FIRMWARE });
    expect((await interrupted("SIGTERM", "looking for")).error).toBe(
      "\ninterrupted: the board has the firmware that it had\n",
    );
  }, 180_000);

  test("is completed after the plug was pulled half-way, which is said", async () => {
    using live = start(other);
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    let isPulled = false;
    const pulling = setInterval(() => {
      if (isPulled || live.lamps.at(-1) !== "fault") return;
      isPulled = true;
      live.unplug();
    }, 5);
    const cut = await run();
    clearInterval(pulling);
    expect(isPulled).toBe(true);
    expect(cut.exit).toBe(cut.error.includes("is not there") ? 69 : 1);
    expect(cut.error).toMatch(/can be repeated|is not there/);
    live.plug();
    expect(await run()).toMatchObject({ exit: 0, error: "" });
  }, 180_000);
});

describe("an emergency", () => {
  const open = async (drill: boolean, fileOf = vitalFileOf) => {
    const { episode, report } = keptEpisode();
    const kept = {
      episode: { ...episode, test: drill },
      report: { ...report, data: { ...report.data, test: drill } },
    };
    const emergency = { ...NO_MEMORY.emergency, episodes: [kept] };
    const numbers = { boot: 1, connection: 1, lease: 64, reach: 64 };
    const vital = { generation: 1, store: "k3v9q0ab", ...numbers, memory: { ...NO_MEMORY, emergency } };
    mkdirSync(join(dir, "outbox"), { recursive: true });
    const { bytes, place } = encodeVital(vital);
    await writePlace(fileOf(join(dir, "outbox")), place, bytes);
  };

  test.each([
    ["the vital file", vitalFileOf],
    ["its spare", spareFileOf],
  ])("in %s: nothing is done, and the board is not asked", async (_, fileOf) => {
    await open(false, fileOf);
    expect(await run()).toMatchObject({
      exit: 1,
      error: "an emergency is open: try again when it is over",
    });
    expect(JSON.parse((await run("--json", "--force")).printed)).toEqual({
      ok: false,
      code: "emergency",
      error: "an emergency is open: try again when it is over",
      hints: [],
    });
  });

  test("that is a drill does not count, though the board shows it", async () => {
    await open(true);
    using live = start(other);
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    const drill = { pattern: "stored", quiet: false, drill: true, darkLoops: [], mayTest: false } as const;
    live.board.receive(encodeToBoard({ kind: "show", ...drill }));
    await waitFor("the drill", () => live.lamps.at(-1) === "stored");
    expect(await run()).toMatchObject({ exit: 0, error: "" });
  }, 120_000);

  test("that only the board knows is refused by the board", async () => {
    using live = start(other);
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    const shown = { pattern: "sent", quiet: false, drill: false, darkLoops: [], mayTest: false } as const;
    live.board.receive(encodeToBoard({ kind: "show", ...shown }));
    await waitFor("the emergency", () => live.lamps.at(-1) === "sent");
    expect(await run()).toMatchObject({
      exit: 1,
      error: "the panic board is not updated: an emergency is open: wait until dispatch has ended it",
    });
  }, 60_000);
});

const loaderLine = () =>
  `  avrdude -c usbasp -p m328p -e -U lfuse:w:0xFF:m -U hfuse:w:0xD4:m -U efuse:w:0xFC:m -U flash:w:${releasedLoader()}:i -U flash:w:${releasedImage()}:i -U lock:w:0xEF:m`;

/** A device on the port that answers some bytes with others. */
const device = (answer: (bytes: Uint8Array) => readonly number[] | undefined | void) => {
  const line = openSerialLine(link);
  line.onData((bytes) => {
    const said = answer(bytes);
    if (said) void line.write(Uint8Array.from(said));
  });
  return line;
};
/** A boot loader that answers READ_SIGNATURE and its version, and everything else with success. */
const loaderOf = (signature: readonly number[], major: number) =>
  device(([head, second]) => {
    if (head === 0x75) return [0x14, ...signature, 0x10];
    if (head === 0x41) return [0x14, second === 0x81 ? major : 3, 0x10];
    return head === 0x30 ? [0x14, 0x10] : undefined;
  });
/** A firmware report, as a Firmata board gives it. */
const named = (name: string) => [
  0xf0,
  0x79,
  2,
  5,
  ...Array.from(Buffer.from(name), (letter) => [letter, 0]).flat(),
  0xf7,
];

describe("a board that cannot be programmed over its port", () => {
  test("has no boot loader: the line for a programmer is printed", async () => {
    using live = start(other, false);
    await waitFor("the board", () => live.lamps.at(-1) === "no-host");
    const { exit, error } = await run();
    expect(exit).toBe(1);
    expect(error).toMatch(/^the panic board is not updated: it has no boot loader/);
    expect(error).toContain("six-pin ICSP header");
    expect(error.split("\n")).toContain(loaderLine());
  }, 60_000);

  test("has a firmware that is too old: its reset button and the programmer are named", async () => {
    using live = start("test/firmware-bridge/images/panic-board-1.1.hex", false);
    await waitFor("the board", () => live.lamps.length > 0);
    const { exit, error } = await run();
    expect(exit).toBe(1);
    expect(error).toMatch(/^the panic board's firmware 1\.1 is too old to start a boot loader\n/);
    expect(error).toContain("press the board's reset button once a second");
    expect(error.split("\n")).toContain(loaderLine());
  }, 60_000);

  test("has another firmware: it is named", async () => {
    using _device = device((bytes) => (bytes[1] === 0x79 ? named("StandardFirmata.ino") : undefined));
    const { exit, error } = await run();
    expect(exit).toBe(1);
    expect(error).toMatch(/^the board runs StandardFirmata 2\.5, which starts no boot loader\n/);
    expect(error.split("\n")).toContain(loaderLine());
  }, 60_000);

  test("has an older boot loader: the line for it is printed, and what to press", async () => {
    using _device = loaderOf([0x1e, 0x95, 0x0f], 4);
    const { exit, error } = await run();
    expect(exit).toBe(1);
    expect(error.split("\n")).toEqual(
      expect.arrayContaining([
        "the boot loader is not ours, and of version 4: too old",
        "Run this and press the board's reset button as avrdude starts:",
        `  avrdude -c arduino -b 115200 -p m328p -D -P ${link} -U flash:w:${releasedImage()}:i`,
        loaderLine(),
      ]),
    );
  }, 60_000);

  test("has another chip: nothing is written", async () => {
    const commands = new Set<number>();
    using _device = device((bytes) => {
      commands.add(bytes[0]!);
      if (bytes[0] === 0x75) return [0x14, 0x1e, 0x95, 0x14, 0x10];
      return bytes[0] === 0x30 ? [0x14, 0x10] : undefined;
    });
    expect(await run()).toMatchObject({
      exit: 1,
      error: "the chip is no ATmega328P (its signature is 1e9514)",
    });
    expect(commands).not.toContain(0x64);
  }, 60_000);

  test("says nothing, or is not there", async () => {
    expect(await run()).toMatchObject({
      exit: 69,
      error: `${link} is not there: is the panic board plugged in?`,
    });
    using _device = device(() => undefined);
    expect(await run()).toMatchObject({
      exit: 69,
      error: `nothing answers on ${link}: is it the panic board?`,
    });
  }, 60_000);
});

describe("a port in use", () => {
  const commands = (again: string) => [
    "  systemctl stop patrol-unit",
    `  patrol-unit flash firmware ${again}`,
    "  systemctl start patrol-unit",
  ];

  test("by another program: 69, with the commands in case it is the service", async () => {
    using _live = start();
    const another = await openTty(link, 38_400);
    const { exit, error } = await run("--force");
    await another.close();
    expect(exit).toBe(69);
    expect(error.split("\n")).toEqual([
      `${link} is in use by another program: stop it first`,
      "If it is the service:",
      ...commands(`--config ${config} --force`),
    ]);
  }, 30_000);

  /** A service's status address that answers an order for the board with this. */
  const serving = async (status: number, text = "") => {
    const orders: string[] = [];
    const server = createServer(({ method, url }, response) => {
      if (url === "/status.json") response.end(JSON.stringify({ unit: "zrenjanin/zr-117" }));
      else {
        orders.push(`${method} ${url}`);
        response.writeHead(status).end(text);
      }
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    configure(`{ port: ${link}, buttons: { dash: { loop: 0 } } }`, `127.0.0.1:${port}`);
    return {
      orders,
      [Symbol.dispose]() {
        server.closeAllConnections();
        server.close();
      },
    };
  };

  test("by an older service, which cannot lend it: the commands are printed, and the board is not touched", async () => {
    using _service = await serving(404);
    const asked: Uint8Array[] = [];
    using _device = device((bytes) => void asked.push(bytes));
    const alias = join(dir, "alias");
    symlinkSync(link, alias);
    for (const more of [[], ["--port", alias]]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { exit, error } = await run(...more);
      expect(exit).toBe(69);
      expect(error.split("\n")).toEqual([
        "the service runs and keeps the board: stop it first, and start it afterwards",
        ...commands([`--config ${config}`, ...more].join(" ").trim()),
      ]);
    }
    expect(asked).toEqual([]);
  }, 30_000);

  test("by a service that refuses: its reason is printed", async () => {
    using _service = await serving(409, "an emergency is open: try again when it is over\n");
    expect(await run()).toMatchObject({
      exit: 1,
      error: "the service keeps the board: an emergency is open: try again when it is over",
    });
  });

  test("that the service lends is given back, also if the board cannot be programmed", async () => {
    using service = await serving(204);
    expect(await run()).toMatchObject({ exit: 69 });
    expect(service.orders).toEqual(["POST /board", "DELETE /board"]);
  });

  test("of another board is not asked of the service", async () => {
    using service = await serving(204);
    const { error } = await run("--port", join(dir, "elsewhere"));
    expect(error).toContain("elsewhere is not there");
    expect(service.orders).toEqual([]);
  });
});

describe("an image", () => {
  const imageOf = (content: string) => {
    const file = join(dir, "image.hex");
    writeFileSync(file, content);
    return file;
  };

  test.each([
    ["is no Intel HEX", () => imageOf("hello\n"), /line 1 of the image: not Intel HEX/],
    ["is empty", () => imageOf(""), /no valid seal/],
    [
      "is damaged",
      () => imageOf(readFileSync(releasedImage(), "utf8").replace("0", "1")),
      /line 1 of the image/,
    ],
    ["is the boot loader's", releasedLoader, /no valid seal/],
    [
      "is of a release without a seal",
      () => "test/firmware-bridge/images/panic-board-1.1.hex",
      /no valid seal/,
    ],
    ["is far too large", () => imageOf("0".repeat(300_000)), /it has 300000 bytes/],
  ])("that %s is refused before the board is asked", async (_, fileOf, says) => {
    const { exit, error } = await run("--image", fileOf());
    expect(exit).toBe(1);
    expect(error).toMatch(says);
    expect(error).toContain("is no firmware image");
  });

  test("is that of the configuration, and --image comes before it", async () => {
    writeFileSync(join(dir, "board.hex"), "no image");
    configure(`{ port: ${link}, image: board.hex, buttons: { dash: { loop: 0 } } }`);
    expect((await run()).error).toMatch(/board\.hex is no firmware image/);
    expect((await run("--image", releasedLoader())).error).not.toContain("board.hex");
  });

  test("that cannot be read is an I/O error", async () => {
    const missing = join(dir, "missing.hex");
    expect(await run("--image", missing)).toMatchObject({
      exit: 74,
      error: `${missing} cannot be read: there is no such file`,
    });
    expect(await run("--image", dir)).toMatchObject({ exit: 74 });
    expect(await run("--image", "/dev/zero")).toMatchObject({ exit: 74 });
  });
});

test("a configuration without a board names no port", async () => {
  configure("none");
  expect(await run()).toMatchObject({
    exit: 78,
    error: "no panic board is configured: add a panic block, or give --port",
  });
});

test("--config or --root is required, and one of them", async () => {
  expect(await runWith()).toMatchObject({ exit: 64 });
  expect(await run("--root", dir)).toMatchObject({ exit: 64 });
});

test("the configuration in force below a root is used, with its local.yaml", async () => {
  mkdirSync(join(dir, "configs/1"), { recursive: true });
  symlinkSync("configs/1", join(dir, "current"));
  copyFileSync(config, join(dir, "configs/1/patrol-unit.yaml"));
  const port = join(dir, "own-tty");
  writeFileSync(join(dir, "local.yaml"), `panic: { port: ${port} }\n`, { mode: 0o600 });
  const { exit, error } = await runWith("--root", dir);
  expect({ exit, error }).toEqual({
    exit: 69,
    error: `${port} is not there: is the panic board plugged in?`,
  });
});
