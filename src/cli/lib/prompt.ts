import { CommandError, EXIT } from "./command.ts";

/** Questions on the terminal. Without one, a question is a wrong usage that names the option to give. */

const isTerminal = (): boolean => process.stdin.isTTY && process.stdout.isTTY;

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
