import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { releasedImage } from "../../firmware-bridge/image.ts";
import { startLiveBoard, type LiveBoard } from "../../firmware-bridge/simulator/live.ts";
import { board } from "../../src/cli/board.ts";
import { CommandError } from "../../src/cli/lib/command.ts";
import { openTty } from "../../src/runtime/tty.ts";

/** The command against the released image on a pseudo-terminal. */
let folder: string;
let link: string;
let config: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cli-board-"));
  link = join(folder, "tty");
  config = join(folder, "unit.yaml");
  writeFileSync(
    config,
    `unit: { directorate: a, id: b }
gps: { port: /dev/ttyACM0 }
panic: { port: ${link}, buttons: { dash: { loop: 0 } } }
dispatch: { brokers: ["mqtts://localhost"], ca: ca.pem, cert: unit.pem, key: unit.key }
`,
  );
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const start = (image = releasedImage()): LiveBoard =>
  startLiveBoard({ link, image, onLight: () => undefined });

/** What the command prints; or its error, with the exit code. */
const said = async (...args: string[]): Promise<string> => {
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    await board.run([...args, "--config", config]);
    return printed;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return `${error.exit}: ${error.message}`;
  } finally {
    vi.restoreAllMocks();
  }
};

test("a board is shown, calibrated with what was measured, and forgets it again", async () => {
  using live = start();
  live.catchUp();
  expect(await said("show")).toMatch(
    /^board [0-9a-f]{8}, firmware 1\.7\nsupply (49|50)\d\d mV \(not calibrated: up to 9 % off\), reference 1\.100 V\n$/,
  );
  expect(await said("calibrate", "--mv", "5150")).toMatch(
    /\nsupply 51[45]\d mV \(calibrated, (49|50)\d\d mV before\), reference 1\.13\d V\n$/,
  );
  const shown: unknown = JSON.parse(await said("show", "--json"));
  expect(shown).toMatchObject({ firmware: "1.7", calibrated: true });
  expect(await said("calibrate", "--forget")).toMatch(
    /\(not calibrated: up to 9 % off, 51[45]\d mV before\)/,
  );
});

test("a supply that cannot be that of this board is refused, with what to do", async () => {
  using live = start();
  live.catchUp();
  expect(await said("calibrate", "--mv", "4400")).toMatch(
    /^1: the panic board refuses 4400 mV: it reads (49|50)\d\d mV, and no chip is that far off; measure between 5V and GND of the board$/,
  );
});

test("an older firmware cannot be calibrated", async () => {
  using live = start("test/firmware-bridge/images/panic-board-1.3.hex");
  live.catchUp();
  expect(await said("calibrate", "--mv", "5000")).toBe(
    "1: the panic board runs firmware 1.3, which cannot be calibrated: update it to 1.4 or newer",
  );
});

test("a port that is not there, or has another user, is named with what to do", async () => {
  expect(await said("show")).toBe(`69: ${link} is not there: is the panic board plugged in?`);
  using _live = start();
  const other = await openTty(link, 38_400);
  expect(await said("show")).toBe(`69: ${link} is in use by another program: stop it first`);
  await other.close();
});

test("a configuration without a board has none to calibrate", async () => {
  const without = join(folder, "none.yaml");
  writeFileSync(
    without,
    `unit: { directorate: a, id: b }
gps: { port: /dev/ttyACM0 }
panic: none
dispatch: { brokers: ["mqtts://localhost"], ca: ca.pem, cert: unit.pem, key: unit.key }
`,
  );
  await expect(board.run(["show", "--config", without])).rejects.toMatchObject({ exit: 78 });
});
