import { reasonOf } from "../src/runtime/log.ts";
import { isPortBusy } from "../src/runtime/tty.ts";
import { findBoard, LineError, talkAt } from "./asking.ts";
import type { Conversation } from "./conversation.ts";
import { ASK_FIRMWARE_NAME, firmwareNames, isOurName } from "./firmware-name.ts";
import { leaveFirmware, type Before, type LeaveOptions, type Left } from "./leave-firmware.ts";
import { command, greet, identify, perform } from "./loader-session.ts";
import { LOADER_BAUD } from "./rates.ts";
import { ENTER, LEAVE } from "./stk500.ts";
import { UpdateError } from "./update-error.ts";
import { planUpdate, type Step } from "./update-plan.ts";

export type UpdateProgress = {
  readonly doing: Step["do"];
  /** Pages of this kind that are done, and how many there are. */
  readonly done: number;
  readonly of: number;
};

export type UpdateOptions = LeaveOptions & {
  /** Called before the first page is written: from now on the board has no firmware, until the update is done. */
  readonly onBegin: () => void;
  readonly onProgress: (progress: UpdateProgress) => void;
};

export type Updated = {
  /** False: the board has the image already. */
  readonly changed: boolean;
  /** Undefined: the board waited in its boot loader, as after an update that was cut. */
  readonly before: Before | undefined;
  readonly after: Before;
  /** The time without a panic path, milliseconds: from the last answer of one firmware to the next one's greeting. */
  readonly awayMs: number;
};

/** Optiboot's rate first: it waits for 1 s, and gives up at once on noise. Ours waits for 4.2 s. */
const LOADER_BAUDS = [115_200, LOADER_BAUD];
const LOADER_ROUNDS = 4;
const NAME_MS = 500;

/** The name of another Firmata firmware on the line. */
const otherFirmware = async (options: UpdateOptions): Promise<string | undefined> => {
  for (const baud of options.bauds) {
    // oxlint-disable-next-line no-await-in-loop -- one rate after another
    await using talk = await talkAt(options, baud);
    // oxlint-disable-next-line no-await-in-loop
    const name = await talk.ask(ASK_FIRMWARE_NAME, (received) => firmwareNames(received)[0], NAME_MS);
    if (name !== undefined) return name;
  }
  return undefined;
};

/**
 * Why no boot loader answers. `started`: it has started our firmware meanwhile, as after an update that was cut before
 * its first page.
 */
const noLoader = async (options: UpdateOptions, { kind, before }: Left): Promise<UpdateError | "started"> => {
  if (before && kind === "unanswered")
    return new UpdateError(
      "silent",
      `the panic board (firmware ${before.firmware}) did not answer in time: is the line or the computer busy? Nothing was written: run this again`,
    );
  if (before) {
    const why =
      kind === "unable" ? "is too old to start a boot loader" : "starts no boot loader that answers";
    return new UpdateError("no-start", `the panic board's firmware ${before.firmware} ${why}`);
  }
  const other = await otherFirmware(options);
  if (other !== undefined && isOurName(other)) return "started";
  if (other !== undefined)
    return new UpdateError("no-start", `the board runs ${other}, which starts no boot loader`);
  return new UpdateError("silent", `nothing answers on ${options.path}: is it the panic board?`);
};

/** Finds a boot loader, which waits at its own rate. Undefined: none answers. */
const findLoader = async (options: UpdateOptions): Promise<Conversation | undefined> => {
  for (let tried = 0; tried < LOADER_ROUNDS * LOADER_BAUDS.length; tried++) {
    // oxlint-disable-next-line no-await-in-loop -- one rate after another
    const talk = await talkAt(options, LOADER_BAUDS[tried % LOADER_BAUDS.length]!);
    // oxlint-disable-next-line no-await-in-loop
    if (await greet(talk)) return talk;
    // oxlint-disable-next-line no-await-in-loop
    await talk[Symbol.asyncDispose]();
  }
  return undefined;
};

const program = async (talk: Conversation, { image, onBegin, onProgress }: UpdateOptions): Promise<void> => {
  const known = await identify(talk);
  if ("wrong" in known) throw new UpdateError(known.wrong, known.says);
  await command(talk, ENTER);
  const steps = planUpdate(image, known.loader);
  const done = { write: 0, verify: 0 };
  onBegin();
  for (const step of steps) {
    // oxlint-disable-next-line no-await-in-loop -- in the order of the plan
    await perform(talk, step);
    done[step.do]++;
    onProgress({ doing: step.do, done: done[step.do], of: steps.filter((one) => one.do === step.do).length });
  }
  await command(talk, LEAVE);
};

/** The new firmware. */
const greetedBy = async (options: UpdateOptions): Promise<Before> => {
  const found = await findBoard(options, options.bauds);
  await found?.talk[Symbol.asyncDispose]();
  if (!found) throw new UpdateError("failed", "the new firmware does not answer: repeat the update");
  return { board: found.hello.board, firmware: found.hello.firmware };
};

const update = async (options: UpdateOptions, isAgain = false): Promise<Updated> => {
  const left = await leaveFirmware(options);
  if (left.kind === "same") return { changed: false, before: left.before, after: left.before, awayMs: 0 };
  const began = options.time.mono();
  {
    await using talk = await findLoader(options);
    const why = talk ? undefined : await noLoader(options, left);
    if (why === "started" && !isAgain) return await update(options, true);
    if (!talk) throw why === "started" ? new Error("the board starts its firmware by itself") : why;
    await program(talk, options);
  }
  const after = await greetedBy(options);
  return { changed: true, before: left.before, after, awayMs: options.time.mono() - began };
};

/**
 * Updates the board on a line, whatever an earlier attempt has left there, and waits for its new firmware. Throws
 * an UpdateError.
 */
export const updateBoard = async (options: UpdateOptions): Promise<Updated> => {
  try {
    return await update(options);
  } catch (cause) {
    if (cause instanceof UpdateError) throw cause;
    if (cause instanceof LineError)
      throw new UpdateError(isPortBusy(cause.cause) ? "in-use" : "silent", cause.message, cause);
    throw new UpdateError("failed", `the update has failed, and can be repeated: ${reasonOf(cause)}`, cause);
  }
};
