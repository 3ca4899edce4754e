import type { Outbox } from "./outbox/outbox.ts";

const NOTE = "airbags";
/** So many frames in a row must say so: one may be a glitch. */
const FIRES = 2;
/** And so many that it is whole again, before it can fire anew. */
const REARMS = 100;

/**
 * An airbag that fires opens an emergency, once: it stays fired, and is remembered over a restart,
 * so that a wrecked car that comes up again neither forgets the crash nor reports it twice.
 */
export const createAirbagWatch = (outbox: Outbox, open: () => void) => {
  const fired = new Set((outbox.notes.get(NOTE) as readonly string[] | undefined) ?? []);
  /** Frames in a row that said something else than what is known. */
  const against = new Map<string, number>();
  return (path: string, deployed: boolean): void => {
    const count = fired.has(path) === deployed ? 0 : (against.get(path) ?? 0) + 1;
    against.set(path, count);
    if (count < (deployed ? FIRES : REARMS)) return;
    against.delete(path);
    if (deployed) fired.add(path);
    else fired.delete(path);
    outbox.note(NOTE, fired.size === 0 ? undefined : [...fired]);
    if (deployed) open();
  };
};
