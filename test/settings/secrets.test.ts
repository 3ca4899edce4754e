import { describe, expect, test } from "vitest";
import { withoutSecrets } from "../../src/domain/address.ts";
import { brokerAddress } from "../../src/dispatch/broker-address.ts";
import { readTarget } from "../../src/cli/record/target.ts";
import { ConfigurationError, faultText } from "../../src/settings/fault.ts";
import { readDocument } from "../../src/settings/document.ts";
import { settingsOf } from "../../src/settings/load.ts";

/** What is said about a configuration with these lines, all faults. */
const saidOf = (lines: string): string => {
  const text = `unit: { directorate: zrenjanin, id: zr-117 }\ngps: { port: /dev/ttyACM0 }\n${lines}\n`;
  try {
    return settingsOf(readDocument(text, "car.yaml")).faults.map(faultText).join("\n");
  } catch (cause) {
    if (cause instanceof ConfigurationError) return cause.message;
    throw cause;
  }
};

describe("a password is not shown", () => {
  test.each([
    'dispatch: { brokers: ["mqtts://u:HUNT#ER2@host:8883"] }',
    'dispatch: { brokers: ["amqp://u:HUNT@ER2@host:8883"] }',
    "dispatch:\n  brokers:\n    - mqtts://u:HUNT #ER2@host:8883",
    "dispatch: { brokers: [mqtts://u:HUNT #ER2@host:8883] }",
    "dispatch:\n  brokers:\n    - mqtts:u:HUNTER2@host:8883",
    "dispatch:\n  brokers:\n    - u:HUNTER2@host:8883",
    "dispatch:\n  brokers:\n    - mqtts://host:8883?password=HUNTER2",
    "dispatch:\n  brokers:\n    - mqtts://host#HUNTER2",
    "dispatch:\n  brokers:\n    - mqtts://host?HUNTER2",
    "dispatch:\n  brokers: mqtts://u:HUNTER2@host:8883",
    "dispatch:\n  brokers: [mqtts://h]\n  prefix: mqtts://u:HUNTER2@host #",
    "dispatch:\n  brokers: [mqtts://h]\n  password: *HUNTER2",
    "dispatch:\n  brokers: [mqtts://h]\n  password: |HUNTER2\n",
    "dispatch:\n  brokers: [mqtts://h]\n  password: [HUNTER2]",
    "dispatch:\n  brokers: [mqtts://h]\n  password: ]HUNTER2",
    "dispatch:\n  brokers: [mqtts://h]\n  password HUNTER2: ",
    "dispatch: { brokers: [mqtts://h], password=HUNTER2 }",
    "status: { pin-HUNTER2: }",
    "gps: { port: tcp://u:HUNTER2@host:1 }",
  ])("of %j", (lines) => {
    const said = saidOf(lines);
    expect(said).not.toBe("");
    expect(said).not.toMatch(/HUNT|ER2/);
  });

  test("of an address on the command line, and no address with more than a host is used", () => {
    for (const url of [
      "mqtts://u:HUNT#ER2@host:1",
      "amqp://u:HUNTER2@host",
      "mqtt://u:HUNTER2@127.0.0.1:1",
      "mqtts:u:HUNTER2@host",
      "mqtt://127.0.0.1:1?password=HUNTER2",
      "mqtt://127.0.0.1:1#HUNTER2",
      "mqtt://127.0.0.1:1\\HUNTER2",
      "mqtt://u:HUNTER2",
    ]) {
      const reading = () => brokerAddress(url);
      expect(reading, url).toThrow(/: expected mqtt:\/\/host:port or mqtts:\/\/host:port$/);
      expect(reading, url).not.toThrow(/HUNTER2@|HUNT#/);
    }
    for (const target of ["mysql://u:HUNTER2@h/x", "postgres://u:HUNT#ER2@h/x"])
      expect(() => readTarget(target)).not.toThrow(/HUNT|ER2/);
  });
});

test("an address without credentials is shown whole", () => {
  for (const text of [
    "mqtts://host:8883",
    "mqtts://[2001:db8::1]:8883",
    "[::1]:8080",
    "host",
    "/dev/serial/by-id/x",
    "mqtt://host:1883/path",
    "localhost:8080",
    "patrol/v1/#",
  ])
    expect(withoutSecrets(text)).toBe(text);
  expect(withoutSecrets("mqtts://u:p@h:1")).toBe("mqtts://…@h:1");
});
