import { describe, expect, test } from "vitest";
import { BlankLines } from "../../src/runtime/http-one-request.ts";

const GET = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
const isOne = (lines: BlankLines, ...chunks: string[]) =>
  chunks.map((chunk) => lines.isOne(Buffer.from(chunk)));

describe("a connection", () => {
  test.each([
    ["a request", [GET], [true]],
    ["a request and its body", [`POST / HTTP/1.1\r\n\r\n{"a":\r\n1}`, "\r\n"], [true, true]],
    ["two requests at once", [GET + GET], [false]],
    ["a second request", [GET, GET], [true, false]],
    [
      "a request in bytes, and a second one",
      (GET + GET).split(""),
      Array.from({ length: 54 }, (_, n) => n < 53),
    ],
    ["two blank lines together", ["\r\n\r\n\r\n\r\n"], [false]],
  ])("that sends %s", (_, chunks, answers) => {
    expect(isOne(new BlankLines(), ...chunks)).toEqual(answers);
  });

  test("may send the next request when the one before is answered", () => {
    const lines = new BlankLines();
    for (let n = 0; n < 3; n++) {
      expect(isOne(lines, GET)).toEqual([true]);
      lines.answered();
    }
  });
});
