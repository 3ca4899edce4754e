import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openCar, waitFor, type Car } from "./car.ts";
import { openCentre, type Centre } from "./centre.ts";

let stack: Centre["stack"];
let broker: Centre["broker"];
let dispatch: Centre["dispatch"];
beforeEach(async () => {
  ({ broker, dispatch, stack } = await openCentre());
});
afterEach(() => stack.disposeAsync());

const CAN =
  "can: { interface: nocan0, database: car.dbc, signals: { Vehicle.Speed: { from: Drive.Speed } } }\n";
const PROFILE = "can: { interface: nocan0, profile: car.yaml }\n";

const carWith = (files: Readonly<Record<string, string>>, extra = "", statusPort = 0): Car => {
  const car = stack.use(
    openCar(`{ brokers: ["${broker.url}"], allowPlaintext: true }`, { board: true, extra, statusPort }),
  );
  for (const [name, text] of Object.entries(files)) writeFileSync(join(car.folder, name), text);
  return car;
};
const rewrite = (car: Car, from: RegExp, to: string): void => {
  const text = readFileSync(car.config, "utf8");
  expect(text).toMatch(from);
  writeFileSync(car.config, text.replace(from, to));
};

/** The unit runs, dispatch knows of the fault, and a press reaches the disk and dispatch. */
const expectServes = async (car: Car, part: string, detail: RegExp, button = "dash"): Promise<void> => {
  await car.start();
  const reported = () =>
    dispatch.reports.flatMap((report) =>
      report.kind === "event" && report.data.type === "fault" ? [report.data] : [],
    );
  await waitFor(`the fault of ${part}`, () =>
    reported().some((fault) => fault.part === part && detail.test(fault.detail)),
  );
  await waitFor("the board", () => car.lamps.at(-1) === "idle");
  car.press();
  await waitFor("the press", () => dispatch.emergencies().length > 0);
  expect(dispatch.emergencies()[0]).toMatchObject({ button, test: false, state: "active" });
  expect(car.log.some((line) => line.part === part && detail.test(line.msg))).toBe(true);
};

describe("a unit goes on, and reports", () => {
  test("a database that is not there", async () => {
    await expectServes(carWith({}, CAN), "can", /can\.database: expected a DBC file .*no such file/);
  });

  test("a database that cannot be read as one", async () => {
    await expectServes(
      carWith({ "car.dbc": "BO_ x\n" }, CAN),
      "can",
      /car\.dbc:1:\d+: expected a message id, found "x"/,
    );
  });

  test("a profile that is no profile", async () => {
    await expectServes(
      carWith({ "car.yaml": "signals: [" }, PROFILE),
      "can",
      /car\.yaml:1:\d+: expected valid YAML/,
    );
  });

  test("a status port in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    stack.defer(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expectServes(carWith({}, "", port), "status", /status\.listen: .* cannot be used/);
  });

  test("a receiver that is none", async () => {
    const car = carWith({});
    rewrite(car, /^gps: .*$/m, "gps: { port: 5 }");
    await expectServes(car, "gps", /gps\.port: expected a tty .*found 5/);
  });

  test("buttons that cannot be read: a press comes under its loop's name, and stays dark", async () => {
    const car = carWith({});
    rewrite(car, /buttons: .*\}$/m, "buttons: { dash: { lop: 0 } } }");
    await expectServes(car, "panic-board", /panic\.buttons\.dash\.lop: .*did you mean "loop"/, "loop-0");
    expect(dispatch.emergencies()[0]?.silent).toBe(true);
    expect(car.lamps.at(-1)).toBe("idle");
  });
});
