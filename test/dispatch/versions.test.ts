import { expect, test } from "vitest";
import { Versions } from "../../src/dispatch/versions.ts";

const [A, B] = ["mqtts://a:8883", "mqtts://b:8883"];

test("a broker that refuses MQTT 5 with a code is asked with 3.1.1 at once, and from then on if it accepts that", () => {
  const versions = new Versions();
  expect(versions.of(A)).toBe(5);
  expect(versions.failed(A, "version")).toBe(true);
  expect(versions.of(A)).toBe(5);
  versions.accepted(A, 4);
  expect([versions.of(A), versions.failed(A, "version"), versions.of(B)]).toEqual([4, false, 5]);
});

test("one that hangs up is asked with 3.1.1 from the third time on, and with MQTT 5 first each time", () => {
  const versions = new Versions();
  expect([1, 2, 3, 4].map(() => versions.failed(A, "lost"))).toEqual([false, false, true, true]);
  versions.accepted(A, 4);
  expect(versions.of(A)).toBe(5);
  expect(versions.failed(B, "lost")).toBe(false);
});

test("one that has accepted MQTT 5 may hang up eleven times in a row, and may go back to 3.1.1 with a code", () => {
  const versions = new Versions();
  for (let n = 0; n < 3; n++) {
    versions.accepted(A, 5);
    for (let hangUps = 1; hangUps < 12; hangUps++) expect(versions.failed(A, "lost")).toBe(false);
  }
  expect(versions.failed(A, "version")).toBe(true);
});

test("after twelve in a row it may be another broker: each hang-up is followed by 3.1.1, until it accepts MQTT 5", () => {
  const versions = new Versions();
  versions.accepted(A, 5);
  for (let n = 1; n < 12; n++) versions.failed(A, "lost");
  for (let n = 0; n < 3; n++) {
    expect([versions.of(A), versions.failed(A, "lost")]).toEqual([5, true]);
    versions.accepted(A, 4);
  }
  versions.accepted(A, 5);
  expect(versions.failed(A, "lost")).toBe(false);
});

test("other faults say nothing about the version", () => {
  const versions = new Versions();
  for (const code of ["refused", "timeout", "certificate", "unauthorised", "stalled"] as const)
    expect(versions.failed(A, code)).toBe(false);
});
