import { reasonOf } from "../src/runtime/log.ts";
import { askBoard, findBoard, LineError, talkAt, type LineOptions } from "./asking.ts";
import type { Conversation } from "./conversation.ts";
import type { FirmwareImage } from "./firmware-image.ts";
import { command, greet, identify, perform } from "./loader-session.ts";
import { ENTER, LEAVE } from "./stk500.ts";
import { planUpdate, REFUSALS, type Step } from "./update-plan.ts";

export type UpdateProgress = {
  readonly doing: Step["do"];
  /** Pages of this kind that are done, and how many there are. */
  readonly done: number;
  readonly of: number;
};

export type UpdateOptions = LineOptions & {
  /** The rates of the board's firmware, before and after. */
  readonly bauds: readonly number[];
  readonly image: FirmwareImage;
  readonly onProgress: (progress: UpdateProgress) => void;
};

/**
 * Why an update was not made. `refused`: the board is needed now. `silent`: the port cannot be opened, or neither
 * firmware nor boot loader has answered. `loader`: the boot loader cannot be used. `failed`: it was begun, and can be repeated.
 */
export class UpdateError extends Error {
  readonly code: "refused" | "silent" | "loader" | "failed";
  constructor(code: UpdateError["code"], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Optiboot's rate first: it waits for 1 s, and gives up at once on noise. Ours waits for 4.2 s. */
const LOADER_BAUDS = [115_200, 38_400];
const LOADER_ROUNDS = 4;
/** The firmware has made way after this time: a greeting that it gets in part would be noise. */
const LEAVE_MS = 250;
/** The board answers after 0.5 s. */
const CONSENT = { tries: 2, ms: 1_000 };

/** Asks the firmware to make way for its boot loader. Returns whether a firmware has answered. */
const leaveFirmware = async (options: UpdateOptions): Promise<boolean> => {
  const found = await findBoard(options, options.bauds);
  if (!found) return false;
  await using talk = found.talk;
  const { hello } = found;
  const request = { kind: "update", board: hello.board, consent: true } as const;
  const answer = await askBoard(talk, request, "update", CONSENT);
  if (answer && answer.state !== "starting" && answer.state !== "ready")
    throw new UpdateError("refused", `the panic board is not updated: ${REFUSALS[answer.state]}`);
  await talk.ask(new Uint8Array(0), () => undefined, LEAVE_MS);
  return true;
};

/** Finds a boot loader, which waits at its own rate. */
const findLoader = async (options: UpdateOptions, hadFirmware: boolean): Promise<Conversation> => {
  for (let tried = 0; tried < LOADER_ROUNDS * LOADER_BAUDS.length; tried++) {
    // oxlint-disable-next-line no-await-in-loop -- one rate after another
    const talk = await talkAt(options, LOADER_BAUDS[tried % LOADER_BAUDS.length]!);
    // oxlint-disable-next-line no-await-in-loop
    if (await greet(talk)) return talk;
    // oxlint-disable-next-line no-await-in-loop
    await talk[Symbol.asyncDispose]();
  }
  const detail = hadFirmware
    ? "the panic board does not start its boot loader: its firmware is too old for an update, or its fuses are wrong"
    : `nothing answers on ${options.path}: is it the panic board, and has it a boot loader?`;
  throw new UpdateError("silent", detail);
};

const program = async (talk: Conversation, { image, onProgress }: UpdateOptions): Promise<void> => {
  const known = await identify(talk);
  if (typeof known === "string") throw new UpdateError("loader", known);
  await command(talk, ENTER);
  const steps = planUpdate(image, known.loader);
  const done = { write: 0, verify: 0 };
  for (const step of steps) {
    // oxlint-disable-next-line no-await-in-loop -- in the order of the plan
    await perform(talk, step);
    done[step.do]++;
    onProgress({ doing: step.do, done: done[step.do], of: steps.filter((one) => one.do === step.do).length });
  }
  await command(talk, LEAVE);
};

/**
 * Updates the board on a line, whatever an earlier attempt has left there, and waits for its new firmware. Throws
 * an UpdateError.
 */
export const updateBoard = async (options: UpdateOptions): Promise<{ readonly firmware: string }> => {
  try {
    const hadFirmware = await leaveFirmware(options);
    {
      await using talk = await findLoader(options, hadFirmware);
      await program(talk, options);
    }
    const found = await findBoard(options, options.bauds);
    await found?.talk[Symbol.asyncDispose]();
    if (found) return { firmware: found.hello.firmware };
  } catch (cause) {
    if (cause instanceof UpdateError) throw cause;
    if (cause instanceof LineError) throw new UpdateError("silent", cause.message, cause);
    throw new UpdateError("failed", `the update has failed, and can be repeated: ${reasonOf(cause)}`, cause);
  }
  throw new UpdateError("failed", "the new firmware does not answer: repeat the update");
};
