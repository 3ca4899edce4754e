import { expect, test } from "vitest";
import { SourceError } from "../../src/domain/bytes.ts";
import type { CanFilter } from "../../src/domain/can.ts";
import { parseDbc } from "../../src/decode/dbc/parser.ts";
import { parseSentence } from "../../src/decode/nmea/sentence.ts";
import { Bus, BUS_DATABASE } from "./bus.ts";
import type { What } from "./facts.ts";
import { Gps, WILD_DATES } from "./gps.ts";
import { Power } from "./power.ts";
import { createDice } from "./random.ts";
import { SimulatedTime } from "./time.ts";

const AT = Date.UTC(2026, 10, 22, 8);

const read = <T>(source: AsyncIterable<T>) => {
  const got: T[] = [];
  const ends: string[] = [];
  void (async () => {
    try {
      for await (const item of source) got.push(item);
      ends.push("end");
    } catch (error) {
      ends.push(error instanceof SourceError ? error.code : String(error));
    }
  })();
  return { got, ends };
};

const openGps = () => {
  const time = new SimulatedTime(AT);
  const gps = new Gps(time, createDice(1), { at: AT, standing: () => false });
  const stop = new AbortController();
  const reader = read(gps.source(stop.signal));
  const lines = () =>
    Buffer.concat(reader.got)
      .toString("latin1")
      .split("\r\n")
      .filter((line) => line !== "");
  return { time, gps, stop, lines, reader, wait: (ms: number) => time.run(time.mono() + ms) };
};

test("a receiver speaks NMEA once a second, in the car's true time", async () => {
  const { lines, wait } = openGps();
  await wait(60_500);
  const rmc = lines().filter((line) => line.includes("RMC"));
  expect(rmc).toHaveLength(60);
  expect(rmc.at(-1)).toMatch(/^\$GPRMC,080059\.000,A,4522/);
  expect(lines().map(parseSentence)).not.toContain("checksum");
});

test("a receiver can be silent, wrong, torn, wild, and gone", async () => {
  const { gps, lines, wait, reader } = openGps();
  await wait(20_500);
  gps.faults.silent = true;
  const before = lines().length;
  await wait(5_000);
  expect(lines()).toHaveLength(before);
  Object.assign(gps.faults, { silent: false, wrongByMs: 86_400_000, torn: 0.5, garbage: true });
  await wait(20_000);
  expect(lines().some((line) => typeof parseSentence(line) === "string")).toBe(true);
  for (const wild of WILD_DATES) gps.say(wild);
  gps.unplug();
  await wait(10);
  expect(reader.ends).toEqual(["unplugged"]);
});

test("a position that jumps has a right checksum", async () => {
  const { gps, lines, wait } = openGps();
  await wait(20_500);
  gps.faults.jumpDegrees = 3;
  await wait(5_000);
  expect(lines().at(-4)).toMatch(/^\$GPRMC,\d+\.000,A,4822/);
  expect(lines().map(parseSentence)).not.toContain("checksum");
});

const EVERYTHING: readonly CanFilter[] = [256, 512, 768, 1024].map((id) => ({
  id,
  extended: false,
  group: false,
}));

test("a bus speaks what its database knows, falls silent, goes away and returns", async () => {
  const time = new SimulatedTime(AT);
  const bus = new Bus(time, createDice(1));
  const wait = (ms: number) => time.run(time.mono() + ms);
  const first = read(bus.listen(EVERYTHING, new AbortController().signal));
  await wait(1_100);
  const ids = new Set(first.got.flat().map(({ id }) => id));
  const known = parseDbc(BUS_DATABASE, "bus.dbc").messages.map(({ id }) => id);
  expect(ids.size).toBe(3);
  for (const id of ids) expect(known).toContain(id);
  bus.silent = true;
  const before = first.got.length;
  await wait(5_000);
  expect(first.got).toHaveLength(before);
  bus.leave();
  await wait(10);
  expect(first.ends).toEqual(["down"]);
  const absent = read(bus.listen(EVERYTHING, new AbortController().signal));
  await wait(10);
  expect(absent.ends).toEqual(["absent"]);
  bus.silent = false;
  bus.comeBack();
  const second = read(
    bus.listen([{ id: 1024, extended: false, group: false }], new AbortController().signal),
  );
  await wait(2_000);
  bus.door(true);
  await wait(10);
  expect(second.got.flat().map(({ id }) => id)).toEqual([1024]);
});

test("the signal map of the bus names what its database has", () => {
  const { messages } = parseDbc(BUS_DATABASE, "bus.dbc");
  const names = messages.flatMap(({ name, signals }) => signals.map((signal) => `${name}.${signal.name}`));
  const maps = Array.from(
    { length: 20 },
    (_, seed) => new Bus(new SimulatedTime(AT), createDice(seed)).signals,
  );
  for (const { from } of maps.flatMap((map) => Object.values(map))) expect(names).toContain(from);
  const ignitions = maps.map((map) => "Vehicle.LowVoltageSystemState" in map);
  expect(new Set(ignitions)).toEqual(new Set([true, false]));
});

test("what is known of the ignition: nothing without a signal, and nothing once a running car falls silent", async () => {
  const time = new SimulatedTime(AT);
  const [mapped, unmapped] = [true, false].map((wanted) => {
    for (let seed = 0; ; seed++) {
      const bus = new Bus(time, createDice(seed));
      if (bus.ignitionMapped === wanted) return bus;
    }
  });
  await time.run(1_000);
  expect([mapped!.knownIgnition, unmapped!.knownIgnition]).toEqual(["on", "unknown"]);
  mapped!.silent = true;
  expect(mapped!.knownIgnition).toBe("unknown");
  mapped!.silent = false;
  mapped!.ignition = "off";
  await time.run(2_000);
  mapped!.silent = true;
  expect(mapped!.knownIgnition).toBe("off");
});

test("the power goes ten seconds after the shutdown begins, unless it is cancelled before", async () => {
  const time = new SimulatedTime(AT);
  const facts: What[] = [];
  let cut = 0;
  const power = new Power(
    time,
    (what) => void facts.push(what),
    () => ({ ignition: "off", emergencies: 0 }),
    { shutdown: () => undefined, cut: () => cut++ },
  );
  await power.powerOff(60_000);
  await time.run(30_000);
  power.cancel();
  await time.run(120_000);
  expect([facts, cut]).toEqual([[], 0]);
  await power.powerOff(60_000);
  await time.run(185_000);
  expect(facts).toEqual([{ what: "power-off", ignition: "off", emergencies: 0 }]);
  await time.run(200_000);
  expect(cut).toBe(1);
});
