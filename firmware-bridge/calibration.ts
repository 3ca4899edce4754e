import { askBoard, findBoard, LineError, type Answer, type LineOptions } from "./asking.ts";
import { isOlder } from "./firmware-version.ts";

/** Tells a board its supply, and asks what it makes of it. */

/** The supply of a board that runs, millivolts: the brown-out detector stops it below, the chip suffers above. */
export const PLAUSIBLE_MV = { min: 4_300, max: 5_500 } as const;

export type CalibrationOptions = LineOptions & { readonly bauds: readonly number[] };

/**
 * Why a board was not calibrated. `silent`: the port cannot be opened, or no board answers in time. `old`: its firmware
 * cannot be calibrated. `refused`: its reference would be off by more than any chip's is.
 */
export class CalibrationError extends Error {
  readonly code: "silent" | "old" | "refused";
  constructor(code: CalibrationError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export type Calibrated = {
  readonly board: string;
  readonly firmware: string;
  readonly calibrated: boolean;
  /** What the board measures now, and measured before. */
  readonly supplyMv: number;
  readonly beforeMv: number;
  /** The chip's reference, volts. */
  readonly referenceV: number;
};

/** The first firmware that can be calibrated. */
const FIRST = "1.4";
/** The board answers within some milliseconds, once its EEPROM is written. */
const ANSWER = { tries: 4, ms: 500 };

const supplyOf = async (
  talk: Parameters<typeof askBoard>[0],
  hello: Answer<"hello">,
  supplyMv?: number,
): Promise<Answer<"supply">> => {
  const { board, firmware } = hello;
  const answer = await askBoard(talk, { kind: "calibrate", board, supplyMv }, "supply", ANSWER);
  if (answer) return answer;
  if (!isOlder(firmware, FIRST))
    throw new CalibrationError(
      "silent",
      `the panic board (firmware ${firmware}) did not answer in time: is the line or the computer busy? Run this again`,
    );
  throw new CalibrationError(
    "old",
    `the panic board runs firmware ${firmware}, which cannot be calibrated: update it to ${FIRST} or newer`,
  );
};

const calibrate = async (options: CalibrationOptions, supplyMv: number | undefined): Promise<Calibrated> => {
  const found = await findBoard(options, options.bauds);
  if (!found)
    throw new CalibrationError(
      "silent",
      `${options.path} is open, but no panic board answers: is it another device, or not programmed?`,
    );
  await using talk = found.talk;
  const { hello } = found;
  const before = await supplyOf(talk, hello);
  const after = supplyMv === undefined ? before : await supplyOf(talk, hello, supplyMv);
  if (after.answer === "refused")
    throw new CalibrationError(
      "refused",
      `the panic board refuses ${supplyMv} mV: it reads ${before.supplyMv} mV, and no chip is that far off; measure between 5V and GND of the board`,
    );
  return {
    board: hello.board,
    firmware: hello.firmware,
    calibrated: after.calibrated,
    supplyMv: after.supplyMv,
    beforeMv: before.supplyMv,
    referenceV: after.reference / 10_000,
  };
};

/**
 * Calibrates the board on a line. `supplyMv`: what was measured; 0 forgets the calibration; undefined only asks.
 * Throws a CalibrationError.
 */
export const calibrateBoard = async (
  options: CalibrationOptions,
  supplyMv: number | undefined,
): Promise<Calibrated> => {
  try {
    return await calibrate(options, supplyMv);
  } catch (cause) {
    if (cause instanceof LineError) throw new CalibrationError("silent", cause.message, cause);
    throw cause;
  }
};
