import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createNmeaDecoder } from "../../src/decode/nmea/decoder.ts";
import type { Fix } from "../../src/domain/fix.ts";
import { distanceM } from "../../src/domain/geodesy.ts";
import { readRecording } from "../../src/sources/recording.ts";
import { missed, recordingsFolder } from "./field-data.ts";

const DAY_MS = 86_400_000;
const ofDay = (at: number) => ((at % DAY_MS) + DAY_MS) % DAY_MS;

const decodeFile = (file: string, chunk = 65_536): Fix[] => {
  const fixes: Fix[] = [];
  const decoder = createNmeaDecoder((fix) => fixes.push(fix));
  const bytes = readRecording(file);
  for (let i = 0; i < bytes.length; i += chunk) decoder.push(bytes.subarray(i, i + chunk));
  decoder.end();
  return fixes;
};

const folder = recordingsFolder("nmea");
const RECEIVERS = 42;

describe.runIf(folder)("recordings of 42 receivers decode to gpsd's fixes", () => {
  const files = readdirSync(folder ?? ".").filter((name) => name.endsWith(".nmea"));

  test("all recordings are there", () => expect(files).toHaveLength(RECEIVERS));

  test.each(files)("%s", (name) => {
    const fixes = decodeFile(`${folder}/${name}`);
    const golden = readFileSync(`${folder}/${name.replace(".nmea", ".expected.jsonl")}`, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { time: string; lat: number; lon: number });
    const unused = new Set(fixes);
    for (const expected of golden) {
      const tod = ofDay(Date.parse(expected.time));
      const found = [...unused].find((fix) => Math.abs(ofDay(fix.at) - tod) <= 1);
      expect(found, `a fix at ${expected.time}`).toBeDefined();
      expect(distanceM(found!, expected)).toBeLessThan(2);
      unused.delete(found!);
    }
    // gpsd holds back an epoch at a stream's edges; more than one extra would be an invention.
    expect(unused.size).toBeLessThanOrEqual(1);
  });

  test("a recording decodes the same in chunks of any size", () => {
    for (const name of ["ublox-zed-f9p-nmea.nmea", "skytraq-dgps.nmea", "mtk-3301.nmea"]) {
      const whole = decodeFile(`${folder}/${name}`);
      for (const chunk of [1, 7, 64, 1021]) expect(decodeFile(`${folder}/${name}`, chunk)).toEqual(whole);
    }
  });
});

/** Every valid RMC of a recording: its own time of day, date and place. */
const validRmc = (text: string) =>
  text
    .split(/[\r\n]+/)
    .filter((line) => /^\$..RMC,[^,]+,A/.test(line))
    .map((line) => line.split(","))
    .map((f) => {
      const [, hh, mm, ss] = /^(\d\d)(\d\d)(.+)$/.exec(f[1]!)!.map(Number);
      const [, day, month, year] = /^(\d\d)(\d\d)(\d\d)$/.exec(f[9]!)!.map(Number);
      const angle = (value: string, width: number, negative: boolean) =>
        (Number(value.slice(0, width)) + Number(value.slice(width)) / 60) * (negative ? -1 : 1);
      return {
        at: Date.UTC(2000 + year!, month! - 1, day, hh, mm) + Math.round(ss! * 1000),
        lat: angle(f[3]!, 2, f[4] === "S"),
        lon: angle(f[5]!, 3, f[6] === "W"),
      };
    });

describe.runIf(folder)("two car drives", () => {
  test.each(["munich_car", "geko_regensburg"])("%s: every valid RMC is a position, no void one", (name) => {
    const file = `${folder}/drives/${name}.nmea.gz`;
    const fixes = decodeFile(file);
    const expected = validRmc(readRecording(file).toString("latin1"));
    expect(fixes.map((fix) => fix.at)).toEqual(expected.map((rmc) => rmc.at));
    fixes.forEach((fix, i) => expect(distanceM(fix, expected[i]!)).toBeLessThan(2));
  });
});

if (!folder) missed(RECEIVERS + 4, "the receivers' recordings");
