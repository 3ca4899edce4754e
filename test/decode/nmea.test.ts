import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createNmeaDecoder, type NmeaTally } from "../../src/decode/nmea/decoder.ts";
import { MAX_SENTENCE } from "../../src/decode/nmea/framer.ts";
import { rolloverCorrectionMs } from "../../src/decode/nmea/rollover.ts";
import { formatSentence, parseSentence } from "../../src/decode/nmea/sentence.ts";
import { BUILT_MS } from "../../src/domain/built.ts";
import type { Arrival, Fix, TimeVerdict } from "../../src/domain/fix.ts";

const decode = (text: string | Uint8Array): { fixes: Fix[]; tally: Readonly<NmeaTally> } => {
  const fixes: Fix[] = [];
  const decoder = createNmeaDecoder((fix) => fixes.push(fix));
  decoder.push(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  decoder.end();
  return { fixes, tally: decoder.tally };
};
const say = (...bodies: string[]) => bodies.map(formatSentence).join("");

const rmc = (
  time: string,
  o: {
    status?: string;
    date?: string;
    lat?: string;
    lon?: string;
    mode?: string;
    kn?: string;
    course?: string;
  } = {},
) =>
  `GPRMC,${time},${o.status ?? "A"},${o.lat ?? "4523.0000,N"},${o.lon ?? "02023.0000,E"},${o.kn ?? "10.0"},${o.course ?? "90.0"},${o.date ?? "221126"},,,${o.mode ?? "A"}`;
const gga = (time: string, quality = "1") =>
  `GPGGA,${time},4523.0000,N,02023.0000,E,${quality},08,1.0,80.0,M,44.0,M,,`;
const gsa = "GPGSA,A,3,05,07,08,09,13,15,21,27,,,,,1.6,1.0,1.2";

describe("an epoch", () => {
  test("joins all its sentences in one fix", () => {
    const { fixes } = decode(
      say(
        rmc("120000.00"),
        gga("120000.00"),
        gsa,
        "GPGST,120000.00,,,,,3.0,4.0,5.0",
        "GPZDA,120000.00,22,11,2026,00,00",
      ),
    );
    expect(fixes).toEqual([
      {
        at: Date.UTC(2026, 10, 22, 12),
        lat: 45.383333333,
        lon: 20.383333333,
        fix: "3d",
        altM: 80,
        speedKmh: 18.52,
        courseDeg: 90,
        quality: 1,
        satellites: 8,
        hdop: 1,
        accuracyM: 5,
      },
    ]);
  });

  test("takes GST and ZDA that lead their epoch, both", () => {
    const { fixes } = decode(
      say("GPGST,120000.00,,,,,3.0,4.0,5.0", "GPZDA,120000.00,24,11,2026,00,00", gga("120000")),
    );
    expect(fixes).toMatchObject([{ at: Date.UTC(2026, 10, 24, 12), accuracyM: 5 }]);
  });

  test("has the accuracy of its HDOP if GST says 0, as receivers do that have no estimate", () => {
    const accuracyOf = (gst: string, quality = "1") =>
      decode(say(gga("120000.00", quality), `GPGST,120000.00,${gst}`, "GPZDA,120000.00,24,11,2026,00,00"))
        .fixes[0]!.accuracyM;
    expect(accuracyOf("0.0,0.0,0.0,0.0,0.0,0.0,0.0")).toBe(3);
    expect(accuracyOf("0.0,,,,0.0,0.0,0.0", "4")).toBe(0.02);
    expect(accuracyOf(",,,,0.0,1.2,")).toBe(1.2);
  });

  test("has an accuracy of a centimetre at best", () => {
    const gst = "GPGST,120000.00,,,,,0.003,0.002,0.005";
    const { fixes } = decode(say(gga("120000.00", "4"), gst, "GPZDA,120000.00,24,11,2026,00,00"));
    expect(fixes).toMatchObject([{ accuracyM: 0.01 }]);
  });

  test("is given out with the sentence that ends the cycle, once that is learnt", () => {
    const fixes: Fix[] = [];
    const decoder = createNmeaDecoder((fix) => fixes.push(fix));
    const push = (body: string) => decoder.push(Buffer.from(formatSentence(body)));
    for (const body of [rmc("120000"), gga("120000"), gsa]) push(body);
    expect(fixes).toHaveLength(0); // nothing is learnt yet
    push(rmc("120001"));
    expect(fixes).toHaveLength(1); // the next epoch ended it
    push(gga("120001"));
    expect(fixes).toHaveLength(1);
    push(gsa);
    expect(fixes).toHaveLength(2); // learnt: GSA ends it, without waiting
    push("GPGSV,1,1,01,05,45,180,40");
    push(rmc("120002"));
    push(gga("120002"));
    push(gsa);
    expect(fixes).toHaveLength(3);
  });

  test("is not lost in a cycle whose last sentence is corrupt, and the order stays learnt", () => {
    const cycle = (s: number) => say(rmc(`12000${s}`), gga(`12000${s}`));
    const { fixes } = decode(
      cycle(0) + cycle(1) + say(rmc("120002")) + "$GPGGA,120002,garbled*00\r\n" + cycle(3) + cycle(4),
    );
    expect(fixes.map((fix) => fix.at % 60_000)).toEqual([0, 1000, 2000, 3000, 4000]);
  });

  test.each([
    ["RMC V", rmc("120000", { status: "V" }), "void"],
    ["RMC mode N", rmc("120000", { mode: "N" }), "void"],
    ["RMC mode S", rmc("120000", { mode: "S" }), "simulated"],
    ["RMC mode M", rmc("120000", { mode: "M" }), "simulated"],
  ])("%s is no position, whatever the others say", (_, sentence, cause) => {
    const { fixes, tally } = decode(say(gga("120000"), sentence));
    expect(fixes).toEqual([]);
    expect(tally.rejected).toEqual({ [cause]: 1 });
  });

  test("GGA quality 0 is no position though RMC says A", () => {
    expect(decode(say(rmc("120000"), gga("120000", "0"))).fixes).toEqual([]);
  });

  test.each([
    ["minutes of 60", "4560.0000,N", "02023.0000,E"],
    ["latitude past the pole", "9100.0000,N", "02023.0000,E"],
    ["letters in a number", "45a3.0000,N", "02023.0000,E"],
    ["an exponent", "4.5e3,N", "02023.0000,E"],
    ["a missing hemisphere", "4523.0000,", "02023.0000,E"],
    ["a hemisphere of the other axis", "4523.0000,E", "02023.0000,N"],
    ["only one coordinate", "4523.0000,N", ","],
  ])("%s never becomes a position", (_, lat, lon) => {
    const { fixes, tally } = decode(say(rmc("120000", { lat, lon })));
    expect(fixes).toEqual([]);
    expect(tally.rejected.malformed).toBe(1);
  });

  test.each([
    ["south", { lat: "3348.5000,S" }, { lat: -33.808333333 }],
    ["west", { lon: "11821.0000,W" }, { lon: -118.35 }],
    ["course 360 is 0", { course: "360.0" }, { courseDeg: 0 }],
    ["course just below 360", { course: "359.9" }, { courseDeg: 359.9 }],
  ])("%s", (_, given, expected) => {
    expect(decode(say(rmc("120000", given))).fixes[0]).toMatchObject(expected);
  });

  test("standing has a speed and no course", () => {
    const fix = decode(say(rmc("120000", { kn: "0.1" }))).fixes[0];
    expect(fix?.speedKmh).toBe(0.19);
    expect(fix).not.toHaveProperty("courseDeg");
  });

  test("a repeated epoch, and an old one replayed, are counted and not given out", () => {
    const old = say(rmc("115000"));
    const { fixes, tally } = decode(
      say(rmc("120000"), rmc("120001")) + say(rmc("120000")) + old + say(rmc("120002")),
    );
    expect(fixes).toHaveLength(3);
    expect(tally.rejected).toEqual({ duplicate: 1, stale: 1 });
  });

  test("a frozen receiver gives one fix", () => {
    expect(decode(say(rmc("120000")).repeat(50)).fixes).toHaveLength(1);
  });
});

test("dates from an RMC behind the learnt end of the cycle serve the epochs after it", () => {
  const cycle = (s: number) => {
    const time = `1200${String(s).padStart(2, "0")}`;
    return say(gga(time), ...(s % 5 === 4 ? [rmc(time)] : []));
  };
  const { fixes } = decode(Array.from({ length: 30 }, (_, s) => cycle(s)).join(""));
  expect(fixes.length).toBeGreaterThanOrEqual(25);
});

test("a leading VTG never lends its speed to the epoch before it", () => {
  const cycle = (s: number) =>
    say(`GPVTG,90.0,T,,M,,N,${s}0.0,K,A`, gga(`12000${s}`), `GPZDA,12000${s},22,11,2026,00,00`);
  const { fixes } = decode([1, 2, 3, 4, 5].map(cycle).join(""));
  expect(fixes).toHaveLength(5);
  for (const fix of fixes) expect(fix).not.toHaveProperty("speedKmh");
});

describe("time", () => {
  const at = (text: string) => decode(text).fixes.map((fix) => new Date(fix.at).toISOString());

  test("midnight: a sentence before the new date takes the next day", () => {
    const cycle = (time: string, date: string) => say(gga(time), rmc(time, { date }));
    expect(at(cycle("235959.00", "311226") + cycle("000000.00", "010127"))).toEqual([
      "2026-12-31T23:59:59.000Z",
      "2027-01-01T00:00:00.000Z",
    ]);
    expect(at(say(rmc("235959", { date: "311226" })) + say(gga("000000")) + say(gga("000001")))).toEqual([
      "2026-12-31T23:59:59.000Z",
      "2027-01-01T00:00:00.000Z",
      "2027-01-01T00:00:01.000Z",
    ]);
  });

  test("a leap second is the first instant of the next day", () => {
    const cycle = (time: string, date: string, lat: string) => say(rmc(time, { date, lat }));
    expect(
      at(
        cycle("235959", "311226", "4523.0,N") +
          cycle("235960", "311226", "4523.1,N") +
          cycle("000000", "010127", "4523.2,N"),
      ),
    ).toEqual(["2026-12-31T23:59:59.000Z", "2027-01-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"]);
  });

  test("without a date there is no position", () => {
    const { fixes, tally } = decode(say(gga("120000"), gga("120001")));
    expect(fixes).toEqual([]);
    expect(tally.rejected).toEqual({ undated: 2 });
  });

  test("an impossible date or time is none", () => {
    expect(decode(say(rmc("120000", { date: "310226" }))).fixes).toEqual([]);
    expect(decode(say(rmc("246000"))).fixes).toEqual([]);
  });

  test.each(["20266", "026", "02026", "", "-026", "1979", "202 "])(
    "a ZDA with the year %j has no date",
    (year) => {
      const { fixes, tally } = decode(say(`GPZDA,120000.00,22,11,${year},00,00`, gga("120000.00")));
      expect(fixes).toEqual([]);
      expect(tally.rejected).toEqual({ undated: 1 });
    },
  );

  test("a recording of any four-digit year is decoded", () => {
    const text = say("GPZDA,120000,22,11,2099,00,00", gga("120000"), "GPZDA,120001,22,11,1981,00,00");
    expect(at(text)).toEqual(["2099-11-22T12:00:00.000Z"]);
  });

  test("no midnight, and no leap second, leads into the year 10000", () => {
    const last = say("GPZDA,235958,31,12,9999,00,00", gga("235958"));
    expect(at(last + say(gga("235959")))).toEqual(["9999-12-31T23:59:58.000Z", "9999-12-31T23:59:59.000Z"]);
    for (const after of ["235960", "000000"]) expect(at(last + say(gga(after)))).toHaveLength(1);
  });

  test.each([1, 5, 10])("%i Hz: one fix an epoch", (hz) => {
    const text = Array.from({ length: hz * 5 }, (_, i) => {
      const time = `12000${Math.floor(i / hz)}.${String(((i % hz) * 1000) / hz).padStart(3, "0")}`;
      return say(rmc(time), gga(time), gsa);
    }).join("");
    const { fixes } = decode(text);
    expect(fixes).toHaveLength(hz * 5);
    expect(new Set(fixes.slice(1).map((fix, i) => fix.at - fixes[i]!.at))).toEqual(new Set([1000 / hz]));
  });

  test("a rolled-over week counter is put right; an old recording is left alone", () => {
    const weeks = 1024 * 7 * 86_400_000;
    const now = Date.UTC(2026, 10, 24);
    expect(rolloverCorrectionMs(now - weeks, now)).toBe(weeks);
    expect(rolloverCorrectionMs(now - 2 * weeks, now)).toBe(2 * weeks);
    expect(rolloverCorrectionMs(now, now)).toBe(0);
    expect(rolloverCorrectionMs(Date.UTC(2009, 3, 1), now)).toBe(0);
    expect(rolloverCorrectionMs(now - weeks, 0)).toBe(weeks);
    expect(rolloverCorrectionMs(BUILT_MS + 1, 0)).toBe(0);
  });
});

/** Decodes cycles that arrive one a second; `judge` decides about their times. */
const live = (cycles: readonly string[], judge: (at: number, dated: boolean) => TimeVerdict) => {
  const given: { at: number; arrival: Arrival }[] = [];
  const decoder = createNmeaDecoder(({ at }, arrival) => given.push({ at, arrival }), {
    judge: (at, _, dated) => judge(at, dated),
  });
  cycles.forEach((cycle, n) => decoder.push(Buffer.from(cycle, "latin1"), n * 1000));
  decoder.end();
  return { given, tally: decoder.tally };
};

describe("the time of a live fix", () => {
  const cycle = (s: number, date = "221126") => say(rmc(`12000${s}`, { date }), gga(`12000${s}`));

  test("is judged once, and what is refused is counted and never given out", () => {
    const asked: number[] = [];
    const { given, tally } = live(
      [0, 1, 2, 3].map((s) => cycle(s)),
      (at) => {
        asked.push(at % 60_000);
        return (["trusted", "disputed", "implausible", "unconfirmed"] as const)[(at % 60_000) / 1000]!;
      },
    );
    expect(asked).toEqual([0, 1000, 2000, 3000]);
    expect(given.map(({ arrival }) => arrival.time)).toEqual(["trusted", "unconfirmed"]);
    expect(tally.rejected).toEqual({ disputed: 1, implausible: 1 });
  });

  test("if refused, does not make the right ones after it stale", () => {
    const { given, tally } = live([cycle(0), cycle(1, "221130"), cycle(2), cycle(3)], (at) =>
      at > Date.UTC(2027, 0) ? "disputed" : "trusted",
    );
    expect(given).toHaveLength(3);
    expect(tally.rejected).toEqual({ disputed: 1 });
  });

  test("is dated once for each date that the receiver says", () => {
    const dated: boolean[] = [];
    const zda = (s: number) => say(`GPZDA,12000${s},22,11,2026,00,00`);
    const cycles = [0, 1, 2, 3, 4].map((s) => (s % 3 === 0 ? zda(s) : "") + say(gga(`12000${s}`)));
    live(cycles, (_, isDated) => {
      dated.push(isDated);
      return "trusted";
    });
    expect(dated).toEqual([true, false, false, true, false]);
  });

  test("an epoch is as old as its first sentence, however late it is given out", () => {
    const given: number[] = [];
    const decoder = createNmeaDecoder((_, arrival) => given.push(arrival.mono));
    decoder.push(Buffer.from(say(rmc("120000"))), 1_000);
    decoder.push(Buffer.from(say(gga("120000"))), 1_200);
    decoder.push(Buffer.from(say(rmc("120031"))), 32_000); // ends the first
    decoder.push(Buffer.from("$GPGGA,1200"), 60_000);
    decoder.end();
    expect(given).toEqual([1_000, 32_000]);
  });
});

describe("framing", () => {
  const sentence = say(rmc("120000"));

  test("a sentence split anywhere decodes the same", () => {
    const whole = decode(sentence).fixes;
    fc.assert(
      fc.property(fc.array(fc.nat(sentence.length), { maxLength: 8 }), (cuts) => {
        const fixes: Fix[] = [];
        const decoder = createNmeaDecoder((fix) => fixes.push(fix));
        const edges = [0, ...cuts.toSorted((a, b) => a - b), sentence.length];
        for (let i = 1; i < edges.length; i++)
          decoder.push(Buffer.from(sentence.slice(edges[i - 1], edges[i])));
        decoder.end();
        expect(fixes).toEqual(whole);
      }),
    );
  });

  test("no bytes make it throw, hang or invent a position", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 20 }), (chunks) => {
        const fixes: Fix[] = [];
        const decoder = createNmeaDecoder((fix) => fixes.push(fix));
        for (const chunk of chunks) decoder.push(chunk);
        decoder.end();
        expect(fixes).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("no change of one byte gives another position", () => {
    fc.assert(
      fc.property(fc.nat(sentence.length - 3), fc.integer({ min: 1, max: 255 }), (index, flip) => {
        const bytes = Buffer.from(sentence, "latin1");
        bytes[index] = bytes[index]! ^ flip;
        const truth = decode(sentence).fixes[0];
        for (const fix of decode(bytes).fixes) expect(fix).toEqual(truth);
      }),
      { numRuns: 2000 },
    );
  });

  test("any fields with a valid checksum are taken or refused, never thrown on", () => {
    const formatter = fc.constantFrom("RMC", "GGA", "GNS", "GLL", "GSA", "GST", "VTG", "ZDA", "GSV");
    const field = fc.oneof(
      fc.constantFrom("", "A", "V", "N", "120000.00", "4523.0,N", "1e9", "-0", "NaN", "99999999999999999999"),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(formatter, fc.array(field, { maxLength: 22 })), { maxLength: 30 }),
        (sentences) => {
          for (const fix of decode(say(...sentences.map(([f, fields]) => `GP${f},${fields.join(",")}`)))
            .fixes) {
            expect(Math.abs(fix.lat)).toBeLessThanOrEqual(90);
            expect(Math.abs(fix.lon)).toBeLessThanOrEqual(180);
            expect(Number.isFinite(fix.at)).toBe(true);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("an endless line is dropped at its limit and the next one is taken", () => {
    const { fixes, tally } = decode(`$${"x".repeat(100_000)}\r\n${sentence}`);
    expect(tally.rejected.overlong).toBe(1);
    expect(fixes).toHaveLength(1);
    expect(MAX_SENTENCE).toBeLessThan(1000);
  });

  test("a sentence cut off by the next is half", () => {
    const { fixes, tally } = decode(sentence.slice(0, 30) + sentence);
    expect(fixes).toHaveLength(1);
    expect(tally.rejected).toEqual({ half: 1 });
  });

  test.each([
    ["no checksum", "$GPRMC,120000,A\r\n", "no-checksum"],
    ["a wrong checksum", "$GPRMC,120000,A*00\r\n", "checksum"],
    ["a second asterisk", formatSentence("GPRMC,120000,A*00"), "malformed"],
    ["something after the checksum", `${sentence.trimEnd()}x\r\n`, "malformed"],
  ])("%s is refused", (_, text, cause) => {
    expect(decode(text).tally.rejected).toEqual({ [cause]: 1 });
  });

  test("what is formatted is parsed", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z0-9.,-]{0,60}$/), (body) => {
        expect(parseSentence(formatSentence(`GPXXX,${body}`).trimEnd())).toEqual({
          talker: "GP",
          formatter: "XXX",
          body,
        });
      }),
    );
  });
});
