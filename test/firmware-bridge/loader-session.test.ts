import { expect, test } from "vitest";
import { Conversation } from "../../firmware-bridge/conversation.ts";
import { readFirmware } from "../../firmware-bridge/firmware-image.ts";
import { command, greet, identify, perform } from "../../firmware-bridge/loader-session.ts";
import { answerTo, readPage, SYNC } from "../../firmware-bridge/stk500.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { firmwareText } from "./boot-bench.ts";

const IN_SYNC = 0x14;
const OK = 0x10;

/** A line to a loader that answers each command with these bytes; undefined: it says nothing. */
const talkTo = (answer: (command: Uint8Array) => readonly number[] | undefined) => {
  let wake = () => undefined as void;
  let pending: number[] = [];
  const commands: Uint8Array[] = [];
  const line = {
    async read() {
      while (pending.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return Uint8Array.from(pending.splice(0));
    },
    write(bytes: Uint8Array) {
      if (bytes.length === 0) return;
      commands.push(bytes);
      pending = [...(answer(bytes) ?? [])];
      wake();
    },
    setBaud: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return { talk: new Conversation(line, systemTime), commands };
};

/** The answers of a loader to signature and parameters. */
const loaderWith =
  ({ signature = [0x1e, 0x95, 0x0f], hardware = 3, major = 8 }) =>
  ([head, which]: Uint8Array) => {
    if (head === 0x75) return [IN_SYNC, ...signature, OK];
    if (head === 0x41) return [IN_SYNC, which === 0x80 ? hardware : major, OK];
    return [IN_SYNC, OK];
  };

test("our loader and Optiboot from 7 on are told apart, and others are refused", async () => {
  expect(await identify(talkTo(loaderWith({ hardware: 0x50, major: 1 })).talk)).toEqual({ loader: "ours" });
  expect(await identify(talkTo(loaderWith({ major: 7 })).talk)).toEqual({ loader: "optiboot" });
  expect(await identify(talkTo(loaderWith({ major: 6 })).talk)).toEqual({
    wrong: "old-loader",
    says: "the boot loader is not ours, and of version 6: too old",
  });
  expect(await identify(talkTo(loaderWith({ signature: [0x1e, 0x95, 0x14] })).talk)).toEqual({
    wrong: "chip",
    says: "the chip is no ATmega328P (its signature is 1e9514)",
  });
});

test("a loader that says nothing is greeted twice", async () => {
  const { talk, commands } = talkTo(() => undefined);
  expect(await greet(talk)).toBe(false);
  expect(commands).toEqual([SYNC.bytes, SYNC.bytes]);
});

test("a command that is refused is repeated with a greeting between, eight times in all", async () => {
  const { talk, commands } = talkTo(([head]) => (head === 0x30 ? [IN_SYNC, OK] : [IN_SYNC, 0x11]));
  await expect(command(talk, { bytes: Uint8Array.of(0x51, 0x20), answers: 0 })).rejects.toThrow(
    "refuses a command",
  );
  expect(commands.map(([head]) => head)).toEqual(Array.from({ length: 8 }, () => [0x51, 0x30]).flat());
});

test("a page that reads otherwise is written again; if it stays so that is an error with its address", async () => {
  const page = readFirmware(firmwareText()).pages[2]!;
  const { talk, commands } = talkTo(([head]) =>
    head === 0x74 ? [IN_SYNC, ...page.bytes.with(5, page.bytes[5]! ^ 1), OK] : [IN_SYNC, OK],
  );
  await expect(perform(talk, { do: "verify", page })).rejects.toThrow("address 256");
  expect(commands.filter(([head]) => head === 0x64)).toHaveLength(8);
});

test("an answer is complete only with its last byte, and noise before it is passed over", () => {
  const whole = [0xf0, 0x00, IN_SYNC, 0x11, IN_SYNC, OK];
  const read = readPage(2);
  for (let length = 0; length < whole.length; length++)
    expect(answerTo(read, Uint8Array.from(whole.slice(0, length)))).toBeUndefined();
  expect(answerTo(read, Uint8Array.from(whole))).toEqual(Uint8Array.of(0x11, IN_SYNC));
  expect(answerTo(SYNC, Uint8Array.of(IN_SYNC, 0x11))).toBe("wrong");
});
