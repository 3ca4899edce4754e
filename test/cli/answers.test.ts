import { expect, test } from "vitest";
import { nextAnswer } from "../../src/cli/lib/console.ts";
import { describeMessage } from "../../src/cli/lib/describe.ts";

const TOPIC = "patrol/v1/zrenjanin/zr-117/emergency/01K0000000000000000000000A";
const emergency = (state: string): Buffer =>
  Buffer.from(
    JSON.stringify({
      v: 1,
      unit: "zrenjanin/zr-117",
      store: "k3v9q0ab",
      boot: 1,
      seq: 2,
      kind: "emergency",
      at: "2026-11-24T08:00:00.000Z",
      clock: "gnss",
      mono: 1,
      live: true,
      data: {
        episode: "01K0000000000000000000000A",
        state,
        test: false,
        button: "dash",
        presses: 1,
        attempt: 1,
      },
    }),
  );

test.each([
  ["active", "received"],
  ["received", "accepted"],
  ["accepted", "cleared"],
  ["cleared", undefined],
])("the console answers an episode that is %s with %s", (state, answer) => {
  expect(nextAnswer(TOPIC, emergency(state))).toBe(answer);
});

test("the console answers no other topic, and nothing that it cannot read", () => {
  expect(nextAnswer(`${TOPIC}/ack`, emergency("active"))).toBeUndefined();
  expect(nextAnswer(TOPIC, Buffer.from("{"))).toBeUndefined();
  expect(nextAnswer(TOPIC, Buffer.alloc(0))).toBeUndefined();
});

test("the console prints one line a report, and names the unit", () => {
  const lines = describeMessage(TOPIC, emergency("active"));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("zrenjanin/zr-117");
});
