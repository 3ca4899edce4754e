import { reasonOf } from "../runtime/log.ts";

/** Does each work, also if one before it fails. Rejects afterwards with what failed: one error that names all. */
export const doEach = async (works: Iterable<() => Promise<void>>): Promise<void> => {
  const failures: unknown[] = [];
  for (const work of works)
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await work();
    } catch (cause) {
      failures.push(cause);
    }
  if (failures.length > 0) throw new AggregateError(failures, failures.map(reasonOf).join("; "));
};
