import { StoreError, type Store } from "../../recorder/store.ts";
import { withoutSecrets } from "../../domain/address.ts";
import { systemTime } from "../../runtime/time.ts";
import { CommandError, EXIT, required } from "../lib/command.ts";

/** `--into`: where the reports are stored. */
export type Target =
  | { readonly kind: "sqlite"; readonly file: string }
  | { readonly kind: "postgres"; readonly url: string };

/** Reads `--into`. Throws a CommandError (64). */
export const readTarget = (given: string | undefined): Target => {
  const into = required(given, "into");
  if (into.startsWith("sqlite:") && into.length > "sqlite:".length)
    return { kind: "sqlite", file: into.slice("sqlite:".length).replace(/^\/\/(?=\/)/, "") };
  if (/^postgres(ql)?:\/\//.test(into) && URL.canParse(into)) return { kind: "postgres", url: into };
  throw new CommandError(
    EXIT.usage,
    `--into ${withoutSecrets(into)}: expected sqlite:FILE or postgres://USER:PASSWORD@HOST:PORT/DATABASE`,
  );
};

/** Exit codes: a server that is not there 69, anything about a file or its content 74. */
export const storeFailure = (target: Target, cause: unknown): CommandError => {
  if (cause instanceof CommandError) return cause;
  const isAbsent = target.kind === "postgres" && cause instanceof StoreError && cause.code === "unavailable";
  const says = cause instanceof Error ? cause.message : String(cause);
  return new CommandError(isAbsent ? EXIT.unavailable : EXIT.io, says, cause);
};

/** Opens the store. `create`: it may be made. Throws a CommandError (69 or 74). */
const openTarget = async (target: Target, create: boolean): Promise<Store> => {
  try {
    // Each is loaded only if it is used.
    if (target.kind === "sqlite") {
      const { openSqliteStore } = await import("../../recorder/sqlite/store.ts");
      return await openSqliteStore(target.file, create, systemTime);
    }
    const { openPostgresStore } = await import("../../recorder/postgres/store.ts");
    return await openPostgresStore(target.url, create, systemTime);
  } catch (cause) {
    throw storeFailure(target, cause);
  }
};

/** Opens the store, runs `work` on it, and closes it. Throws a CommandError if the store cannot be used. */
export const withStore = async <T>(
  target: Target,
  create: boolean,
  work: (store: Store) => Promise<T>,
): Promise<T> => {
  await using store = await openTarget(target, create);
  try {
    return await work(store);
  } catch (cause) {
    throw cause instanceof StoreError ? storeFailure(target, cause) : cause;
  }
};
