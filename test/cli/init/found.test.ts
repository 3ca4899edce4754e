import { expect, test } from "vitest";
import { bitrateOf, busText } from "../../../src/cli/init/buses.ts";
import { deviceText, understand } from "../../../src/cli/init/serial.ts";
import { clearFit, fits, fitText, profilesIn } from "../../../src/cli/init/vehicles.ts";
import { formatSentence } from "../../../src/decode/nmea/sentence.ts";
import type { CanFrame } from "../../../src/domain/can.ts";
import { epoch } from "../../journeys/car.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const letters = (text: string): number[] => [...bytes(text)].flatMap((one) => [one & 0x7f, 0]);
const firmata = (name: string) => Uint8Array.from([0xf0, 0x79, 2, 5, ...letters(name), 0xf7]);

test("a receiver is recognised by valid sentences, with talkers, rate and fix", () => {
  const text = epoch(0) + epoch(10) + formatSentence("GNGSA,A,3,01,,,,,,,,,,,,1.0,1.0,1.0");
  expect(understand(bytes(text), 9600, 2_000)).toEqual({
    kind: "nmea",
    baud: 9600,
    talkers: ["GN", "GP"],
    perSecond: 3,
    fix: "3d",
  });
});

test("a receiver without a fix is one", () => {
  const text = formatSentence("GPRMC,,V,,,,,,,,,,N") + formatSentence("GPGGA,,,,,,0,00,99.99,,,,,,");
  expect(understand(bytes(text), 4800, 2_000)).toMatchObject({ kind: "nmea", baud: 4800, fix: "none" });
});

test("noise, and one sentence that may be an accident, are nothing", () => {
  expect(understand(bytes("\u00ff\u0000$GP,,"), 9600, 2_000)).toBeUndefined();
  expect(understand(bytes(formatSentence("GPTXT,01,01,02,A")), 9600, 2_000)).toBeUndefined();
  expect(understand(new Uint8Array(0), 57_600, 2_000)).toBeUndefined();
});

test("our board, and another one with Firmata, are told apart by their names", () => {
  const ours = understand(firmata("patrol-panic"), 57_600, 1_000);
  const other = understand(firmata("StandardFirmata.ino"), 57_600, 1_000);
  expect(ours).toEqual({ kind: "board", baud: 57_600, firmware: "patrol-panic 2.5", ours: true });
  expect(other).toEqual({ kind: "board", baud: 57_600, firmware: "StandardFirmata 2.5", ours: false });
  if (!other) throw new Error("nothing was understood");
  expect(deviceText({ path: "/dev/ttyUSB0", heard: other })).toBe(
    "/dev/ttyUSB0: another Firmata board, StandardFirmata 2.5, 57600 baud",
  );
});

test("a bus is described with its mode and bit rate", () => {
  const json = `[{"ifname":"can0","link_type":"can","linkinfo":{"info_kind":"can","info_data":{"ctrlmode":["LISTEN-ONLY"],"bittiming":{"bitrate":500000}}}}]`;
  expect(bitrateOf(json)).toBe(500_000);
  expect(bitrateOf('[{},{"linkinfo":{"info_kind":"vcan"}}]')).toBeUndefined();
  expect(busText({ name: "can0", mode: "listen-only", bitrate: 500_000, up: true })).toBe(
    "can0: up, listen-only, 500000 bit/s",
  );
  expect(busText({ name: "can1", mode: "active", bitrate: undefined, up: false })).toBe(
    "can1: down, NOT in listen-only mode",
  );
});

const frame = (id: number, extended = false): CanFrame => ({
  t: 0,
  bus: "can0",
  id,
  extended,
  data: new Uint8Array(8),
});

test("the profile whose messages are on the bus fits, and the others do not", () => {
  const profiles = profilesIn("config/vehicles");
  expect(profiles.map(({ file }) => file)).toEqual([
    "config/vehicles/j1939-van.yaml",
    "config/vehicles/skoda-octavia-iii.yaml",
    "config/vehicles/toyota-rav4.yaml",
  ]);
  for (const { file, filters } of profiles) {
    const ranked = fits(
      profiles,
      filters.map(({ id, extended }) => frame(id, extended)),
    );
    expect(ranked[0]).toEqual({ file, heard: filters.length, mapped: filters.length });
    expect(clearFit(ranked)?.file).toBe(file);
  }
});

test.each([
  ["nothing is heard", [], undefined],
  ["a half of one is heard", [1, 2], "a"],
  ["less than a half is heard", [1], undefined],
  ["two fit about as well", [1, 2, 3, 5, 6], undefined],
])("%s: the clear fit", (_, ids, file) => {
  const filters = (...of: number[]) => of.map((id) => ({ id, extended: false, group: false }));
  const profiles = [
    { file: "a", filters: filters(1, 2, 3, 4) },
    { file: "b", filters: filters(5, 6, 7) },
  ];
  expect(
    clearFit(
      fits(
        profiles,
        ids.map((id) => frame(id)),
      ),
    )?.file,
  ).toBe(file);
});

test("a fit is said in words", () => {
  expect(fitText({ file: "config/vehicles/car.yaml", heard: 3, mapped: 5 })).toBe(
    "car.yaml: 3 of its 5 messages",
  );
});
