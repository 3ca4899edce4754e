import { describe, expect, test } from "vitest";
import { disconnected } from "../../src/dispatch/faults.ts";
import { HangUps, TwinSuspicion } from "../../src/dispatch/hang-ups.ts";
import { LinkError } from "../../src/dispatch/port.ts";

const BROKER = "mqtt://a:1883";

test("a channel whose refusal ended the connection waits on the next ones: 30 s, doubling to an hour", () => {
  const hangUps = new HangUps();
  let now = 0;
  const waits: number[] = [];
  for (let n = 0; n < 9; n++) {
    hangUps.ended(BROKER, ["health"], now);
    const [held] = hangUps.held(BROKER, now);
    waits.push(held!.until - now);
    now = held!.until;
    expect(hangUps.held(BROKER, now)).toEqual([]);
  }
  expect(waits).toEqual([30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600].map((seconds) => seconds * 1_000));
});

test("a channel on which the broker has accepted a message begins at 30 s again, the others and other brokers do not", () => {
  const hangUps = new HangUps();
  for (const broker of [BROKER, "mqtt://b:1883"])
    for (let n = 0; n < 3; n++) hangUps.ended(broker, ["health", "event"], n);
  hangUps.accepted(BROKER, "health");
  expect(hangUps.held(BROKER, 3).map(({ channel }) => channel)).toEqual(["event"]);
  for (const broker of [BROKER, "mqtt://b:1883"]) hangUps.ended(broker, ["health", "event"], 3);
  const waits = (broker: string) =>
    Object.fromEntries(hangUps.held(broker, 3).map(({ channel, until }) => [channel, until - 3]));
  expect(waits(BROKER)).toEqual({ health: 30_000, event: 240_000 });
  expect(waits("mqtt://b:1883")).toEqual({ health: 240_000, event: 240_000 });
});

test("another broker and other channels do not wait", () => {
  const hangUps = new HangUps();
  hangUps.ended(BROKER, ["health"], 0);
  expect(hangUps.held("mqtt://b:1883", 1)).toEqual([]);
  expect(hangUps.held(BROKER, 1)).toEqual([{ channel: "health", until: 30_000 }]);
});

describe("two units with one name", () => {
  const lost = new LinkError("lost", "b: the connection was closed");

  test("are suspected when a broker hangs up soon after it has accepted, three times in a row", () => {
    const twins = new TwinSuspicion();
    const messages = [0, 1, 2].map(() => twins.ended("b", lost, 9_999).message);
    expect(messages.map((one) => one.includes("do two units have the same name?"))).toEqual([
      false,
      false,
      true,
    ]);
  });

  test("are not suspected if the broker gives a reason: it stays in the fault", () => {
    const twins = new TwinSuspicion();
    const given = disconnected("b", 0x9b);
    for (let n = 0; n < 5; n++) expect(twins.ended("b", given, 0)).toBe(given);
  });

  test("are suspected if the reason says nothing", () => {
    const twins = new TwinSuspicion();
    const messages = [0x00, 0x80, 0x00].map((code) => twins.ended("b", disconnected("b", code), 0).message);
    expect(messages[2]).toContain("do two units have the same name?");
  });

  test("are not suspected for another broker, a longer connection, or another fault in between", () => {
    const twins = new TwinSuspicion();
    for (let n = 0; n < 2; n++) twins.ended("b", lost, 0);
    expect(twins.ended("c", lost, 0)).toBe(lost);
    twins.ended("b", lost, 10_000);
    for (let n = 0; n < 2; n++) twins.ended("b", lost, 0);
    twins.ended("b", new LinkError("stalled", "b: silent"), 0);
    expect(twins.ended("b", lost, 0)).toBe(lost);
  });
});
