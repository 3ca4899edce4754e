import { readdirSync } from "node:fs";
import { parseNmeaSentence, type Packet } from "nmea-simple";
import { beforeAll, describe, expect, test } from "vitest";
import { createFramer } from "../../src/decode/nmea/framer.ts";
import { readSatellites } from "../../src/decode/nmea/gsv.ts";
import { formatSentence, parseSentence, type Sentence } from "../../src/decode/nmea/sentence.ts";
import { readStatement } from "../../src/decode/nmea/statement.ts";
import { readRecording } from "../../src/sources/recording.ts";
import { missed, recordingsFolder } from "./field-data.ts";

/**
 * Two decoders read every sentence; where they differ, one of the reasons below must explain it,
 * and every reason must really occur. So a new difference fails, and so does a reason that has
 * become needless.
 */

const DAY_MS = 86_400_000;
const KMH_PER_KNOT = 1.852;

type Value = number | string | undefined;
type Row = Readonly<Record<string, Value>>;

const ofDay = (date: Date) => ((date.getTime() % DAY_MS) + DAY_MS) % DAY_MS;
const dayOf = (date: Date) => date.getTime() - ofDay(date);
const FIX_TYPES = ["none", "fix", "delta", "pps", "rtk", "frtk", "estimated", "manual", "simulation"];
const verdictOf = (quality: number) => (quality === 0 ? "void" : quality >= 7 ? "simulated" : undefined);

/** What nmea-simple says, under our names and in our units. */
const theirs = (packet: Packet): Row | undefined => {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others say nothing of position
  switch (packet.sentenceId) {
    case "RMC":
      return {
        tod: ofDay(packet.datetime),
        date: dayOf(packet.datetime),
        lat: packet.latitude,
        lon: packet.longitude,
        verdict: packet.status === "valid" ? undefined : "void",
        speedKmh: packet.speedKnots * KMH_PER_KNOT,
        courseDeg: packet.trackTrue,
      };
    case "GGA": {
      const quality = FIX_TYPES.indexOf(packet.fixType);
      return {
        tod: ofDay(packet.time),
        date: dayOf(packet.time),
        lat: packet.latitude,
        lon: packet.longitude,
        verdict: verdictOf(quality),
        quality,
        satellites: packet.satellitesInView,
        hdop: packet.horizontalDilution,
        altM: packet.altitudeMeters,
      };
    }
    case "GNS":
      return {
        tod: ofDay(packet.time),
        date: dayOf(packet.time),
        lat: packet.latitude,
        lon: packet.longitude,
        satellites: packet.satellitesInView,
        hdop: packet.horizontalDilution,
        altM: packet.altitudeMeters,
      };
    case "GLL":
      return {
        tod: ofDay(packet.time),
        date: dayOf(packet.time),
        lat: packet.latitude,
        lon: packet.longitude,
        verdict: packet.status === "valid" ? undefined : "void",
      };
    case "GSA":
      return { dimension: { "2D": 2, "3D": 3 }[packet.fixMode as string], hdop: packet.HDOP };
    case "GST":
      return {
        tod: ofDay(packet.time),
        date: dayOf(packet.time),
        sigmaM: Math.hypot(packet.latitudeError, packet.longitudeError),
      };
    case "VTG":
      return { courseDeg: packet.trackTrue, speedKmh: packet.speedKmph };
    case "ZDA":
      return { tod: ofDay(packet.datetime), date: dayOf(packet.datetime) };
    case "GSV":
      return Object.fromEntries(
        packet.satellites.flatMap((satellite, n) => [
          [`prn ${n}`, satellite.prnNumber],
          [`elevationDeg ${n}`, satellite.elevationDegrees],
          [`azimuthDeg ${n}`, satellite.azimuthTrue],
          [`signalDbHz ${n}`, satellite.SNRdB],
        ]),
      );
    default:
      return undefined;
  }
};

/** What we say, under the same names. */
const ours = async (sentence: Sentence): Promise<Row | undefined> => {
  if (sentence.formatter === "GSV") {
    const fields = sentence.body.split(",");
    const row: Record<string, Value> = {};
    for (let n = 0; 3 + n * 4 + 3 < fields.length; n++) {
      const quad = fields.slice(3 + n * 4, 7 + n * 4).join(",");
      const group = { talker: sentence.talker, bodies: [`1,1,01,${quad}`], mono: 0 };
      const [satellite] = await readSatellites([group]);
      row[`prn ${n}`] = satellite?.prn;
      row[`elevationDeg ${n}`] = satellite?.elevationDeg;
      row[`azimuthDeg ${n}`] = satellite?.azimuthDeg;
      row[`signalDbHz ${n}`] = satellite?.signalDbHz;
    }
    return row;
  }
  const said = readStatement(sentence);
  if (!said) return undefined;
  const { place, malformed: _, ...rest } = said;
  return { ...rest, lat: place?.lat, lon: place?.lon };
};

type Difference = {
  readonly formatter: string;
  readonly field: string;
  /** The sentence's fields, from the first behind the address. */
  readonly raw: readonly string[];
  readonly ours: Value;
  readonly theirs: Value;
};

const same = (one: Value, other: Value): boolean =>
  one === other || (typeof one === "number" && typeof other === "number" && Math.abs(one - other) < 1e-8);

/** The field that a value was read from. */
const SOURCE: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  RMC: { tod: 0, date: 8, lat: 2, lon: 4, speedKmh: 6, courseDeg: 7 },
  GGA: { tod: 0, lat: 1, lon: 3, quality: 5, satellites: 6, hdop: 7, altM: 8 },
  GNS: { tod: 0, lat: 1, lon: 3, satellites: 6, hdop: 7, altM: 8 },
  GLL: { tod: 4, lat: 0, lon: 2 },
  GSA: { hdop: 15 },
  GST: { tod: 0, sigmaM: 5 },
  VTG: { courseDeg: 0, speedKmh: 6 },
  ZDA: { tod: 0, date: 3 },
};
const sourceOf = ({ formatter, field, raw }: Difference): string | undefined => {
  if (formatter === "GSV") {
    const [name, n] = field.split(" ");
    return raw[3 + Number(n) * 4 + ["prn", "elevationDeg", "azimuthDeg", "signalDbHz"].indexOf(name!)];
  }
  const index = SOURCE[formatter]?.[field];
  return index === undefined ? undefined : raw[index];
};

type Reason = {
  readonly why: string;
  readonly explains: (difference: Difference) => boolean;
  /** Sentences that show it. */
  readonly examples: readonly string[];
  /** It is known from made-up sentences only: no receiver of the recordings says such a thing. */
  readonly madeUp?: true;
};

const isPlace = ({ field }: Difference) => field === "lat" || field === "lon";
const placeOf = ({ formatter, raw }: Difference): readonly string[] => {
  const first = SOURCE[formatter]!["lat"]!;
  return raw.slice(first, first + 4);
};
const degrees = /^\d+(?:\.\d*)?$/;

/** Where nmea-simple 3.3.0 is wrong, and so why we do not decode positions with it. */
const REASONS: readonly Reason[] = [
  {
    why: "an empty field is 0: no fix is a fix at 0 N 0 E, a standing car drives north",
    explains: (d) => sourceOf(d) === "" && d.ours === undefined && d.theirs === 0,
    examples: [
      "GPGGA,142816.359,,,,,0,,,,M,0.0,M,,",
      "GPGLL,,,,,142816.359,V,N",
      "GPGNS,112257.00,3844.2401,N,00908.4382,W,AN,03,,,,,",
      "GPRMC,194907.00,A,5241.9981,N,00517.5652,E,,,010809,,,A",
      "GPVTG,,,,,,,,,N",
      "GPGSA,A,1,,,,,,,,,,,,,,,",
      "GPGST,232712.000,,,,,,,",
      "GPGSV,1,1,01,05,,,,,,,",
    ],
  },
  {
    why: "an RMC without a time or a date is an invalid Date",
    explains: (d) =>
      d.formatter === "RMC" &&
      Number.isNaN(d.theirs) &&
      (d.field === "tod" || d.field === "date") &&
      (d.raw[0] === "" || d.raw[8] === ""),
    examples: ["GPRMC,,V,,,,,,,260810,1.0,E,N", "GPRMC,170514,V,4500.0,N,02000.0,E,1,1,,,,N"],
  },
  {
    why: "GGA, GLL, GNS and GST name no date: it is the host's, or 1970 without a time",
    explains: (d) =>
      d.field === "date" && ["GGA", "GLL", "GNS", "GST"].includes(d.formatter) && d.ours === undefined,
    examples: [
      "GPGGA,120000.00,4523.0000,N,02023.0000,E,1,08,1.0,80.0,M,44.0,M,,",
      "GPGLL,4523.0000,N,02023.0000,E,120000.00,A,A",
      "GPGNS,120000.00,4523.0000,N,02023.0000,E,A,08,1.0,80.0,44.0,,",
      "GPGST,120000.00,,,,,3.0,4.0,5.0",
    ],
  },
  {
    why: "the decimals of an RMC's second are lost unless there are two of them",
    explains: (d) =>
      d.formatter === "RMC" &&
      d.field === "tod" &&
      Number(d.ours) - Number(d.theirs) === Number(d.ours) % 1000 &&
      d.raw[0]!.split(".")[1]?.length !== 2,
    examples: ["GPRMC,142816.359,A,4523.0000,N,02023.0000,E,10.00,90.0,221126,,,A"],
  },
  {
    why: "a DOP of 0, or of 50 and more, is how receivers print that they have none",
    explains: (d) =>
      d.field === "hdop" &&
      d.ours === undefined &&
      (d.theirs === 0 || Number(d.theirs) >= 50) &&
      sourceOf(d) !== "",
    examples: [
      "GPGSA,A,1,,,,,,,,,,,,,99.99,99.99,99.99",
      "GPGGA,120000.00,4523.0000,N,02023.0000,E,1,00,0.0,80.0,M,44.0,M,,",
      "GPGNS,120000.00,4523.0000,N,02023.0000,E,A,00,99.0,80.0,44.0,,",
    ],
  },
  {
    why: "minutes of 60, and degrees past the pole, become a place",
    explains: (d) => {
      if (!isPlace(d) || d.ours !== undefined) return false;
      const [lat = "", , lon = ""] = placeOf(d);
      const impossible = (value: string, limit: number) =>
        Number(value) % 100 >= 60 || Number(value) > limit * 100;
      return degrees.test(lat) && degrees.test(lon) && (impossible(lat, 90) || impossible(lon, 180));
    },
    examples: [
      "GPRMC,235946.000,V,8960.000000,N,00000.000000,E,0.000,0.00,050180,,,N",
      "GPGGA,235946.00,8960.000000,N,00000.000000,E,0,0,2.0,137.000,M,13.000,M,,",
    ],
  },
  {
    why: "the signal id of NMEA 4.1 becomes a satellite",
    explains: (d) =>
      d.formatter === "GSV" &&
      (d.raw.length - 3) % 4 === 1 &&
      Number(d.field.split(" ")[1]) === (d.raw.length - 4) / 4 &&
      d.ours === undefined,
    examples: ["GPGSV,1,1,01,05,06,110,19,1", "GAGSV,1,1,01,33,62,034,08,7"],
  },
  {
    why: "a signal of 0 is a satellite that is not tracked",
    explains: (d) => d.field.startsWith("signalDbHz") && d.theirs === 0 && /^0+$/.test(sourceOf(d) ?? ""),
    examples: ["GPGSV,1,1,01,03,57,171,00"],
  },
  {
    why: "a mode that says that this is no position (N, S, M) is not looked at",
    explains: (d) =>
      d.field === "verdict" &&
      d.theirs === undefined &&
      /^[NSM]$/.test(d.raw[{ RMC: 11, GLL: 6 }[d.formatter] ?? -1] ?? ""),
    examples: [
      "GPRMC,120000.00,A,4523.0000,N,02023.0000,E,10.00,90.0,221126,,,S",
      "GPGLL,4523.0000,N,02023.0000,E,120000.00,A,N",
    ],
    madeUp: true,
  },
  {
    why: "a GLL of NMEA 1.5, which has no status, is no position",
    explains: (d) => d.formatter === "GLL" && d.field === "verdict" && d.raw.length < 6,
    examples: ["GPGLL,4523.0000,N,02023.0000,E,120000.00"],
    madeUp: true,
  },
  {
    why: "a coordinate that is no number, or is without its hemisphere, is read as far as it goes",
    explains: (d) => {
      if (!isPlace(d) || d.ours !== undefined || sourceOf(d) === "") return false;
      const [lat = "", ns = "", lon = "", ew = ""] = placeOf(d);
      return !degrees.test(lat) || !degrees.test(lon) || !/^[NS]$/.test(ns) || !/^[EW]$/.test(ew);
    },
    examples: [
      "GPRMC,120000.00,A,45a3.0000,N,02023.0000,E,10.00,90.0,221126,,,A",
      "GPRMC,120000.00,A,4523.0000,,02023.0000,E,10.00,90.0,221126,,,A",
      "GPGGA,120000.00,4523.0000,E,02023.0000,N,1,08,1.0,80.0,M,44.0,M,,",
    ],
    madeUp: true,
  },
  {
    why: "a coordinate without a decimal point is 0",
    explains: (d) => isPlace(d) && d.theirs === 0 && /^\d+$/.test(sourceOf(d) ?? ""),
    examples: ["GPRMC,120000.00,A,4523,N,02023,E,10.00,90.0,221126,,,A"],
    madeUp: true,
  },
  {
    why: "a course of 360 is not 0",
    explains: (d) => d.field === "courseDeg" && d.ours === 0 && d.theirs === 360,
    examples: ["GPRMC,120000.00,A,4523.0000,N,02023.0000,E,10.00,360.0,221126,,,A"],
    madeUp: true,
  },
  {
    why: "a ZDA whose year has not four digits is a wrong or an invalid Date",
    explains: (d) => d.formatter === "ZDA" && d.raw[3]?.length !== 4,
    examples: ["GPZDA,120000.00,22,11,20266,00,00", "GPZDA,120000.00,22,11,126,00,00"],
    madeUp: true,
  },
  {
    why: "a day that does not exist is the one after it",
    explains: (d) =>
      d.formatter === "RMC" && d.field === "date" && d.ours === undefined && d.raw[8] === "310226",
    examples: ["GPRMC,120000.00,A,4523.0000,N,02023.0000,E,10.00,90.0,310226,,,A"],
    madeUp: true,
  },
];

const differences = async (sentence: Sentence): Promise<Difference[]> => {
  const we = await ours(sentence);
  if (!we) return [];
  const they = theirs(
    parseNmeaSentence(formatSentence(`${sentence.talker}${sentence.formatter},${sentence.body}`)),
  );
  if (!they) return [];
  const raw = sentence.body.split(",");
  return Object.keys(they)
    .filter((field) => !same(we[field], they[field]))
    .map((field) => ({ formatter: sentence.formatter, field, raw, ours: we[field], theirs: they[field] }));
};

const sentencesOf = (bytes: Uint8Array): Sentence[] => {
  const found: Sentence[] = [];
  createFramer().push(bytes, (framed) => {
    if (framed.kind !== "sentence" || framed.line.startsWith("!")) return;
    const sentence = parseSentence(framed.line);
    if (typeof sentence !== "string" && sentence.talker !== "P") found.push(sentence);
  });
  return found;
};

const folder = recordingsFolder("nmea");
const RECORDINGS = 44;
const files = folder
  ? [
      ...readdirSync(folder).filter((name) => name.endsWith(".nmea")),
      "drives/munich_car.nmea.gz",
      "drives/geko_regensburg.nmea.gz",
    ]
  : [];

const parsed = (body: string): Sentence => {
  const sentence = parseSentence(formatSentence(body).trimEnd());
  if (typeof sentence === "string") throw new Error(`${body}: ${sentence}`);
  return sentence;
};
const show = ({ formatter, raw, field, ours: we, theirs: they }: Difference) =>
  `${formatter},${raw.join(",")}: ${field} is ${we}, nmea-simple says ${they}`;

describe("where nmea-simple differs from us", () => {
  test.each(REASONS)("$why", async ({ examples, explains }) => {
    for (const example of examples) {
      const found = await differences(parsed(example));
      expect(found.some(explains), example).toBe(true);
      for (const difference of found) {
        expect(
          REASONS.filter((reason) => reason.explains(difference)).map(({ why }) => why),
          show(difference),
        ).toHaveLength(1);
      }
    }
  });

  test.each([
    "GPRMC,120000.00,A,4523.1234,N,02023.5678,E,10.00,90.0,221126,,,A",
    "GNRMC,235959.50,V,3348.5000,S,11821.0000,W,0.10,359.9,311280,,,N",
    "GPGSA,A,3,05,07,08,09,13,15,21,27,,,,,1.6,1.0,1.2",
    "GPVTG,90.0,T,,M,10.0,N,18.52,K,A",
    "GPZDA,120000.00,22,11,2026,00,00",
    "GPGSV,2,1,05,05,06,110,19,10,24,284,34,13,37,124,29,15,63,083,11",
  ])("nothing: both read %s alike", async (body) => {
    expect((await differences(parsed(body))).map(show)).toEqual([]);
  });

  test("it throws on a sentence that it does not know, and takes what stands behind the checksum", () => {
    const text = formatSentence("GPTXT,01,01,02,ANTSTATUS=OK").trimEnd();
    expect(() => parseNmeaSentence(text)).toThrow("No known parser");
    const good = formatSentence("GPVTG,90.0,T,,M,10.0,N,18.52,K,A").trimEnd();
    expect(() => parseNmeaSentence(`${good}*garbage`)).not.toThrow();
    expect(parseSentence(`${good}*garbage`)).toBe("malformed");
  });
});

describe.runIf(folder)("the recordings, read by both", () => {
  const unexplained: string[] = [];
  const used = new Map<string, number>();
  let sentences = 0;

  beforeAll(async () => {
    for (const file of files) {
      for (const sentence of sentencesOf(readRecording(`${folder}/${file}`))) {
        sentences++;
        for (const difference of await differences(sentence)) {
          const reasons = REASONS.filter((reason) => reason.explains(difference));
          if (reasons.length === 0) unexplained.push(`${file}: ${show(difference)}`);
          for (const { why } of reasons) used.set(why, (used.get(why) ?? 0) + 1);
        }
      }
    }
  });

  test("are many", () => {
    expect(files).toHaveLength(RECORDINGS);
    expect(sentences).toBeGreaterThan(25_000);
  });

  test("differ nowhere without a reason", () => expect(unexplained.slice(0, 20)).toEqual([]));

  test("need every reason but the made-up ones", () => {
    const recorded = REASONS.filter(({ madeUp }) => !madeUp).map(({ why }) => why);
    expect(recorded.filter((why) => !used.has(why))).toEqual([]);
    expect([...used.keys()].filter((why) => !recorded.includes(why))).toEqual([]);
  });
});

if (!folder) missed(3, "the receivers' recordings");
