import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Recordings of others, which are not part of this project: read where they stand (beside the
 * checkout, or where PATROL_UNIT_RECORDINGS points), and loudly missed where they do not.
 */
export const recordingsFolder = (name: string): string | undefined => {
  const root =
    process.env["PATROL_UNIT_RECORDINGS"] ??
    fileURLToPath(new URL(["..", "..", "..", "shared", "data", ""].join("/"), import.meta.url));
  const folder = `${root.replace(/\/$/, "")}/${name}`;
  return existsSync(folder) ? folder : undefined;
};

/** Says how much was not shown because the recordings are not here. */
export const missed = (cases: number, what: string): void => {
  process.stderr.write(
    `\n*** ${cases} cases SKIPPED: ${what} are not here; set PATROL_UNIT_RECORDINGS to their folder ***\n`,
  );
};
