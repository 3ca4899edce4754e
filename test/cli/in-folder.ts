import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import { CommandError, type Command } from "../../src/cli/lib/command.ts";

/** What a command has done: its exit code, and what it printed or why it failed. */
export type Said = { readonly exit: number; readonly line: string };

/** A new folder for each test of a file, and what is printed on stdout in it. `fill`: puts files into the folder. */
export const inFolder = (fill: (dir: string) => void) => {
  let dir = "";
  let printed = "";
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "command-"));
    fill(dir);
    printed = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => {
      printed += String(text);
      return true;
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(dir, { recursive: true });
  });
  return {
    get dir() {
      return dir;
    },
    /** What was printed since the last command began. */
    get printed() {
      return printed;
    },
    at: (name: string): string => join(dir, name),
    /** Runs a command. What is no CommandError is thrown. */
    async run(command: Pick<Command, "run">, args: readonly string[]): Promise<Said> {
      printed = "";
      try {
        return { exit: await command.run([...args]), line: printed.trimEnd() };
      } catch (error) {
        if (error instanceof CommandError) return { exit: error.exit, line: error.message };
        throw error;
      }
    },
  };
};
