import type { Memory } from "../domain/memory.ts";
import { fitting, readMemory, type ReadMemory } from "./memory.ts";
import { PLACE_BYTES, type Operation, type Store } from "./port.ts";
import { MEMORY_KEY, seal, unseal } from "./record.ts";

/**
 * A copy of the memory in the store. The vital file is its home: the copy is read only if the vital file is lost or
 * older than the copy, so it can never bring back what has ended since. It is written with a batch that is written
 * anyway.
 */
export class MemoryCopy {
  /** The memory that is in this store. */
  #written: { readonly store: Store; readonly memory: Memory } | undefined;

  /** What a batch has to write so that the store holds this memory: nothing if it does. */
  operations(store: Store, memory: Memory): Operation[] {
    if (this.#written?.store === store && this.#written.memory === memory) return [];
    const value = encodeCopy(memory);
    // An old copy would show that the episodes of the records that are written with it have ended.
    return value ? [{ type: "put", key: MEMORY_KEY, value }] : [{ type: "del", key: MEMORY_KEY }];
  }

  /** The batch is in the store. */
  written(store: Store, memory: Memory): void {
    this.#written = { store, memory };
  }
}

/** At most as large as a place of the vital file, and shortened like there. Undefined: open episodes alone are larger. */
const encodeCopy = (memory: Memory): Buffer | undefined => {
  let value = seal(MEMORY_KEY, JSON.stringify(memory));
  const fits = (shorter: Memory): boolean => {
    value = seal(MEMORY_KEY, JSON.stringify(shorter));
    return value.length <= PLACE_BYTES;
  };
  return value.length <= PLACE_BYTES || fitting(memory, fits) ? value : undefined;
};

/** Undefined if it is damaged. */
export const decodeCopy = (value: Buffer): ReadMemory | undefined => {
  const text = unseal(MEMORY_KEY, value);
  return text === undefined ? undefined : readMemory(JSON.parse(text));
};
