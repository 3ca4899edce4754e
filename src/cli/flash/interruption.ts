import { endProcess, prepareEnd } from "../../runtime/end-process.ts";
import { EXIT } from "../lib/command.ts";

export type Interruption = Disposable & {
  /** From now on the board is being programmed. */
  begun(): void;
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Until it is disposed, a signal ends this process at once, with a line that says what is left of the board. */
export const showInterruption = (): Interruption => {
  let isBegun = false;
  const end = () => {
    const left = isBegun
      ? "the board waits in its boot loader, without a panic path: run the command again"
      : "the board has the firmware that it had";
    process.stderr.write(`\ninterrupted: ${left}\n`);
    void endProcess(EXIT.failed);
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
