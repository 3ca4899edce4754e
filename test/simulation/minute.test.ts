import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

const MINUTE_MS = 60_000;

/** In a process of its own: real clocks and timers throw while a seed runs, and vitest needs them. */
test(
  "a minute of new seeds violates no invariant",
  () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["test/simulation/main.ts", "--minutes", "1"],
      { encoding: "utf8", timeout: 4 * MINUTE_MS },
    );
    process.stdout.write(stdout);
    // What it says of a violation ends with the command that replays it.
    expect(status === 0 ? "" : `${stderr}${stdout}`).toBe("");
  },
  5 * MINUTE_MS,
);
