import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** What test/install/fetch.sh fetches. */
const OTHERS = resolve("node_modules/.other-nodes/node_modules");

test.skipIf(!existsSync(OTHERS)).each(["node18", "node20", "node22"])(
  "the bundle on %s says in one line what to do, and exits with 1",
  async (node) => {
    const started = promisify(execFile)(resolve(OTHERS, node, "bin/node"), ["dist/patrol-unit.mjs", "run"]);
    await expect(started).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^patrol-unit needs Node 24 .* node_modules\/\.bin\/node.*\n$/) as string,
    });
  },
);

test("the bundle can be started by its name, with the pinned runtime in the path", async () => {
  const { stdout } = await promisify(execFile)("dist/patrol-unit.mjs", ["--version"], {
    env: { ...process.env, PATH: `${resolve("node_modules/.bin")}:${process.env["PATH"]}` },
  });
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});

// What esbuild makes of `using` in a loop throws the error of an earlier turn again: in the bundle a press did not reach the
// healthy one of several addresses.
test("the bundle has `using` as Node has it", () => {
  const text = readFileSync("dist/unit.mjs", "utf8");
  expect(text).toMatch(/\busing \w+\s*=/);
  expect(text).not.toMatch(/__using|__callDispose/);
});

test("the bundle keeps the exit code of its command", async () => {
  const run = promisify(execFile)(process.execPath, ["dist/patrol-unit.mjs", "run"]);
  await expect(run).rejects.toMatchObject({
    code: 64,
    stderr: "--config or --root is missing; --help lists the options\n",
  });
});

test("the bundle without a checkout has the board's firmware", async () => {
  const folder = mkdtempSync(join(tmpdir(), "opt-"));
  cpSync("dist", join(folder, "dist"), { recursive: true });
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const config = join(folder, "unit.yaml");
  writeFileSync(
    config,
    `unit: { directorate: a, id: b }
panic: { port: ${folder}/board, buttons: { dash: { loop: 0 } } }
dispatch: { brokers: ["mqtts://localhost"], ca: ca.pem, cert: unit.pem, key: unit.key }
status: { listen: "127.0.0.1:1" }
`,
  );
  const program = join(folder, "dist/patrol-unit.mjs");
  const run = promisify(execFile)(process.execPath, [program, "flash", "firmware", "--config", config]);
  // It is read before the port is opened.
  await expect(run).rejects.toMatchObject({
    code: 69,
    stderr: `${folder}/board is not there: is the panic board plugged in?\n`,
  });
  rmSync(folder, { recursive: true });
});
