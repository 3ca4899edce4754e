/**
 * Debounces the airbag signals. One frame may be a glitch: an airbag counts as fired after FIRES frames
 * in a row, and as intact again after REARMS. Pure.
 */
const FIRES = 2;
const REARMS = 100;

/** Counts the frames that contradict the known state of each airbag. */
export class AirbagWatch {
  /**
   * Frames in a row that contradict the known state, by VSS path. At most one entry for each mapped
   * airbag.
   */
  readonly #against = new Map<string, number>();

  /** A frame reports whether the airbag at `path` is deployed. `known`: whether it counts as fired now. */
  see(path: string, deployed: boolean, known: boolean): "fired" | "rearmed" | undefined {
    const count = deployed === known ? 0 : (this.#against.get(path) ?? 0) + 1;
    this.#against.set(path, count);
    if (count < (deployed ? FIRES : REARMS)) return undefined;
    this.#against.delete(path);
    return deployed ? "fired" : "rearmed";
  }
}
