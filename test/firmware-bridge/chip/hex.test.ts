import { expect, test } from "vitest";
import { readHex } from "../../../firmware-bridge/simulator/hex.ts";

const record = (address: number, type: number, data: readonly number[]): string => {
  const bytes = [data.length, address >> 8, address & 0xff, type, ...data];
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  return `:${Buffer.from([...bytes, -sum & 0xff])
    .toString("hex")
    .toUpperCase()}`;
};
const END = ":00000001FF";
const wordAt = (text: string, byte: number) => readHex(text)[byte / 2];

test("start addresses, of a segment or linear, change nothing", () => {
  const text = [
    record(0x7e00, 0, [0x01, 0xc0]),
    record(0, 3, [0, 0, 0x7e, 0]),
    record(0, 5, [0, 0, 0x7e, 0]),
    END,
  ];
  expect(wordAt(text.join("\n"), 0x7e00)).toBe(0xc001);
});

test("a segment and a linear base move the data that follows", () => {
  const text = [
    record(0, 2, [0x07, 0x00]),
    record(0x10, 0, [0x34, 0x12]),
    record(0, 4, [0, 0]),
    record(0x10, 0, [0x78, 0x56]),
    END,
  ].join("\n");
  expect(wordAt(text, 0x7010)).toBe(0x1234);
  expect(wordAt(text, 0x10)).toBe(0x5678);
});

test("data beyond the end of flash is refused, with its line", () => {
  const beyond = "it lies beyond the end of an ATmega328P's flash";
  expect(() => readHex(`${END}\n${record(0x7fff, 0, [1, 2])}`)).toThrow(`line 2 of the image: ${beyond}`);
  expect(() => readHex([record(0, 4, [0, 1]), record(0, 0, [1])].join("\n"))).toThrow(beyond);
});

test("a record of an unknown type, or with a wrong length for its type, is refused", () => {
  expect(() => readHex(record(0, 6, []))).toThrow("a record type that is not known");
  expect(() => readHex(record(0, 4, [0]))).toThrow("a record type that is not known");
});

test("a second image is read over the first", () => {
  const flash = readHex(record(0, 0, [0x11, 0x11, 0x22, 0x22]));
  expect([...readHex(record(2, 0, [0x33, 0x33]), "the image", flash).subarray(0, 2)]).toEqual([
    0x1111, 0x3333,
  ]);
});
