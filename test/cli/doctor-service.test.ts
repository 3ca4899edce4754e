import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configFindings } from "../../src/cli/doctor/config.ts";
import { cureOf } from "../../src/cli/doctor/cure.ts";
import { tryDisk } from "../../src/cli/doctor/disk.ts";
import { findingText, sound, trouble, type Finding } from "../../src/cli/doctor/finding.ts";
import { servedLink } from "../../src/cli/doctor/link.ts";
import { withoutAddress } from "../../src/unit/try-broker.ts";
import { tryRights } from "../../src/cli/doctor/rights.ts";
import { servedDevices } from "../../src/cli/doctor/served.ts";
import { askService, type Service } from "../../src/cli/doctor/service.ts";
import { loadConfiguration } from "../../src/settings/load.ts";
import { freePort } from "../journeys/mosquitto.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "doctor-"));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const BROKER = "mqtts://a:8883";
const service = (more: Partial<Service> = {}): Service => ({
  uptimeS: 40,
  clock: "gnss",
  gps: { fix: "3d", sentences: 10 },
  link: { broker: BROKER },
  faults: [],
  ...more,
});
const linkFault = (code: string, words: string, where = BROKER) => ({
  part: "link",
  code,
  where,
  detail: `${where}: ${words}`,
});
const configuration = (dispatch = "", extra = "") => {
  const file = join(folder, "car.yaml");
  writeFileSync(
    file,
    `unit: { directorate: zrenjanin, id: zr-117 }
dispatch: { brokers: ["${BROKER}"]${dispatch} }
outbox: { path: outbox }
panic: none
gps: { port: /dev/null }
${extra}`,
  );
  return { file, configuration: loadConfiguration(file) };
};

describe("the link of the running service", () => {
  const fine: Finding[] = [sound(`broker ${BROKER}`, "MQTT 5")];

  test("connected and without a fault: nothing to say", () => {
    expect(servedLink(service(), fine)).toEqual([]);
  });

  test("not connected is a failure with the catalogue's remedy, although doctor itself gets through", () => {
    const detail = "/etc/patrol-unit/unit.key cannot be read: this user may not read it";
    const faults = [{ part: "link", code: "credentials-unreadable", where: BROKER, detail }];
    const [finding, ...others] = servedLink(
      service({ link: { fault: "credentials-unreadable" }, faults }),
      fine,
    );
    expect(finding).toMatchObject({
      part: "link",
      says: `the service is not connected: ${detail}`,
      cure: cureOf("link", "credentials-unreadable"),
      absent: false,
    });
    expect(others).toEqual([]);
  });

  test("what doctor has found at the broker too is not said twice", () => {
    const faults = [linkFault("refused", "the host answers but no broker listens there")];
    const own = [
      trouble(`broker ${BROKER}`, "the host answers but no broker listens there", "is it running?", true),
    ];
    expect(servedLink(service({ link: {}, faults }), own)).toMatchObject([
      {
        says: "the service is not connected: see the brokers",
        cure: cureOf("link", "refused"),
        absent: true,
      },
    ]);
    expect(servedLink(service({ faults }), own)).toEqual([]);
  });

  test("another broker's fault, and a refused topic, are failures while it is connected", () => {
    const other = linkFault("timeout", "the host does not answer", "mqtts://b:8883");
    const topic = {
      ...linkFault("topic-refused", ""),
      where: `${BROKER} health`,
      detail: `${BROKER} refuses health`,
    };
    expect(servedLink(service({ faults: [other, topic] }), fine)).toMatchObject([
      { says: other.detail, absent: true },
      { says: topic.detail, absent: false },
    ]);
  });

  test("not connected without a fault yet is a warning: it may have just started", () => {
    expect(findingText(servedLink(service({ link: {} }), fine)[0]!)).toBe(
      "warn  link: the service is not connected yet\n      → run doctor again in a few seconds\n",
    );
  });
});

test("each active fault of the service is said once, whatever its part", async () => {
  const faults = [
    { part: "gps", code: "silent", detail: "the receiver sends nothing" },
    { part: "panic-board", code: "protocol", detail: "the board speaks version 9" },
    { part: "panic-loop", code: "open", where: "dash", detail: "the loop is cut" },
    { part: "power", code: "not-scheduled", detail: "logind refuses" },
  ];
  const panicBoard = { connected: true, loops: { dash: "open" } };
  const gps = { port: "/dev/ttyACM0", baud: 9600 };
  const found = await servedDevices(service({ faults, panicBoard }), { gps });
  expect(found.map(({ part, says }) => `${part}: ${says}`)).toEqual([
    "gps: the receiver sends nothing",
    "panic: dash: cut",
    "panic-board: the board speaks version 9",
    "power: logind refuses",
  ]);
});

test("a board that is gone is reported as gone, not by a trouble that it had before", async () => {
  const faults = [
    { part: "panic-board", code: "unplugged", detail: "the panic board was unplugged" },
    { part: "panic-board", code: "supply-low", where: "supply", detail: "its supply is 4.60 V" },
  ];
  const found = await servedDevices(service({ faults, panicBoard: { connected: false } }), {});
  expect(found.map(({ part, says }) => `${part}: ${says}`)).toEqual([
    "panic: the panic board was unplugged",
    "panic-board: its supply is 4.60 V",
  ]);
});

test("a disk that the service reports is not reported again by doctor's own test", async () => {
  const faults = [{ part: "outbox", code: "disk-read-only", detail: "it is read-only" }];
  expect(await tryDisk("/proc/patrol-unit/outbox", service({ faults }))).toEqual([]);
  const [finding] = await tryDisk("/proc/patrol-unit/outbox", service());
  expect(finding?.says).toMatch(/^\/proc\/patrol-unit\/outbox cannot be written: [a-z ]+$/);
});

test("no service runs: a line says so, as a warning", async () => {
  const { configuration: loaded } = configuration("", `status: { listen: "127.0.0.1:${await freePort()}" }`);
  const { none, findings } = await askService(loaded.settings, loaded.sha256);
  expect([none, findings.map(findingText)]).toEqual([
    true,
    ["warn  service: no service runs with this configuration\n      → systemctl status patrol-unit\n"],
  ]);
});

test("a file of the link that is missing is reported with its place in the configuration", () => {
  const { file, configuration: loaded } = configuration(", ca: none.pem");
  const [finding] = configFindings(file, loaded, undefined);
  expect(finding?.says).toMatch(/car\.yaml:2:\d+: dispatch\.ca: /);
});

test("a fault of the older file with which the service runs is said; one of the file as it is now only once", () => {
  const { file, configuration: loaded } = configuration();
  const faults = [{ part: "gps", code: "invalid", detail: "car.yaml:1:1: gps.baud: expected a speed" }];
  const older = configFindings(file, loaded, service({ faults, config: "another" }));
  expect(older.map(({ says }) => says)).toEqual([`in the service's older file: ${faults[0]!.detail}`]);
  expect(configFindings(file, loaded, service({ faults, config: loaded.sha256 }))).toEqual([]);
});

test("a remedy in doctor does not send its reader to an event, or to doctor", () => {
  expect(cureOf("panic-board", "failed")).toMatch(/^Stop the other program/);
  expect(cureOf("link", "failed")).toMatch(/^Check scheme and port/);
});

test("a broker's address that the finding gives already is left out of what it says", () => {
  expect(withoutAddress("mqtt://a:1", "mqtt://a:1: no")).toBe("no");
  expect(withoutAddress("mqtt://a:1", "/etc/ca.pem cannot be read")).toBe("/etc/ca.pem cannot be read");
});

describe.skipIf(process.getuid?.() !== 0)("run as root", () => {
  test("without the service's user on this machine, doctor says that it tried as root", () => {
    const { file, configuration: loaded } = configuration();
    expect(tryRights(file, loaded.settings, "no-such-user")).toMatchObject([{ warning: true }]);
  });

  test("doctor finds the key that the service's user may not read, and the outbox that it may not write", () => {
    writeFileSync(join(folder, "ca.pem"), "x");
    writeFileSync(join(folder, "unit.key"), "x", { mode: 0o600 });
    writeFileSync(join(folder, "unit.pem"), "x");
    mkdirSync(join(folder, "outbox"));
    const { file, configuration: loaded } = configuration(", ca: ca.pem, cert: unit.pem, key: unit.key");
    const says = () => tryRights(file, loaded.settings, "nobody").map((one) => one.says);
    expect(says()).toEqual([
      `user nobody may not read ${join(folder, "unit.key")}`,
      `user nobody may not write ${join(folder, "outbox")}`,
    ]);
    chmodSync(join(folder, "unit.key"), 0o644);
    chmodSync(join(folder, "outbox"), 0o777);
    expect(says()).toEqual(["user nobody may read its files and write the outbox"]);
    writeFileSync(join(folder, "outbox", "LOCK"), "");
    expect(says()).toEqual([`user nobody may not write ${join(folder, "outbox", "LOCK")}`]);
  });
});
