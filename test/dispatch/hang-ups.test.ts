import { expect, test } from "vitest";
import { HangUps } from "../../src/dispatch/hang-ups.ts";

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

test("another broker and other channels do not wait", () => {
  const hangUps = new HangUps();
  hangUps.ended(BROKER, ["health"], 0);
  expect(hangUps.held("mqtt://b:1883", 1)).toEqual([]);
  expect(hangUps.held(BROKER, 1)).toEqual([{ channel: "health", until: 30_000 }]);
});
