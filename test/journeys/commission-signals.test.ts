import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { openCommissioning, program } from "./commissioned-car.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const DOOR = "Vehicle.Cabin.Door.Row1.DriverSide.IsOpen";
const AIRBAG = "Vehicle.Cabin.Seat.Row1.DriverSide.Airbag.IsDeployed";
const HOOD = "Vehicle.Body.Hood.IsOpen";
const SIREN = "Vehicle.Police.Siren.IsActive";

const DATABASE = `BO_ 256 Body: 8 A
 SG_ Door : 0|1@1+ (1,0) [0|1] "" A
 SG_ Airbag : 1|1@1+ (1,0) [0|1] "" A
 SG_ Siren : 2|1@1+ (1,0) [0|1] "" A
BO_ 257 Front: 8 A
 SG_ Hood : 0|1@1+ (1,0) [0|1] "" A
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 10000;
BA_DEF_DEF_ "GenMsgCycleTime" 100;
`;
const CAN = `can:
  interface: can0
  listenOnly: declared
  database: car.dbc
  signals:
    ${DOOR}: { from: Body.Door }
    ${AIRBAG}: { from: Body.Airbag }
    ${SIREN}: { from: Body.Siren, triable: false }
    ${HOOD}: { from: Front.Hood }
`;
const SECONDS = 90;
const OPENS_AT_S = 20;

/** A bus whose door is opened, and on which nobody sends the bonnet. */
const log = (): string =>
  Array.from({ length: SECONDS * 10 }, (_, n) => {
    const t = (1_795_000_000 + n / 10).toFixed(6);
    return `(${t}) can0 100#${n < OPENS_AT_S * 10 ? "00" : "01"}00000000000000`;
  }).join("\n");

let car: Awaited<ReturnType<typeof openCommissioning>>;
beforeAll(async () => {
  car = await openCommissioning(CAN);
  writeFileSync(join(car.root, "configs/0/car.dbc"), DATABASE);
  writeFileSync(car.at("bus.log"), `${log()}\n`);
});
afterAll(() => car[Symbol.asyncDispose]());

test("a signal that changes ticks itself, one that nobody can change is marked so, and one that never comes fails", async () => {
  await car.start("--can", car.at("bus.log"));
  // A replay has no receiver, and nobody presses.
  const skips = ["clock", "certificate", "fix", "button:dash", "button:boot"].flatMap((step) => [
    "--skip",
    `${step}=a replay`,
  ]);
  const { code, text } = await program([
    "commission",
    "--root",
    car.root,
    "--technician",
    "M. Petrović",
    "--within",
    "30",
    "--json",
    ...skips,
  ]);
  expect(code, text).toBe(1);
  const lines = text
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(lines).toContainEqual({ do: `${DOOR} (a door) reads false: open it, or close it` });
  expect(lines).toContainEqual({ step: `signal:${DOOR}`, state: "pass", figures: { from: false, to: true } });
  for (const path of [AIRBAG, SIREN])
    expect(lines).toContainEqual({
      step: `signal:${path}`,
      state: "not-fitted",
      cause: "cannot-be-tried",
      reason: "it is received, and nobody can change it here: it reads false",
      figures: { value: false },
    });
  expect(lines).toContainEqual({
    step: `signal:${HOOD}`,
    state: "fail",
    reason: `the time is up: no value of ${HOOD} has come`,
  });
  expect(lines.at(-1)).toMatchObject({ result: "failed", failed: 1, skipped: 5 });
});
