import { statSync } from "node:fs";
import type { Memory } from "../domain/memory.ts";
import { inspectOutbox } from "./inspect.ts";
import { decodePlaces } from "./vital-record.ts";
import { readPlaces } from "./vital.ts";

/** What is pending under a unit's name. `copies`: retained emergencies that brokers may still have. */
export type Pending = { readonly reports: number; readonly copies: number };

/** A rename that is refused, in the words of a fault: `expected` the old name, `found` the new one. */
export const renameWords = (before: string, name: string, { reports, copies }: Pending) => {
  const retained = copies === 1 ? "1 retained emergency" : `${copies} retained emergencies`;
  const pending = copies === 0 ? `${reports} reports` : `${reports} reports and ${retained}`;
  return {
    expected: before,
    found: `${name}: ${pending} of ${before} are pending`,
    remedy:
      `let them reach dispatch under the old name, stop the unit with "systemctl stop" (a power cut leaves new reports), ` +
      `and start it under the new name; or export the outbox and remove it`,
  };
};

/** The copies that a unit can still remove. Dispatch knows of those on brokers that are not configured any more. */
export const removableCopies = ({ emergency }: Memory): Memory["emergency"]["copies"] =>
  emergency.copies.filter(({ left }) => !left);

/**
 * What is pending in the outbox at `path` under another name than `name`. Undefined: the outbox has this name, or
 * none, or nothing is pending. The files are not touched. Rejects with StoreError or DiskError if they cannot be read.
 */
export const pendingUnderOther = async (
  path: string,
  name: string,
): Promise<{ readonly before: string; readonly pending: Pending } | undefined> => {
  const { newest } = decodePlaces(await readPlaces(path));
  // The store is copied only if it must be: it may be large.
  if (newest ? isNamed(newest.memory, name) : statSync(path, { throwIfNoEntry: false }) === undefined)
    return undefined;
  await using inspection = await inspectOutbox(path);
  const { memory, account } = inspection;
  if (!memory || memory.unit === undefined || isNamed(memory, name)) return undefined;
  // The next start declares them: that is a report at least.
  const declared = account.leased + account.missing > 0 ? 1 : 0;
  const reports = account.pending + declared + memory.emergency.episodes.length;
  const copies = removableCopies(memory).length;
  return reports + copies > 0 ? { before: memory.unit, pending: { reports, copies } } : undefined;
};

const isNamed = ({ unit }: Memory, name: string): boolean => unit === undefined || unit === name;
