import { expect, test } from "vitest";
import { createRandom } from "../../src/demo/random.ts";
import { openLives, position } from "./lives.ts";
import { EPISODE } from "./kept-episode.ts";

const QUOTA = 8 * 1024 * 1024;

test("a quota that reports of emergencies fill leaves telemetry a share: not each position becomes a gap of its own", async () => {
  const lives = openLives();
  const outbox = await lives.open(createRandom(1), QUOTA);
  for (let presses = 1; presses <= 3_900; presses++)
    outbox.append({
      kind: "emergency",
      data: {
        episode: EPISODE,
        state: "active",
        test: false,
        button: "dash".padEnd(2_300, "-"),
        presses,
        attempt: 1,
      },
      at: 1,
      clock: "gnss",
    });
  await lives.pass(60_000);
  const POSITIONS = 2_000;
  for (let n = 0; n < POSITIONS; n++) {
    outbox.append(position);
    // oxlint-disable-next-line no-await-in-loop -- one a second
    await lives.pass(1_000);
  }
  const pending = await lives.pending(outbox);
  const gaps = pending.filter(({ kind, data }) => kind === "event" && data.type === "gap");
  expect(gaps.length).toBeLessThan(10);
  expect(pending.filter(({ kind }) => kind === "position").length).toBeGreaterThan(100);
  expect(pending.filter(({ kind }) => kind === "emergency")).toHaveLength(3_900);
  await lives.close(outbox);
});
