import { groupMask, type CanFilter } from "../../domain/can.ts";
import { fileText } from "./interface.ts";

/** linux/can.h: flags of an id. */
const EXTENDED = 0x8000_0000;
const REMOTE = 0x4000_0000;
const STANDARD_MASK = 0x7ff;
const EXTENDED_MASK = 0x1fff_ffff;

export type KernelFilter = { readonly id: number; readonly mask: number };

/** A filter in the kernel's terms: data frames of exactly these ids. */
export const kernelFilter = ({ id, extended, group }: CanFilter): KernelFilter => {
  if (!extended) return { id, mask: (STANDARD_MASK | EXTENDED | REMOTE) >>> 0 };
  const mask = group ? groupMask(id) : EXTENDED_MASK;
  return { id: (id | EXTENDED) >>> 0, mask: (mask | EXTENDED | REMOTE) >>> 0 };
};

/** A filter that no frame of a car passes: remote frames with the id 0. */
export const NOTHING: KernelFilter = { id: REMOTE, mask: (STANDARD_MASK | EXTENDED | REMOTE) >>> 0 };

/** The lists in which the kernel keeps our filters, each with the number of frames that matched. */
const RECEIVE_LISTS = ["sff", "eff", "fil"].map((list) => `/proc/net/can/rcvlist_${list}`);
/** A frame counts as dropped if it is missing in this many checks in a row. Until then it may still arrive. */
const LOOKS = 10;

/**
 * The number of frames that the kernel has matched for our socket. Frames that do not arrive were
 * dropped. Undefined if another socket has the same filter: then the counts cannot be separated.
 */
const matched = (name: string, filters: readonly KernelFilter[]): number | undefined => {
  const wanted = new Map(filters.map(({ id, mask }) => [`${id} ${mask}`, 0]));
  const found = new Set<string>();
  for (const file of RECEIVE_LISTS) {
    const text = fileText(file);
    if (text === undefined) return undefined;
    for (const line of text.split("\n")) {
      const [device, id = "", mask = "", , , matches = ""] = line.trim().split(/\s+/);
      const key = `${Number.parseInt(id, 16)} ${Number.parseInt(mask, 16)}`;
      if (device !== name || !wanted.has(key)) continue;
      if (found.has(key)) return undefined;
      found.add(key);
      wanted.set(key, Number(matches));
    }
  }
  return [...wanted.values()].reduce((sum, count) => sum + count, 0);
};

/** Counts the frames that the kernel dropped because our socket was full. */
export class SocketDrops {
  readonly #name: string;
  readonly #filters: readonly KernelFilter[];
  #missing: number[] = [];
  #dropped = 0;
  constructor(name: string, filters: readonly KernelFilter[]) {
    this.#name = name;
    this.#filters = filters;
  }
  get dropped(): number {
    return this.#dropped;
  }
  /** Called regularly. `received`: the frames that have arrived so far. */
  look(received: number): void {
    const all = matched(this.#name, this.#filters);
    if (all === undefined) return;
    this.#missing = [...this.#missing, all - received].slice(-LOOKS);
    if (this.#missing.length === LOOKS) this.#dropped = Math.max(this.#dropped, Math.min(...this.#missing));
  }
}
