import { isWaiting, type List, type ListEvent } from "../../commissioning/list.ts";
import { nextInstruction } from "../../commissioning/instruct.ts";
import { textOf } from "../../commissioning/saying.ts";
import { titleOf } from "../../commissioning/words.ts";
import { ENGLISH } from "../../commissioning/words/english.ts";
import { REASON_LETTERS } from "../../domain/commissioning.ts";
import { newsIn, stepLine, type Display } from "./display.ts";

/**
 * The list on a terminal: a line for each step that has ended, and one line at the bottom that says what to do. Keys:
 * Enter: ready to press; s: skip a step; q: end the list, and what waits has failed; Ctrl-C: leave without a report.
 */

const ERASE_LINE = "\r\u001B[K";
const CTRL_C = "\u0003";

export type Keys = {
  readonly give: (event: ListEvent) => void;
  readonly leave: () => void;
};

const cut = (text: string, columns: number): string =>
  text.length < columns ? text : `${text.slice(0, Math.max(0, columns - 2))}…`;

export class Screen implements Display {
  readonly #keys: Keys;
  /** What comes while a question is shown. Each step changes a few times. */
  #held: string[] | undefined;
  #list: List | undefined;
  readonly #onKey = (bytes: Buffer): void => this.#key(bytes.toString("utf8"));

  constructor(keys: Keys) {
    this.#keys = keys;
    this.#listen();
  }

  changed(before: List | undefined, after: List): void {
    this.#list = after;
    for (const entry of newsIn(before, after))
      if (!isWaiting(entry.progress)) this.#print(`${stepLine(entry)}\n`);
  }

  instruct(list: List, mono: number): void {
    this.#list = list;
    if (this.#held) return;
    const left = list.entries.filter(({ progress }) => isWaiting(progress)).length;
    const { says, action } = nextInstruction(list, mono);
    const hint = `[${left} left; ${action === "ready" ? "Enter: ready, " : ""}s: skip, q: end]`;
    process.stdout.write(
      ERASE_LINE + cut(`→ ${textOf(says, ENGLISH)}  ${hint}`, process.stdout.columns || 80),
    );
  }

  [Symbol.dispose](): void {
    this.#deaf();
    process.stdout.write(ERASE_LINE);
  }

  #print(text: string): void {
    if (this.#held) this.#held.push(text);
    else process.stdout.write(ERASE_LINE + text);
  }

  #listen(): void {
    process.stdin.setRawMode(true).on("data", this.#onKey).resume();
  }

  #deaf(): void {
    process.stdin.off("data", this.#onKey).setRawMode(false).pause();
  }

  #key(text: string): void {
    if (text === CTRL_C) this.#keys.leave();
    else if (text === "\r" || text === "\n") this.#keys.give({ kind: "ready" });
    else if (text === "q") this.#keys.give({ kind: "end", by: "technician" });
    else if (text === "s" && !this.#held) void this.#skip();
  }

  /** Asks which step to skip, and why. The list goes on meanwhile. */
  async #skip(): Promise<void> {
    const open = (this.#list?.entries ?? []).filter(
      ({ progress }) => isWaiting(progress) || progress.state === "fail",
    );
    if (open.length === 0) return;
    this.#held = [];
    this.#deaf();
    process.stdout.write(ERASE_LINE);
    const { isCancel, select, text } = await import("@clack/prompts");
    const id = await select({
      message: "Skip which step? (Ctrl-C: none)",
      options: open.map(({ step }) => ({ value: step.id, label: titleOf(step) })),
    });
    const reason = isCancel(id)
      ? id
      : await text({
          message: "Why?",
          validate: (value) =>
            (value?.trim() ?? "") === "" || (value?.length ?? 0) > REASON_LETTERS
              ? `expected a reason of at most ${REASON_LETTERS} letters`
              : undefined,
        });
    const held = this.#held;
    this.#held = undefined;
    this.#listen();
    for (const line of held) this.#print(line);
    if (!isCancel(id) && !isCancel(reason)) this.#keys.give({ kind: "skip", id, reason: reason.trim() });
  }
}
