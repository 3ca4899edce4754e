import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, createServer as createTcpServer, type AddressInfo } from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCar, waitFor } from "./car.ts";
import { freePort } from "./mosquitto.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };
const command = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["src/main.ts", ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

const portOf = async (server: Server | ReturnType<typeof createTcpServer>, port = 0): Promise<number> => {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  stack.defer(() => void server.close());
  return (server.address() as AddressInfo).port;
};

describe.each(["status", "drill"])("%s says in words what is wrong", (name) => {
  test.each([
    ["127.0.0.1:99999", "expected HOST:PORT with a port from 1 to 65535"],
    // What is no port may be a password.
    ["127.0.0.1:http", "expected HOST:PORT with a port from 1 to 65535", "127.0.0.1:…"],
    ["localhost", "expected HOST:PORT with a port from 1 to 65535"],
    ["http://127.0.0.1:8080", "expected HOST:PORT with a port from 1 to 65535"],
    ["::1:8080", "expected HOST:PORT with a port from 1 to 65535", ":…"],
    ["127.0.0.1:0", "with port 0 the system chooses one"],
  ])("--address %s is wrong usage", async (address, words, shown = address) => {
    const { code, stdout, stderr } = await command(name, "--address", address);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(stderr).toContain(`--address ${shown}: ${words}`);
    expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
  });

  test("nobody listens there", async () => {
    const port = await freePort();
    expect(await command(name, "--address", `127.0.0.1:${port}`)).toEqual({
      code: 69,
      stdout: "",
      stderr: `no unit answers at 127.0.0.1:${port}: nothing listens there: is the service running?\n`,
    });
  });

  test("what answers is another program's page, or no page at all", async () => {
    const page = createServer((_, response) => response.end("<html>"));
    const talker = createTcpServer((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    for (const port of [await portOf(page), await portOf(talker)]) {
      const { code, stderr } = await command(name, "--address", `127.0.0.1:${port}`);
      expect(stderr).toMatch(/^no unit answers at 127\.0\.0\.1:\d+: another program [^\n]*\n$/);
      expect(code).toBe(69);
    }
  });

  test("the unit refuses: its own words are passed on", async () => {
    const strict = createServer((_, response) => response.writeHead(401).end("the PIN is needed\n"));
    const port = await portOf(strict);
    const { code, stderr } = await command(name, "--address", `127.0.0.1:${port}`);
    expect(stderr).toBe(`the unit at 127.0.0.1:${port} refuses: the PIN is needed\n`);
    expect(code).toBe(69);
  });

  test("the configuration lets the system choose the port", async () => {
    const folder = mkdtempSync(join(tmpdir(), "status-"));
    stack.defer(() => rmSync(folder, { recursive: true }));
    const config = join(folder, "patrol-unit.yaml");
    writeFileSync(
      config,
      `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/null }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1"], allowPlaintext: true }
status: { listen: "127.0.0.1:0" }
`,
    );
    const { code, stderr } = await command(name, "--config", config);
    expect(stderr).toContain("status.listen 127.0.0.1:0: with port 0 the system chooses one");
    expect(code).toBe(64);
  });
});

test("a port that browsers refuse is a port", async () => {
  const refused = 6_000;
  const there = connect(refused, "127.0.0.1");
  const isTaken = await Promise.race([
    once(there, "connect").then(() => true),
    once(there, "error").then(() => false),
  ]).catch(() => false);
  there.destroy();
  const { code, stderr } = await command("status", "--address", `127.0.0.1:${refused}`);
  expect(stderr).toContain(isTaken ? "another program" : "nothing listens there");
  expect(code).toBe(69);
});

/** A configuration whose status page is at `port`. */
const configFor = (port: number, id = "zr-118"): string => {
  const folder = mkdtempSync(join(tmpdir(), "status-"));
  stack.defer(() => rmSync(folder, { recursive: true }));
  const config = join(folder, "patrol-unit.yaml");
  writeFileSync(
    config,
    `unit: { directorate: zrenjanin, id: ${id} }
gps: { port: ${join(folder, "none")} }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:1"], allowPlaintext: true }
outbox: { path: outbox }
status: { listen: "127.0.0.1:${port}" }
`,
  );
  return config;
};

/** A service of zr-117 as its status page shows it, with faults. */
const service = (): Promise<number> => {
  const snapshot = {
    unit: "zrenjanin/zr-117",
    boot: 3,
    version: "0.1.0",
    uptimeS: 12,
    clock: "gnss",
    outbox: { records: 2 },
    link: { reconnects: 0, fault: "refused" },
    gps: { fix: "none", sentences: 0, fault: "absent" },
    panicBoard: { connected: true, firmware: "1", loops: { dash: "open" } },
    emergency: { drillArmed: false, lamp: "fault", episodes: [] },
    faults: [
      { part: "gps", code: "absent", detail: "/dev/ttyACM0 is not there" },
      { part: "panic-loop", code: "open", where: "dash", detail: "the loop is cut" },
      { part: "outbox", code: "disk-full", detail: "no space is left" },
    ],
  };
  return portOf(createServer((_, response) => response.end(JSON.stringify(snapshot))));
};

test.each(["status", "drill"])("%s does not believe the service of another unit", async (name) => {
  const port = await service();
  const { code, stderr, stdout } = await command(name, "--config", configFor(port));
  expect(stderr).toBe(`zr-117 answers at 127.0.0.1:${port}, not zr-118: is another service running?\n`);
  expect({ code, stdout }).toEqual({ code: 69, stdout: "" });
});

test("doctor reports the service of another unit, and tries the devices itself", async () => {
  const port = await service();
  const { stdout } = await command("doctor", "--config", configFor(port), "--json");
  const { serviceRuns, findings } = JSON.parse(stdout) as {
    serviceRuns: boolean;
    findings: { part: string; says: string }[];
  };
  expect(serviceRuns).toBe(false);
  expect(findings.find(({ part }) => part === "status")?.says).toContain("zr-117 answers at 127.0.0.1");
  expect(findings.find(({ part }) => part === "gps")?.says).toContain("none");
});

test("status lists the active faults with their details, and calls a loop that is open cut", async () => {
  const { code, stdout } = await command("status", "--address", `127.0.0.1:${await service()}`);
  expect(code).toBe(0);
  expect(stdout).toContain("faults    gps absent: /dev/ttyACM0 is not there\n");
  expect(stdout).toContain("          panic-loop open (dash): the loop is cut\n");
  expect(stdout).toContain("dash: cut");
});

test("doctor passes on what the service knows, with the catalogue's remedy, and exits with 69", async () => {
  const { code, stdout } = await command("doctor", "--config", configFor(await service(), "zr-117"));
  expect(stdout).toContain("FAIL  gps: /dev/ttyACM0 is not there\n      → Check the plug.");
  expect(stdout).toContain("FAIL  panic: dash: cut\n      → Measure at the board");
  expect(stdout).toContain("FAIL  outbox: no space is left\n      → `df -h`");
  expect(code).toBe(69);
});

test("status --watch prints the time above each block, and a blank line below it", async () => {
  const port = await service();
  const child = spawn(process.execPath, [
    "src/main.ts",
    "status",
    "--address",
    `127.0.0.1:${port}`,
    "--watch",
  ]);
  stack.defer(() => void child.kill("SIGKILL"));
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  await waitFor("two blocks", () => text.split("\n\n").length > 2);
  child.kill("SIGINT");
  const [block] = text.split("\n\n");
  expect(block).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z\nunit /);
});

test("drill says who can answer when nobody has answered for 5 s", async () => {
  let armedAt: number | undefined;
  const emergency = () => {
    if (armedAt === undefined) return { drillArmed: false, episodes: [] };
    const isAnswered = performance.now() - armedAt > 6_000;
    const legs = { stored: 3, sent: 40, ...(isAnswered ? { received: 12, accepted: 6_000 } : {}) };
    return { drillArmed: false, episodes: [{ episode: "01K", test: true, legs }] };
  };
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      armedAt = performance.now();
      response.writeHead(204).end();
    } else response.end(JSON.stringify({ panicBoard: { connected: true }, emergency: emergency() }));
  });
  const ended = await command("drill", "--address", `127.0.0.1:${await portOf(server)}`);
  expect(ended.stderr).toBe("nobody answers yet: at dispatch, or on the bench `dispatch --ack accepted`\n");
  expect(ended.stdout).toContain(
    "received       12.0 ms after the press  (dispatch's system has it; known late",
  );
  expect(ended.code).toBe(0);
});

test("drill ends at once with the service's words if that refuses", async () => {
  const server = createServer((request, response) => {
    if (request.method === "POST") response.writeHead(409).end("a drill is open: it ends later\n");
    else
      response.end(
        JSON.stringify({ panicBoard: { connected: true }, emergency: { drillArmed: false, episodes: [] } }),
      );
  });
  const ended = await command("drill", "--address", `127.0.0.1:${await portOf(server)}`);
  expect(ended).toMatchObject({ code: 1, stdout: "", stderr: "a drill is open: it ends later\n" });
});

test("drill says that it was stopped from elsewhere, and not what did not happen", async () => {
  let polls = 0;
  const server = createServer((request, response) => {
    if (request.method !== "GET") response.writeHead(204).end();
    else {
      const emergency = { drillArmed: ++polls < 3, episodes: [] };
      response.end(JSON.stringify({ boot: 4, panicBoard: { connected: true }, emergency }));
    }
  });
  const ended = await command("drill", "--address", `127.0.0.1:${await portOf(server)}`);
  expect(ended.stdout).toBe("Press a button within 60 s.\n");
  expect(ended.stderr).toBe(
    "the drill was stopped from elsewhere, for example by a second `drill` command\n",
  );
  expect(ended.code).toBe(1);
});

test("run says that it has started when it knows its status port, or that it has none", async () => {
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${await freePort()}"], allowPlaintext: true }`),
  );
  await car.start();
  const [started] = car.log.filter(({ msg }) => msg === "started") as unknown as { statusPort: number }[];
  const { code, stdout } = await command("status", "--address", `127.0.0.1:${started!.statusPort}`);
  expect(code).toBe(0);
  expect(stdout).toContain("zrenjanin/zr-117");

  const taken = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${await freePort()}"], allowPlaintext: true }`, {
      statusPort: started!.statusPort,
    }),
  );
  await taken.start();
  const lines = taken.log.map(({ msg, part }) => (part === "status" ? "status" : msg));
  expect(lines.indexOf("status")).toBeGreaterThanOrEqual(0);
  expect(lines.indexOf("status")).toBeLessThan(lines.indexOf("started"));
});
