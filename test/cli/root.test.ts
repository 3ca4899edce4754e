import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "root-"));
  mkdirSync(join(dir, "configs/2"), { recursive: true });
  symlinkSync("configs/2", join(dir, "current"));
  writeFileSync(
    join(dir, "configs/2/patrol-unit.yaml"),
    `gps: { port: /dev/ttyACM0 }
panic: none
dispatch: { brokers: ["mqtt://127.0.0.1:1"], allowPlaintext: true }
status: { listen: "127.0.0.1:1" }
outbox: { path: outbox }
`,
  );
  writeFileSync(join(dir, "local.yaml"), "unit: { directorate: zrenjanin, id: zr-117 }\n", { mode: 0o600 });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const program = (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, ["src/main.ts", ...args], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });

test("check --root checks the configuration in force with local.yaml", async () => {
  const { code, stdout, stderr } = await program("check", "--root", dir);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toBe(`${join(dir, "configs/2/patrol-unit.yaml")}: valid\n`);
});

test("the other commands read their addresses and folders from it", async () => {
  const [status, stats, doctor] = await Promise.all([
    program("status", "--root", dir),
    program("outbox", "stats", "--root", dir),
    program("doctor", "--root", dir, "--json"),
  ]);
  expect(status).toMatchObject({
    code: 69,
    stderr: "no unit answers at 127.0.0.1:1: nothing listens there: is the service running?\n",
  });
  expect(stats.stderr).toContain(`${join(dir, "outbox")} is not there`);
  expect(doctor.stdout).toContain('"part":"broker mqtt://127.0.0.1:1"');
});
