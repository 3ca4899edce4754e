import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { suggest } from "../domain/suggest.ts";

const SEE_HELP = "--help lists the options";

/** A value that begins with a dash and is still a value: a negative number, or the standard input. */
const isValue = (word: string): boolean => !word.startsWith("-") || /^-(\.?\d|$)/.test(word);

/** Joins `--speed -1` to `--speed=-1`, so that the option's own check can say what it expects. */
export const withNegatives = (args: readonly string[], config: ParseArgsOptionsConfig): string[] => {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [arg, next] = [args[i]!, args[i + 1]];
    const isString = config[arg.replace(/^--/, "")]?.type === "string";
    if (isString && next !== undefined && /^-\.?\d/.test(next)) {
      joined.push(`${arg}=${next}`);
      i++;
    } else joined.push(arg);
  }
  return joined;
};

/** What is wrong with the arguments, and what to do; undefined: nothing. */
export const usageFault = (args: readonly string[], config: ParseArgsOptionsConfig): string | undefined => {
  const names = Object.keys(config);
  const { tokens } = parseArgs({ args: [...args], options: config, strict: false, tokens: true });
  const given = new Set<string>();
  for (const token of tokens) {
    if (token.kind === "positional") return `"${token.value}" is not expected here; ${SEE_HELP}`;
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const type = Object.hasOwn(config, name) ? config[name]?.type : undefined;
    if (type === undefined || !rawName.startsWith("--")) {
      const meant = suggest(name, names);
      return `there is no option ${rawName}${meant === undefined ? "" : `: is it --${meant}?`}; ${SEE_HELP}`;
    }
    if (type === "string" && (value === undefined || value === "" || (!inlineValue && !isValue(value))))
      return `${rawName} needs a value; ${SEE_HELP}`;
    if (type === "boolean" && value !== undefined) return `${rawName} takes no value; ${SEE_HELP}`;
    // The last one would count without a word about the others.
    if (given.has(name) && config[name]?.multiple !== true) return `${rawName} is given twice; ${SEE_HELP}`;
    given.add(name);
  }
  return undefined;
};
