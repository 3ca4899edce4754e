import { endProcess, prepareEnd } from "../../runtime/end-process.ts";
import { EXIT } from "../lib/command.ts";

export type Interruption = Disposable & {
  /** From now on the board is being programmed. */
  begun(): void;
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Until it is disposed, a signal ends this process before the board is being programmed, with a line that says so.
 * From then on the board has no firmware until it is done, some 10 s: a signal waits for that, because the terminal
 * that has gone cannot repeat the command. Only a second Ctrl-C ends it. `giveBack` is called before an end. Another
 * signal does not wait for it.
 */
export const showInterruption = (giveBack: () => Promise<void>): Interruption => {
  let isBegun = false;
  let isEnding = false;
  let isWarned = false;
  const end = (left: string) => {
    isEnding = true;
    process.stderr.write(`\ninterrupted: ${left}\n`);
    void giveBack().finally(() => void endProcess(EXIT.failed));
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (isEnding) {
      void endProcess(EXIT.failed);
      return;
    }
    if (!isBegun) {
      end("the board has the firmware that it had");
      return;
    }
    if (name === "SIGINT" && isWarned) {
      end("the board waits in its boot loader, without a panic path: run the command again");
      return;
    }
    isWarned ||= name === "SIGINT";
    const again = name === "SIGINT" ? "; Ctrl-C again leaves it without a firmware" : "";
    process.stderr.write(`\n${name}: the board is programmed to the end first, about 10 s${again}\n`);
  };
  prepareEnd();
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    begun: () => void (isBegun = true),
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
};
