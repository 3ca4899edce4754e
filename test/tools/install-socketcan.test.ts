import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test("`npm run can` without a compiler says what to install, before it asks npm for anything", () => {
  const { status, stdout, stderr } = spawnSync("/bin/sh", ["src/tools/install-socketcan.sh"], {
    env: { PATH: "/nonexistent" },
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toBe(
    "patrol-unit: the library for SocketCAN is compiled here, and make is missing: apt install build-essential python3\n",
  );
});
