import { CommandError, EXIT } from "./command.ts";

/** Questions on the terminal. Without one, a question is a wrong usage that names the option to give. */

/** Whether a person can be asked. */
export const isTerminal = (): boolean => process.stdin.isTTY && process.stdout.isTTY;

const noTerminal = (option: string): CommandError =>
  new CommandError(
    EXIT.usage,
    `${option} is missing, and there is no terminal to ask; --help lists the options`,
  );

const cancelled = (): CommandError => new CommandError(EXIT.failed, "stopped at the keyboard");

/** Asks for a secret, which is not shown. Throws a CommandError if there is no terminal, or on Ctrl-C. */
export const askSecret = async (message: string, option: string): Promise<string> => {
  if (!isTerminal()) throw noTerminal(option);
  const { isCancel, password } = await import("@clack/prompts");
  const answer = await password({ message });
  if (isCancel(answer)) throw cancelled();
  return answer;
};

export type Question = {
  readonly message: string;
  /** The option that gives the answer, such as `--unit`. */
  readonly option: string;
  /** Accepted by Enter. */
  readonly proposal?: string | undefined;
  /** What is wrong with an answer; undefined: nothing. */
  readonly fault: (answer: string) => string | undefined;
};

/** Who answers questions: a person at the terminal, or nobody. */
export type Asker = (question: Question) => Promise<string>;

/** Nobody can be asked: what is found counts, and anything else is a CommandError (64) that names its option. */
export const nobody: Asker = ({ option, proposal }) =>
  proposal === undefined ? Promise.reject(noTerminal(option)) : Promise.resolve(proposal);

/** Asks at the terminal. Rejects with a CommandError on Ctrl-C. */
const person: Asker = async ({ message, proposal, fault }) => {
  const { isCancel, text } = await import("@clack/prompts");
  const answer = await text({
    message,
    ...(proposal === undefined ? {} : { initialValue: proposal }),
    validate: (value) => fault(value?.trim() ?? ""),
  });
  if (isCancel(answer)) throw cancelled();
  return answer.trim();
};

/** A person if there is a terminal, and `quiet` is not set. */
export const asker = (quiet: boolean): Asker => (!quiet && isTerminal() ? person : nobody);
