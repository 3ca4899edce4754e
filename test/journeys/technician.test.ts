import { execFile, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { packageIn } from "../update/package.ts";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { startLiveBoard, type LiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { technicianPage } from "../../src/tools/technician.ts";
import { epoch, waitFor } from "./car.ts";
import { openDispatch, type Dispatch } from "./dispatch.ts";
import { freePort } from "./mosquitto.ts";

/**
 * Runs each command of config/TECHNICIAN.md, as it is printed: with openssl, a mosquitto with the settings of config/broker,
 * a simulated board and a receiver on a pty. Other are only folders, the port, and systemctl.
 */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const page = readFileSync("config/TECHNICIAN.md", "utf8");
type Block = { readonly title: string; readonly text: string };

/** The fenced blocks in a language, each with the heading that it is below. */
const blocksOf = (language: string): Block[] => {
  const blocks: Block[] = [];
  let title = "";
  let fence: { readonly language: string; text: string } | undefined;
  for (const line of page.split("\n")) {
    const mark = /^```(.*)/.exec(line);
    if (mark && fence) {
      if (fence.language === language) blocks.push({ title, text: fence.text });
      fence = undefined;
    } else if (mark) fence = { language: mark[1] ?? "", text: "" };
    else if (fence) fence.text += `${line}\n`;
    else title = /^#+ (.*)/.exec(line)?.[1] ?? title;
  }
  return blocks;
};
const commands = blocksOf("sh");
const done = new Set<string>();

const stack = new AsyncDisposableStack();
let dir: string;
let port: number;
let board: LiveBoard;
/** What the board's lamp has shown, in order. */
const lamps: string[] = [];
const at = (name: string): string => join(dir, name);

/** systemctl of a machine without systemd: starts and stops the two services of the page, and waits until they run. */
const systemctl = (repository: string): string => `#!/bin/bash
stop() { [ ! -e "${dir}/$1.pid" ] || { kill "$(cat "${dir}/$1.pid")"; while kill -0 "$(cat "${dir}/$1.pid")" 2> /dev/null; do sleep 0.1; done; rm "${dir}/$1.pid"; }; }
case "$*" in
*" mosquitto")
    stop mosquitto
    sed -e 's|/etc/mosquitto/|${dir}/mosquitto/|; s|/var/lib/mosquitto/|${dir}/mosquitto/|; s|listener 8883|listener ${port}|; s|log_dest syslog|log_dest file ${dir}/mosquitto/log|' ${dir}/mosquitto/mosquitto.conf > ${dir}/mosquitto/run.conf
    /usr/sbin/mosquitto -c ${dir}/mosquitto/run.conf > /dev/null 2>&1 &
    echo $! > ${dir}/mosquitto.pid
    until (echo > /dev/tcp/127.0.0.1/${port}) 2> /dev/null; do sleep 0.1; done
    ;;
*" patrol-unit")
    stop patrol-unit
    (cd ${repository} && exec ${process.execPath} src/main.ts run --root ${dir}/root) > ${dir}/service.log 2>&1 &
    echo $! > ${dir}/patrol-unit.pid
    # Type=notify; and a technician waits for a fix.
    until ${dir}/bin/patrol-unit status --root ${dir}/root --json 2> /dev/null | grep -q '"position":{'; do sleep 0.5; done
    ;;
*" end")
    stop patrol-unit
    stop mosquitto
    ;;
esac
`;
const patrolUnit = (repository: string): string => `#!/bin/sh
[ "$1" != init ] || set -- "$@" --devices ${dir}/devices
[ "$1 $2" != "flash release" ] || set -- "$@" --into ${dir}/software --trust ${dir}/releases
exec ${process.execPath} ${repository}/src/main.ts "$@"
`;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "technician-"));
  folder = dir;
  chmodSync(dir, 0o777);
  stack.defer(() => rmSync(dir, { recursive: true, force: true }));
  port = await freePort();
  for (const folder of ["bin", "devices", "mosquitto", "stick", "root-parent"]) mkdirSync(at(folder));
  chmodSync(at("mosquitto"), 0o777);
  for (const [name, text] of [
    ["systemctl", systemctl(process.cwd())],
    ["patrol-unit", patrolUnit(process.cwd())],
    ...(process.getuid?.() === 0 ? [] : [["chown", "#!/bin/sh\n"] as const]),
  ] as const)
    writeFileSync(at(`bin/${name}`), text, { mode: 0o755 });
  symlinkSync(resolve("config"), at("config"));
  stack.defer(() => void spawnSync(at("bin/systemctl"), ["stop", "end"]));
  const line = stack.use(openSerialLine(at("devices/gps")));
  const startAt = Date.now();
  let n = 0;
  const drive = setInterval(() => void line.write(epoch(n++, startAt)).catch(() => undefined), 100);
  stack.defer(() => clearInterval(drive));
  board = stack.use(
    startLiveBoard({
      link: at("devices/panic"),
      image: releasedImage(),
      onLight: ({ lamp }) => void lamps.push(lamp),
    }),
  );
});
afterAll(() => stack.disposeAsync());

type Ran = { readonly code: number; readonly text: string };

/** The commands with the folders, the port and the name of this machine. */
const here = (text: string): string =>
  text
    .replaceAll("/etc/mosquitto", at("mosquitto"))
    .replaceAll("/media/stick", at("stick"))
    .replaceAll("dispatch-a:8883", `localhost:${port}`)
    .replaceAll("dispatch-a", "localhost");

/** Where the blocks are run: each begins in the folder in which the one before has ended, as for a reader. */
let folder: string;

/** Runs the n-th block below a heading. */
const run = async (
  title: string,
  n = 0,
  onText: (text: string) => void = () => undefined,
): Promise<string> => {
  const block = commands.filter((one) => one.title === title)[n];
  if (!block) throw new Error(`there is no block ${n} below ${title}`);
  done.add(block.text);
  const child = spawn("sh", ["-e", "-c", `${here(block.text)}pwd > "${at("folder")}"`], {
    cwd: folder,
    env: { ...process.env, PATH: `${at("bin")}:${process.env["PATH"]}`, ROOT: at("root") },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (bytes) => {
      text += String(bytes);
      onText(text);
    });
  const ran = await new Promise<Ran>((end) => child.on("close", (code) => end({ code: code ?? 1, text })));
  expect(ran.code, `${block.text}\n${text}`).toBe(0);
  folder = readFileSync(at("folder"), "utf8").trimEnd();
  return text;
};

const asDispatch = async (): Promise<Dispatch> => {
  const [ca, cert, key] = ["ca/ca.pem", "ca/dispatch.pem", "ca/dispatch.key"].map((name) =>
    readFileSync(at(name)),
  );
  return openDispatch(`mqtts://localhost:${port}`, { ca: ca!, cert: cert!, key: key! });
};

test("headquarters makes an authority and a signing key, and starts the broker", async () => {
  await run("Once");
  await run("Once", 1);
  await run("The broker");
  await run("The broker", 1);
  for (const name of ["ca/ca.pem", "hq.pub.pem"]) expect(existsSync(at(name)), name).toBe(true);
  // What a technician brings.
  writeFileSync(at("ca.pem"), readFileSync(at("ca/ca.pem")));
});

test("a new car is laid out, enrolled and in order by five commands, and a drill gets through", async () => {
  await run("The technician's page");
  await run("A new car");
  appendFileSync(at("root/local.yaml"), `status: { listen: "127.0.0.1:${await freePort()}" }\n`);
  expect(await run("For each car")).toMatch(/subject=CN ?= ?zrenjanin\/zr-117/);
  writeFileSync(at("zr-117.pem"), readFileSync(at("ca/zr-117.pem")));
  await using dispatch = await asDispatch();
  const doctor = await run("A new car", 1);
  expect(doctor).not.toMatch(/FAIL/);
  await waitFor("positions over mutual TLS", () => dispatch.positions().length > 0, 30_000);
  let isPressed = false;
  const drill = run("A new car", 2, (text) => {
    if (isPressed || !text.includes("Press a button")) return;
    isPressed = true;
    board.catchUp();
    board.board.press(0, 200);
  });
  await waitFor("the drill", () => dispatch.emergencies().length > 0, 40_000);
  const { episode, test: isDrill } = dispatch.emergencies()[0]!;
  expect(isDrill).toBe(true);
  await dispatch.ack(episode, "accepted");
  expect(await drill).toMatch(/accepted/);
  await dispatch.ack(episode, "cleared");
  await waitFor("its end", () => dispatch.newestEmergency()?.state === "cleared");
});

test(
  "before the car leaves, its list is worked through, and headquarters can check the report",
  {
    // The fix must stay good for a minute.
    timeout: 240_000,
  },
  async () => {
    await using dispatch = await asDispatch();
    const loops = ["dash", "boot"];
    const pressed = new Set<string>();
    const list = run("Before the car leaves", 0, (text) => {
      for (const [loop, name] of loops.entries())
        if (text.includes(`press ${name} now`) && !pressed.has(name)) {
          pressed.add(name);
          board.catchUp();
          board.board.press(loop, 200);
        }
    });
    for (const button of loops) {
      const isAt = (state: string): boolean => {
        const newest = dispatch.newestEmergency();
        return newest?.button === button && newest.state === state;
      };
      // oxlint-disable-next-line no-await-in-loop -- one drill after the other
      await waitFor(`the drill of ${button}`, () => isAt("active"), 90_000);
      for (const stage of ["received", "cleared"]) {
        // oxlint-disable-next-line no-await-in-loop -- one stage after the other
        await dispatch.ack(dispatch.newestEmergency()!.episode, stage);
        // oxlint-disable-next-line no-await-in-loop
        await waitFor(stage, () => isAt(stage));
      }
    }
    expect(await list).toMatch(/passed: \d+ passed, 0 failed/);
    await waitFor("the event", () => dispatch.events("commissioning").length > 0);
    await run("Before the car leaves", 1);
    expect(await run("For each car", 1)).toMatch(/^valid: signed by zrenjanin\/zr-117[^]*pass +button dash/);
  },
);

test("what mends a red line works on a car in order", async () => {
  expect(await run("A line of doctor is red")).toMatch(/firmware/);
});

test("a new configuration is installed by one command, and taken back by one", async () => {
  await using dispatch = await asDispatch();
  await run("For each configuration");
  writeFileSync(at("fleet/patrol-unit.yaml"), here(blocksOf("yaml")[0]!.text));
  await run("For each configuration", 1);
  expect(await run("A new configuration")).toMatch(
    /report.movingS: 5 → 10[^]*version 1 for zrenjanin\/\*, signed by hq, is in force/,
  );
  await waitFor(
    "dispatch to be told that it counts",
    () => dispatch.events("config").some(({ data }) => "version" in data && data["version"] === 1),
    40_000,
  );
  expect(await run("A new configuration", 1)).toMatch(
    /version 1 is in force[^]*version 0 is in force again; version 1 was taken back/,
  );
});

test("a stick brings it without a computer, and takes the result back", async () => {
  await run("With a stick, without a computer");
  mkdirSync(at("answer"));
  for (const args of [
    ["take", at("stick"), at("root"), at("answer")],
    ["tell", at("stick"), at("answer")],
  ])
    await promisify(execFile)(resolve("systemd/stick.sh"), args);
  const result = readFileSync(at("stick/RESULT-zr-117.txt"), "utf8");
  const service = readFileSync(at("service.log"), "utf8").split("\n").slice(-20).join("\n");
  expect(lamps, `${result}\n${service}`).toContain("done");
  expect(await run("With a stick, without a computer", 1)).toMatch(
    /^DONE: zrenjanin\/zr-117\r\nfleet.patrol: version 1 /,
  );
});

test("a new version of the software is signed once, and installed by one command", async () => {
  const packed = packageIn(dir, "1.6.0");
  for (const name of [`${folder}/patrol-unit_1.6.0_amd64.deb`, `${folder}/patrol-unit_1.6.0_arm64.deb`])
    if (name !== packed) copyFileSync(packed, name);
  await promisify(execFile)(at("bin/patrol-unit"), [
    "bundle",
    "keygen",
    "--out",
    join(folder, "release.pem"),
  ]);
  await run("For each version of the software");
  for (const name of ["releases", "software/1.5.0/bin"]) mkdirSync(at(name), { recursive: true });
  copyFileSync(join(folder, "release.pub.pem"), at("releases/hq.pem"));
  writeFileSync(at("software/1.5.0/bin/node"), "");
  symlinkSync("1.5.0", at("software/current"));
  expect(await run("A new version of the software")).toMatch(
    /^version 1\.6\.0, signed by hq, is in force, on trial: [^]*version 1\.5\.0 returns$/m,
  );
});

test("the certificate of a stolen car does not count any more, and the others do", async () => {
  const [ca, cert, key] = ["ca/ca.pem", "root/identity/unit.pem", "root/identity/unit.key"].map((name) =>
    readFileSync(at(name)),
  );
  const asCar = () =>
    connectAsync(
      `mqtts://localhost:${port}`,
      { ca: ca!, cert: cert!, key: key!, protocolVersion: 5, clientId: "thief", reconnectPeriod: 0 },
      false,
    );
  await (await asCar()).endAsync();
  await run("A car is stolen");
  await using dispatch = await asDispatch();
  expect(dispatch.connected()).toBe(true);
  await expect(asCar()).rejects.toThrow();
});

test("these are all the commands of the page, and it is what its generator makes", () => {
  expect(commands.filter(({ text }) => !done.has(text))).toEqual([]);
  expect(page).toBe(technicianPage());
});
