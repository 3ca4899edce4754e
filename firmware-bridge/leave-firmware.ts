import { askBoard, findBoard, type Answer, type LineOptions } from "./asking.ts";
import { isOlder } from "./firmware-version.ts";
import type { Conversation } from "./conversation.ts";
import type { FirmwareImage } from "./firmware-image.ts";
import { encodeToBoard, type ToBoard } from "./protocol.ts";
import { UpdateError } from "./update-error.ts";
import { REFUSALS } from "./update-plan.ts";

/** The first part of an update: asks the firmware for its seal, and to make way for its boot loader. */

export type LeaveOptions = LineOptions & {
  /** The rates of the board's firmware, before and after. */
  readonly bauds: readonly number[];
  readonly image: FirmwareImage;
  /** Programs the board also if it has this image. */
  readonly force: boolean;
  /**
   * The board does not tell a drill from an emergency. If it has an emergency, and the unit knows that it is a drill,
   * this is shown first. Undefined: the board's refusal counts.
   */
  readonly atRest?: Extract<ToBoard, { kind: "show" }> | undefined;
};

/** `board`: its id. `firmware`: its version. */
export type Before = { readonly board: string; readonly firmware: string };

/**
 * `same`: the board has the image, and nothing was done. `left`: its boot loader starts now. `unable`: its
 * firmware is too old to start a boot loader. `unanswered`: it can, and has not answered in time. `absent`: no
 * firmware of ours answers.
 */
export type Left =
  | { readonly kind: "same" | "left" | "unable" | "unanswered"; readonly before: Before }
  | { readonly kind: "absent"; readonly before: undefined };

const QUESTION = { tries: 4, ms: 500 };
/** The board answers after 0.5 s. */
const CONSENT = { tries: 2, ms: 1_000 };
/** The firmware has made way after this time: a greeting that it gets in part would be noise. */
const LEAVE_MS = 250;
/** The board reads a message within some milliseconds. */
const SHOW_MS = 100;

/** The first firmware of which every board knows `update`. Not all of 1.2 do. */
const FIRST = "1.3";

const NOTHING = new Uint8Array(0);

/** Sends bytes, and waits for a time whatever comes. */
const tell = (talk: Conversation, bytes: Uint8Array, ms: number) => talk.ask(bytes, () => undefined, ms);

const isSame = ({ seal }: Answer<"update">, { bytes, crc }: FirmwareImage): boolean =>
  seal.bytes === bytes && seal.crc === crc;

/**
 * Whether the board has answered that it starts its boot loader. Throws if it refuses. If the answer is lost, the
 * loader may start all the same.
 */
const requestLoader = async (talk: Conversation, board: string): Promise<boolean> => {
  const answer = await askBoard(talk, { kind: "update", board, consent: true }, "update", CONSENT);
  if (!answer) return false;
  if (answer.state === "starting" || answer.state === "ready") return true;
  throw new UpdateError(
    answer.state === "no-loader" ? "no-loader" : "refused",
    `the panic board is not updated: ${REFUSALS[answer.state]}`,
  );
};

/** Asks the firmware to make way for its boot loader. Throws an UpdateError if it refuses, or a LineError. */
export const leaveFirmware = async (options: LeaveOptions): Promise<Left> => {
  const found = await findBoard(options, options.bauds);
  if (!found) return { kind: "absent", before: undefined };
  await using talk = found.talk;
  const { board, firmware } = found.hello;
  const before = { board, firmware };
  const known = await askBoard(talk, { kind: "update", board, consent: false }, "update", QUESTION);
  if (!known) return { kind: isOlder(firmware, FIRST) ? "unable" : "unanswered", before };
  if (!options.force && isSame(known, options.image)) return { kind: "same", before };
  if (known.state === "emergency" && options.atRest) await tell(talk, encodeToBoard(options.atRest), SHOW_MS);
  const isStarting = await requestLoader(talk, board);
  await tell(talk, NOTHING, LEAVE_MS);
  return { kind: isStarting ? "left" : "unanswered", before };
};
