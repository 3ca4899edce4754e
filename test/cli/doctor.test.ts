import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import { encodeFromBoard } from "../../firmware-bridge/protocol.ts";
import { tryDevices } from "../../src/cli/doctor/devices.ts";
import { findingText, sound, trouble, warning } from "../../src/cli/doctor/finding.ts";
import { openSerialLine } from "../../src/runtime/pty.ts";
import { loadConfiguration } from "../../src/settings/load.ts";

/** Findings of a car whose configuration has this `panic`, and no receiver. */
const findingsWith = async (panic: string) => {
  const folder = mkdtempSync(join(tmpdir(), "doctor-"));
  try {
    const file = join(folder, "car.yaml");
    writeFileSync(
      file,
      `unit: { directorate: zrenjanin, id: zr-117 }\ndispatch: { brokers: ["mqtts://a"] }\n${panic}`,
    );
    return await tryDevices(loadConfiguration(file), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

test("doctor does not call a car without buttons healthy, also if the configuration wants it so", async () => {
  const [finding, ...others] = await findingsWith("panic: none\n");
  expect(others).toEqual([]);
  expect(findingText(finding!)).toBe("warn  panic: none: no button of this car works\n");
});

test("doctor says nothing more about a board that a fault of the configuration has switched off", async () => {
  expect(await findingsWith("panic: non\n")).toEqual([]);
});

test("doctor waits for the hello of a board whose heartbeat came first", async () => {
  const folder = mkdtempSync(join(tmpdir(), "board-"));
  const port = join(folder, "tty");
  using line = openSerialLine(port);
  const board = "0badcafe";
  const common = { board, uptimeS: 1, resetCause: 1 } as const;
  const loops = ["normal", "normal", "normal", "normal"] as const;
  let queries = 0;
  line.onData(
    createBoardFramer({
      panic([type]) {
        if (type !== 0x40) return;
        const answer =
          ++queries < 3
            ? encodeFromBoard({ ...common, kind: "heartbeat", loops, supplyMv: 5000, pending: 0, pattern: 0 })
            : encodeFromBoard({
                ...common,
                kind: "hello",
                protocol: 1,
                firmware: "1.0",
                lastNumber: 0,
                loops: 4,
              });
        void line.write(answer);
      },
      firmata: () => undefined,
      broken: () => undefined,
    }),
  );
  const [finding] = await findingsWith(`panic: { port: ${port}, buttons: { dash: { loop: 0 } } }\n`);
  rmSync(folder, { recursive: true });
  expect(finding).toEqual(sound("panic", "the board answers; dash: normal"));
});

test("doctor's lines begin with ok or FAIL, and a failure is followed by what to do", () => {
  expect(findingText(sound("gps", "fix 3d"))).toBe("ok    gps: fix 3d\n");
  expect(findingText(trouble("gps", "no fix", "go outside"))).toBe("FAIL  gps: no fix\n      → go outside\n");
  expect(findingText(warning("panic", "none"))).toBe("warn  panic: none\n");
  expect(findingText(warning("service", "none runs", "start it"))).toBe(
    "warn  service: none runs\n      → start it\n",
  );
});
