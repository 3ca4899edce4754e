import { execFile } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { openCar, waitFor } from "./car.ts";

/** A port that was free a moment ago. */
const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

test("the running service lends the board to be programmed, and receives a press afterwards", async () => {
  const statusPort = await freePort();
  await using car = openCar('{ brokers: ["mqtts://127.0.0.1:1"] }', {
    board: true,
    loader: true,
    statusPort,
  });
  await car.start();
  await waitFor("the board", () => ["idle", "no-link", "fault"].includes(car.lamps.at(-1) ?? ""));
  const { stdout } = await promisify(execFile)(process.execPath, [
    "src/main.ts",
    "flash",
    "firmware",
    "--config",
    car.config,
    "--force",
  ]);
  expect(stdout).toMatch(/written and verified; \d+\.\d s without a panic path\n$/);
  process.stdout.write(stdout);
  const faults = () => car.log.filter(({ part }) => part === "panic-board").map(({ msg }) => msg);
  await waitFor("the end of the fault", () => faults().length >= 2);
  expect(faults()).toEqual([
    "the panic board is being programmed: no press is received for 120 s at most",
    expect.stringMatching(/^the unit has the panic board again, after \d+(\.\d)? s$/),
  ]);
  car.press();
  await waitFor("the press on disk", () => car.lamps.at(-1) === "stored");
}, 180_000);
