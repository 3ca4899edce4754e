import { reasonOf } from "../src/runtime/log.ts";
import type { Time } from "../src/runtime/ports.ts";
import { openFault, type Tty } from "../src/runtime/tty.ts";
import { pause } from "../src/runtime/wait.ts";
import { Conversation } from "./conversation.ts";
import type { FirmwareImage } from "./firmware-image.ts";
import { createBoardFramer } from "./framer.ts";
import { command, greet, identify, perform } from "./loader-session.ts";
import { decodeFromBoard, encodeToBoard, type FromBoard, type ToBoard } from "./protocol.ts";
import { ENTER, LEAVE } from "./stk500.ts";
import { planUpdate, REFUSALS, type Step } from "./update-plan.ts";

export type UpdateProgress = {
  readonly doing: Step["do"];
  /** Pages of this kind that are done, and how many there are. */
  readonly done: number;
  readonly of: number;
};

export type UpdateOptions = {
  readonly path: string;
  readonly openLine: (path: string, baud: number) => Promise<Tty>;
  /** The rate of the board's firmware. */
  readonly baud: number;
  readonly time: Time;
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

type Of<K extends FromBoard["kind"]> = Extract<FromBoard, { kind: K }>;

/** Optiboot's rate first: it waits for 1 s, and gives up at once on noise. Ours waits for 4.2 s. */
const LOADER_BAUDS = [115_200, 38_400];
const LOADER_ROUNDS = 4;
/** The firmware has made way after this time: a greeting that it gets in part would be noise. */
const LEAVE_MS = 250;
const OPENING = { tries: 5, ms: 100 };
/** Opening the line may reset the board: it says hello after 2.5 s at most. */
const HELLO = { tries: 6, ms: 500 };
/** The board answers after 0.5 s. */
const CONSENT = { tries: 2, ms: 1_000 };

/** Opens the line. The unit, which has just been stopped, may still have it for a moment. */
const talkAt = async ({ openLine, path, time }: UpdateOptions, baud: number): Promise<Conversation> => {
  for (let tried = 1; ; tried++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it opens
      return new Conversation(await openLine(path, baud), time);
    } catch (cause) {
      if (tried === OPENING.tries)
        throw new UpdateError("silent", openFault(path, "panic board", cause).message, cause);
    }
    // oxlint-disable-next-line no-await-in-loop
    await pause(OPENING.ms, new AbortController().signal, time);
  }
};

const messagesIn = (bytes: Uint8Array): FromBoard[] => {
  const messages: FromBoard[] = [];
  const panic = (body: Uint8Array) => {
    const message = decodeFromBoard(body);
    if (message) messages.push(message);
  };
  createBoardFramer({ panic, firmata: () => undefined, broken: () => undefined })(bytes);
  return messages;
};

/** Repeats a question until the board answers with a message of this kind. */
const askBoard = async <K extends FromBoard["kind"]>(
  talk: Conversation,
  question: ToBoard,
  kind: K,
  { tries, ms }: { readonly tries: number; readonly ms: number },
): Promise<Of<K> | undefined> => {
  const isAnswer = (message: FromBoard): message is Of<K> => message.kind === kind;
  for (let tried = 0; tried < tries; tried++) {
    const read = (received: Uint8Array) => messagesIn(received).find(isAnswer);
    // oxlint-disable-next-line no-await-in-loop -- until it answers
    const answer = await talk.ask(encodeToBoard(question), read, ms);
    if (answer) return answer;
  }
  return undefined;
};

/** Asks the firmware to make way for its boot loader. Returns whether a firmware has answered. */
const leaveFirmware = async (options: UpdateOptions): Promise<boolean> => {
  await using talk = await talkAt(options, options.baud);
  const hello = await askBoard(talk, { kind: "query" }, "hello", HELLO);
  if (!hello) return false;
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
    await using talk = await talkAt(options, options.baud);
    const hello = await askBoard(talk, { kind: "query" }, "hello", HELLO);
    if (hello) return { firmware: hello.firmware };
  } catch (cause) {
    if (cause instanceof UpdateError) throw cause;
    throw new UpdateError("failed", `the update has failed, and can be repeated: ${reasonOf(cause)}`, cause);
  }
  throw new UpdateError("failed", "the new firmware does not answer: repeat the update");
};
