import { expect, test } from "vitest";
import { MqttVersion } from "../../src/wire/mqtt-version.ts";

const failures = (version: MqttVersion, count: number): boolean[] =>
  Array.from({ length: count }, () => version.failed("lost"));

test("a broker that refuses MQTT 5 with a code is asked with 3.1.1 at once, and from then on if it accepts that", () => {
  const version = new MqttVersion();
  expect(version.first).toBe(5);
  expect(version.failed("version")).toBe(true);
  expect(version.first).toBe(5);
  version.accepted(4);
  expect([version.first, version.failed("version"), version.failed("lost")]).toEqual([4, false, false]);
  expect(version.first).toBe(4);
});

test("one that hangs up is asked with 3.1.1 from the third time on, and with MQTT 5 first each time", () => {
  const version = new MqttVersion();
  expect(failures(version, 4)).toEqual([false, false, true, true]);
  for (let n = 0; n < 3; n++) {
    version.accepted(4);
    expect([version.first, version.failed("lost")]).toEqual([5, true]);
  }
  version.accepted(5);
  expect(failures(version, 4)).toEqual([false, false, false, false]);
});

test("one that has accepted MQTT 5 may hang up eleven times in a row, and may go back to 3.1.1 with a code", () => {
  const version = new MqttVersion();
  for (let n = 0; n < 3; n++) {
    version.accepted(5);
    expect(failures(version, 11)).not.toContain(true);
    expect(version.first).toBe(5);
  }
  expect(version.failed("version")).toBe(true);
});

test("after twelve in a row it may be another broker: each hang-up is followed by 3.1.1, until it accepts MQTT 5", () => {
  const version = new MqttVersion();
  version.accepted(5);
  failures(version, 11);
  for (let n = 0; n < 3; n++) {
    expect([version.first, version.failed("lost")]).toEqual([5, true]);
    version.accepted(4);
  }
  version.accepted(5);
  expect(version.failed("lost")).toBe(false);
});

test("other faults say nothing about the version", () => {
  const version = new MqttVersion();
  for (let n = 0; n < 20; n++) expect(version.failed("other")).toBe(false);
  expect(version.first).toBe(5);
});
