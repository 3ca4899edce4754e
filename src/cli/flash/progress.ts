import type { UpdateProgress } from "../../../firmware-bridge/updater.ts";

/** Where progress is shown. */
export type Screen = { readonly isTTY?: boolean; write(text: string): unknown };

export type Progress = Disposable & {
  /** Shows what is being done before there is progress. */
  begin(text: string): void;
  update(progress: UpdateProgress): void;
};

const ERASE_LINE = "\r\u001B[K";
/** Without a terminal, a line each quarter. */
const PLAIN_STEP = 25;
const WORDS = { write: "writing", verify: "verifying" } as const;

/** One line that is overwritten on a terminal; elsewhere, for example in a log, a plain line each quarter. */
export const showProgress = (screen: Screen): Progress => {
  const isTerminal = screen.isTTY === true;
  let shown = "";
  let isVerifying = false;
  const show = (text: string) => {
    if (text === shown) return;
    shown = text;
    screen.write(isTerminal ? `${ERASE_LINE}${text}` : `${text}\n`);
  };
  return {
    begin: show,
    update({ doing, done, of }) {
      // One page is written and verified after all others: it is the last of both counts.
      isVerifying ||= doing === "verify";
      if (isVerifying && doing === "write") return;
      const percent = Math.ceil((100 * done) / of);
      const shownPercent = isTerminal ? percent : percent - (percent % PLAIN_STEP);
      if (isTerminal || shownPercent > 0) show(`${WORDS[doing]} ${shownPercent} %`);
    },
    [Symbol.dispose]() {
      if (isTerminal && shown !== "") screen.write(ERASE_LINE);
    },
  };
};
