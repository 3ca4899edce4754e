import type { Time } from "../src/runtime/ports.ts";
import { openFault, type Tty } from "../src/runtime/tty.ts";
import { pause } from "../src/runtime/wait.ts";
import { Conversation } from "./conversation.ts";
import { createBoardFramer } from "./framer.ts";
import { decodeFromBoard, encodeToBoard, type FromBoard, type ToBoard } from "./protocol.ts";

/** Questions to a board outside of the service: its update, its calibration. */

export type LineOptions = {
  readonly path: string;
  readonly openLine: (path: string, baud: number) => Promise<Tty>;
  readonly time: Time;
};

/** The port cannot be opened. The message says what to do. */
export class LineError extends Error {}

export type Answer<K extends FromBoard["kind"]> = Extract<FromBoard, { kind: K }>;

const OPENING = { tries: 5, ms: 100 };
/** Opening the line may reset the board: it says hello after 2.5 s at most. */
const HELLO_ROUNDS = 4;
const HELLO_MS = 500;

/** Opens the line. The unit, which has just been stopped, may still have it for a moment. Throws a LineError. */
export const talkAt = async ({ openLine, path, time }: LineOptions, baud: number): Promise<Conversation> => {
  for (let tried = 1; ; tried++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it opens
      return new Conversation(await openLine(path, baud), time);
    } catch (cause) {
      if (tried === OPENING.tries)
        throw new LineError(openFault(path, "panic board", cause).message, { cause });
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
export const askBoard = async <K extends FromBoard["kind"]>(
  talk: Conversation,
  question: ToBoard,
  kind: K,
  { tries, ms }: { readonly tries: number; readonly ms: number },
): Promise<Answer<K> | undefined> => {
  const isAnswer = (message: FromBoard): message is Answer<K> => message.kind === kind;
  for (let tried = 0; tried < tries; tried++) {
    const read = (received: Uint8Array) => messagesIn(received).find(isAnswer);
    // oxlint-disable-next-line no-await-in-loop -- until it answers
    const answer = await talk.ask(encodeToBoard(question), read, ms);
    if (answer) return answer;
  }
  return undefined;
};

/**
 * Looks for a board at these rates, in turn. Undefined: none answers. Throws a LineError. The caller closes the
 * line.
 */
export const findBoard = async (
  options: LineOptions,
  bauds: readonly number[],
): Promise<{ readonly talk: Conversation; readonly hello: Answer<"hello"> } | undefined> => {
  for (let round = 0; round < HELLO_ROUNDS; round++) {
    for (const baud of bauds) {
      // oxlint-disable-next-line no-await-in-loop -- one rate after another
      const talk = await talkAt(options, baud);
      // oxlint-disable-next-line no-await-in-loop
      const hello = await askBoard(talk, { kind: "query" }, "hello", { tries: 1, ms: HELLO_MS });
      if (hello) return { talk, hello };
      // oxlint-disable-next-line no-await-in-loop
      await talk[Symbol.asyncDispose]();
    }
  }
  return undefined;
};
