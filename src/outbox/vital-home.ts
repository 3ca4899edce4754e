import { reasonOf } from "../runtime/log.ts";
import { DiskError, PLACES, type Disk } from "./port.ts";

export type VitalHomeOptions = {
  readonly disk: Pick<Disk, "writeVital" | "writeSpare" | "removeSpare">;
  /** There is a spare on the disk. */
  readonly spare: boolean;
  /** The spare is used from now on, because the vital file cannot be written; undefined: the vital file again. */
  readonly spareUsed: (reason: string | undefined) => void;
};

/**
 * Where the vital record is written: in the vital file, or in its spare while the vital file alone cannot be
 * written. At the start the newest place of the two counts, so nothing has to be merged.
 */
export class VitalHome {
  readonly #options: VitalHomeOptions;
  #inUse: "vital" | "spare" = "vital";
  #spare: boolean;
  /** Writes of the vital file since the spare was used. Once each place is newer than the spare, that is removed. */
  #inRow = 0;

  constructor(options: VitalHomeOptions) {
    this.#options = options;
    this.#spare = options.spare;
  }

  /** Resolves when the bytes are synced in one of the files. Rejects with DiskError if neither can be written. */
  async write(place: number, bytes: Buffer): Promise<void> {
    try {
      await this.#put(place, bytes);
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      await this.#elsewhere(place, bytes, cause);
    }
    await this.#removeSpare();
  }

  async #put(place: number, bytes: Buffer): Promise<void> {
    const { disk } = this.#options;
    if (this.#inUse === "vital") {
      await disk.writeVital(place, bytes);
      this.#inRow++;
    } else {
      this.#spare = true;
      await disk.writeSpare(place, bytes);
    }
  }

  /** Writes to the other file, and goes on with it if that succeeds. */
  async #elsewhere(place: number, bytes: Buffer, cause: DiskError): Promise<void> {
    const refused = this.#inUse;
    this.#inUse = refused === "vital" ? "spare" : "vital";
    this.#inRow = 0;
    try {
      await this.#put(place, bytes);
    } catch {
      this.#inUse = refused;
      throw cause;
    }
    this.#options.spareUsed(refused === "vital" ? reasonOf(cause) : undefined);
  }

  async #removeSpare(): Promise<void> {
    if (!this.#spare || this.#inRow < PLACES) return;
    try {
      await this.#options.disk.removeSpare();
      this.#spare = false;
    } catch {
      // It is older than the vital file, so it is never read. The next write tries again.
    }
  }
}
