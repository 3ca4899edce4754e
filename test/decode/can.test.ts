import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseCandumpLine } from "../../src/decode/can/candump.ts";
import { createMatcher, parameterGroup } from "../../src/decode/can/message.ts";
import { compileRaw, compileScale, isUnavailable } from "../../src/decode/can/signal.ts";
import { DbcError, type DbcSignal } from "../../src/decode/dbc/database.ts";
import { dbcText, parseDbc } from "../../src/decode/dbc/parser.ts";
import { tries } from "../tries.ts";

const signalOf = (given: Partial<DbcSignal>): DbcSignal => ({
  name: "S",
  start: 0,
  length: 8,
  intel: true,
  signed: false,
  float: 0,
  factor: 1,
  offset: 0,
  scale: { factor: "1", offset: "0" },
  minimum: 0,
  maximum: 0,
  unit: "",
  labels: new Map(),
  multiplexor: false,
  ...given,
});

/** The reference: one bit after another, as the format describes them. */
const bitByBit = (data: Uint8Array, { start, length, intel, signed }: DbcSignal): bigint | undefined => {
  let value = 0n;
  let bit = start;
  for (let i = 0; i < length; i++) {
    const byte = data[bit >> 3];
    if (byte === undefined) return undefined;
    const one = BigInt((byte >> (bit & 7)) & 1);
    value = intel ? value | (one << BigInt(i)) : (value << 1n) | one;
    if (intel) bit++;
    else bit = (bit & 7) === 0 ? bit + 15 : bit - 1;
  }
  return signed ? BigInt.asIntN(length, value) : value;
};

describe("a signal", () => {
  test("reads as bit by bit: both orders, all widths, all places, signed and not", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0, maxLength: 64 }),
        fc.nat(511),
        fc.integer({ min: 1, max: 64 }),
        fc.boolean(),
        fc.boolean(),
        (data, start, length, intel, signed) => {
          const signal = signalOf({ start, length, intel, signed });
          const read = compileRaw(signal)(data);
          const expected = bitByBit(data, signal);
          expect(read === undefined ? undefined : BigInt(read)).toBe(expected);
        },
      ),
      { numRuns: tries(20_000) },
    );
  });

  test("scales exactly where factor and offset are whole, to a double where not", () => {
    const scale = (factor: string, offset: string) =>
      compileScale(signalOf({ factor: Number(factor), offset: Number(offset), scale: { factor, offset } }));
    expect(scale("1", "0")(2n ** 64n - 1n)).toBe(2n ** 64n - 1n);
    expect(scale("3", "-1")(2 ** 53 - 1)).toBe(3n * (2n ** 53n - 1n) - 1n);
    expect(scale("0.5", "-40")(3)).toBe(-38.5);
    expect(scale("1E-005", "0")(7)).toBeCloseTo(7e-5, 15);
    expect(scale("2", "0")(4)).toBe(8);
    expect(scale("1", "0")(5n)).toBe(5);
    expect(scale("2", "1")(0.25)).toBe(1.5);
  });

  test("that is a float reads as IEEE 754, and not a number is no value", () => {
    const view = new DataView(new ArrayBuffer(8));
    for (const [float, value] of [
      [32, 1.5],
      [64, Math.PI],
    ] as const) {
      for (const intel of [true, false]) {
        if (float === 32) view.setFloat32(0, value, intel);
        else view.setFloat64(0, value, intel);
        const signal = signalOf({ start: intel ? 0 : 7, length: float, intel, float });
        expect(compileRaw(signal)(new Uint8Array(view.buffer))).toBe(value);
      }
    }
    view.setFloat32(0, Number.NaN, true);
    expect(compileRaw(signalOf({ length: 32, float: 32 }))(new Uint8Array(view.buffer))).toBeUndefined();
  });

  test("of J1939 is absent when its highest code says so", () => {
    const unavailable = (length: number, raw: number | bigint, signed = false) =>
      isUnavailable(signalOf({ length, signed }), raw);
    expect([0, 1, 2, 3].map((raw) => unavailable(2, raw))).toEqual([false, false, true, true]);
    expect([0xfa, 0xfd, 0xfe, 0xff].map((raw) => unavailable(8, raw))).toEqual([false, false, true, true]);
    expect([0xfaff, 0xfdff, 0xfe00, 0xffff].map((raw) => unavailable(16, raw))).toEqual([
      false,
      false,
      true,
      true,
    ]);
    expect(unavailable(32, 0xffff_ffff)).toBe(true);
    expect(unavailable(8, -1, true)).toBe(false);
    expect(unavailable(1, 1)).toBe(false);
  });
});

const HEAD = `VERSION "1"
NS_ :
  CM_
  BA_
BS_:
BU_: A B
`;
const frame = (id: number, data: readonly number[], extended = false) => ({
  t: 0,
  bus: "can0",
  id,
  extended,
  data: Uint8Array.from(data),
});
const decoded = (text: string, given: ReturnType<typeof frame>) => {
  const found = createMatcher(parseDbc(text, "x.dbc"))(given);
  if (!found) return undefined;
  return Object.fromEntries(
    found.signals.flatMap(({ signal, physical }) => {
      const value = physical(given.data);
      return value === undefined ? [] : [[signal.name, value]];
    }),
  );
};

describe("a database", () => {
  test("with plain multiplexing: only what the multiplexor selects is there", () => {
    const text = `${HEAD}BO_ 16 M: 8 A
 SG_ Mux M : 0|8@1+ (1,0) [0|0] "" B
 SG_ One m1 : 8|8@1+ (0.5,0) [0|0] "km/h" B
 SG_ Two m2 : 8|8@1+ (1,-40) [0|0] "" B
 SG_ Always : 16|8@1- (1,0) [0|0] "" B
`;
    expect(decoded(text, frame(16, [1, 10, 255, 0, 0, 0, 0, 0]))).toEqual({ Mux: 1, One: 5, Always: -1 });
    expect(decoded(text, frame(16, [2, 10, 1, 0, 0, 0, 0, 0]))).toEqual({ Mux: 2, Two: -30, Always: 1 });
    expect(decoded(text, frame(16, [3, 10, 1]))).toEqual({ Mux: 3, Always: 1 });
    expect(decoded(text, frame(17, [3, 10, 1]))).toBeUndefined();
  });

  test("with extended multiplexing: ranges, and multiplexors that are multiplexed themselves", () => {
    const text = `${HEAD}BO_ 2147483664 M: 8 A
 SG_ Top M : 0|8@1+ (1,0) [0|0] "" B
 SG_ Sub m0M : 8|8@1+ (1,0) [0|0] "" B
 SG_ Leaf m0 : 16|8@1+ (1,0) [0|0] "" B
SG_MUL_VAL_ 2147483664 Sub Top 0-0, 5-7;
SG_MUL_VAL_ 2147483664 Leaf Sub 2-3;
`;
    const at = (top: number, sub: number) => decoded(text, frame(16, [top, sub, 9], true));
    expect(at(6, 3)).toEqual({ Top: 6, Sub: 3, Leaf: 9 });
    expect(at(6, 4)).toEqual({ Top: 6, Sub: 4 });
    expect(at(1, 3)).toEqual({ Top: 1 });
    expect(decoded(text, frame(16, [0, 0]))).toBeUndefined(); // a standard id is another frame
  });

  test("with odd spacing, comments, labels, long names, cycle times, and cp1252", () => {
    const text = dbcText(
      Buffer.from(
        `${HEAD}// a comment; "with" signs
BO_ 5 M:2 A
 SG_ T:0|8@1+(0.5,-40)[-40|80]"\xb0C"B
 SG_ Short_Na : 8|8@1+ (1,0) [0|0] "" B
CM_ SG_ 5 T "two
lines; and a \\"quote\\"";
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_ SG_ "SystemSignalLongSymbol" STRING;
BA_ "GenMsgCycleTime" BO_ 5 100;
BA_ "SystemSignalLongSymbol" SG_ 5 Short_Na "A_Name_That_Is_Longer_Than_Thirty_Two";
VAL_ 5 T 255 "n/a" 0x10 "x" ;
`,
        "latin1",
      ),
    );
    expect(() => parseDbc(text, "x.dbc")).not.toThrow();
    const [message] = parseDbc(text, "x.dbc").messages;
    expect(message).toMatchObject({ name: "M", size: 2, cycleMs: 100 });
    expect(message!.signals.map(({ name, unit }) => [name, unit])).toEqual([
      ["T", "°C"],
      ["A_Name_That_Is_Longer_Than_Thirty_Two", ""],
    ]);
    expect(message!.signals[0]!.comment).toBe('two\nlines; and a "quote"');
    expect(message!.signals[0]!.labels.get("255")).toBe("n/a");
  });

  test("of J1939: found by parameter group, whoever sent it; what is not available is absent", () => {
    const text = `${HEAD}BO_ 2566844926 CCVS: 8 A
 SG_ Speed : 8|16@1+ (0.00390625,0) [0|250] "km/h" B
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_ "VFrameFormat" BO_ 2566844926 3;
`;
    expect(parameterGroup(0x18fef100)).toBe(0xfef1);
    expect(parameterGroup(0x0c00_2a17)).toBe(0);
    expect(decoded(text, frame(0x18fef117, [0, 0, 50, 0, 0, 0, 0, 0], true))).toEqual({ Speed: 50 });
    expect(decoded(text, frame(0x18fef1fe, [0, 0xff, 0xff, 0], true))).toEqual({});
    expect(decoded(text, frame(0x18fef200, [0, 0, 50, 0], true))).toBeUndefined();
  });

  const faultsOf = (text: string): string[] => {
    try {
      parseDbc(text, "car.dbc");
      return [];
    } catch (error) {
      return (error as DbcError).message.split("\n");
    }
  };

  test("with a message id that occurs twice is faulty, and signals go to neither of them by mistake", () => {
    const twice = `${HEAD}BO_ 5 M: 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "" B
BO_ 6 Other: 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "" B
BO_ 5 Again: 8 A
 SG_ B : 0|8@1+ (1,0) [0|0] "" B
`;
    expect(faultsOf(twice)).toEqual(["car.dbc:11:5: Again: the message id 5 is already used by M on line 7"]);
  });

  test("tells an extended id from a standard one of the same number", () => {
    const both = `${HEAD}BO_ 5 M: 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "" B
BO_ 2147483653 N: 8 A
 SG_ B : 0|8@1+ (1,0) [0|0] "" B
`;
    expect(decoded(both, frame(5, [7]))).toEqual({ A: 7 });
    expect(decoded(both, frame(5, [7], true))).toEqual({ B: 7 });
  });

  test("with a signal name that occurs twice in a message is faulty", () => {
    expect(
      faultsOf(`${HEAD}BO_ 5 M: 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "" B
 SG_ A : 8|8@1+ (1,0) [0|0] "" B
`),
    ).toEqual(["car.dbc:9:6: M already has a signal A"]);
  });

  test("with a signal behind another statement is faulty: it belongs to no message", () => {
    expect(
      faultsOf(`${HEAD}BO_ 5 M: 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "" B
CM_ BO_ 5 "a comment";
 SG_ B : 8|8@1+ (1,0) [0|0] "" B
`),
    ).toEqual(["car.dbc:10:2: a signal outside of a message"]);
  });

  test("with a faulty message tells nothing about its signals, but what is wrong with themselves", () => {
    expect(
      faultsOf(`${HEAD}BO_ 5 M 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "" B
 SG_ B : 8|8@1+ (1,0) [0|0] none B
`),
    ).toEqual([
      'car.dbc:7:9: expected ":", found "8"',
      'car.dbc:9:29: expected a unit in quotes, found "none"',
    ]);
  });

  test.each([
    ["VAL_", 'VAL_ 5 A 0 "off" 1 "on"'],
    ["CM_", 'CM_ SG_ 5 A "a comment"'],
    ["BA_", 'BA_ "GenMsgCycleTime" BO_ 5 100'],
    ["SIG_VALTYPE_", "SIG_VALTYPE_ 5 A : 0"],
    ["SG_MUL_VAL_", "SG_MUL_VAL_ 5 A Mux 0-1"],
    ["BA_DEF_", 'BA_DEF_ BO_ "F" ENUM "a","b"'],
    ["BA_DEF_DEF_", 'BA_DEF_DEF_ "F" "a"'],
  ])("reads a statement %s without its semicolon, last or not", (_keyword, statement) => {
    const text = `${HEAD}BO_ 5 M: 8 A
 SG_ Mux M : 0|8@1+ (1,0) [0|0] "" B
 SG_ A : 8|8@1+ (1,0) [0|0] "" B
`;
    expect(faultsOf(text + statement)).toEqual([]);
    expect(faultsOf(`${text}${statement}\nVAL_ 5 Mux 0 "zero" ;`)).toEqual([]);
  });

  test("keeps the labels of a last statement without its semicolon", () => {
    const text = `${HEAD}BO_ 5 M: 8 A
 SG_ A : 0|8@1+ (1,0) [0|0] "" B
VAL_ 5 A 0 "off" 1 "on"
`;
    expect(parseDbc(text, "x.dbc").messages[0]!.signals[0]!.labels).toEqual(
      new Map([
        ["0", "off"],
        ["1", "on"],
      ]),
    );
  });

  test("counts columns behind a string of several lines", () => {
    expect(
      faultsOf(`${HEAD}BO_ 5 M: 8 A
CM_ BO_ 5 "one
two"; nonsense
`),
    ).toEqual(['car.dbc:9:7: expected a statement, found "nonsense"']);
  });

  test("that is faulty tells every fault with its line, and what was expected", () => {
    const text = `${HEAD}BO_ 5 M: 8 A
 SG_ A : 0|8@2+ (1,0) [0|0] "" B
 SG_ B : 0|80@1+ (1,0) [0|0] "" B
 SG_ C : 0|8@1+ (1,zero) [0|0] "" B
 SG_ D : 0|8@1+ (1,0) [0|0] "" B
BO_ x N: 8 A
nonsense here
SIG_VALTYPE_ 5 D : 7;
`;
    expect.assertions(1);
    try {
      parseDbc(text, "car.dbc");
    } catch (error) {
      expect((error as DbcError).message.split("\n")).toEqual([
        'car.dbc:8:14: A: expected @0+, @0-, @1+ or @1-, found "@2+"',
        "car.dbc:9:10: B: 0|80 is not a place for 1 to 64 bits in 64 bytes",
        "car.dbc:10:17: C: expected (factor,offset), found (1,zero)",
        'car.dbc:12:5: expected a message id, found "x"',
        "car.dbc:14:20: D: expected type 0, 1 (float) or 2 (double)",
      ]);
    }
  });

  test("of any text never hangs and never throws anything but its own error", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.constantFrom("BO_", "SG_", "VAL_", ":", "|", '"', "1", "@1+", "\n", ";", "M", "BA_"),
            fc.string(),
          ),
        ),
        (words) => {
          try {
            parseDbc(words.join(" "), "x.dbc");
          } catch (error) {
            expect(error).toBeInstanceOf(DbcError);
          }
        },
      ),
      { numRuns: tries(2_000) },
    );
  });
});

describe("a line of a candump log", () => {
  test.each([
    ["(1533226488.230547) can0 260#08FF", { t: 1533226488.230547, bus: "can0", id: 0x260, extended: false }],
    ["(1.5) vcan0 18FEF100#", { t: 1.5, bus: "vcan0", id: 0x18fef100, extended: true }],
    ["(1.5) can1 123##1DEADBEEF", { id: 0x123, extended: false }],
    ["(1.5) can1 123#11.22.33 R", { id: 0x123 }],
  ])("%s", (line, expected) => {
    expect(parseCandumpLine(line)).toMatchObject(expected);
  });

  test.each([
    ["(1.5) can0 123#R", "remote"],
    ["(1.5) can0 20000080#0000000000000000", "error"],
    ["(1.5) can0 123#123", "malformed"],
    ["(1.5) can0 123#112233445566778899", "malformed"],
    ["(1.5) can0 FFF#11", "malformed"],
    ["(1.5) can0 123##", "malformed"],
    ["can0 123#11", "malformed"],
    ["", "malformed"],
  ])("%s is passed over", (line, cause) => {
    expect(parseCandumpLine(line)).toBe(cause);
  });

  test("FD data is as long as it says", () => {
    const line = `(1.5) can0 123##0${"AB".repeat(64)}`;
    expect(parseCandumpLine(line)).toMatchObject({ data: Buffer.alloc(64, 0xab) });
  });
});
