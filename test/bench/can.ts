import { createMatcher } from "../../src/decode/can/message.ts";
import { compileMapping } from "../../src/decode/can/mapping.ts";
import { parseDbc } from "../../src/decode/dbc/parser.ts";
import { VSS } from "../../src/domain/vss.ts";

const IDS = 60;
const MAPPED = 12;
const FRAMES = 1_000_000;
const ROUNDS = 5;

/** Sixty messages of four signals, Intel and Motorola, twelve of them mapped. */
const databaseText = (): string =>
  Array.from(
    { length: IDS },
    (_, n) => `BO_ ${256 + n} M${n}: 8 A
 SG_ A : 0|16@1+ (0.01,0) [0|0] "km/h" A
 SG_ B : 23|12@0- (0.1,0) [0|0] "" A
 SG_ C : 40|1@1+ (1,0) [0|0] "" A
 SG_ D : 48|16@1- (1,0) [0|0] "" A
`,
  ).join("");

/** Frames a second through the decoder, on one core. */
export const can = (
  print: (what: string, figure: string) => void,
  quantile: (values: readonly number[], q: number) => number,
): void => {
  const database = parseDbc(`VERSION ""\n${databaseText()}`, "bench.dbc");
  const paths = VSS.filter(({ type }) => type === "number").slice(0, MAPPED);
  const mapping = compileMapping(
    Object.fromEntries(paths.map(({ path }, n) => [path, { from: `M${n}.A` }])),
    database,
  );
  if (!("read" in mapping)) throw new Error(JSON.stringify(mapping));
  const messageOf = createMatcher(database);
  const frames = Array.from({ length: 1_024 }, (_, n) => ({
    t: 0,
    bus: "can0",
    id: 256 + (n % MAPPED),
    extended: false,
    data: Uint8Array.from({ length: 8 }, (__, i) => (n * 31 + i * 7) & 0xff),
  }));
  const rate = (take: (frame: (typeof frames)[number]) => void): number => {
    const rates = Array.from({ length: ROUNDS }, () => {
      const begun = performance.now();
      for (let n = 0; n < FRAMES; n++) take(frames[n & 1_023]!);
      return (FRAMES * 1_000) / (performance.now() - begun);
    });
    return quantile(rates, 0.5);
  };
  const say = (what: string, take: (frame: (typeof frames)[number]) => void) =>
    print(what, Math.round(rate(take)).toLocaleString("en"));
  say("CAN: frames/s, one mapped signal each, to VSS", (frame) => void mapping.read(frame));
  say(
    "CAN: frames/s, the same signal raw to physical",
    (frame) => void messageOf(frame)!.signals[0]!.physical(frame.data),
  );
  say("CAN: frames/s, all four signals of each", (frame) => {
    for (const signal of messageOf(frame)!.signals) signal.physical(frame.data);
  });
};
