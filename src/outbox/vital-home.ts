import { reasonOf } from "../runtime/log.ts";
import { DiskError, PLACES, type Disk } from "./port.ts";

export type VitalHomeOptions = {
  readonly disk: Pick<Disk, "writeVital" | "writeSpare" | "removeSpare">;
  /** There is a spare on the disk. */
  readonly spare: boolean;
  /** Milliseconds on a clock that never jumps. */
  readonly mono: () => number;
  /** The spare is used from now on, because the vital file cannot be written; undefined: the vital file again. */
  readonly spareUsed: (reason: string | undefined) => void;
};

const HOUR_MS = 3_600_000;
/** A vital file that refused is tried again after an hour. Each time that it still refuses, the pause doubles, up to a day. */
const PAUSE_MIN_MS = HOUR_MS;
const PAUSE_MAX_MS = 24 * HOUR_MS;

type VitalName = "vital" | "spare";

/**
 * Where the vital record is written: in the vital file, or in its spare while the vital file alone cannot be
 * written. At the start the newest place of the two counts, so nothing has to be merged. A write that is cut
 * spoils one place of one file, and the newest record is in another place.
 */
export class VitalHome {
  readonly #options: VitalHomeOptions;
  #inUse: VitalName = "vital";
  #spare: boolean;
  /** Writes of the vital file since the spare was used. Once each place is newer than the spare, that is removed. */
  #inRow = 0;
  /** When the vital file is tried again. */
  #tryAt = Infinity;
  #pauseMs = PAUSE_MIN_MS;
  /** The vital file is being tried. Never rejects. */
  #trying: Promise<void> | undefined;

  constructor(options: VitalHomeOptions) {
    this.#options = options;
    this.#spare = options.spare;
  }

  /** Resolves when the bytes are synced in one of the files. Rejects with DiskError if neither can be written. */
  async write(place: number, bytes: Buffer): Promise<void> {
    const first = this.#inUse;
    try {
      await this.#put(first, place, bytes);
    } catch (cause) {
      if (!(cause instanceof DiskError)) throw cause;
      await this.#elsewhere(first, { place, bytes, cause });
    }
    this.#tryVital(place, bytes);
    await this.#removeSpare();
  }

  /**
   * Writes to the vital file what the spare has just taken, if it is time to try. Nobody waits for it: a press must not,
   * if the file hangs now.
   */
  #tryVital(place: number, bytes: Buffer): void {
    const now = this.#options.mono();
    if (this.#inUse === "vital" || now < this.#tryAt || this.#trying) return;
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MAX_MS);
    this.#tryAt = now + this.#pauseMs;
    this.#trying = this.#options.disk
      .writeVital(place, bytes)
      .then(
        () => this.#use("vital"),
        () => undefined, // the fault stands already
      )
      .finally(() => (this.#trying = undefined));
  }

  async #put(file: VitalName, place: number, bytes: Buffer): Promise<void> {
    const { disk } = this.#options;
    if (file === "vital") {
      await disk.writeVital(place, bytes);
      this.#inRow++;
    } else {
      this.#spare = true;
      this.#inRow = 0;
      await disk.writeSpare(place, bytes);
    }
  }

  /** Writes to the other file, and goes on with it if that succeeds. Rejects with `cause` if it does not. */
  async #elsewhere(
    refused: VitalName,
    { place, bytes, cause }: { readonly place: number; readonly bytes: Buffer; readonly cause: DiskError },
  ): Promise<void> {
    const other = refused === "vital" ? "spare" : "vital";
    // Of two writes to one place the older one could win. The one under way may never end: nobody waits for it, so that
    // the next write goes to the spare again.
    if (other === "vital" && this.#trying) throw cause;
    try {
      await this.#put(other, place, bytes);
    } catch {
      throw cause;
    }
    this.#use(other, cause);
  }

  /** Goes on with a file. `cause`: why the other one cannot be written. */
  #use(file: VitalName, cause?: DiskError): void {
    if (file === this.#inUse) return;
    this.#inUse = file;
    this.#pauseMs = PAUSE_MIN_MS;
    this.#tryAt = this.#options.mono() + this.#pauseMs;
    this.#options.spareUsed(file === "spare" && cause ? reasonOf(cause) : undefined);
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
