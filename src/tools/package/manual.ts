/** What describes the commands: the manual page and the completions of three shells. Pure. */

export type Described = {
  readonly name: string;
  readonly summary: string;
  /** As `--help` prints it. */
  readonly usage: string;
};

const unique = (words: Iterable<string>): string[] => [...new Set(words)].toSorted();

/** The options that a command's usage names. */
const optionsOf = ({ usage }: Described): string[] =>
  unique([...usage.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)].map(([option]) => option));

/** The subcommands that a usage text names: `config` and `firmware` of `flash config|firmware`. */
const wordsOf = ({ name, usage }: Described): string[] =>
  unique(
    [...usage.matchAll(new RegExp(`^patrol-unit ${name} ([a-z][a-z|]*)`, "gm"))].flatMap(([, words = ""]) =>
      words.split("|"),
    ),
  );

/** Text for roff: no character of it is a request. */
const roff = (line: string): string =>
  line
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^(?=[.'])/, "\\&")
    .replaceAll("…", "...");

const verbatim = (usage: string): string[] => [".nf", ...usage.split("\n").map(roff), ".fi"];

/** The manual page. `day`: of the release, ISO. */
export const manualPage = (
  summary: string,
  commands: readonly Described[],
  about: { readonly version: string; readonly day: string; readonly files: readonly string[] },
): string =>
  [
    `.TH PATROL\\-UNIT 1 "${about.day}" "patrol\\-unit ${about.version}"`,
    ".SH NAME",
    `patrol\\-unit \\- ${roff(summary)}`,
    ".SH SYNOPSIS",
    ".B patrol\\-unit",
    ".I COMMAND",
    ".RI [ OPTIONS ]",
    ".SH DESCRIPTION",
    ...commands.flatMap(({ name, summary: does }) => [".TP", `.B ${roff(name)}`, roff(does)]),
    ".SH OPTIONS",
    ".TP",
    ".B \\-\\-help",
    "prints the options of a command.",
    ".TP",
    ".B \\-\\-version",
    "prints the release.",
    ".TP",
    ".B \\-\\-debug",
    "prints the stack of an error.",
    ".SH COMMANDS",
    ...commands.flatMap((command) => [`.SS ${roff(command.name)}`, ...verbatim(command.usage)]),
    ".SH EXIT STATUS",
    "0 done, 1 failed, 64 wrong usage, 69 a device or broker is not there, 74 input or output failed,",
    "78 the configuration cannot be used.",
    ".SH FILES",
    ...about.files.flatMap((file) => [".TP", `.I ${roff(file)}`]),
    "",
  ].join("\n");

const COMMON = ["--help", "--debug"];

export const bashCompletion = (commands: readonly Described[]): string =>
  [
    "# Completion of patrol-unit for bash. Generated from the usage of each command.",
    "_patrol_unit() {",
    '    local cur="${COMP_WORDS[COMP_CWORD]}" options="" words=""',
    '    if [ "$COMP_CWORD" -eq 1 ]; then',
    `        mapfile -t COMPREPLY < <(compgen -W "${[...commands.map(({ name }) => name), "--help", "--version"].join(" ")}" -- "$cur")`,
    "        return",
    "    fi",
    '    case "${COMP_WORDS[1]}" in',
    ...commands.map(
      (command) =>
        `    ${command.name}) options="${optionsOf(command).join(" ")}" words="${wordsOf(command).join(" ")}" ;;`,
    ),
    "    esac",
    '    case "$cur" in',
    `    -*) mapfile -t COMPREPLY < <(compgen -W "$options ${COMMON.join(" ")}" -- "$cur") ;;`,
    '    *) mapfile -t COMPREPLY < <([ "$COMP_CWORD" -eq 2 ] && compgen -W "$words" -- "$cur"; compgen -f -- "$cur") ;;',
    "    esac",
    "}",
    "complete -o filenames -F _patrol_unit patrol-unit",
    "",
  ].join("\n");

const quoted = (words: string): string => `'${words.replaceAll("'", "'\\''")}'`;

export const zshCompletion = (commands: readonly Described[]): string =>
  [
    "#compdef patrol-unit",
    "# Completion of patrol-unit for zsh. Generated from the usage of each command.",
    "if (( CURRENT == 2 )); then",
    "    local -a commands",
    `    commands=(${commands.map(({ name, summary }) => quoted(`${name}:${summary}`)).join(" ")})`,
    "    _describe command commands",
    "    return",
    "fi",
    'case "$words[2]" in',
    ...commands.map((command) => {
      const words = [...wordsOf(command), ...optionsOf(command), ...COMMON];
      return `${command.name}) compadd -- ${words.join(" ")} ;;`;
    }),
    "esac",
    "_files",
    "",
  ].join("\n");

export const fishCompletion = (commands: readonly Described[]): string =>
  [
    "# Completion of patrol-unit for fish. Generated from the usage of each command.",
    ...commands.flatMap((command) => {
      const { name, summary } = command;
      const seen = `__fish_seen_subcommand_from ${name}`;
      return [
        `complete -c patrol-unit -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
        ...wordsOf(command).map((word) => `complete -c patrol-unit -n '${seen}' -a ${word}`),
        ...optionsOf(command).map((option) => `complete -c patrol-unit -n '${seen}' -l ${option.slice(2)}`),
      ];
    }),
    "",
  ].join("\n");
