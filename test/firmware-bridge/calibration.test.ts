import { expect, test } from "vitest";
import { calibrateBoard } from "../../firmware-bridge/calibration.ts";
import { encodeFromBoard } from "../../firmware-bridge/protocol.ts";
import { systemTime } from "../../src/runtime/time.ts";
import type { Tty } from "../../src/runtime/tty.ts";

/** A line on which a board says hello to the first question, and answers no other. */
const greetingLine = (firmware: string): Tty => {
  const hello = Promise.withResolvers<Uint8Array>();
  const closed = Promise.withResolvers<undefined>();
  let isRead = false;
  return {
    read() {
      if (isRead) return closed.promise;
      isRead = true;
      return hello.promise;
    },
    write() {
      hello.resolve(
        encodeFromBoard({
          kind: "hello",
          protocol: 1,
          firmware,
          board: "0badcafe",
          lastNumber: 0,
          loops: 4,
          resetCause: 1,
          uptimeS: 1,
        }),
      );
    },
    setBaud: () => Promise.resolve(),
    close() {
      closed.resolve(undefined);
      return Promise.resolve();
    },
  };
};

const ask = (firmware: string) =>
  calibrateBoard(
    {
      path: "memory",
      openLine: () => Promise.resolve(greetingLine(firmware)),
      bauds: [38_400],
      time: systemTime,
    },
    undefined,
  );

test("a board that can be calibrated and does not answer in time is not called too old", async () => {
  await expect(ask("1.4")).rejects.toMatchObject({
    code: "silent",
    message: expect.stringContaining("did not answer in time"),
  });
});

test("a board that cannot be calibrated is called too old", async () => {
  await expect(ask("1.3")).rejects.toMatchObject({ code: "old" });
});
