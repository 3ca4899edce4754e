import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { freePort, makeCertificates, startMosquitto } from "./mosquitto.ts";

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

type Finding = { part: string; says: string; cure?: string; warning?: true };
const doctor = (car: Car): Promise<{ code: number; findings: Map<string, Finding>; serviceRuns: boolean }> =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      ["src/main.ts", "doctor", "--config", car.config, "--json"],
      (error, stdout) => {
        const said = JSON.parse(stdout) as { findings: Finding[]; serviceRuns: boolean };
        const findings = new Map(said.findings.map((one) => [one.part, one]));
        resolve({ code: error ? Number(error.code) : 0, findings, serviceRuns: said.serviceRuns });
      },
    );
  });
const driving = (car: Car) => {
  let n = 0;
  const timer = setInterval(
    () => void car.line.write(epoch(n++, Date.now() - n * 100)).catch(() => undefined),
    200,
  );
  stack.defer(() => clearInterval(timer));
};

test(
  "a car in which everything works, its service stopped and running; then a cut loop",
  { timeout: 60_000 },
  async () => {
    const broker = stack.use(await startMosquitto());
    await broker.start();
    const statusPort = await freePort();
    const car = stack.use(
      openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, { board: true, statusPort }),
    );
    driving(car);
    const stopped = await doctor(car);
    expect(stopped.serviceRuns).toBe(false);
    expect(stopped.findings.get("gps")).toMatchObject({
      says: expect.stringMatching(/sentences, fix 3d/) as string,
    });
    expect(stopped.findings.get("panic")?.says).toBe("the board answers; dash, boot: normal");
    expect(stopped.findings.get(`broker ${broker.url}`)?.says).toBe(
      "MQTT 5, lets the unit in; a drill shows whether a press and its answer pass",
    );
    expect(stopped.findings.get("disk")?.cure).toBeUndefined();
    // The clock of a machine without NTP is not known: that alone may be wrong here.
    expect(
      [...stopped.findings.values()].filter(
        ({ cure, warning, part }) => cure && !warning && part !== "clock",
      ),
    ).toEqual([]);
    expect(stopped.findings.get("service")).toMatchObject({
      warning: true,
      cure: "systemctl status patrol-unit",
    });

    await car.start();
    await waitFor("the board", () => car.lamps.at(-1) === "idle");
    car.panic.catchUp();
    car.panic.board.wire(1, "cut");
    await waitFor("the fault", () => car.log.some((line) => line.part === "panic-loop"));
    // The receiver's time is trusted once it has said it three times.
    let running = await doctor(car);
    for (let n = 0; n < 10 && running.findings.get("clock")?.says !== "set by gnss"; n++)
      running = await doctor(car);
    expect(running.serviceRuns).toBe(true);
    expect(running.findings.get("service")?.says).toMatch(/^runs, up \d+ s$/);
    expect(running.findings.has("config")).toBe(false);
    expect(running.findings.has("link")).toBe(false);
    expect(running.code).toBe(1);
    expect(running.findings.get("panic")).toMatchObject({
      says: "boot: cut",
      cure: expect.any(String) as string,
    });
    expect(running.findings.get("clock")?.says).toBe("set by gnss");
    expect(running.findings.has("card")).toBe(true);
  },
);

test("what is not there is named with what to do, and exits with 69", { timeout: 60_000 }, async () => {
  const away = await freePort();
  const refusing = stack.use(await startMosquitto("allow_anonymous true\nacl_file FOLDER/acl"));
  writeFileSync(join(refusing.folder, "acl"), "topic read nothing\n");
  await refusing.start();
  const car = stack.use(
    openCar(`{ brokers: ["mqtt://127.0.0.1:${away}", "${refusing.url}"], allowPlaintext: true }`, {
      board: true,
    }),
  );
  car.panic.unplug();
  const { code, findings } = await doctor(car);
  expect(code).toBe(69);
  expect(findings.get("gps")).toMatchObject({ cure: expect.stringContaining("Check `gps.port`") as string });
  expect(findings.get("panic")?.says).toContain("is not there");
  expect(findings.get(`broker mqtt://127.0.0.1:${away}`)).toMatchObject({
    cure: "is the broker running, and the port right?",
  });
  expect(findings.get(`broker ${refusing.url}`)?.cure).toContain("the broker's rules");
});

test(
  "a fault of the configuration is one of the findings, and the rest is tried all the same",
  { timeout: 60_000 },
  async () => {
    const broker = stack.use(await startMosquitto());
    await broker.start();
    const extra = "health: { intervalS: never }\ncan: { interface: can0, profile: none.yaml }\n";
    const car = stack.use(openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, { extra }));
    const { findings, code } = await doctor(car);
    expect(code).not.toBe(78);
    expect(findings.get("config")?.says).toMatch(
      /can.profile: expected a profile .*none.yaml: no such file$/,
    );
    expect(findings.get("config")?.cure).toBe("correct it");
    expect(findings.has("can")).toBe(false);
    expect(findings.get(`broker ${broker.url}`)?.cure).toBeUndefined();
  },
);

test(
  "a configuration that was corrected while the service runs: it is not connected, and runs with an older file",
  { timeout: 60_000 },
  async () => {
    const broker = stack.use(await startMosquitto());
    await broker.start();
    const statusPort = await freePort();
    const away = await freePort();
    const car = stack.use(
      openCar(`{ brokers: ["mqtt://localhost:${away}"], allowPlaintext: true }`, { statusPort }),
    );
    await car.start();
    await waitFor("the link's fault", () => car.log.some(({ part }) => part === "link"));
    writeFileSync(
      car.config,
      readFileSync(car.config, "utf8").replace(`mqtt://localhost:${away}`, broker.url),
    );
    const { code, findings } = await doctor(car);
    expect(findings.get(`broker ${broker.url}`)?.cure).toBeUndefined();
    expect(findings.get("link")).toMatchObject({
      says: `the service is not connected: mqtt://localhost:${away}: the host answers but no broker listens there`,
      cure: expect.stringContaining("Check the address") as string,
    });
    expect(findings.get("config")).toMatchObject({
      says: "the service runs with an older file",
      cure: "systemctl restart patrol-unit",
      warning: true,
    });
    expect(code).toBe(69);
  },
);

test("a broker whose rules let the unit answer, and not call for help", { timeout: 60_000 }, async () => {
  const broker = stack.use(await startMosquitto("allow_anonymous true\nacl_file FOLDER/acl"));
  const own = "patrol/v1/zrenjanin/zr-117";
  const rules = ["reply", "event"].map((topic) => `pattern write ${own}/${topic}`);
  writeFileSync(join(broker.folder, "acl"), `${[...rules, `pattern read ${own}/#`].join("\n")}\n`);
  await broker.start();
  const car = stack.use(openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`));
  const { findings } = await doctor(car);
  expect(findings.get(`broker ${broker.url}`)).toMatchObject({
    says: `the broker refuses to publish on ${own}/emergency/00000000000000000000000000: 0x87, not authorised: its access rules do not allow it`,
    cure: expect.stringMatching(/^the broker's rules must let the unit write its reports/) as string,
  });
});

test("a broker that wants a client certificate which is not configured", { timeout: 60_000 }, async () => {
  const broker = stack.use(
    await startMosquitto(
      "cafile FOLDER/ca.pem\ncertfile FOLDER/broker.pem\nkeyfile FOLDER/broker.key\nrequire_certificate true",
      true,
    ),
  );
  makeCertificates(broker.folder, "zrenjanin/zr-117");
  await broker.start();
  const car = stack.use(openCar(`{ brokers: ["${broker.url}"], ca: ${broker.folder}/ca.pem }`));
  const { findings } = await doctor(car);
  expect(findings.get(`broker ${broker.url}`)).toMatchObject({
    says: "the broker wants a client certificate: set dispatch.cert and dispatch.key",
    cure: "ask dispatch for this unit's certificate and key, and put them there",
  });
});
