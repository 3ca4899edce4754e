import { join } from "node:path";
import { removeFolder, replaceFile, type Files } from "../bundle/port.ts";

/**
 * The folder through which the service hands a release to `patrol-unit-install.service`, which alone may change the
 * software. Root reads it and believes nothing of it.
 */

/** What is being fetched; what is handed over, complete; the sha256 of the release that was refused last. */
const [NEXT, READY, REFUSED] = ["next", "ready", "refused"];
/** The name of a release that is handed over. */
const HANDED = "release";

export class Tray {
  readonly #dir: string;
  readonly #files: Files;

  constructor(dir: string, files: Files) {
    this.#dir = dir;
    this.#files = files;
  }

  /** Where a package is to be written. What is there of it stays; other packages are removed. */
  async place(name: string): Promise<string> {
    const files = this.#files;
    const folder = join(this.#dir, NEXT);
    await files.makeFolder(this.#dir);
    await files.makeFolder(folder);
    for (const entry of await files.list(folder))
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      if (entry.name !== name) await removeFolder(files, join(folder, entry.name));
    return join(folder, name);
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    await removeFolder(this.#files, join(this.#dir, NEXT));
  }

  /** Hands over a release with the package that is in its place, on disk. */
  async handOver(release: Buffer): Promise<void> {
    const [next, ready] = [join(this.#dir, NEXT), join(this.#dir, READY)];
    await replaceFile(this.#files, join(next, HANDED), release);
    await removeFolder(this.#files, ready);
    await this.#files.rename(next, ready);
    await this.#files.sync(this.#dir);
  }

  /** Whether root has taken what was handed over. */
  async isEmpty(): Promise<boolean> {
    return !(await this.#files.list(this.#dir)).some(({ name }) => name === READY);
  }

  /** Removes what root has not taken. */
  async withdraw(): Promise<void> {
    await removeFolder(this.#files, join(this.#dir, READY));
  }

  /** The SHA-256 of the release that was refused last, hex. Undefined if none was. */
  async refused(): Promise<string | undefined> {
    const bytes = await this.#files.read(join(this.#dir, REFUSED));
    return bytes?.toString("utf8").trim();
  }

  async refuse(sha256: string): Promise<void> {
    await this.#files.makeFolder(this.#dir);
    await replaceFile(this.#files, join(this.#dir, REFUSED), Buffer.from(`${sha256}\n`));
  }
}
