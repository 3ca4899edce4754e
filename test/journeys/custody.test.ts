import { afterEach, beforeEach, expect, test } from "vitest";
import { epoch, openCar, waitFor, type Car } from "./car.ts";
import { openDispatch, type Dispatch } from "./dispatch.ts";
import { freePort, startMosquitto, type Mosquitto } from "./mosquitto.ts";

/** Receipts of a recorder, played by hand at a real broker. */
let broker: Mosquitto;
let dispatch: Dispatch;
let car: Car;
let epochs = 0;
let statusPort: number;

beforeEach(async () => {
  statusPort = await freePort();
  broker = await startMosquitto();
  await broker.start();
  dispatch = await openDispatch(broker.url);
  car = openCar(`{ brokers: ["mqtt://127.0.0.1:${broker.port}"], allowPlaintext: true }`, {
    statusPort,
  });
  await car.start();
  await car.listens();
});
afterEach(async () => {
  await car[Symbol.asyncDispose]();
  await dispatch[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
});

const highest = (): number => Math.max(...dispatch.reports.map(({ seq }) => seq));
const store = (): string => dispatch.reports[0]!.store!;
const receipt = (upTo: number, more: object = {}): Promise<void> =>
  dispatch.say(
    "receipt",
    JSON.stringify({
      store: store(),
      upTo,
      missing: [],
      by: "recorder-a",
      at: new Date().toISOString(),
      ...more,
    }),
  );
type Custody = { mode: string; by?: string; upTo?: number; unreceipted: number; ignored?: number };
const custody = async (): Promise<Custody> => {
  const status = (await (await fetch(`http://127.0.0.1:${statusPort}/status.json`)).json()) as {
    link: { custody: Custody };
  };
  return status.link.custody;
};
const until = async (what: string, done: (now: Custody) => boolean): Promise<Custody> => {
  for (let n = 0; n < 200; n++) {
    // oxlint-disable-next-line no-await-in-loop -- polled
    const now = await custody();
    if (done(now)) return now;
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what}: ${JSON.stringify(await custody())}`);
};
const drive = async (seconds: number): Promise<void> => {
  const before = dispatch.positions().length;
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (let n = 0; n < seconds; n++) await car.line.write(epoch(epochs++));
  await waitFor("the positions", () => dispatch.positions().length >= before + seconds);
};

test("the first receipt makes custody dispatch's, and a receipt settles what it covers", async () => {
  await drive(10);
  expect((await custody()).mode).toBe("broker");
  await receipt(highest());
  expect(await until("dispatch's custody", ({ mode }) => mode === "dispatch")).toMatchObject({
    by: "recorder-a",
  });
  await drive(10);
  await until("reports without a receipt", ({ unreceipted }) => unreceipted > 0);
  await receipt(highest());
  await until("none of them", ({ unreceipted }) => unreceipted === 0);
});

test("what cannot be read, or is by another recorder, changes nothing and is counted", async () => {
  await drive(5);
  await receipt(highest());
  await until("dispatch's custody", ({ mode }) => mode === "dispatch");
  await drive(5);
  const { unreceipted } = await until("reports", (now) => now.unreceipted > 0);
  await dispatch.say("receipt", "{");
  await receipt(highest(), { missing: [[7, 3]] });
  await receipt(highest(), { by: "recorder-b" });
  await receipt(highest(), { store: "00000000" });
  await receipt(highest(), { at: "2020-01-01T00:00:00Z" });
  const now = await until("five that were ignored", ({ ignored }) => ignored === 5);
  expect(now).toMatchObject({ mode: "dispatch", by: "recorder-a" });
  expect(now.unreceipted).toBeGreaterThanOrEqual(unreceipted);
  await waitFor("a fault", () =>
    dispatch
      .events("fault")
      .some(({ data }) => "code" in data && data.part === "custody" && data.code === "second-recorder"),
  );
});

test("what dispatch lacks comes again as history, and what is gone is declared", async () => {
  await drive(5);
  const before = highest();
  await receipt(before);
  await until("dispatch's custody", ({ mode }) => mode === "dispatch");
  await drive(10);
  const upTo = highest();
  const lacking = dispatch.positions().find(({ seq, live }) => seq > before && live)!.seq;
  const copies = () => dispatch.reports.filter(({ seq }) => seq === lacking);
  await new Promise((resolve) => setTimeout(resolve, 31_000));
  await receipt(upTo, { missing: [[1, 1], [lacking, lacking]] }); // prettier-ignore
  await waitFor("the number again", () => copies().length > 1);
  expect(copies().at(-1)!.live).toBe(false);
  await waitFor("a gap", () => dispatch.events("gap").length > 0);
  expect(dispatch.events("gap")[0]!.data).toMatchObject({ from: 1, to: 1, count: 1, reason: "broker" });
}, 90_000);

test("a receipt for numbers that were never given begins a new store, at once and once a day", async () => {
  await drive(5);
  const before = store();
  await receipt(1_000_000);
  await waitFor("a new store", () => dispatch.reports.some((report) => report.store !== before));
  const now = dispatch.reports.find((report) => report.store !== before)!.store!;
  await drive(5);
  expect(dispatch.states.at(-1)).toMatchObject({ state: "online", store: now });
  await dispatch.say(
    "receipt",
    JSON.stringify({ store: now, upTo: 2e6, missing: [], by: "recorder-a", at: new Date().toISOString() }),
  );
  await until("it ignored", ({ ignored }) => ignored === 1);
  expect(new Set(dispatch.reports.map((report) => report.store)).size).toBe(2);
});
