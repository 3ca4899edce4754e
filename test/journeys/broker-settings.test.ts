import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mosquittoRules } from "../../src/tools/runbook.ts";
import { emergencyData, UNIT, wire } from "../recorder/reports.ts";
import { waitFor } from "./car.ts";
import { answers, freePort, makeCertificates } from "./mosquitto.ts";
import { openRecorder } from "./recorder.ts";

/** config/broker is what we recommend: it is run as it is, with other paths and another port. */

const ROOT = `patrol/v1/${UNIT}`;
const PROGRAM = existsSync("/usr/sbin/mosquitto") ? "/usr/sbin/mosquitto" : "mosquitto";
const NOT_AUTHORISED = 0x87;
const stack = new AsyncDisposableStack();
let folder: string;
let port: number;
const pem = (name: string) => join(folder, name);

const clientCertificate = (name: string, commonName: string): void => {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", `${name}.key`);
  openssl("req", "-new", "-key", `${name}.key`, "-subj", `/CN=${commonName}`, "-out", `${name}.csr`);
  const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
  openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-out", `${name}.pem`);
};

const connectAs = async (name: string): Promise<MqttClient> => {
  const client = await connectAsync(`mqtts://localhost:${port}`, {
    protocolVersion: 5,
    ca: readFileSync(pem("ca.pem")),
    cert: readFileSync(pem(`${name}.pem`)),
    key: readFileSync(pem(`${name}.key`)),
  });
  stack.defer(() => client.endAsync(true));
  return client;
};

const recorderOf = (name: string): string[] => {
  const [ca, cert, key] = [pem("ca.pem"), pem("recorder.pem"), pem("recorder.key")];
  const into = `sqlite:${pem(`${name}.db`)}`;
  const options = { broker: `mqtts://localhost:${port}`, into, name, ca, cert, key };
  return Object.entries(options).flatMap(([option, value]) => [`--${option}`, value]);
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "settings-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o777);
  makeCertificates(folder, UNIT);
  writeFileSync(pem("index.txt"), "");
  writeFileSync(pem("crlnumber"), "01\n");
  const list = ["ca", "-config", resolve("config/broker/ca.cnf"), "-gencrl", "-out", "crl.pem"];
  execFileSync("openssl", list, { cwd: folder, stdio: "pipe" });
  clientCertificate("recorder", "recorder");
  clientCertificate("dispatch", "dispatch");
  port = await freePort();
  copyFileSync("config/broker/patrol.acl", pem("patrol.acl"));
  const conf = readFileSync("config/broker/mosquitto.conf", "utf8")
    .replaceAll("/etc/mosquitto/", `${folder}/`)
    .replace("/var/lib/mosquitto/", `${folder}/`)
    .replace("listener 8883", `listener ${port} 127.0.0.1`)
    .replace("log_dest syslog", "log_dest stderr");
  writeFileSync(pem("mosquitto.conf"), conf);
  chmodSync(pem("patrol.acl"), 0o644);
  const broker: ChildProcess = spawn(PROGRAM, ["-c", pem("mosquitto.conf")], { stdio: "ignore" });
  stack.defer(async () => {
    const gone = once(broker, "exit");
    broker.kill();
    await gone;
  });
  let isUp = false;
  const look = setInterval(() => void answers(port).then((is) => (isUp ||= is)), 50);
  await waitFor("mosquitto", () => isUp);
  clearInterval(look);
});
afterAll(() => stack.disposeAsync());

test("the rules for units are those of the wire table, and what a later release reads", () => {
  const rules = readFileSync("config/broker/patrol.acl", "utf8").split("\n");
  expect(rules).toEqual(expect.arrayContaining(mosquittoRules()));
});

test(
  "the recorder stores and answers, and a unit can neither acknowledge its emergency nor write its receipt",
  { timeout: 60_000 },
  async () => {
    const recorder = stack.use(openRecorder(...recorderOf("main")));
    await recorder.start();
    const unit = await connectAs("unit");
    const got: string[] = [];
    unit.on("message", (topic, payload) => void got.push(`${topic} ${payload.toString()}`));
    await unit.subscribeAsync([`${ROOT}/emergency/+/ack`, `${ROOT}/receipt`], { qos: 1 });
    const { episode } = emergencyData();
    const emergency = JSON.stringify(wire(1, { kind: "emergency", data: emergencyData() }));
    await unit.publishAsync(`${ROOT}/emergency/${episode}`, emergency, { qos: 1, retain: true });
    await waitFor("the answer", () => got.some((one) => one.includes('"stage":"received"')));
    await waitFor("the receipt", () => got.some((one) => one.includes('"upTo":1')));
    for (const topic of [`emergency/${episode}/ack`, "receipt", "silent", "command"])
      await expect(unit.publishAsync(`${ROOT}/${topic}`, "{}", { qos: 1 }), topic).rejects.toMatchObject({
        code: NOT_AUTHORISED,
      });
    const dispatch = await connectAs("dispatch");
    const seen: string[] = [];
    dispatch.on("message", (topic) => void seen.push(topic));
    await dispatch.subscribeAsync("patrol/v1/#", { qos: 1 });
    await waitFor("the recorder's state", () => seen.includes("patrol/v1/recorder/main/state"));
    await dispatch.publishAsync(`${ROOT}/emergency/${episode}/ack`, '{"stage":"accepted"}', { qos: 1 });
    await waitFor("the second answer", () => got.some((one) => one.includes('"stage":"accepted"')));
  },
);

test(
  "what was acknowledged while the recorder was away arrives, beyond mosquitto's own limits",
  { timeout: 60_000 },
  async () => {
    const recorder = stack.use(openRecorder(...recorderOf("away")));
    await recorder.start();
    await recorder.stop();
    const unit = await connectAs("unit");
    const receipts: string[] = [];
    unit.on("message", (_, payload) => void receipts.push(payload.toString()));
    const count = 3_000;
    await Promise.all(
      Array.from({ length: count }, (_, n) =>
        unit.publishAsync(`${ROOT}/event`, JSON.stringify(wire(n + 2)), { qos: 1 }),
      ),
    );
    await unit.subscribeAsync(`${ROOT}/receipt`, { qos: 1 });
    await recorder.start();
    await waitFor("everything", () =>
      receipts.some((one) => one.includes(`"upTo":${count + 1},"missing":[]`)),
    );
  },
);
