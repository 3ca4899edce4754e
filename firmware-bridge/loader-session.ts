import type { Conversation } from "./conversation.ts";
import type { Page } from "./firmware-image.ts";
import {
  answerTo,
  HARDWARE_OURS,
  READ_HARDWARE,
  READ_MAJOR,
  READ_SIGNATURE,
  readPage,
  setAddress,
  SYNC,
  writePage,
  type Command,
} from "./stk500.ts";
import type { Loader, Step } from "./update-plan.ts";

/** Speaks with a boot loader on an open line. Commands are repeated, because the line may spoil them. */

/**
 * On a line that spoils one byte in 2,000 a page is spoilt every eighth time. With three tries, one update in eight
 * would fail.
 */
const TRIES = 8;
/** A page takes 60 ms at most. */
const ANSWER_MS = 400;
const GREETING_MS = 150;
/** A loader forgets half a command after 262 ms. */
const PAUSE_MS = 300;
const SIGNATURE = Buffer.of(0x1e, 0x95, 0x0f);
/** The first Optiboot that an application can start. */
const OPTIBOOT_MIN = 7;

const NOTHING = new Uint8Array(0);

const ask = async (talk: Conversation, command: Command, ms = ANSWER_MS) => {
  const answer = await talk.ask(command.bytes, (received) => answerTo(command, received), ms);
  return answer === "wrong" ? undefined : answer;
};

/** Lets a loader forget what it has of a command. */
const silence = (talk: Conversation) => talk.ask(NOTHING, () => undefined, PAUSE_MS);

/** Whether a boot loader answers at the rate of this line. */
export const greet = async (talk: Conversation): Promise<boolean> => {
  if (await ask(talk, SYNC, GREETING_MS)) return true;
  await silence(talk);
  return (await ask(talk, SYNC, GREETING_MS)) !== undefined;
};

/** The answer to the last of some commands. After a wrong answer, or none, all are repeated. Throws after TRIES times. */
export const command = async (talk: Conversation, ...commands: readonly Command[]): Promise<Uint8Array> => {
  for (let tried = 0; tried < TRIES; tried++) {
    let answer: Uint8Array | undefined;
    for (const one of commands) {
      // oxlint-disable-next-line no-await-in-loop -- one after another
      answer = await ask(talk, one);
      if (!answer) break;
    }
    if (answer) return answer;
    // oxlint-disable-next-line no-await-in-loop
    await silence(talk);
    // oxlint-disable-next-line no-await-in-loop
    await ask(talk, SYNC);
  }
  throw new Error("the boot loader does not answer, or refuses a command");
};

/** What answers at the other end: a loader that can be used, or why it cannot. */
type Identified =
  | { readonly loader: Loader }
  | { readonly wrong: "chip" | "old-loader"; readonly says: string };

/** Which loader this is. */
export const identify = async (talk: Conversation): Promise<Identified> => {
  const signature = await command(talk, READ_SIGNATURE);
  if (!SIGNATURE.equals(signature))
    return {
      wrong: "chip",
      says: `the chip is no ATmega328P (its signature is ${Buffer.from(signature).toString("hex")})`,
    };
  const [hardware] = await command(talk, READ_HARDWARE);
  if (hardware === HARDWARE_OURS) return { loader: "ours" };
  const [major = 0] = await command(talk, READ_MAJOR);
  if (major >= OPTIBOOT_MIN) return { loader: "optiboot" };
  return { wrong: "old-loader", says: `the boot loader is not ours, and of version ${major}: too old` };
};

const writes = (talk: Conversation, { at, bytes }: Page) => command(talk, setAddress(at), writePage(bytes));

/** Performs a step of an update. A page that reads otherwise is written again. Throws if it stays so. */
export const perform = async (talk: Conversation, step: Step): Promise<void> => {
  const { at, bytes } = step.page;
  if (step.do === "write") {
    await writes(talk, step.page);
    return;
  }
  for (let tried = 0; tried < TRIES; tried++) {
    // oxlint-disable-next-line no-await-in-loop -- one after another
    const read = await command(talk, setAddress(at), readPage(bytes.length));
    if (Buffer.compare(read, bytes) === 0) return;
    // oxlint-disable-next-line no-await-in-loop
    await writes(talk, step.page);
  }
  throw new Error(
    `the flash at address ${at} does not keep what is written: check the line, or replace the board`,
  );
};
