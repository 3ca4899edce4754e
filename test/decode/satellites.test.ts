import { describe, expect, test } from "vitest";
import { createNmeaDecoder } from "../../src/decode/nmea/decoder.ts";
import { readSatellites } from "../../src/decode/nmea/gsv.ts";
import { SatelliteGroups } from "../../src/decode/nmea/satellites.ts";
import { formatSentence } from "../../src/decode/nmea/sentence.ts";

/** What is seen at `now` of bodies that arrive one a `stepMs`. */
const see = async (bodies: readonly string[], given: { stepMs?: number; now?: number } = {}) => {
  const { stepMs = 10, now = bodies.length * stepMs } = given;
  const groups = new SatelliteGroups();
  const decoder = createNmeaDecoder(() => undefined, {
    sentence: (sentence, mono) => groups.push(sentence, mono),
  });
  bodies.forEach((body, n) => decoder.push(Buffer.from(formatSentence(body)), n * stepMs));
  return { groups: groups.at(now), satellites: await readSatellites(groups.at(now)) };
};
const prns = ({ satellites }: Awaited<ReturnType<typeof see>>) => satellites.map(({ prn }) => prn);

const FIRST = "GPGSV,2,1,05,05,06,110,19,10,24,284,34,13,37,124,29,15,63,083,11";
const SECOND = "GPGSV,2,2,05,30,00,159,22";

describe("satellites in view", () => {
  test("are those of a whole group, with elevation, azimuth and signal", async () => {
    const { satellites } = await see([FIRST, SECOND]);
    expect(satellites).toHaveLength(5);
    expect(satellites[0]).toEqual({
      constellation: "gps",
      prn: 5,
      elevationDeg: 6,
      azimuthDeg: 110,
      signalDbHz: 19,
    });
    expect(satellites[4]).toMatchObject({ prn: 30, elevationDeg: 0 });
  });

  test("what is empty, unreadable or impossible is absent, never 0", async () => {
    const { satellites } = await see([
      "GPGSV,2,1,06,21,,,40,25,08,,12,26,04,276,,27,x1,361,00",
      "GPGSV,2,2,06,28,91,360,1e1,,,,",
    ]);
    expect(satellites).toEqual([
      { constellation: "gps", prn: 21, signalDbHz: 40 },
      { constellation: "gps", prn: 25, elevationDeg: 8, signalDbHz: 12 },
      { constellation: "gps", prn: 26, elevationDeg: 4, azimuthDeg: 276 },
      { constellation: "gps", prn: 27 },
      { constellation: "gps", prn: 28, azimuthDeg: 0 },
    ]);
  });

  test("the signal id of NMEA 4.1 is no satellite", async () => {
    expect(prns(await see(["GAGSV,1,1,01,33,62,034,08,7"]))).toEqual([33]);
    expect(prns(await see(["GAGSV,1,1,00,7"]))).toEqual([]);
  });

  test("one satellite on two signals is one, with the stronger of them", async () => {
    const l1 = ["GPGSV,1,1,02,05,06,110,19,10,24,284,34,1"];
    const l2 = ["GPGSV,1,1,02,05,06,110,28,10,24,284,,6"];
    for (const bodies of [
      [...l1, ...l2],
      [...l2, ...l1],
    ]) {
      const { satellites } = await see(bodies);
      expect(satellites.map(({ prn, signalDbHz }) => [prn, signalDbHz])).toEqual([
        [5, 28],
        [10, 34],
      ]);
    }
  });

  test("one group may name a second signal in its last sentence only", async () => {
    const { satellites } = await see(["GPGSV,2,1,03,02,25,260,39,06,12,215,", "GPGSV,2,2,03,06,,,40,8"]);
    expect(satellites).toEqual([
      { constellation: "gps", prn: 2, elevationDeg: 25, azimuthDeg: 260, signalDbHz: 39 },
      { constellation: "gps", prn: 6, elevationDeg: 12, azimuthDeg: 215, signalDbHz: 40 },
    ]);
  });

  test.each([
    ["GP", 32, "gps"],
    ["GP", 33, "sbas"],
    ["GP", 124, "sbas"],
    ["GP", 193, "qzss"],
    ["GL", 65, "glonass"],
    ["GL", 1, "glonass"],
    ["GA", 102, "galileo"],
    ["GB", 21, "beidou"],
    ["BD", 219, "beidou"],
    ["QZ", 2, "qzss"],
    ["GI", 3, "navic"],
    ["GN", 70, "glonass"],
    ["GN", 301, "galileo"],
  ])("%s %i is of %s", async (talker, prn, constellation) => {
    const { satellites } = await see([`${talker}GSV,1,1,01,${prn},45,180,40`]);
    expect(satellites).toMatchObject([{ constellation, prn }]);
  });

  test("one number under two constellations is two satellites", async () => {
    const { satellites } = await see(["GPGSV,1,1,01,05,45,180,40", "GAGSV,1,1,01,05,30,090,35"]);
    expect(satellites).toHaveLength(2);
  });
});

describe("half a group is never shown", () => {
  test.each([
    ["begun and not ended", [FIRST]],
    ["without its beginning", [SECOND]],
    ["with another sentence in it", [FIRST, "GPTXT,01,01,02,x", SECOND]],
    ["with another talker's in it", [FIRST, "GLGSV,1,1,00", SECOND]],
    ["with a sentence twice", [FIRST, FIRST.replace("2,1", "3,1"), SECOND]],
    ["with one missing", ["GPGSV,3,1,09,05,06,110,19", "GPGSV,3,3,09,30,00,159,22"]],
    ["that is numbered wrong", ["GPGSV,1,2,01,05,06,110,19", "GPGSV,0,0,01,05,06,110,19", "GPGSV,,,"]],
    [
      "of more sentences than there can be",
      Array.from({ length: 12 }, (_, n) => `GPGSV,12,${n + 1},48,5,6,7,8`),
    ],
  ])("%s", async (_, bodies) => {
    expect(prns(await see(bodies))).toEqual([]);
  });

  test("two halves that are seconds apart are no group", async () => {
    expect(prns(await see([FIRST, SECOND], { stepMs: 3_000 }))).toEqual([]);
  });

  test("and the whole one before it stays until it is old", async () => {
    expect(prns(await see([FIRST, SECOND, FIRST]))).toHaveLength(5);
    expect(prns(await see([FIRST, SECOND, FIRST], { now: 15_000 }))).toHaveLength(5);
    expect(prns(await see([FIRST, SECOND, FIRST], { now: 15_001 }))).toEqual([]);
  });
});

test("a group of none takes the place of the one before", async () => {
  expect(prns(await see([FIRST, SECOND, "GPGSV,1,1,00"]))).toEqual([]);
});

test("however many talkers and signals a stream invents, 32 groups are kept", async () => {
  const bodies = Array.from({ length: 500 }, (_, n) => `GPGSV,1,1,01,${(n % 32) + 1},45,180,40,${n}`);
  expect((await see(bodies)).groups).toHaveLength(32);
});

test("nothing in a GSV makes reading throw", async () => {
  const bodies = [
    "GPGSV",
    "GPGSV,",
    "GPGSV,1,1",
    "GPGSV,1,1,",
    "GPGSV,1,1,99999999999,1,2",
    "GPGSV,1,1,*,,,,,",
  ];
  for (const body of bodies) expect(prns(await see([body]))).toEqual([]);
});
