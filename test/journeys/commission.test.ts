import { createHash, createPrivateKey, createPublicKey, verify, X509Certificate } from "node:crypto";
import { spawn } from "@lydell/node-pty";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { CommissioningReport } from "../../src/domain/commissioning.ts";
import { signReport } from "../../src/bundle/signed-report.ts";
import { makeUnitKey } from "../../src/bundle/request.ts";
import { clearDrills, openCommissioning, PIN, program, UNIT } from "./commissioned-car.ts";
import { waitFor } from "./car.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let car: Awaited<ReturnType<typeof openCommissioning>>;
beforeAll(async () => {
  car = await openCommissioning();
});
afterAll(() => car[Symbol.asyncDispose]());

const NAME = 'M. Petrović <b>&"';
const LOOPS = { dash: 0, boot: 1 };
const commission = (args: readonly string[], onText?: (text: string) => void) =>
  program(
    [
      "commission",
      "--root",
      car.root,
      "--technician",
      NAME,
      "--hold",
      "2",
      "--certificate-days",
      "1",
      ...args,
    ],
    onText,
  );
const report = (name: string): string => join(car.root, "commissioning", name);
const partsOf = (jws: string) => {
  const [header = "", payload = "", signature = ""] = jws.split(".");
  const json = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  return { header, payload, signature, ofHeader: json(header), ofPayload: json(payload) };
};

test("without a running service it ends with 69 and says what to do", async () => {
  const { code, text } = await commission([]);
  expect(code).toBe(69);
  expect(text).toMatch(/no service runs on .*: start it \(systemctl start patrol-unit\)/);
});

test("without a terminal, the technician's name is needed, and a step to skip must exist", async () => {
  await car.start();
  const nameless = await program(["commission", "--root", car.root]);
  expect(nameless).toMatchObject({
    code: 64,
    text: expect.stringMatching(/--technician is missing/) as string,
  });
  const wrong = await commission(["--skip", "button:trunk=not there"]);
  expect(wrong).toMatchObject({
    code: 64,
    text: expect.stringMatching(/this car has configuration, clock, .*button:boot/) as string,
  });
});

test("a car in which everything works is commissioned, and dispatch has the event", async () => {
  const pressed = new Set<string>();
  using _clearing = clearDrills(car);
  const { code, text } = await commission([], (all) => {
    for (const [name, loop] of Object.entries(LOOPS))
      if (all.includes(`press ${name} now`) && !pressed.has(name)) {
        pressed.add(name);
        car.press(loop);
      }
  });
  expect(code, text).toBe(0);
  expect(text).toMatch(
    /pass +button dash: storedMs [\d.]+, sentMs [\d.]+, receivedMs [\d.]+, clearedMs [\d.]+/,
  );
  expect(text).toMatch(/pass +broker mqtts:.*lets the unit in/);
  expect(text).toMatch(/not fitted +signal: no bus is configured/);
  expect(text).toMatch(/passed: 8 passed, 0 failed, 2 not fitted \(0 skipped\)/);
  expect([...pressed]).toEqual(["dash", "boot"]);
  // Two drills, and no real emergency.
  expect(car.dispatch.emergencies().every((one) => one.test)).toBe(true);

  const jws = readFileSync(report("0001.jws"), "utf8");
  await waitFor("the event", () => car.dispatch.events("commissioning").length > 0);
  expect(car.dispatch.events("commissioning")[0]?.data).toMatchObject({
    result: "passed",
    technician: NAME,
    sha256: createHash("sha256").update(jws).digest("hex"),
    passed: 8,
    failed: 0,
    failures: [],
  });
});

test("the report is signed by the unit's key, as node:crypto alone can see", () => {
  const jws = readFileSync(report("0001.jws"), "utf8");
  const { header, payload, signature, ofHeader, ofPayload } = partsOf(jws);
  expect(ofHeader).toMatchObject({ alg: "ES256", x5c: [expect.any(String)] });
  const certificate = new X509Certificate(readFileSync(join(car.root, "identity/unit.pem")));
  const isSigned = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    {
      key: createPublicKey(certificate.publicKey.export({ type: "spki", format: "pem" })),
      dsaEncoding: "ieee-p1363",
    },
    Buffer.from(signature, "base64url"),
  );
  expect(isSigned).toBe(true);
  const data = CommissioningReport.parse(ofPayload);
  expect(data).toMatchObject({ unit: UNIT, result: "passed", technician: NAME, boot: 1 });
  expect(data.id).toBe(`${data.store}-1-1`);
});

test("no secret is in the report or in its page, and both have the mode and the owner of the root", () => {
  const key = readFileSync(join(car.root, "identity/unit.key"), "utf8").split("\n").slice(1, -2);
  for (const name of ["0001.jws", "0001.html"]) {
    const text = readFileSync(report(name), "utf8");
    const clear = name.endsWith("jws") ? JSON.stringify(partsOf(text)) : text;
    for (const secret of [PIN, "PRIVATE", ...key]) expect(clear).not.toContain(secret);
    const { mode, uid } = statSync(report(name));
    expect(mode & 0o777).toBe(0o640);
    expect(uid).toBe(statSync(car.root).uid);
  }
});

test("the page to print has no script, nothing from elsewhere, and no markup of a technician", () => {
  const page = readFileSync(report("0001.html"), "utf8");
  expect(page).toContain("M. Petrović &lt;b&gt;&amp;&quot;");
  expect(page).not.toMatch(/<script|<b>|https?:|<link|<img| on\w+=| style=/);
  const style = /<style>([^]*)<\/style>/.exec(page)?.[1] ?? "";
  expect(page).toContain(`'sha256-${createHash("sha256").update(style).digest("base64")}'`);
});

test("verify accepts the report, and prints it", async () => {
  const valid = await program(["commission", "verify", report("0001.jws"), "--ca", car.at("ca.pem")]);
  expect(valid).toMatchObject({
    code: 0,
    text: expect.stringMatching(/^valid: signed by zrenjanin\/zr-117/) as string,
  });
  const json = await program([
    "commission",
    "verify",
    report("0001.jws"),
    "--ca",
    car.at("ca.pem"),
    "--json",
  ]);
  expect(JSON.parse(json.text)).toMatchObject({ valid: true, report: { result: "passed" } });
});

test("verify refuses a report that was changed, that another key signed, and that is from another CA", async () => {
  const jws = readFileSync(report("0001.jws"), "utf8");
  const { header, signature, ofPayload } = partsOf(jws);
  const verified = async (text: string, ca = car.at("ca.pem")) => {
    writeFileSync(car.at("other.jws"), text);
    return program(["commission", "verify", car.at("other.jws"), "--ca", ca]);
  };
  const data = CommissioningReport.parse(ofPayload);
  const changed = Buffer.from(JSON.stringify({ ...data, technician: "somebody else" })).toString("base64url");
  expect(await verified(`${header}.${changed}.${signature}`)).toMatchObject({
    code: 1,
    text: expect.stringMatching(/is not valid: its signature is not that/) as string,
  });
  const chain = [new X509Certificate(readFileSync(car.at("unit.pem")))];
  const forged = await signReport(data, createPrivateKey(makeUnitKey()), chain);
  expect(await verified(forged)).toMatchObject({ code: 1 });
  expect(await verified(jws, car.at("broker.pem"))).toMatchObject({
    code: 1,
    text: expect.stringMatching(/not from this CA/) as string,
  });
  // Nor does the service make an event of it.
  const answer = await fetch(`http://127.0.0.1:${car.port}/commissioning`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ report: forged }),
  });
  expect(answer.status).toBe(409);
  expect(car.dispatch.events("commissioning")).toHaveLength(1);
});

test("a list that nobody works through fails: its report says why, and no drill is left armed", async () => {
  const { code, text } = await commission(["--within", "4", "--json", "--skip", "fix=a roof above it"]);
  expect(code, text).toBe(1);
  const lines = text
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({ result: "failed", skipped: 1, file: report("0002.jws") });
  expect(lines).toContainEqual({
    step: "button:dash",
    state: "fail",
    reason: "the time is up: dash was not pressed",
  });
  expect(lines).toContainEqual({ do: "press dash now, once: it is a drill" });
  const status = await program(["status", "--root", car.root, "--json"]);
  expect(JSON.parse(status.text)).toMatchObject({ emergency: { drillArmed: false } });
  await waitFor("the event", () => car.dispatch.events("commissioning").length === 2);
  expect(car.dispatch.events("commissioning")[1]?.data).toMatchObject({
    result: "failed",
    failures: ["button:dash", "button:boot"],
    skips: ["fix"],
  });
  expect(readdirSync(report("."))).toHaveLength(4);
});

test("at a terminal it asks for the name, waits for Enter before a drill, and skips a step on s", async () => {
  using _clearing = clearDrills(car);
  const args = ["commission", "--root", car.root, "--hold", "2", "--certificate-days", "1"];
  const terminal = spawn(process.execPath, ["src/main.ts", ...args], { cols: 160, rows: 40, name: "xterm" });
  let text = "";
  terminal.onData((data) => (text += data));
  const ended = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  const says = (words: string): Promise<void> => waitFor(words, () => text.includes(words), 30_000);
  await says("Your name");
  terminal.write("M. Petrovic\r");
  await says("go to dash; say when you are ready");
  expect(text).not.toContain("press dash now");
  terminal.write("\r");
  await says("press dash now");
  car.press(0);
  await says("pass        button dash");
  await says("pass        the position is accurate");
  terminal.write("s");
  await says("Skip which step?");
  terminal.write("\r");
  await says("Why?");
  terminal.write("not built in yet\r");
  const code = await ended;
  expect(text).toContain("skipped     button boot: not built in yet");
  expect(code, text).toBe(0);
  const { ofPayload } = partsOf(readFileSync(report("0003.jws"), "utf8"));
  expect(ofPayload).toMatchObject({ technician: "M. Petrovic", result: "incomplete" });
});

test("a technician who leaves with Ctrl-C leaves no report and no armed drill", async () => {
  const args = ["commission", "--root", car.root, "--technician", "M. Petrovic"];
  const terminal = spawn(process.execPath, ["src/main.ts", ...args], { cols: 160, rows: 40, name: "xterm" });
  let text = "";
  terminal.onData((data) => (text += data));
  const ended = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  await waitFor("the list", () => text.includes("go to dash"), 30_000);
  terminal.write("\r");
  await waitFor("a drill", () => text.includes("press dash now"), 30_000);
  terminal.write("\u0003");
  expect(await ended).toBe(1);
  const status = await program(["status", "--root", car.root, "--json"]);
  expect(JSON.parse(status.text)).toMatchObject({ emergency: { drillArmed: false } });
  expect(readdirSync(report("."))).not.toContain("0004.jws");
});
