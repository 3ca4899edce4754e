import type { Outbox } from "./outbox/outbox.ts";

const NOTE = "airbags";

/**
 * An airbag that fires opens an emergency, once: it stays fired, and is remembered over a restart,
 * so that a wrecked car that comes up again neither forgets the crash nor reports it twice.
 */
export const createAirbagWatch = (outbox: Outbox, open: () => void) => {
  const fired = new Set((outbox.notes.get(NOTE) as readonly string[] | undefined) ?? []);
  return (path: string, deployed: boolean): void => {
    if (fired.has(path) === deployed) return;
    if (deployed) fired.add(path);
    else fired.delete(path);
    outbox.note(NOTE, fired.size === 0 ? undefined : [...fired]);
    if (deployed) open();
  };
};
