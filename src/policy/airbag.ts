/**
 * Whether an airbag has fired. One frame may be a glitch, so several in a row must say so; a fired one
 * counts as whole again only after many frames have said so. Pure.
 */
const FIRES = 2;
const REARMS = 100;

export class AirbagWatch {
  /** Frames in a row that said something else than what is known, by VSS path. At most one entry a mapped airbag. */
  readonly #against = new Map<string, number>();

  /** A frame says whether the airbag at `path` is deployed; `known`: whether it counts as fired now. */
  see(path: string, deployed: boolean, known: boolean): "fired" | "rearmed" | undefined {
    const count = deployed === known ? 0 : (this.#against.get(path) ?? 0) + 1;
    this.#against.set(path, count);
    if (count < (deployed ? FIRES : REARMS)) return undefined;
    this.#against.delete(path);
    return deployed ? "fired" : "rearmed";
  }
}
