import { describe, expect, test } from "vitest";
import { LINK_FAULTS } from "../../src/dispatch/port.ts";
import { CATALOGUE, codeFor, type FaultName } from "../../src/domain/faults.ts";
import { PARTS } from "../../src/domain/report.ts";

const isSentence = (text: string): boolean => /^[A-Z`].*[.?]$/s.test(text);

describe("the catalogue of faults", () => {
  test.each(CATALOGUE)("$part $code is one word, with a sentence for each question", (row) => {
    expect(row.code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(PARTS).toContain(row.part);
    const texts = [row.sentence, row.dispatch, row.cause, row.remedy];
    expect(texts.filter((text) => !isSentence(text))).toEqual([]);
  });

  test("names each part and code once", () => {
    const names = CATALOGUE.map(({ part, code }) => `${part} ${code}`);
    expect(names).toEqual([...new Set(names)]);
  });

  test("knows every reason why there is no connection", () => {
    const link = CATALOGUE.filter(({ part }) => part === "link").map(({ code }) => code);
    expect(link).toEqual(expect.arrayContaining([...LINK_FAULTS]));
  });

  test("a condition takes only codes of its part", () => {
    const known: FaultName = { part: "gps", code: "no-nmea" };
    // @ts-expect-error -- a code of another part
    const foreign: FaultName = { part: "gps", code: "bus-off" };
    // @ts-expect-error -- no code at all
    const unknown: FaultName = { part: "power", code: "sulks" };
    expect([known, foreign, unknown]).toHaveLength(3);
  });

  test("a code that a part does not have counts as failed", () => {
    expect([codeFor("gps", "silent"), codeFor("gps", "bus-off"), codeFor("can", "toString")]).toEqual([
      "silent",
      "failed",
      "failed",
    ]);
  });
});
