import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";

/** Runs a module that has `stop`; returns how it ended, after how many milliseconds, and what it printed. */
const run = async (text: string, signal?: NodeJS.Signals) => {
  const child = spawn(process.execPath, [
    "--input-type=module",
    "-e",
    `import { onStopRequest } from ${JSON.stringify(`${process.cwd()}/src/cli/lib/stop.ts`)};
     const stop = onStopRequest(() => console.log("late"));
     setInterval(() => undefined, 1_000);
     ${text}
     console.log("begun");`,
  ]);
  let printed = "";
  child.stdout.on("data", (bytes: Buffer) => (printed += bytes.toString()));
  const ended = once(child, "exit");
  await once(child.stdout, "data");
  const begunAt = performance.now();
  if (signal) child.kill(signal);
  const [code] = await ended;
  return { code, ms: performance.now() - begunAt, printed };
};

describe.concurrent("a process that does not come to its end", () => {
  test("is ended within 5 s after a signal", async () => {
    const { code, ms, printed } = await run("", "SIGTERM");
    expect([code, printed]).toEqual([1, "begun\nlate\n"]);
    expect(ms).toBeLessThan(6_000);
  });

  // A disk that does not answer kept a unit from being started anew, and the buttons from being served.
  test("is ended after 10 s if a unit that is to be started anew does not stop", async () => {
    const { code, ms, printed } = await run("stop.deadline().begin();");
    expect([code, printed]).toEqual([1, "begun\nlate\n"]);
    expect(ms).toBeGreaterThan(9_000);
    expect(ms).toBeLessThan(13_000);
  });

  test("goes on if the unit has stopped in time", async () => {
    const { code, printed } = await run(
      "{ using deadline = stop.deadline(); deadline.begin(); } setTimeout(() => process.exit(7), 11_000);",
    );
    expect([code, printed]).toEqual([7, "begun\n"]);
  });
});
