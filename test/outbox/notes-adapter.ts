import type { Memory } from "../../src/domain/memory.ts";
import { readNotes } from "../../src/outbox/memory.ts";
import type { Outbox } from "../../src/outbox/outbox.ts";

/**
 * Temporary: the notes of contract 1.0, values under names, on top of the typed memory. It goes with
 * the last desk that calls `note`.
 */
export type NotedOutbox = Outbox & {
  note(name: string, value: unknown): void;
  readonly notes: ReadonlyMap<string, unknown>;
  readonly notesDoubtful: boolean;
};

const notesOf = ({ emergency, commands }: Memory): Map<string, unknown> => {
  const notes = new Map<string, unknown>();
  for (const kept of emergency.episodes) notes.set(`episode:${kept.episode.id}`, kept);
  for (const { board, ...counted } of emergency.presses) notes.set(`board:${board}`, counted);
  for (const { broker, episode } of emergency.copies) {
    const before = notes.get(`retained:${broker}`);
    notes.set(`retained:${broker}`, [...(Array.isArray(before) ? before : []), episode]);
  }
  if (emergency.airbags.length > 0) notes.set("airbags", emergency.airbags);
  if (commands.done.length > 0) notes.set("commands", commands.done);
  if (commands.held.length > 0) notes.set("held-commands", commands.held);
  return notes;
};

export const withNotes = (outbox: Outbox, notesDoubtful: boolean): NotedOutbox => {
  const notes = notesOf(outbox.memory);
  return {
    boot: outbox.boot,
    counted: outbox.counted,
    store: outbox.store,
    opened: outbox.opened,
    get memory() {
      return outbox.memory;
    },
    get state() {
      return outbox.state;
    },
    remember: (patch) => outbox.remember(patch),
    /** The desks publish an emergency to the couriers then: the link must have read it before one of them settles it. */
    async secure() {
      await outbox.secure();
      if (outbox.state.kind === "open") await outbox.flush().catch(() => undefined); // the outbox reports it
    },
    nextConnection: () => outbox.nextConnection(),
    append: (draft) => outbox.append(draft),
    pressure: () => outbox.pressure(),
    leased: (seq) => outbox.leased(seq),
    flush: () => outbox.flush(),
    stats: () => outbox.stats(),
    settle: (reports) => outbox.settle(reports),
    refuse: (reports) => outbox.refuse(reports),
    read: (lane, after, limit) => outbox.read(lane, after, limit),
    oldest: () => outbox.oldest(),
    note(name, value) {
      if (value === undefined) notes.delete(name);
      else notes.set(name, value);
      const { emergency, commands } = readNotes(Object.fromEntries(notes)).memory;
      outbox.remember({ emergency, commands });
    },
    notes,
    notesDoubtful,
    [Symbol.asyncDispose]: () => outbox[Symbol.asyncDispose](),
  };
};
