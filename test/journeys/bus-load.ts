import { writeFileSync } from "node:fs";
import { VSS } from "../../src/domain/vss.ts";

/** A bus of 500 kbit/s at 60 % load: 2,400 frames of eight bytes a second, of sixty ids, twelve of them mapped. */
const FRAMES_A_SECOND = 2_400;
const IDS = 60;
const MAPPED_IDS = 12;
const FIRST_ID = 0x200;

/** The messages M0 to M11 of a database, which are those that are mapped. */
export const busDatabase = (): string =>
  Array.from(
    { length: MAPPED_IDS },
    (_, n) => `BO_ ${FIRST_ID + n} M${n}: 8 A\n SG_ A : 0|16@1+ (0.01,0) [0|0] "" A\n`,
  ).join("");

/** The lines of a signal map for them. */
export const busSignals = (): string =>
  VSS.filter(({ path, type }) => type === "number" && path !== "Vehicle.Speed")
    .slice(0, MAPPED_IDS)
    .map(({ path }, n) => `    ${path}: { from: M${n}.A }`)
    .join("\n");

/** Writes such a bus as a candump log; how many of its frames are mapped. */
export const busLog = (file: string, seconds: number): number => {
  const lines = Array.from({ length: seconds * FRAMES_A_SECOND }, (_, n) => {
    const value = Buffer.of(Math.floor(n / IDS) & 0xff, (n >> 14) & 0xff).toString("hex");
    const t = (1_795_000_000 + n / FRAMES_A_SECOND).toFixed(6);
    return `(${t}) vcan0 ${(FIRST_ID + (n % IDS)).toString(16).toUpperCase()}#${value}000000000000`;
  });
  writeFileSync(file, `${lines.join("\n")}\n`);
  return (lines.length * MAPPED_IDS) / IDS;
};
