import { endProcess, prepareEnd } from "../../runtime/end-process.ts";
import { EXIT } from "../lib/command.ts";

export type Interruption = Disposable & {
  /** From now on the board is being programmed. */
  begun(): void;
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Until it is disposed, a signal ends this process, with a line that says what is left of the board. `giveBack`
 * is called before. Another signal does not wait for it.
 */
export const showInterruption = (giveBack: () => Promise<void>): Interruption => {
  let isBegun = false;
  let isEnding = false;
  const end = () => {
    if (isEnding) {
      void endProcess(EXIT.failed);
      return;
    }
    isEnding = true;
    const left = isBegun
      ? "the board waits in its boot loader, without a panic path: run the command again"
      : "the board has the firmware that it had";
    process.stderr.write(`\ninterrupted: ${left}\n`);
    void giveBack().finally(() => void endProcess(EXIT.failed));
  };
  prepareEnd();
  for (const name of SIGNALS) process.on(name, end);
  return {
    begun: () => void (isBegun = true),
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, end);
    },
  };
};
