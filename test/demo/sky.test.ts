import { expect, test } from "vitest";
import { createNmeaDecoder } from "../../src/decode/nmea/decoder.ts";
import { readSatellites } from "../../src/decode/nmea/gsv.ts";
import { SatelliteGroups } from "../../src/decode/nmea/satellites.ts";
import { drive } from "../../src/demo/drive.ts";
import { epochOf } from "../../src/demo/receiver.ts";
import { ZRENJANIN_AT_ONCE } from "../../src/demo/route.ts";
import { skyOf } from "../../src/demo/sky.ts";

/** The satellites that the unit sees after some seconds. */
const seen = async (covered: boolean) => {
  const groups = new SatelliteGroups();
  const decoder = createNmeaDecoder(() => undefined, {
    sentence: (sentence, mono) => groups.push(sentence, mono),
  });
  const moments = drive(ZRENJANIN_AT_ONCE, Date.UTC(2026, 10, 26, 12));
  for (let second = 0; second < 10; second++) {
    const { value } = moments.next();
    const epoch = epochOf(covered ? { ...value, fixed: false } : value);
    decoder.push(Buffer.from(epoch + skyOf(value, covered)), second * 1_000);
  }
  return readSatellites(groups.at(9_100));
};

test("the demo's sky has twelve satellites, most of them with a signal", async () => {
  const satellites = await seen(false);
  expect(satellites).toHaveLength(12);
  expect(satellites.filter(({ signalDbHz }) => signalDbHz !== undefined).length).toBeGreaterThan(7);
});

test("under cover no satellite has a signal", async () => {
  const satellites = await seen(true);
  expect(satellites).toHaveLength(12);
  expect(satellites.filter(({ signalDbHz }) => signalDbHz !== undefined)).toEqual([]);
});
