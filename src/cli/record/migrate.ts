import { CommandError, EXIT, options } from "../lib/command.ts";
import { readTarget, storeFailure } from "./target.ts";

/** `record migrate`: makes the tables as their owner, and gives a role what a recorder needs. */
export const recordMigrate = async (args: readonly string[]): Promise<number> => {
  const given = options(args, { into: { type: "string" }, role: { type: "string" } });
  const target = readTarget(given.into);
  if (target.kind !== "postgres")
    throw new CommandError(EXIT.usage, "--into: expected postgres://…; a SQLite file needs no preparation");
  const { migratePostgres } = await import("../../recorder/postgres/store.ts");
  try {
    await migratePostgres(target.url, given.role);
  } catch (cause) {
    throw storeFailure(target, cause);
  }
  return EXIT.ok;
};
